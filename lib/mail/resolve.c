/*
 * resolve: local routing is peeled off first (user%far@us, far!user@us, user@far@us), then the
 * domain of what is left decides the class, the class the defaults, and transport_maps has the last
 * word.
 */
#include "mail/resolve.h"

#include "base/text.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/local_domains.h"
#include "mail/resolve_tables.h"
#include "map/map_address.h"

/* One question while it is answered. */
struct resolving {
    struct resolver *r;
    const struct resolve_route *route;
    const char *sender;
    struct arena *arena;
    struct resolve_reply *ret;
    struct err *err;
    const char *domain; /* of the recipient */
};

static bool in_list(struct match_list *list, const char *name, bool *ret, struct err *err)
{
    enum map_status status = match_list_find(list, name, err);
    *ret = status == MAP_FOUND;
    return status != MAP_FAILED;
}

bool resolver_domain_is_local(struct resolver *r, const char *domain, bool *ret, struct err *err)
{
    enum map_status status = local_domains_find(r->local, domain, err);
    *ret = status == MAP_FOUND;
    return status != MAP_FAILED;
}

struct local_domains *resolver_local_domains(struct resolver *r)
{
    return r->local;
}

/* Peel until the domain is not ours or the local part no longer routes. Each turn shortens ADDRESS.
 */
static bool peel(struct resolving *q, struct strbuf *address, bool *ret_is_local)
{
    const struct rewrite_rules *rules = &q->r->rules;
    CLEANUP(strbuf_done) struct strbuf local_domain = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf swapped = STRBUF_ANY;
    struct slice local, domain;
    for (;;) {
        struct slice whole = strbuf_slice(address);
        if (!address_split(whole, &local, &domain)) {
            bool is_atomic =
                !common_params.resolve_dequoted_address && address_local_needs_quotes(whole);
            strbuf_reset(&swapped);
            if (is_atomic || !rewrite_swap(rules, whole, &swapped))
                break;
            strbuf_set_slice(address, strbuf_slice(&swapped));
            continue;
        }
        if (domain.len > 1 && domain.s[domain.len - 1] == '.' && domain.s[domain.len - 2] != '.') {
            strbuf_truncate(address, address->len - 1);
            continue;
        }
        bool is_local = domain.len == 0 && common_params.resolve_null_domain;
        const char *name = arena_slice_dup(q->arena, domain);
        if (domain.len > 0 && !resolver_domain_is_local(q->r, name, &is_local, q->err))
            return false;
        if (!is_local) {
            *ret_is_local = false;
            return true;
        }
        strbuf_set(&local_domain, name);
        strbuf_truncate(address, local.len);
        if (!common_params.resolve_dequoted_address &&
            address_local_needs_quotes(strbuf_slice(address)))
            break; /* "user@far"@us is a user with an odd name */
    }
    if (address->len == 0)
        strbuf_set(address, common_params.empty_address_recipient);
    strbuf_add_char(address, '@');
    strbuf_add_str(address, local_domain.len > 0 ? local_domain.s : common_params.myhostname);
    *ret_is_local = true;
    return true;
}

static bool local_part_routes(struct slice local)
{
    if (!common_params.resolve_dequoted_address && address_local_needs_quotes(local))
        return false;
    return slice_find(local, '@') != SIZE_MAX ||
           (common_params.swap_bangpath && slice_find(local, '!') != SIZE_MAX) ||
           (common_params.allow_percent_hack && slice_find(local, '%') != SIZE_MAX);
}

/* "transport:nexthop": either may be empty, and then keeps what is in RET. */
static void set_channel(struct resolving *q, const char *text)
{
    struct slice all = slice_of(text), transport, nexthop;
    if (!slice_split(all, ':', &transport, &nexthop)) {
        transport = all;
        nexthop = SLICE_EMPTY;
    }
    if (transport.len > 0)
        q->ret->transport = arena_slice_dup(q->arena, transport);
    if (nexthop.len > 0)
        q->ret->nexthop = arena_slice_dup(q->arena, nexthop);
}

static enum map_status find_by_sender(struct resolving *q, struct maps *maps, const char *null_key,
                                      const char **ret)
{
    if (maps_is_empty(maps))
        return MAP_NOT_FOUND;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    enum map_status status;
    if (q->sender[0] == '\0') {
        status = maps_find(maps, null_key, MAPS_WHOLE_KEY, &value, q->err);
    } else {
        struct map_address_query query = {.address = q->sender,
                                          .keys = MAP_ADDR_MAILBOX,
                                          .recipient_delimiter = common_params.recipient_delimiter};
        status = map_address_find(maps, &query, &value, NULL, NULL, q->err);
    }
    if (status == MAP_FOUND && slice_eq_nocase(strbuf_slice(&value), "DUNNO"))
        return MAP_NOT_FOUND;
    if (status == MAP_FOUND)
        *ret = arena_strdup(q->arena, value.s);
    return status;
}

