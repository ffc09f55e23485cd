#include "smtp/smtp_requiretls.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "map/maps.h"
#include "smtp/smtp_params.h"

#include <string.h>

enum policy { POLICY_ENFORCE, POLICY_OPPORTUNISTIC };

/* An item of the list: a word that holds for all, or a table that has words. */
struct item {
    struct maps *maps; /* NULL: WORD */
    char *word;
};

static struct item *items;
static size_t item_count;

static const char *list_name(void)
{
    return smtp_client.is_lmtp ? "lmtp_requiretls_policy" : "smtp_requiretls_policy";
}

void smtp_requiretls_open(void)
{
    CLEANUP(argv_done) struct argv list = {0};
    argv_add_items(&list, smtp_params.smtp_requiretls_policy);
    items = xzalloc(MAX(list.count, (size_t)1) * sizeof *items);
    item_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        if (strchr(list.at[i], ':'))
            items[i].maps = maps_open(list_name(), list.at[i], MAP_FOLD);
        else
            items[i].word = xstrdup(list.at[i]);
    }
}

bool smtp_requiretls_has_changed(void)
{
    for (size_t i = 0; i < item_count; i++)
        if (items[i].maps && maps_have_changed(items[i].maps))
            return true;
    return false;
}

/* The destination, then the domains above it as ".domain". */
static enum map_status look_up(struct maps *maps, const char *host, struct strbuf *value,
                               struct err *err)
{
    enum map_status status = maps_find(maps, host, MAPS_WHOLE_KEY, value, err);
    for (const char *at = strchr(host, '.'); status == MAP_NOT_FOUND && at;
         at = strchr(at + 1, '.'))
        status = maps_find(maps, at, MAPS_PARTIAL_KEY, value, err);
    return status;
}

/* Whatever cannot be understood, or found out, is no reason to be less careful. */
static enum policy parse(const char *word)
{
    if (slice_eq_nocase(slice_of(word), "opportunistic"))
        return POLICY_OPPORTUNISTIC;
    if (!slice_eq_nocase(slice_of(word), "enforce"))
        log_warn(NULL, "%s: unknown policy \"%s\": REQUIRETLS is enforced", list_name(), word);
    return POLICY_ENFORCE;
}

static enum policy find(const struct smtp_nexthop *nexthop)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    const char *host =
        nexthop->kind == SMTP_NEXTHOP_UNIX ? common_params.myhostname : nexthop->host;
    for (size_t i = 0; i < item_count; i++) {
        if (!items[i].maps)
            return parse(items[i].word);
        enum map_status status = look_up(items[i].maps, host, &value, &err);
        if (status == MAP_FOUND)
            return parse(value.s);
        if (status == MAP_FAILED) {
            log_warn(NULL, "%s: REQUIRETLS is enforced", err.reason);
            return POLICY_ENFORCE;
        }
    }
    return POLICY_ENFORCE;
}

/* RFC 8689, section 4.2.1: what may be an attack, or pass, is tried again; a server that has been
 * met and does not offer it is what the sender has to know. Other hosts come first. */
static bool refuse(struct smtp_delivery *d, const struct smtp_session *s, struct smtp_why *why)
{
    *why = (struct smtp_why){.kind = ERR_TEMP, .dsn = "4.7.10", .relay = s->relay};
    if (!s->tls) {
        why->text =
            arena_printf(d->arena, "REQUIRETLS: no TLS with host %s, mail is not sent", s->name);
    } else if (!s->is_authenticated) {
        why->dsn = "4.7.5";
        why->text = arena_printf(
            d->arena, "REQUIRETLS: host %s is not authenticated (TLS level %s), mail is not sent",
            s->name, smtp_tls_policy_level_name((enum smtp_tls_level)s->tls_level));
    } else {
        why->kind = d->is_final ? ERR_PERM : ERR_TEMP;
        why->dsn = d->is_final ? "5.7.30" : "4.7.30";
        why->text = arena_printf(d->arena, "REQUIRETLS is required, but was not offered by host %s",
                                 s->name);
    }
    return false;
}

bool smtp_requiretls_check(struct smtp_delivery *d, struct smtp_session *s, struct smtp_why *why)
{
    bool is_asked =
        common_params.requiretls_enable && d->job->envelope->smtputf8 & SEND_OPTION_REQUIRETLS;
    bool is_offered = s->tls && s->features & SMTP_EHLO_REQUIRETLS;
    s->is_requiretls = is_asked && is_offered;
    if (!is_asked || (is_offered && s->is_authenticated))
        return true;
    return find(&d->nexthops[d->nexthop_at]) == POLICY_OPPORTUNISTIC || refuse(d, s, why);
}
