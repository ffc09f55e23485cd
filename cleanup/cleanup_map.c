#include "cleanup/cleanup_map.h"

#include "base/xmem.h"
#include "cleanup/cleanup_params.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "map/map_address.h"

enum { CANONICAL_DEPTH = 10, ADDRESS_MAX = 64 * 1024 };

static void lookup_problem(struct cleanup_message *m, struct maps *maps, const char *address,
                           const struct err *err)
{
    if (err->kind != ERR_NONE && !err->is_repeated)
        log_warn(NULL, "%s", err->reason);
    cleanup_message_warn(m, "%s map lookup problem for %s -- message not accepted, try again later",
                         maps_title(maps), address);
    m->status |= CLEANUP_STAT_DEFER;
}

static void add_address(void *ctx, struct slice internal)
{
    argv_add_slice(ctx, internal);
}

/* Put EXTENSION, with its delimiter, behind the local part. */
static void insert_extension(struct strbuf *address, struct slice extension)
{
    size_t at = slice_rfind(strbuf_slice(address), '@');
    strbuf_insert(address, at == SIZE_MAX ? address->len : at, extension);
}

/* Look ADDRESS up with KEYS: the addresses of the table's answer in standard form, appended to OUT.
 */
static enum map_status find_addresses(struct cleanup_message *m, struct maps *maps, unsigned keys,
                                      const char *address, bool propagate, struct argv *out)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY, extension = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(ADDRESS_MAX);
    CLEANUP(argv_done) struct argv found = ARGV_INIT;
    struct err err = ERR_INIT;
    bool by_domain = false;
    struct local_domains_query own = {cleanup_tables.local_domains, &err, false};
    struct map_address_query query = {.address = address,
                                      .keys = keys,
                                      .recipient_delimiter = common_params.recipient_delimiter,
                                      .is_local = local_domains_own_bare_names,
                                      .ctx = &own};
    enum map_status status = map_address_find(maps, &query, &value, &extension, &by_domain, &err);
    if (own.has_failed)
        status = MAP_FAILED;
    if (status == MAP_FAILED)
        lookup_problem(m, maps, address, &err);
    if (status != MAP_FOUND)
        return status;
    address_each(strbuf_slice(&value), 0, add_address, &found);
    if (value.len > 0 && value.s[0] == '@' && by_domain) { /* same local part, other domain */
        struct slice local, domain;
        address_split(slice_of(address), &local, &domain);
        argv_truncate(&found, 0);
        argv_addf(&found, "%.*s%s", SLICE_ARG(local), value.s);
    }
    if (by_domain) /* the key had no local part to leave an extension out of */
        strbuf_reset(&extension);
    for (size_t i = 0; i < found.count; i++) {
        strbuf_reset(&text);
        rewrite_address(&cleanup_tables.rules, REWRITE_LOCAL, slice_of(found.at[i]), &text);
        if (propagate && extension.len > 0)
            insert_extension(&text, strbuf_slice(&extension));
        argv_add(out, text.s);
    }
    return found.count > 0 ? MAP_FOUND : MAP_NOT_FOUND;
}

/* canonical_maps and the like: one address becomes one other, again and again until it stays. */
static void map_canonical(struct cleanup_message *m, struct maps *maps, struct strbuf *address)
{
    CLEANUP(strbuf_done) struct strbuf start = STRBUF_ANY;
    if (maps_is_empty(maps))
        return;
    strbuf_set_slice(&start, strbuf_slice(address));
    for (int depth = 0; depth < CANONICAL_DEPTH; depth++) {
        CLEANUP(argv_done) struct argv found = ARGV_INIT;
        if (find_addresses(m, maps, MAP_ADDR_REWRITE, address->s,
                           cleanup_tables.propagate_canonical, &found) != MAP_FOUND)
            return;
        if (found.count > 1)
            cleanup_message_warn(m, "multi-valued %s entry for %s", maps_title(maps), address->s);
        if (slice_eq_nocase(strbuf_slice(address), found.at[0])) {
            strbuf_set(address, found.at[0]);
            return;
        }
        strbuf_set(address, found.at[0]);
    }
    cleanup_message_warn(
        m, "unreasonable %s map nesting for %s -- message not accepted, try again later",
        maps_title(maps), start.s);
    strbuf_set_slice(address, strbuf_slice(&start));
}

static bool is_exception(struct slice local)
{
    for (size_t i = 0; i < cleanup_tables.masquerade_exceptions.count; i++)
        if (slice_eq_nocase(local, cleanup_tables.masquerade_exceptions.at[i]))
            return true;
    return false;
}

/* host.example.com becomes example.com when that is listed before !host.example.com. */
static void masquerade(struct strbuf *address)
{
    struct slice local, domain;
    if (cleanup_tables.masquerade_domains.count == 0 ||
        !address_split(strbuf_slice(address), &local, &domain) || is_exception(local))
        return;
    for (size_t i = 0; i < cleanup_tables.masquerade_domains.count; i++) {
        const char *entry = cleanup_tables.masquerade_domains.at[i];
        bool is_excluded = entry[0] == '!';
        struct slice name = slice_of(entry + is_excluded);
        if (slice_same_nocase(domain, name))
            return;
        if (domain.len <= name.len || domain.s[domain.len - name.len - 1] != '.' ||
            !slice_same_nocase(slice_from(domain, domain.len - name.len), name))
            continue;
        if (!is_excluded) {
            strbuf_truncate(address, local.len + 1);
            strbuf_add_slice(address, name);
        }
        return;
    }
}