/* relayhost in place of the recipient's domain. */
static bool set_relayhost(struct resolving *q)
{
    const char *relayhost = q->route->relayhost;
    if (find_by_sender(q, q->route->sender_relayhosts,
                       common_params.empty_address_relayhost_maps_lookup_key,
                       &relayhost) == MAP_FAILED)
        return false;
    if (relayhost[0] != '\0')
        q->ret->nexthop = relayhost;
    return true;
}

static bool set_default_class(struct resolving *q)
{
    const char *channel = q->route->default_transport;
    q->ret->address_class = RESOLVE_CLASS_DEFAULT;
    if (!set_relayhost(q))
        return false;
    if (find_by_sender(q, q->route->sender_transports,
                       common_params.empty_address_default_transport_maps_lookup_key,
                       &channel) == MAP_FAILED)
        return false;
    if (channel[0] == ':')
        return err_set(q->err, ERR_CONFIG,
                       "parameter sender_dependent_default_transport_maps: "
                       "null transport is not allowed");
    set_channel(q, channel);
    return true;
}

static void warn_both(struct resolving *q, const char *first, const char *second)
{
    strbuf_addf(&q->r->warnings, "do not list domain %s in BOTH %s and %s\n", q->domain, first,
                second);
}

static bool set_local_class(struct resolving *q)
{
    bool is_alias, is_mailbox;
    if (!in_list(q->r->virtual_alias, q->domain, &is_alias, q->err) ||
        !in_list(q->r->virtual_mailbox, q->domain, &is_mailbox, q->err))
        return false;
    if (is_alias)
        warn_both(q, "mydestination", "virtual_alias_domains");
    if (is_mailbox)
        warn_both(q, "mydestination", "virtual_mailbox_domains");
    q->ret->address_class = RESOLVE_CLASS_LOCAL;
    q->ret->nexthop = common_params.myhostname;
    set_channel(q, q->route->local_transport);
    return true;
}

static bool set_remote_class(struct resolving *q)
{
    bool is_alias, is_mailbox, is_relay;
    if (!in_list(q->r->virtual_alias, q->domain, &is_alias, q->err) ||
        !in_list(q->r->virtual_mailbox, q->domain, &is_mailbox, q->err) ||
        !in_list(q->r->relay, q->domain, &is_relay, q->err))
        return false;
    if (is_alias && is_mailbox)
        warn_both(q, "virtual_alias_domains", "virtual_mailbox_domains");
    if (is_alias && is_relay)
        warn_both(q, "virtual_alias_domains", "relay_domains");
    if (is_mailbox && is_relay)
        warn_both(q, "virtual_mailbox_domains", "relay_domains");
    q->ret->nexthop = q->domain;
    if (is_alias) {
        q->ret->address_class = RESOLVE_CLASS_VIRTUAL_ALIAS;
        q->ret->transport = common_params.error_service_name;
        q->ret->nexthop = common_params.show_user_unknown_table_name
                              ? "5.1.1 User unknown in virtual alias table"
                              : "5.1.1 User unknown";
        return true;
    }
    if (is_mailbox) {
        q->ret->address_class = RESOLVE_CLASS_VIRTUAL_MAILBOX;
        set_channel(q, q->route->virtual_transport);
        return true;
    }
    if (is_relay) {
        q->ret->address_class = RESOLVE_CLASS_RELAY;
        if (!set_relayhost(q))
            return false;
        set_channel(q, q->route->relay_transport);
        return true;
    }
    return set_default_class(q);
}

/* A transport_maps result. With a transport but no nexthop, the nexthop is the recipient's domain.
 */
static void apply_transport(struct resolving *q, const char *value)
{
    struct slice transport, nexthop;
    if (!slice_split(slice_of(value), ':', &transport, &nexthop)) {
        transport = slice_of(value);
        nexthop = SLICE_EMPTY;
    }
    if (transport.len > 0 && nexthop.len == 0)
        q->ret->nexthop = slice_eq(transport, common_params.error_service_name)
                              ? "Address is undeliverable"
                              : q->domain;
    set_channel(q, value);
}

