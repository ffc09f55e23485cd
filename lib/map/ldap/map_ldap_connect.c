/* map_ldap_connect: a connection to a directory server: options, TLS, bind. */
#include "map/ldap/map_ldap.h"

#include <sasl/sasl.h>

/* what makes a connection useless; other errors are about the request */
static bool is_lost(int code)
{
    static const int codes[] = {LDAP_SERVER_DOWN,    LDAP_CONNECT_ERROR,  LDAP_TIMEOUT,
                                LDAP_UNAVAILABLE,    LDAP_BUSY,           LDAP_LOCAL_ERROR,
                                LDAP_DECODING_ERROR, LDAP_ENCODING_ERROR, LDAP_PROTOCOL_ERROR};
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (code == codes[i])
            return true;
    return false;
}

enum map_ldap_status map_ldap_error(const struct map_ldap *table, const char *what, int code,
                                    struct err *err)
{
    char *more = NULL;
    if (table->ld)
        ldap_get_option(table->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    err_set(err, ERR_TEMP, "%s: %s%s%.100s", what, ldap_err2string(code), more && *more ? ": " : "",
            more ? more : "");
    ldap_memfree(more);
    return is_lost(code) ? MAP_LDAP_LOST : MAP_LDAP_FAILED;
}

struct timeval map_ldap_time(const struct map_ldap *table, struct deadline deadline)
{
    int64_t ms = MIN(deadline_left_ms(deadline), table->conf.timeout * 1000);
    ms = MAX(ms, (int64_t)1); /* 0 would mean no limit */
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

void map_ldap_disconnect(struct map_ldap *table)
{
    if (table->ld)
        ldap_unbind_ext(table->ld, NULL, NULL);
    table->ld = NULL;
}

static bool set_option(struct map_ldap *table, int option, const void *value, struct err *err)
{
    int code = ldap_set_option(table->ld, option, value);
    if (code == LDAP_OPT_SUCCESS)
        return true;
    return err_set(err, ERR_CONFIG, "%s: LDAP option %d is refused: %s", table->where, option,
                   ldap_err2string(code));
}

static bool set_basics(struct map_ldap *table, struct deadline deadline, struct err *err)
{
    const struct map_ldap_params *c = &table->conf;
    struct timeval limit = map_ldap_time(table, deadline);
    int version = (int)c->version, deref = (int)c->dereference, size = (int)table->size_limit,
        debug = (int)c->debuglevel;
    if (debug > 0 && ldap_set_option(NULL, LDAP_OPT_DEBUG_LEVEL, &debug) != LDAP_OPT_SUCCESS)
        map_warn(&table->map, "%s: debuglevel %d is refused", table->where, debug);
    return set_option(table, LDAP_OPT_NETWORK_TIMEOUT, &limit, err) &&
           set_option(table, LDAP_OPT_TIMEOUT, &limit, err) &&
           set_option(table, LDAP_OPT_PROTOCOL_VERSION, &version, err) &&
           set_option(table, LDAP_OPT_SIZELIMIT, &size, err) &&
           set_option(table, LDAP_OPT_DEREF, &deref, err) &&
           set_option(table, LDAP_OPT_REFERRALS, c->chase_referrals ? LDAP_OPT_ON : LDAP_OPT_OFF,
                      err);
}

static bool set_tls(struct map_ldap *table, struct err *err)
{
    const struct map_ldap_params *c = &table->conf;
    const struct {
        int option;
        const char *value;
    } texts[] = {
        {LDAP_OPT_X_TLS_CACERTDIR, c->tls_ca_cert_dir},
        {LDAP_OPT_X_TLS_CACERTFILE, c->tls_ca_cert_file},
        {LDAP_OPT_X_TLS_CERTFILE, c->tls_cert},
        {LDAP_OPT_X_TLS_KEYFILE, c->tls_key},
        {LDAP_OPT_X_TLS_RANDOM_FILE, c->tls_random_file},
        {LDAP_OPT_X_TLS_CIPHER_SUITE, c->tls_cipher_suite},
    };
    if (!c->start_tls && !strstr(table->uris, "ldaps:"))
        return true;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (*texts[i].value && !set_option(table, texts[i].option, texts[i].value, err))
            return false;
    int require = c->tls_require_cert ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER, as_client = 0;
    return set_option(table, LDAP_OPT_X_TLS_REQUIRE_CERT, &require, err) &&
           set_option(table, LDAP_OPT_X_TLS_NEWCTX, &as_client, err); /* now they take effect */
}

static bool bind_simple(struct map_ldap *table, struct deadline deadline, struct err *err)
{
    struct berval password = {.bv_val = (char *)(uintptr_t)table->conf.bind_pw,
                              .bv_len = strlen(table->conf.bind_pw)};
    int id, code, result_code = LDAP_TIMEOUT;
    LDAPMessage *message = NULL;
    code = ldap_sasl_bind(table->ld, table->conf.bind_dn, LDAP_SASL_SIMPLE, &password, NULL, NULL,
                          &id);
    if (code == LDAP_SUCCESS) {
        struct timeval limit = map_ldap_time(table, deadline);
        int n = ldap_result(table->ld, id, LDAP_MSG_ALL, &limit, &message);
        if (n < 0)
            ldap_get_option(table->ld, LDAP_OPT_RESULT_CODE, &result_code);
        code = n <= 0 ? result_code
                      : ldap_parse_result(table->ld, message, &result_code, NULL, NULL, NULL, NULL,
                                          true);
        if (n > 0 && code == LDAP_SUCCESS)
            code = result_code;
    }
    return code == LDAP_SUCCESS || (map_ldap_error(table, "bind", code, err), false);
}

/* The library asks for what a mechanism needs. */
static int answer_sasl(LDAP *ld, unsigned flags, void *ctx, void *questions)
{
    (void)ld;
    (void)flags;
    const struct map_ldap_params *c = ctx;
    for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
        const char *text = q->id == SASL_CB_GETREALM   ? c->sasl_realm
                           : q->id == SASL_CB_AUTHNAME ? c->bind_dn
                           : q->id == SASL_CB_PASS     ? c->bind_pw
                           : q->id == SASL_CB_USER     ? c->sasl_authz_id
                                                       : "";
        if (!*text && q->defresult)
            text = q->defresult;
        q->result = text;
        q->len = (unsigned)strlen(text);
    }
    return LDAP_SUCCESS;
}

static bool bind_sasl(struct map_ldap *table, struct err *err)
{
    const struct map_ldap_params *c = &table->conf;
    ber_len_t strength = (ber_len_t)c->sasl_minssf;
    if (strength > 0 && !set_option(table, LDAP_OPT_X_SASL_SSF_MIN, &strength, err))
        return false;
    int code = ldap_sasl_interactive_bind_s(table->ld, NULL, *c->sasl_mechs ? c->sasl_mechs : NULL,
                                            NULL, NULL, LDAP_SASL_QUIET, answer_sasl, &table->conf);
    return code == LDAP_SUCCESS || (map_ldap_error(table, "SASL bind", code, err), false);
}

static bool log_in(struct map_ldap *table, struct deadline deadline, struct err *err)
{
    int code = table->conf.start_tls ? ldap_start_tls_s(table->ld, NULL, NULL) : LDAP_SUCCESS;
    if (code != LDAP_SUCCESS) {
        map_ldap_error(table, "STARTTLS", code, err);
        return false;
    }
    switch (table->bind) {
    case MAP_LDAP_BIND_SIMPLE:
        return bind_simple(table, deadline, err);
    case MAP_LDAP_BIND_SASL:
        return bind_sasl(table, err);
    case MAP_LDAP_BIND_NONE:
        break;
    }
    return true;
}

bool map_ldap_connect(struct map_ldap *table, struct deadline deadline, struct err *err)
{
    int code = ldap_initialize(&table->ld, table->uris);
    if (code != LDAP_SUCCESS)
        map_ldap_error(table, "initialize", code, err);
    else if (set_basics(table, deadline, err) && set_tls(table, err) &&
             log_in(table, deadline, err))
        return true;
    map_ldap_disconnect(table);
    CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(300);
    strbuf_addf(&where, "connect to LDAP server %s", table->uris);
    return err_prefix(err, where.s);
}
