/*
 * map_ldap_search: the search for a key, and for the entries that the entries found name.
 *
 * What was found is a list in the order of the answer: results, and references not yet followed.
 * The first reference is replaced by what it leads to until none is left. So the depth of the
 * directory is no depth of ours, and results come in the order in which one would read them.
 */
#include "map/ldap/map_ldap.h"

#include "base/xmem.h"

enum { ITEMS_MAX = 200 * 1000 };

struct item {
    struct item *next;
    bool is_reference;
    int64_t depth; /* of the entry it comes from */
    char text[];
};

struct search {
    struct map_ldap *table;
    struct item *first;
    struct item **at;   /* where the next item goes */
    size_t count;       /* of items made */
    int64_t depth;      /* of the entries that are being read */
    bool may_lack_base; /* the base comes from a key or an entry, not from the settings alone */
    struct err *err;
};

static void items_free(struct item *item)
{
    while (item) {
        struct item *next = item->next;
        free(item);
        item = next;
    }
}

static bool add_item(struct search *s, bool is_reference, const struct berval *value)
{
    if (memchr(value->bv_val, 0, value->bv_len))
        return err_set(s->err, ERR_TEMP, "%s: value with a null byte", s->table->where);
    if (++s->count > ITEMS_MAX)
        return err_set(s->err, ERR_TEMP, "%s: too many values", s->table->where);
    if (is_reference && s->depth >= s->table->conf.recursion_limit)
        return err_set(s->err, ERR_TEMP, "%s: Recursion limit exceeded", s->table->where);
    struct item *item = xzalloc(sizeof *item + value->bv_len + 1);
    memcpy(item->text, value->bv_val, value->bv_len);
    item->is_reference = is_reference;
    item->depth = s->depth;
    item->next = *s->at;
    *s->at = item;
    s->at = &item->next;
    return true;
}

/* --- entries -------------------------------------------------------------------------------- */

static bool has_role(const struct map_ldap *table, LDAPMessage *entry, enum map_ldap_role role)
{
    for (size_t i = 0; i < table->attributes.count; i++) {
        if (table->roles[i] != role)
            continue;
        struct berval **values = ldap_get_values_len(table->ld, entry, table->attributes.at[i]);
        bool is_there = values && values[0];
        ldap_value_free_len(values);
        if (is_there)
            return true;
    }
    return false;
}

/* The role of an attribute as the server names it; false: we did not ask for it. */
static bool role_of(const struct map_ldap *table, const char *name, enum map_ldap_role *ret)
{
    for (size_t i = 0; i < table->attributes.count; i++) {
        if (slice_eq_nocase(slice_of(name), table->attributes.at[i])) {
            *ret = table->roles[i];
            return true;
        }
    }
    return false;
}

static bool take_attribute(struct search *s, LDAPMessage *entry, const char *name, bool is_terminal,
                           bool is_leaf)
{
    enum map_ldap_role role;
    if (!role_of(s->table, name, &role) || is_terminal != (role == MAP_LDAP_TERMINAL) ||
        (role == MAP_LDAP_LEAF && !is_leaf))
        return true;
    struct berval **values = ldap_get_values_len(s->table->ld, entry, name);
    bool ok = true;
    for (size_t i = 0; ok && values && values[i]; i++)
        ok = add_item(s, role == MAP_LDAP_SPECIAL, values[i]);
    ldap_value_free_len(values);
    return ok;
}

static bool take_entry(struct search *s, LDAPMessage *entry)
{
    LDAP *ld = s->table->ld;
    bool is_terminal = has_role(s->table, entry, MAP_LDAP_TERMINAL), ok = true;
    bool is_leaf = !is_terminal && !has_role(s->table, entry, MAP_LDAP_SPECIAL);
    BerElement *position = NULL;
    char *name = ldap_first_attribute(ld, entry, &position);
    while (name) {
        ok = ok && take_attribute(s, entry, name, is_terminal, is_leaf);
        ldap_memfree(name);
        name = ldap_next_attribute(ld, entry, position);
    }
    ber_free(position, 0);
    return ok;
}

/* --- one search ----------------------------------------------------------------------------- */

struct request {
    const char *base, *filter;
    int scope;
    char **attributes;
};

static enum map_ldap_status take_answer(struct search *s, LDAPMessage *answer)
{
    LDAP *ld = s->table->ld;
    int code = LDAP_SUCCESS;
    int parsed = ldap_parse_result(ld, answer, &code, NULL, NULL, NULL, NULL, false);
    if (parsed != LDAP_SUCCESS)
        code = parsed;
    if (code == LDAP_NO_SUCH_OBJECT && s->may_lack_base)
        return MAP_LDAP_OK; /* neither is there what is below it */
    if (code != LDAP_SUCCESS && code != LDAP_REFERRAL)
        return map_ldap_error(s->table, "search", code, s->err);
    for (LDAPMessage *e = ldap_first_entry(ld, answer); e; e = ldap_next_entry(ld, e))
        if (!take_entry(s, e))
            return MAP_LDAP_FAILED;
    return MAP_LDAP_OK;
}

static enum map_ldap_status search_once(struct search *s, const struct request *request,
                                        struct deadline deadline)
{
    struct map_ldap *table = s->table;
    struct timeval limit = map_ldap_time(table, deadline);
    LDAPMessage *answer = NULL;
    int id, code = ldap_search_ext(table->ld, request->base, request->scope, request->filter,
                                   request->attributes, false, NULL, NULL, &limit,
                                   (int)table->size_limit, &id);
    if (code != LDAP_SUCCESS)
        return map_ldap_error(table, "search", code, s->err);
    int n = ldap_result(table->ld, id, LDAP_MSG_ALL, &limit, &answer);
    if (n > 0) {
        enum map_ldap_status status = take_answer(s, answer);
        ldap_msgfree(answer);
        return status;
    }
    code = LDAP_TIMEOUT;
    if (n < 0)
        ldap_get_option(table->ld, LDAP_OPT_RESULT_CODE, &code);
    map_ldap_error(table, "search", code, s->err);
    return MAP_LDAP_LOST;
}

