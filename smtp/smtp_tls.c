#include "smtp/smtp_tls.h"

#include "base/strbuf.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_tls_dane.h"
#include "smtp/smtp_tlsrpt.h"
#include "tls/tls_client.h"
#include "tls/tls_info.h"
#include "tls/tls_library.h"
#include "tls/tls_loglevel.h"
#include "tls/tls_params.h"
#include "tls/tls_session.h"
#include "tls/tls_trace.h"

static struct tls_client *client; /* NULL: the engine did not start, or nobody wants it */
static int loglevel;              /* where LOGLEVELS have nothing */
static struct maps *loglevels;

static const char *host_name(const struct smtp_host *host)
{
    return host->path ? common_params.myhostname : host->name;
}

static const char *parameter(const char *end)
{
    static char name[100];
    snprintf(name, sizeof name, "%s_tls_%s", smtp_client.is_lmtp ? "lmtp" : "smtp", end);
    return name;
}

static void warn_lines(const char *text)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

/* --- the process ---------------------------------------------------------------------------- */

static struct tls_client_settings settings(void)
{
    const struct smtp_params *p = &smtp_params;
    return (struct tls_client_settings){
        .files = {.chain_files = p->smtp_tls_chain_files,
                  .cert_file = p->smtp_tls_cert_file,
                  .key_file = p->smtp_tls_key_file,
                  .eccert_file = p->smtp_tls_eccert_file,
                  .eckey_file = p->smtp_tls_eckey_file,
                  .dcert_file = p->smtp_tls_dcert_file,
                  .dkey_file = p->smtp_tls_dkey_file,
                  .CAfile = p->smtp_tls_CAfile,
                  .CApath = p->smtp_tls_CApath},
        .verify_depth = (int)p->smtp_tls_scert_verifydepth,
        .fingerprint_digest = p->smtp_tls_fingerprint_digest,
        .cache = smtp_client.is_lmtp ? "lmtp" : "smtp",
    };
}

void smtp_tls_open(struct config *cfg)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    if (!params_load(cfg, tls_param_rows, &tls_params, &err))
        log_fatal("%s", err.reason);
    smtp_tls_policy_open();
    smtp_tls_dane_open();
    if (!smtp_tls_policy_may_need_tls())
        return;
    loglevel = tls_trace_level(parameter("loglevel"), smtp_params.smtp_tls_loglevel, &problems);
    loglevels = maps_open(parameter("loglevel_maps"), smtp_params.smtp_tls_loglevel_maps, MAP_FOLD);
    if (smtp_params.smtp_tls_enable_rpk)
        tls_library_refuse_keys(parameter("enable_rpk"), &problems);
    if (loglevel >= 2)
        log_info(NULL, "initializing the client-side TLS engine");
    const struct tls_client_settings wanted = settings();
    client = tls_client_new(&wanted, &problems);
    warn_lines(problems.s);
    if (client)
        smtp_tlsrpt_open();
}

void smtp_tls_start(struct loop *loop)
{
    if (!client)
        return;
    tls_client_start(client, loop);
    smtp_tlsrpt_start();
}

bool smtp_tls_has_changed(void)
{
    return smtp_tls_policy_has_changed() || (loglevels && maps_have_changed(loglevels));
}

int smtp_tls_loglevel(void)
{
    return loglevel;
}

/* --- a delivery's policy -------------------------------------------------------------------- */

static enum smtp_tls_policy_found refuse_policy(struct smtp_delivery *d, const char *dsn,
                                                const char *text)
{
    d->why = (struct smtp_why){
        .kind = ERR_TEMP, .dsn = dsn, .text = text, .relay = "none", .is_destination = true};
    return SMTP_TLS_REFUSED;
}

static const char failed_table[] = "Temporary lookup error";

/* The policy is known, or REFUSAL says why there is none. */
static enum smtp_tls_policy_found judge_policy(struct smtp_delivery *d, const char *refusal)
{
    const char *prefix = smtp_client.is_lmtp ? "lmtp" : "smtp";
    if (refusal) {
        log_warn(NULL, "TLS policy lookup for %s/%s: %s", d->policy_nexthop->text,
                 host_name(d->policy_host), refusal);
        if (d->policy.refusal_type)
            smtp_tlsrpt_refused(d, d->policy.refusal_type, refusal);
        return refuse_policy(d, refusal == failed_table ? "4.3.0" : "4.7.5", refusal);
    }
    if (!smtp_params.smtp_tls_wrappermode || d->policy.level >= SMTP_TLS_ENCRYPT)
        return SMTP_TLS_FOUND;
    log_warn(NULL, "%s_tls_wrappermode requires \"%s_tls_security_level = encrypt\" (or stronger)",
             prefix, prefix);
    return refuse_policy(d, "4.3.0", "server unavailable or unable to receive mail");
}

