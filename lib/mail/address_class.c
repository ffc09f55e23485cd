/*
 * address_class: tables that rewrite an address make it known whatever its class; after them the
 * table of its class decides. An empty table list means that the class is not checked.
 */
#include "mail/address_class.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "map/map_address.h"

struct address_class {
    struct resolver *resolver;
    struct maps *recipient_canonical, *sender_canonical, *canonical, *virtual_alias, *relocated;
    struct maps *local, *mailbox, *relay;
};

struct question {
    struct address_class *c;
    const char *address;
    struct err *err;
    bool has_failed; /* inside is_local */
};

struct address_class *address_class_new(struct resolver *r)
{
    const struct common_params *p = &common_params;
    struct address_class *c = xzalloc(sizeof *c);
    c->resolver = r;
    c->recipient_canonical =
        maps_open("recipient_canonical_maps", p->recipient_canonical_maps, MAP_FOLD);
    c->sender_canonical = maps_open("sender_canonical_maps", p->sender_canonical_maps, MAP_FOLD);
    c->canonical = maps_open("canonical_maps", p->canonical_maps, MAP_FOLD);
    c->virtual_alias = maps_open("virtual_alias_maps", p->virtual_alias_maps, MAP_FOLD);
    c->relocated = maps_open("relocated_maps", p->relocated_maps, MAP_FOLD);
    c->local = maps_open("local_recipient_maps", p->local_recipient_maps, MAP_FOLD);
    c->mailbox = maps_open("virtual_mailbox_maps", p->virtual_mailbox_maps, MAP_FOLD);
    c->relay = maps_open("relay_recipient_maps", p->relay_recipient_maps, MAP_FOLD);
    return c;
}

static void each_maps(struct address_class *c, void (*fn)(void *ctx, struct maps *maps), void *ctx)
{
    struct maps *const all[] = {c->recipient_canonical,
                                c->sender_canonical,
                                c->canonical,
                                c->virtual_alias,
                                c->relocated,
                                c->local,
                                c->mailbox,
                                c->relay};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        fn(ctx, all[i]);
}

static void close_one(void *ctx, struct maps *maps)
{
    (void)ctx;
    maps_close(maps);
}

static void check_one(void *ctx, struct maps *maps)
{
    bool *has_changed = ctx;
    *has_changed |= maps_have_changed(maps);
}

void address_class_free(struct address_class *c)
{
    if (!c)
        return;
    each_maps(c, close_one, NULL);
    free(c);
}

bool address_class_has_changed(struct address_class *c)
{
    bool has_changed = false;
    each_maps(c, check_one, &has_changed);
    return has_changed;
}

static bool is_local(void *ctx, const char *domain)
{
    struct question *q = ctx;
    bool is_ours = false;
    if (slice_eq_nocase(slice_of(domain), common_params.myorigin))
        return true;
    if (!resolver_domain_is_local(q->c->resolver, domain, &is_ours, q->err))
        q->has_failed = true;
    return is_ours;
}

static enum map_status find(struct question *q, struct maps *maps, unsigned keys,
                            struct strbuf *value)
{
    struct map_address_query query = {.address = q->address,
                                      .keys = keys,
                                      .recipient_delimiter = common_params.recipient_delimiter,
                                      .is_local = is_local,
                                      .ctx = q};
    if (maps_is_empty(maps))
        return MAP_NOT_FOUND;
    strbuf_reset(value);
    enum map_status status = map_address_find(maps, &query, value, NULL, NULL, q->err);
    return q->has_failed ? MAP_FAILED : status;
}

/* The table that knows the recipients of the class; NULL when anything goes. */
static struct maps *class_maps(struct address_class *c, enum resolve_class address_class,
                               const char **ret_name)
{
    switch (address_class) {
    case RESOLVE_CLASS_LOCAL:
        *ret_name = "local recipient";
        return c->local;
    case RESOLVE_CLASS_VIRTUAL_MAILBOX:
        *ret_name = "virtual mailbox";
        return c->mailbox;
    case RESOLVE_CLASS_RELAY:
        *ret_name = "relay recipient";
        return c->relay;
    default:
        return NULL;
    }
}

static bool is_always_known(const char *address)
{
    struct slice local, domain;
    address_split(slice_of(address), &local, &domain);
    return slice_eq_nocase(local, common_params.double_bounce_sender) &&
           slice_eq_nocase(domain, common_params.myhostname);
}

static enum recipient_status check(struct address_class *c, const struct resolve_reply *reply,
                                   struct maps *own_canonical, const char *unknown_code,
                                   struct strbuf *ret_text, struct err *err)
{
    struct question q = {c, reply->recipient, err, false};
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct maps *const rewriting[] = {own_canonical, c->canonical, c->virtual_alias};
    enum map_status status;
    if (is_always_known(reply->recipient))
        return RECIPIENT_OK;
    for (size_t i = 0; i < COUNT_OF(rewriting); i++) {
        status = find(&q, rewriting[i], MAP_ADDR_CANONICAL, &value);
        if (status != MAP_NOT_FOUND)
            return status == MAP_FOUND ? RECIPIENT_OK : RECIPIENT_TEMP;
    }
    status = find(&q, c->relocated, MAP_ADDR_CANONICAL, &value);
    if (status == MAP_FAILED)
        return RECIPIENT_TEMP;
    if (status == MAP_FOUND) {
        strbuf_setf(ret_text, "5.1.6 %s%s",
                    common_params.relocated_prefix_enable ? "User has moved to " : "", value.s);
        return RECIPIENT_MOVED;
    }

    const char *table = "virtual alias";
    if (reply->address_class != RESOLVE_CLASS_VIRTUAL_ALIAS) {
        struct maps *maps = class_maps(c, reply->address_class, &table);
        if (maps_is_empty(maps))
            return RECIPIENT_OK;
        unsigned keys =
            reply->address_class == RESOLVE_CLASS_LOCAL ? MAP_ADDR_CANONICAL : MAP_ADDR_MAILBOX;
        status = find(&q, maps, keys, &value);
        if (status != MAP_NOT_FOUND)
            return status == MAP_FOUND ? RECIPIENT_OK : RECIPIENT_TEMP;
    }
    if (common_params.show_user_unknown_table_name)
        strbuf_setf(ret_text, "%s User unknown in %s table", unknown_code, table);
    else
        strbuf_setf(ret_text, "%s User unknown", unknown_code);
    return RECIPIENT_UNKNOWN;
}

enum recipient_status address_class_recipient(struct address_class *c,
                                              const struct resolve_reply *reply,
                                              struct strbuf *ret_text, struct err *err)
{
    return check(c, reply, c->recipient_canonical, "5.1.1", ret_text, err);
}

enum recipient_status address_class_sender(struct address_class *c,
                                           const struct resolve_reply *reply,
                                           struct strbuf *ret_text, struct err *err)
{
    return check(c, reply, c->sender_canonical, "5.1.0", ret_text, err);
}
