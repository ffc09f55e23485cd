/* Restrictions on the client's certificate. */
#include "base/argv.h"
#include "log/log.h"
#include "map/map_braces.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_restrict_tls.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "tls/tls_session.h"

#include <string.h>

/* In a rule's number, four bits for each key in its turn. */
enum { KEY_END, KEY_CERTIFICATE, KEY_PUBLIC_KEY, KEY_BITS = 4, KEYS_MAX = 8 };
enum { DEFAULT_ORDER = KEY_CERTIFICATE | KEY_PUBLIC_KEY << KEY_BITS };

static const struct tls_info *certificate_of(const struct smtpd_session *s)
{
    return s->tls && s->tls->has_certificate ? s->tls : NULL;
}

bool smtpd_tls_is_trusted(const struct smtpd_session *s)
{
    const struct tls_info *info = certificate_of(s);
    return info && info->is_trusted;
}

enum map_status smtpd_tls_find_certificate(const struct smtpd_session *s, struct maps *maps,
                                           int64_t order, struct strbuf *value, struct err *err)
{
    const struct tls_info *info = certificate_of(s);
    enum map_status status = MAP_NOT_FOUND;
    for (order = order ? order : DEFAULT_ORDER; info && order && status == MAP_NOT_FOUND;
         order >>= KEY_BITS) {
        const char *key = (order & ((1 << KEY_BITS) - 1)) == KEY_CERTIFICATE
                              ? info->fingerprint
                              : info->key_fingerprint;
        if (key[0])
            status = maps_find(maps, key, MAPS_WHOLE_KEY, value, err);
    }
    return status;
}

enum map_status smtpd_tls_is_listed(const struct smtpd_session *s, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    enum map_status status =
        smtpd_tls_find_certificate(s, s->server->relay_clientcerts, 0, &value, err);
    if (status == MAP_FAILED)
        log_warn(NULL, "relay_clientcerts: lookup error for fingerprint '%s', pkey fingerprint %s",
                 s->tls->fingerprint, s->tls->key_fingerprint);
    return status;
}

SMTPD_RULE(smtpd_permit_tls_clientcerts)
{
    (void)rule;
    struct err err = ERR_INIT;
    enum map_status status = smtpd_tls_is_listed(e->s, &err);
    if (status == MAP_FAILED)
        return smtpd_reject_lookup_failure(e, smtpd_class_item(e, smtpd_class_of_list(e)), &err);
    return status == MAP_FOUND ? SMTPD_VERDICT_PERMIT : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_permit_tls_all_clientcerts)
{
    if (!smtpd_params.smtpd_tls_ask_ccert && !smtpd_params.smtpd_tls_req_ccert)
        log_warn(NULL, "%s is requested, but \"smtpd_tls_ask_ccert = no\"", rule->word);
    return smtpd_tls_is_trusted(e->s) ? SMTPD_VERDICT_PERMIT : SMTPD_VERDICT_NONE;
}

/* --- { type:table, { search_order = key, key } } -------------------------------------------- */

static bool parse_key(const char *word, int64_t *ret_key)
{
    static const char *const words[] = {
        [KEY_CERTIFICATE] = "cert_fingerprint", [KEY_PUBLIC_KEY] = "pubkey_fingerprint"};
    for (size_t i = KEY_CERTIFICATE; i < COUNT_OF(words); i++)
        if (strcmp(words[i], word) == 0) {
            *ret_key = (int64_t)i;
            return true;
        }
    return false;
}

static bool parse_order(struct slice list, const char *argument, int64_t *ret_order)
{
    struct slice item;
    int64_t order = 0, key;
    int count = 0;
    while (slice_next_item(&list, &item)) {
        CLEANUP(strbuf_done) struct strbuf word = STRBUF_ANY;
        strbuf_set_slice(&word, item);
        if (!parse_key(word.s, &key)) {
            log_warn(NULL, "unknown search type '%s' in '%s'", word.s, argument);
            return false;
        }
        if (count < KEYS_MAX)
            order |= key << (KEY_BITS * count++);
    }
    if (!count)
        log_warn(NULL, "empty search_order in '%s'", argument);
    *ret_order = order;
    return count > 0;
}

bool smtpd_tls_parse_ccert_argument(const char *argument, struct strbuf *ret_table,
                                    int64_t *ret_order)
{
    struct err err = ERR_INIT;
    struct slice inside, item, name, value;
    *ret_order = DEFAULT_ORDER;
    if (argument[0] != '{') {
        strbuf_set(ret_table, argument);
        return true;
    }
    if (!map_braces_strip(slice_of(argument), &inside, &err) || !slice_next_item(&inside, &item)) {
        log_warn(NULL, "%s in '%s'", err.reason[0] ? err.reason : "missing map name", argument);
        return false;
    }
    strbuf_set_slice(ret_table, item);
    while (slice_next_item(&inside, &item)) {
        if (!map_braces_strip(item, &item, &err) || !slice_split(item, '=', &name, &value) ||
            !slice_eq(slice_trim(name), "search_order")) {
            log_warn(NULL, "unknown option '%.*s' in '%s'", SLICE_ARG(item), argument);
            return false;
        }
        if (!parse_order(slice_trim(value), argument, ret_order))
            return false;
    }
    return true;
}
