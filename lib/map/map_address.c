/* map_address: see the header. */
#include "map/map_address.h"
#include "map/map_host.h"

#include <ctype.h>

/* The search under way. */
struct search {
    struct maps *maps;
    const struct map_address_query *query;
    struct slice local, user, extension, domain; /* local is user plus delimiter plus extension */
    bool has_domain, has_extension;
    bool tried_any; /* pattern tables have seen their key */
    struct strbuf key;
    struct strbuf *value;
    struct err *err;
};

unsigned map_address_parents(const char *title)
{
    return map_host_parents_match(title) ? MAP_ADDR_PARENTS : MAP_ADDR_DOT_PARENTS;
}

bool map_address_split_extension(struct slice local_part, const char *recipient_delimiter,
                                 struct slice *ret_user, struct slice *ret_extension)
{
    if (slice_eq_nocase(local_part, "mailer-daemon"))
        return false;
    bool splits_dash =
        !slice_starts_nocase(local_part, "owner-") && !slice_ends_nocase(local_part, "-request");
    for (size_t i = 1; i < local_part.len; i++) {
        char c = local_part.s[i];
        if (!c || !strchr(recipient_delimiter, c) || (c == '-' && !splits_dash))
            continue;
        *ret_user = slice_first(local_part, i);
        *ret_extension = slice_from(local_part, i + 1);
        return true;
    }
    return false;
}

/* RFC 5321 section 4.1.2: anything but a dot-string needs quotes. */
static bool needs_quotes(struct slice local)
{
    bool after_dot = true;
    for (size_t i = 0; i < local.len; i++) {
        unsigned char c = (unsigned char)local.s[i];
        if (c == '.' ? after_dot : !(isalnum(c) || c >= 0x80 || strchr("!#$%&'*+-/=?^_`{|}~", c)))
            return true;
        after_dot = c == '.';
    }
    return after_dot; /* empty, or a dot at the end */
}

static void add_quoted(struct strbuf *out, struct slice local)
{
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < local.len; i++) {
        if (local.s[i] == '"' || local.s[i] == '\\')
            strbuf_add_char(out, '\\');
        strbuf_add_char(out, local.s[i]);
    }
    strbuf_add_char(out, '"');
}

static enum map_status search_key(struct search *s)
{
    enum maps_key kind = s->tried_any ? MAPS_PARTIAL_KEY : MAPS_WHOLE_KEY;
    return maps_find(s->maps, s->key.s, kind, s->value, s->err);
}

/* LOCAL, then AT ("@" or "") and DOMAIN; the form with quotes comes first. */
static enum map_status search_local(struct search *s, struct slice local, const char *at,
                                    struct slice domain)
{
    enum map_status status = MAP_NOT_FOUND;
    bool is_quoted = local.len > 0 && needs_quotes(local);
    if (is_quoted) {
        strbuf_reset(&s->key);
        add_quoted(&s->key, local);
        strbuf_add_str(&s->key, at);
        strbuf_add_slice(&s->key, domain);
        status = search_key(s);
    }
    if (status == MAP_NOT_FOUND && !(is_quoted && (s->query->keys & MAP_ADDR_QUOTED))) {
        strbuf_set_slice(&s->key, local);
        strbuf_add_str(&s->key, at);
        strbuf_add_slice(&s->key, domain);
        status = search_key(s);
    }
    s->tried_any = true;
    return status;
}

static enum map_status search_plain(struct search *s, const char *prefix, struct slice domain)
{
    strbuf_set(&s->key, prefix);
    strbuf_add_slice(&s->key, domain);
    enum map_status status = search_key(s);
    s->tried_any = true;
    return status;
}

static enum map_status search_parents(struct search *s)
{
    const char *prefix = s->query->keys & MAP_ADDR_DOT_PARENTS ? "." : "";
    struct slice left, parent = s->domain;
    if (parent.len > 0 && parent.s[0] == '[')
        return MAP_NOT_FOUND; /* an address literal has no parents */
    enum map_status status = MAP_NOT_FOUND;
    while (status == MAP_NOT_FOUND && slice_split(parent, '.', &left, &parent))
        if (parent.len > 0)
            status = search_plain(s, prefix, parent);
    return status;
}