static void on_dane(void *owner, const char *refusal)
{
    struct smtp_delivery *d = owner;
    d->dane_lookup = NULL;
    smtp_delivery_on_policy(d, judge_policy(d, refusal) == SMTP_TLS_FOUND);
}

enum smtp_tls_policy_found smtp_tls_find_policy(struct smtp_delivery *d,
                                                const struct smtp_nexthop *nexthop,
                                                const struct smtp_host *host)
{
    CLEANUP(strbuf_done) struct strbuf warnings = STRBUF_ANY;
    const char *refusal = NULL;
    d->policy_nexthop = nexthop;
    d->policy_host = host;
    bool ok = smtp_tls_policy_find(nexthop, host_name(host), d->arena, &d->policy, &warnings);
    warn_lines(warnings.s);
    if (!ok)
        return judge_policy(d, d->policy.has_failed_table ? failed_table
                               : d->policy.refusal        ? d->policy.refusal
                                                          : "client TLS configuration problem");
    if (!smtp_tls_dane_needs(nexthop, host, d->arena, &d->policy, &refusal))
        return judge_policy(d, refusal);
    d->dane_lookup = smtp_tls_dane_find(nexthop, host, d->arena, &d->policy, on_dane, d);
    return SMTP_TLS_ASKED;
}

/* --- STARTTLS or not ------------------------------------------------------------------------ */

static void fail(struct smtp_session *s, const char *dsn, const char *text)
{
    const struct smtp_why why = {
        .kind = ERR_TEMP, .dsn = dsn, .text = text, .is_destination = true};
    smtp_delivery_on_unfit(s->delivery, s, &why);
}

static void fail_without_engine(struct smtp_session *s)
{
    fail(s, "4.7.5", "TLS is required, but our TLS engine is unavailable");
}

enum smtp_tls_next smtp_tls_decide(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    bool is_offered = s->features & SMTP_EHLO_STARTTLS;
    if (s->tls || s->is_tls_off)
        return SMTP_TLS_GO_ON;
    if (d->policy.level == SMTP_TLS_NONE) {
        if (is_offered && smtp_params.smtp_tls_note_starttls_offer)
            log_info(NULL, "Host offered STARTTLS: [%s]", s->host.name);
        return SMTP_TLS_GO_ON;
    }
    if (is_offered && client)
        return SMTP_TLS_STARTTLS;
    if (!is_offered)
        smtp_tlsrpt_failed(s, "starttls-not-supported", NULL);
    if (d->policy.level == SMTP_TLS_MAY)
        return SMTP_TLS_GO_ON;
    if (is_offered)
        fail_without_engine(s);
    else
        fail(s, "4.7.4",
             arena_printf(d->arena, "TLS is required, but was not offered by host %s", s->name));
    return SMTP_TLS_IS_OVER;
}

bool smtp_tls_refused(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    struct smtp_why why;
    smtp_outcome_reply(d, s, SMTP_STEP_STARTTLS, &why);
    smtp_tlsrpt_failed(s, "starttls-not-supported", why.reply);
    if (d->policy.level == SMTP_TLS_MAY)
        return true;
    why.text = arena_printf(d->arena, "TLS is required, but host %s refused to start TLS: %s",
                            s->name, why.reply);
    why.is_destination = true;
    smtp_delivery_on_unfit(d, s, &why);
    return false;
}

/* The first attempts are made with TLS alone: what is wrong may pass. */
bool smtp_tls_may_do_without(const struct smtp_session *s)
{
    const struct smtp_delivery *d = s->delivery;
    int64_t age_s = smtp_proto_wall_us() / 1000000 - d->job->envelope->arrival_s;
    return d->policy.level == SMTP_TLS_MAY && (s->tls || s->recv == SMTP_STEP_HANDSHAKE) &&
           s->uses == 1 && age_s >= common_params.minimal_backoff_time;
}

/* --- the handshake -------------------------------------------------------------------------- */