void cleanup_map_address(struct cleanup_message *m, enum rewrite_context context,
                         enum cleanup_class class_bit, struct slice address, struct strbuf *out)
{
    const struct cleanup_tables *t = &cleanup_tables;
    bool is_sender = class_bit & (CLEANUP_ENVELOPE_SENDER | CLEANUP_HEADER_SENDER);
    struct rewrite_rules rules = t->rules;
    if ((class_bit & (CLEANUP_ENVELOPE_SENDER | CLEANUP_ENVELOPE_RECIPIENT)) &&
        address_local_needs_quotes(address)) /* what stands in quotes is no route */
        rules.swap_bangpath = rules.allow_percent_hack = false;
    strbuf_reset(out);
    rewrite_address(&rules, context, address, out);
    if (out->len == 0 || !(m->flags & CLEANUP_FLAG_MAP))
        return;
    if (is_sender && (t->sender_canonical_classes & class_bit))
        map_canonical(m, t->sender_canonical, out);
    if (!is_sender && (t->recipient_canonical_classes & class_bit))
        map_canonical(m, t->recipient_canonical, out);
    if (t->canonical_classes & class_bit)
        map_canonical(m, t->canonical, out);
    if (t->masquerade_classes & class_bit)
        masquerade(out);
}

static void unreasonable(struct cleanup_message *m, const char *what, const char *address)
{
    cleanup_message_warn(m, "unreasonable %s %s %s -- message not accepted, try again later",
                         maps_title(cleanup_tables.virtual_alias), what, address);
    cleanup_message_fail(m, CLEANUP_STAT_ALIAS, NULL);
}

/* Addresses still to be looked up are kept in a list, each with how deep it is. */
struct alias_work {
    const char *start; /* for log lines */
    struct argv todo;
    int64_t *depths;
    size_t depths_cap;
};

static void work_add(struct alias_work *work, const char *address, int64_t depth)
{
    if (work->todo.count == work->depths_cap) {
        work->depths_cap = work->depths_cap ? work->depths_cap * 2 : 16;
        work->depths = xrealloc_array(work->depths, work->depths_cap, sizeof *work->depths);
    }
    work->depths[work->todo.count] = depth;
    argv_add(&work->todo, address);
}

static void work_done(struct alias_work *work)
{
    argv_done(&work->todo);
    free(work->depths);
}

/* One step: what ADDRESS stands for, in reverse onto the work list, so that the order stays. False:
 * it stands for itself. */
static bool expand(struct cleanup_message *m, struct alias_work *work, const char *address,
                   int64_t depth, struct argv *out)
{
    CLEANUP(argv_done) struct argv found = ARGV_INIT;
    if (find_addresses(m, cleanup_tables.virtual_alias, MAP_ADDR_REWRITE, address,
                       cleanup_tables.propagate_virtual, &found) != MAP_FOUND)
        return false;
    if (depth >= cleanup_params.virtual_alias_recursion_limit) {
        unreasonable(m, "map nesting for", work->start);
        return true;
    }
    if ((int64_t)(out->count + work->todo.count + found.count) >
        cleanup_params.virtual_alias_expansion_limit) {
        unreasonable(m, "map expansion size for", work->start);
        return true;
    }
    for (size_t i = found.count; i-- > 0;) {
        if ((int64_t)strlen(found.at[i]) > cleanup_params.virtual_alias_address_length_limit) {
            unreasonable(m, "result", found.at[i]);
            return true;
        }
        /* what expands to itself is final: depth -1 */
        bool is_itself = slice_eq_nocase(slice_of(address), found.at[i]);
        work_add(work, found.at[i], is_itself ? -1 : depth + 1);
    }
    return true;
}

void cleanup_map_virtual(struct cleanup_message *m, const char *address, struct argv *out)
{
    CLEANUP(work_done) struct alias_work work = {.start = address, .todo = ARGV_INIT};
    if (maps_is_empty(cleanup_tables.virtual_alias) || !(m->flags & CLEANUP_FLAG_MAP)) {
        argv_add(out, address);
        return;
    }
    work_add(&work, address, 0);
    while (work.todo.count > 0 && !(m->status & (CLEANUP_STAT_DEFER | CLEANUP_STAT_ALIAS))) {
        size_t last = work.todo.count - 1;
        CLEANUP(xfree_ptr) char *next = slice_dup(slice_of(work.todo.at[last]));
        int64_t depth = work.depths[last];
        argv_truncate(&work.todo, last);
        if (depth < 0 || !expand(m, &work, next, depth, out))
            argv_add(out, next);
    }
}

bool cleanup_map_bcc(struct cleanup_message *m, struct maps *maps, const char *address,
                     struct strbuf *out)
{
    CLEANUP(argv_done) struct argv found = ARGV_INIT;
    if (maps_is_empty(maps) ||
        find_addresses(m, maps, MAP_ADDR_CANONICAL, address, false, &found) != MAP_FOUND)
        return false;
    strbuf_set(out, found.at[0]);
    return true;
}
