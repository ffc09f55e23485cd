#include "smtp/smtp_sasl_login.h"

#include "config/common_params.h"
#include "map/map_address.h"
#include "smtp/smtp_params.h"

#include <string.h>

enum { SECRET_MAX = 64 * 1024 };

static struct maps *passwords;

void smtp_sasl_login_init(struct smtp_sasl_login *login)
{
    strbuf_init(&login->user, SECRET_MAX);
    strbuf_init(&login->password, SECRET_MAX);
}

static void forget(struct strbuf *secret)
{
    if (secret->len > 0)
        explicit_bzero(secret->s, secret->len);
    strbuf_done(secret);
}

void smtp_sasl_login_done(struct smtp_sasl_login *login)
{
    strbuf_done(&login->user);
    forget(&login->password);
}

void smtp_sasl_login_open(void)
{
    passwords =
        maps_open(smtp_client.is_lmtp ? "lmtp_sasl_password_maps" : "smtp_sasl_password_maps",
                  smtp_params.smtp_sasl_password_maps, MAP_FOLD);
    if (maps_is_empty(passwords))
        log_fatal("specify a password table via the `%s' configuration parameter",
                  maps_title(passwords));
}

bool smtp_sasl_login_has_changed(void)
{
    return passwords && maps_have_changed(passwords);
}

/* By the sender's address, as canonical(5) looks them up. */
static enum map_status find_by_sender(const char *sender, struct strbuf *value, struct err *err)
{
    struct local_domains_query own = {smtp_client.local_domains, err, false};
    const struct map_address_query query = {
        .address = sender,
        .keys = MAP_ADDR_CANONICAL,
        .recipient_delimiter = common_params.recipient_delimiter,
        .is_local = local_domains_own_bare_names,
        .ctx = &own,
    };
    if (!*sender || !smtp_params.smtp_sender_dependent_authentication)
        return MAP_NOT_FOUND;
    enum map_status status = map_address_find(passwords, &query, value, NULL, NULL, err);
    return own.has_failed ? MAP_FAILED : status;
}

void smtp_sasl_login_split(struct slice value, char delimiter, struct smtp_sasl_login *ret)
{
    struct slice user = value, password = SLICE_EMPTY;
    slice_split(value, delimiter, &user, &password);
    strbuf_set_slice(&ret->user, user);
    strbuf_set_slice(&ret->password, password);
}

/* Without what says how to get there. */
static const char *written(const struct smtp_nexthop *nexthop)
{
    if (nexthop->kind == SMTP_NEXTHOP_UNIX)
        return nexthop->host;
    bool has_inet = smtp_client.is_lmtp && strncmp(nexthop->text, "inet:", strlen("inet:")) == 0;
    return nexthop->text + (has_inet ? strlen("inet:") : 0);
}

enum map_status smtp_sasl_login_find(const struct smtp_delivery *d, const char *host,
                                     const struct smtp_nexthop *nexthop,
                                     struct smtp_sasl_login *ret)
{
    struct err err = ERR_INIT;
    struct strbuf value;
    strbuf_init(&value, SECRET_MAX);
    const char *keys[] = {host, written(nexthop)};
    enum map_status status = find_by_sender(d->job->envelope->sender, &value, &err);
    for (size_t i = 0; i < COUNT_OF(keys) && status == MAP_NOT_FOUND; i++)
        status = maps_find(passwords, keys[i], MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FAILED) {
        log_warn(NULL, "%s", err.reason);
        log_warn(NULL, "%s: %s lookup error", d->job->log.queue_id, maps_title(passwords));
    } else if (status == MAP_FOUND) {
        smtp_sasl_login_split(strbuf_slice(&value),
                              smtp_params.smtp_sasl_password_result_delimiter[0], ret);
    }
    forget(&value);
    return status;
}
