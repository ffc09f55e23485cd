/* resolve_tables: opening and closing what the resolver asks. */
#include "mail/resolve_tables.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "map/map_address.h"
#include "map/map_host.h"

static struct maps *open_maps(const char *title, const char *list)
{
    return maps_open(title, list, MAP_FOLD);
}

/* Which program and host get the mail: the words of an address must not choose it (transport(5)).
 */
static struct maps *open_route(const char *title, const char *list)
{
    return maps_open(title, list, MAP_FOLD | MAP_NO_GROUPS);
}

static void open_routes(struct resolver *r)
{
    const struct common_params *p = &common_params;
    r->routes[RESOLVE_DELIVER] = (struct resolve_route){
        .transports = open_route("transport_maps", p->transport_maps),
        .sender_relayhosts =
            open_route("sender_dependent_relayhost_maps", p->sender_dependent_relayhost_maps),
        .sender_transports = open_route("sender_dependent_default_transport_maps",
                                        p->sender_dependent_default_transport_maps),
        .local_transport = p->local_transport,
        .virtual_transport = p->virtual_transport,
        .relay_transport = p->relay_transport,
        .default_transport = p->default_transport,
        .relayhost = p->relayhost,
    };
    r->routes[RESOLVE_VERIFY] = (struct resolve_route){
        .transports = open_route("address_verify_transport_maps", p->address_verify_transport_maps),
        .sender_relayhosts = open_route("address_verify_sender_dependent_relayhost_maps",
                                        p->address_verify_sender_dependent_relayhost_maps),
        .sender_transports = open_route("address_verify_sender_dependent_default_transport_maps",
                                        p->address_verify_sender_dependent_default_transport_maps),
        .local_transport = p->address_verify_local_transport,
        .virtual_transport = p->address_verify_virtual_transport,
        .relay_transport = p->address_verify_relay_transport,
        .default_transport = p->address_verify_default_transport,
        .relayhost = p->address_verify_relayhost,
    };
}

struct resolver *resolver_new(struct config *cfg, struct err *err)
{
    (void)cfg; /* everything needed is in common_params, loaded from it */
    const struct common_params *p = &common_params;
    struct resolver *r = xzalloc(sizeof *r);
    enum { WARNINGS_MAX = 16 * 1024 };
    strbuf_init(&r->warnings, WARNINGS_MAX);
    r->rules = rewrite_rules_from_params();
    r->local = local_domains_new(err);
    if (!r->local) {
        resolver_free(r);
        return NULL;
    }
    open_routes(r);
    r->relocated = open_maps("relocated_maps", p->relocated_maps);
    r->virtual_alias =
        match_list_new("virtual_alias_domains", p->virtual_alias_domains, MATCH_STRING, 0);
    r->virtual_mailbox =
        match_list_new("virtual_mailbox_domains", p->virtual_mailbox_domains, MATCH_STRING, 0);
    r->relay = match_list_new("relay_domains", p->relay_domains, MATCH_DOMAIN,
                              map_host_parents_match("relay_domains") ? MATCH_PARENT : 0);
    r->transport_parent_keys = map_address_parents("transport_maps");
    return r;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < COUNT_OF(r->routes); i++) {
        maps_close(r->routes[i].transports);
        maps_close(r->routes[i].sender_relayhosts);
        maps_close(r->routes[i].sender_transports);
    }
    local_domains_free(r->local);
    maps_close(r->relocated);
    match_list_free(r->virtual_alias);
    match_list_free(r->virtual_mailbox);
    match_list_free(r->relay);
    strbuf_done(&r->warnings);
    free(r);
}

bool resolver_has_changed(struct resolver *r)
{
    for (size_t i = 0; i < COUNT_OF(r->routes); i++) {
        if (maps_have_changed(r->routes[i].transports) ||
            maps_have_changed(r->routes[i].sender_relayhosts) ||
            maps_have_changed(r->routes[i].sender_transports))
            return true;
    }
    return maps_have_changed(r->relocated) || local_domains_have_changed(r->local) ||
           match_list_has_changed(r->virtual_alias) || match_list_has_changed(r->virtual_mailbox) ||
           match_list_has_changed(r->relay);
}

const char *resolver_take_warnings(struct resolver *r, struct arena *arena)
{
    const char *text = arena_slice_dup(arena, strbuf_slice(&r->warnings));
    strbuf_reset(&r->warnings);
    return text;
}