/* --- references ----------------------------------------------------------------------------- */

/* What both the URL and the settings ask for; false: nothing. */
static bool wanted_by_url(const struct map_ldap *table, char *const *of_url, struct argv *ret)
{
    for (size_t i = 0; of_url && of_url[i]; i++)
        for (size_t j = 0; j < table->attributes.count; j++)
            if (slice_eq_nocase(slice_of(of_url[i]), table->attributes.at[j]))
                argv_add(ret, table->attributes.at[j]);
    return ret->count > 0;
}

static enum map_ldap_status follow_url(struct search *s, const char *text, struct deadline deadline)
{
    LDAPURLDesc *url;
    if (ldap_url_parse(text, &url) != LDAP_URL_SUCCESS) {
        map_warn(&s->table->map, "%s: bad URL in an entry: %s", s->table->where, text);
        return MAP_LDAP_OK;
    }
    CLEANUP(argv_done) struct argv wanted = ARGV_INIT;
    enum map_ldap_status status = MAP_LDAP_OK;
    struct request request = {.base = url->lud_dn ? url->lud_dn : "",
                              .filter = url->lud_filter ? url->lud_filter : "(objectClass=*)",
                              .scope = url->lud_scope,
                              .attributes = s->table->attributes.at};
    bool names_some = url->lud_attrs && url->lud_attrs[0];
    bool has_some = !names_some || wanted_by_url(s->table, url->lud_attrs, &wanted);
    if (names_some)
        request.attributes = wanted.at;
    if (has_some)
        status = search_once(s, &request, deadline);
    ldap_free_urldesc(url);
    return status;
}

static enum map_ldap_status follow(struct search *s, const char *text, struct deadline deadline)
{
    if (ldap_is_ldap_url(text))
        return follow_url(s, text, deadline);
    const struct request request = {.base = text,
                                    .filter = "(objectClass=*)",
                                    .scope = LDAP_SCOPE_BASE,
                                    .attributes = s->table->attributes.at};
    return search_once(s, &request, deadline);
}

static enum map_ldap_status follow_all(struct search *s, struct deadline deadline)
{
    enum map_ldap_status status = MAP_LDAP_OK;
    struct item **at = &s->first;
    while (status == MAP_LDAP_OK && *at) {
        struct item *item = *at;
        if (!item->is_reference) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        s->at = at; /* what it leads to takes its place, and is looked at next */
        s->depth = item->depth + 1;
        s->may_lack_base = true;
        status = follow(s, item->text, deadline);
        free(item);
        if (status == MAP_LDAP_OK && deadline_left_ms(deadline) == 0) {
            err_set(s->err, ERR_TEMP, "%s: the expansion takes too long", s->table->where);
            status = MAP_LDAP_FAILED;
        }
    }
    return status;
}

/* --- the key -------------------------------------------------------------------------------- */

/* RFC 4515, section 3; all bytes that are not plain, to be sure. */
static void quote_for_filter(void *ctx, struct slice text, struct strbuf *out)
{
    (void)ctx;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (strchr("*()\\", c) || c < ' ' || c == 0x7f)
            strbuf_addf(out, "\\%02x", c);
        else
            strbuf_add_char(out, (char)c);
    }
}

/* RFC 4514, section 2.4: as hexadecimal pairs, which are right at every place. */
static void quote_for_dn(void *ctx, struct slice text, struct strbuf *out)
{
    (void)ctx;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        bool is_end = i == 0 || i + 1 == text.len;
        if (strchr(",+\"\\<>;=#", c) || c < ' ' || c == 0x7f || (c == ' ' && is_end))
            strbuf_addf(out, "\\%02X", c);
        else
            strbuf_add_char(out, (char)c);
    }
}

static enum map_ldap_status search_for_key(struct search *s, const char *key,
                                           struct deadline deadline)
{
    CLEANUP(strbuf_done) struct strbuf base = STRBUF_INIT(INT32_MAX / 4);
    CLEANUP(strbuf_done) struct strbuf filter = STRBUF_INIT(INT32_MAX / 4);
    const struct map_ldap_params *c = &s->table->conf;
    if (!map_query_expand(c->search_base, key, key, quote_for_dn, NULL, &base) ||
        !map_query_expand(c->query_filter, key, key, quote_for_filter, NULL, &filter))
        return MAP_LDAP_OK; /* KEY lacks a part that is asked for */
    const struct request request = {.base = base.s,
                                    .filter = filter.s,
                                    .scope = s->table->scope,
                                    .attributes = s->table->attributes.at};
    s->depth = 1;
    s->may_lack_base = strchr(c->search_base, '%') != NULL;
    return search_once(s, &request, deadline);
}

enum map_ldap_status map_ldap_search(struct map_ldap *table, const char *key, struct strbuf *value,
                                     size_t *ret_count, struct deadline deadline, struct err *err)
{
    struct search s = {.table = table, .err = err};
    s.at = &s.first;
    *ret_count = 0;
    enum map_ldap_status status = search_for_key(&s, key, deadline);
    if (status == MAP_LDAP_OK)
        status = follow_all(&s, deadline);
    for (struct item *item = s.first; status == MAP_LDAP_OK && item; item = item->next)
        if (map_query_add_result(table->query, key, item->text, ret_count, value, err) ==
            MAP_FAILED)
            status = MAP_LDAP_FAILED;
    items_free(s.first);
    return status;
}