static bool look_up_transport(struct resolving *q)
{
    CLEANUP(strbuf_done) struct strbuf wildcard = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct maps *maps = q->route->transports;
    if (maps_is_empty(maps))
        return true;
    enum map_status any = maps_find(maps, "*", MAPS_WHOLE_KEY, &wildcard, q->err);
    if (any == MAP_FAILED)
        return false;
    struct map_address_query query = {.address = q->ret->recipient,
                                      .keys = MAP_ADDR_TRANSPORT | q->r->transport_parent_keys,
                                      .recipient_delimiter = common_params.recipient_delimiter};
    enum map_status status = map_address_find(maps, &query, &value, NULL, NULL, q->err);
    if (status == MAP_FAILED)
        return false;
    if (status == MAP_FOUND)
        apply_transport(q, value.s);
    else if (any == MAP_FOUND)
        apply_transport(q, wildcard.s);
    return true;
}

/* Whoever has moved is not delivered to, whatever transport_maps says. */
static bool look_up_relocated(struct resolving *q)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct local_domains_query own = {q->r->local, q->err, false};
    struct map_address_query query = {.address = q->ret->recipient,
                                      .keys = MAP_ADDR_CANONICAL,
                                      .recipient_delimiter = common_params.recipient_delimiter,
                                      .is_local = local_domains_own_bare_names,
                                      .ctx = &own};
    if (maps_is_empty(q->r->relocated))
        return true;
    enum map_status status = map_address_find(q->r->relocated, &query, &value, NULL, NULL, q->err);
    if (status == MAP_FAILED || own.has_failed)
        return false;
    if (status == MAP_FOUND) {
        bool with_prefix = common_params.relocated_prefix_enable;
        q->ret->transport = common_params.error_service_name;
        q->ret->nexthop =
            arena_printf(q->arena, "%s%s", with_prefix ? "5.1.6 User has moved to " : "", value.s);
    }
    return true;
}

/* Bytes beyond ASCII are UTF-8, or stay in the local part where nobody knows about UTF-8. */
static bool has_good_encoding(struct slice address)
{
    struct slice local, domain;
    if (common_params.smtputf8_enable)
        return text_is_utf8(address);
    address_split(address, &local, &domain);
    return text_is_ascii(domain);
}

/* A domain the net can have? Numeric ones become literals when the administrator says so. */
static bool check_domain(struct strbuf *address)
{
    struct slice local, domain;
    address_split(strbuf_slice(address), &local, &domain);
    if (domain.len > 0 && domain.s[0] == '[')
        return address_is_literal(domain) ||
               (domain.len > 2 && address_is_numeric((struct slice){domain.s + 1, domain.len - 2}));
    if (address_is_numeric(domain) && common_params.resolve_numeric_domain) {
        strbuf_insert(address, local.len + 1, slice_of("["));
        strbuf_add_char(address, ']');
        return true;
    }
    return address_is_hostname(domain);
}

bool resolve_address(struct resolver *r, enum resolve_use use, const char *sender,
                     const char *address, struct arena *arena, struct resolve_reply *ret,
                     struct err *err)
{
    struct resolve_reply reply = {.transport = "",
                                  .nexthop = "",
                                  .recipient = address,
                                  .address_class = RESOLVE_CLASS_DEFAULT};
    struct resolving q = {r, &r->routes[use], sender, arena, &reply, err, ""};
    CLEANUP(strbuf_done) struct strbuf recipient = STRBUF_ANY;
    bool is_local;
    strbuf_set(&recipient, address);
    if (!peel(&q, &recipient, &is_local))
        return false;
    if (slice_eq(strbuf_slice(&recipient), "@"))
        strbuf_insert(&recipient, 0, slice_of(common_params.empty_address_recipient));
    bool is_good =
        has_good_encoding(strbuf_slice(&recipient)) && (is_local || check_domain(&recipient));
    struct slice local, domain;
    address_split(strbuf_slice(&recipient), &local, &domain);
    q.domain = arena_slice_dup(arena, domain);
    reply.recipient = arena_slice_dup(arena, strbuf_slice(&recipient));
    if (!is_good || (!common_params.allow_min_user && slice_starts(local, "-")))
        reply.flags |= RESOLVE_BAD_ADDRESS;
    if (is_good) {
        if (!is_local && local_part_routes(local))
            reply.flags |= RESOLVE_ROUTED;
        if (!(is_local ? set_local_class(&q) : set_remote_class(&q)) || !look_up_transport(&q) ||
            !look_up_relocated(&q))
            return false;
    }
    *ret = reply;
    return true;
}