static bool domain_is_local(struct search *s)
{
    const struct map_address_query *query = s->query;
    if (!s->has_domain)
        return true;
    if (!query->is_local)
        return false;
    strbuf_set_slice(&s->key, s->domain);
    return query->is_local(query->ctx, s->key.s);
}

/* The keys in order: RET_WHOLE tells that the one that matched kept the extension. */
static enum map_status search_all(struct search *s, bool *ret_whole, bool *ret_is_domain)
{
    unsigned keys = s->query->keys;
    const char *at = s->has_domain ? "@" : "";
    enum map_status status = MAP_NOT_FOUND;

    *ret_whole = true;
    *ret_is_domain = false;
    if ((keys & MAP_ADDR_FULL_EXT) || (!s->has_extension && (keys & MAP_ADDR_FULL)))
        status = search_local(s, s->local, at, s->domain);
    if (status == MAP_NOT_FOUND && s->has_extension && (keys & MAP_ADDR_FULL)) {
        *ret_whole = false;
        status = search_local(s, s->user, at, s->domain);
    }
    if (status == MAP_NOT_FOUND && s->has_domain &&
        (keys & (MAP_ADDR_LOCAL_EXT | MAP_ADDR_LOCAL)) && domain_is_local(s)) {
        *ret_whole = true;
        if ((keys & MAP_ADDR_LOCAL_EXT) || !s->has_extension)
            status = search_local(s, s->local, "", SLICE_EMPTY);
        if (status == MAP_NOT_FOUND && s->has_extension && (keys & MAP_ADDR_LOCAL)) {
            *ret_whole = false;
            status = search_local(s, s->user, "", SLICE_EMPTY);
        }
    }
    if (status != MAP_NOT_FOUND)
        return status;
    *ret_whole = false;
    if (s->has_domain && (keys & MAP_ADDR_AT_DOMAIN)) {
        *ret_is_domain = true;
        status = search_plain(s, "@", s->domain);
        if (status != MAP_NOT_FOUND)
            return status;
        *ret_is_domain = false;
    }
    if (s->has_domain && (keys & MAP_ADDR_DOMAIN))
        status = search_plain(s, "", s->domain);
    if (status == MAP_NOT_FOUND && s->has_domain &&
        (keys & (MAP_ADDR_DOT_PARENTS | MAP_ADDR_PARENTS)))
        status = search_parents(s);
    if (status != MAP_NOT_FOUND || !(keys & MAP_ADDR_LOCAL_AT))
        return status;
    *ret_whole = true;
    status = search_local(s, s->local, "@", SLICE_EMPTY);
    if (status == MAP_NOT_FOUND && s->has_extension) {
        *ret_whole = false;
        status = search_local(s, s->user, "@", SLICE_EMPTY);
    }
    return status;
}

enum map_status map_address_find(struct maps *maps, const struct map_address_query *query,
                                 struct strbuf *value, struct strbuf *ret_extension,
                                 bool *ret_key_is_domain, struct err *err)
{
    struct search s = {.maps = maps, .query = query, .value = value, .err = err};
    if (maps_is_empty(maps))
        return MAP_NOT_FOUND;
    strbuf_init(&s.key, SIZE_MAX / 4);
    s.local = slice_of(query->address);
    s.domain = SLICE_EMPTY;
    s.has_domain = slice_rsplit(s.local, '@', &s.local, &s.domain);
    s.has_extension =
        map_address_split_extension(s.local, query->recipient_delimiter, &s.user, &s.extension);
    bool whole, is_domain;
    enum map_status status = search_all(&s, &whole, &is_domain);
    strbuf_done(&s.key);
    if (status != MAP_FOUND)
        return status;
    if (ret_key_is_domain)
        *ret_key_is_domain = is_domain;
    if (ret_extension) {
        strbuf_reset(ret_extension);
        if (!whole && s.has_extension)
            strbuf_add_slice(ret_extension, slice_from(s.local, s.user.len));
    }
    return MAP_FOUND;
}