/* A name that came without protection may be somebody else's: its certificate verifies nothing. */
static const char *trust(const struct smtp_tls_policy *policy, const struct tls_info *info)
{
    bool is_half = policy->level == SMTP_TLS_HALF_DANE && info->is_matched;
    return is_half ? "Trusted" : tls_info_trust(info);
}

static void log_connection(const struct smtp_session *s, const struct tls_info *info,
                           const char *how)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (s->tls_loglevel <= 0)
        return;
    tls_info_format(info, " ", " ", &text);
    log_info(NULL, "%s TLS connection %s to %s: %s", trust(&s->delivery->policy, info), how,
             s->relay, text.s);
}

void smtp_tls_log_reuse(const struct smtp_session *s)
{
    if (s->tls)
        log_connection(s, s->tls, "reused");
}

static void on_ready(void *owner, const struct tls_info *info)
{
    struct smtp_session *s = owner;
    const struct smtp_tls_policy *policy = &s->delivery->policy;
    log_connection(s, info, "established");
    if (policy->level >= SMTP_TLS_FINGERPRINT && !info->is_matched && !info->is_fallback) {
        s->is_tls_unfit = true;
        smtp_tlsrpt_mismatched(s, info);
        fail(s, "4.7.5", "Server certificate not verified");
        return;
    }
    smtp_tlsrpt_succeeded(s, info);
    s->tls = info;
    s->tls_level = (int)policy->level;
    s->is_authenticated =
        info->is_matched && (s->host.is_mx_secure || (policy->level != SMTP_TLS_VERIFY &&
                                                      policy->level != SMTP_TLS_HALF_DANE));
    smtp_proto_secured(s);
}

static void on_failed(void *owner, const char *reason, const char *library_errors)
{
    const struct smtp_session *s = owner;
    struct slice errors = slice_of(library_errors), first = slice_of(reason);
    log_info(NULL, "SSL_connect error to %s: %s", s->relay, reason);
    warn_lines(library_errors);
    slice_next_line(&errors, &first); /* says more than the number in REASON */
    smtp_tlsrpt_failed(s, "validation-failure", arena_slice_dup(s->delivery->arena, first));
}

static void on_note(void *owner, bool is_warning, const char *line)
{
    (void)owner;
    if (is_warning)
        log_warn(NULL, "%s", line);
    else
        log_info(NULL, "%s", line);
}

static const struct tls_session_events events = {on_ready, on_failed, on_note};

void smtp_tls_timed_out(const struct smtp_session *s)
{
    log_info(NULL, "SSL_connect error to %s: Connection timed out", s->relay);
    smtp_tlsrpt_failed(s, "validation-failure", "Connection timed out");
}

bool smtp_tls_handshake(struct smtp_session *s)
{
    const struct smtp_tls_policy *policy = &s->delivery->policy;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, problems = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!client) {
        fail_without_engine(s);
        return false;
    }
    s->tls_loglevel = tls_loglevel_find(loglevels, parameter("loglevel_maps"), s->host.name,
                                        s->host.address_text, loglevel, &problems);
    warn_lines(problems.s);
    strbuf_addf(&key, "%s:%d\n%s", s->host.address_text, s->host.port, s->policy_key);
    bool has_fingerprints = policy->level == SMTP_TLS_FINGERPRINT;
    const struct tls_wants wants = {
        .protocols = policy->protocols,
        .ciphers = policy->ciphers,
        .exclude_ciphers = policy->exclude,
        .server_name = policy->server_name,
        .names = has_fingerprints ? NULL : policy->matches,
        .fingerprints = has_fingerprints ? policy->matches : NULL,
        .dane = policy->dane,
        .cache_key = key.s,
    };
    const struct tls_session_options options = {.peer = s->relay,
                                                .loglevel = s->tls_loglevel,
                                                .trace_size =
                                                    smtp_params.smtp_tls_trace_size_limit};
    s->handshake = tls_session_new_client(client, &wants, smtp_client.loop, stream_fd(s->stream),
                                          &options, &events, s, &err);
    if (!s->handshake)
        log_warn(NULL, "%s: %s", s->relay, err.reason);
    else if (!tls_session_begin(s->handshake, s->stream))
        s->handshake = NULL; /* it is gone */
    if (s->handshake)
        return true;
    smtp_delivery_on_lost(s->delivery, s, SMTP_END_LOST); /* in SMTP_STEP_HANDSHAKE */
    return false;
}
