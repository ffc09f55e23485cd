#include "smtpd/smtpd_tls.h"

#include "base/slice.h"
#include "config/common_params.h"
#include "log/log.h"
#include "mail/record.h"
#include "service/service.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_session.h"
#include "tls/tls_info.h"
#include "tls/tls_library.h"
#include "tls/tls_loglevel.h"
#include "tls/tls_params.h"
#include "tls/tls_session.h"
#include "tls/tls_trace.h"

#include <string.h>
#include <strings.h>

/* The historic parameters say less, and count where the level says nothing. */
static enum smtpd_tls_level level_of_old_parameters(void)
{
    if (smtpd_params.smtpd_enforce_tls)
        return SMTPD_TLS_ENCRYPT;
    return smtpd_params.smtpd_use_tls ? SMTPD_TLS_MAY : SMTPD_TLS_NONE;
}

static enum smtpd_tls_level configured_level(void)
{
    static const struct {
        const char *name;
        enum smtpd_tls_level level;
    } levels[] = {{"none", SMTPD_TLS_NONE}, {"may", SMTPD_TLS_MAY}, {"encrypt", SMTPD_TLS_ENCRYPT}};
    static const char *const of_clients[] = {"fingerprint", "half-dane", "dane",
                                             "dane-only",   "verify",    "secure"};
    const char *text = smtpd_params.smtpd_tls_security_level;
    if (!text[0])
        return level_of_old_parameters();
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (strcasecmp(levels[i].name, text) == 0)
            return levels[i].level;
    for (size_t i = 0; i < COUNT_OF(of_clients); i++)
        if (strcasecmp(of_clients[i], text) == 0) {
            log_warn(NULL,
                     "smtpd_tls_security_level: unsupported TLS level \"%s\", using \"encrypt\"",
                     text);
            return SMTPD_TLS_ENCRYPT;
        }
    log_fatal("invalid TLS level \"%s\"", text);
}

static void warn_lines(const char *text)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

static struct tls_server_settings settings(bool mandatory, struct strbuf *exclude,
                                           struct maps *sni_maps, const char *service)
{
    const struct smtpd_params *p = &smtpd_params;
    strbuf_setf(exclude, "%s %s", p->smtpd_tls_exclude_ciphers,
                mandatory ? p->smtpd_tls_mandatory_exclude_ciphers : "");
    return (struct tls_server_settings){
        .files =
            {
                .chain_files = p->smtpd_tls_chain_files,
                .cert_file = p->smtpd_tls_cert_file,
                .key_file = p->smtpd_tls_key_file,
                .eccert_file = p->smtpd_tls_eccert_file,
                .eckey_file = p->smtpd_tls_eckey_file,
                .dcert_file = p->smtpd_tls_dcert_file,
                .dkey_file = p->smtpd_tls_dkey_file,
                .CAfile = p->smtpd_tls_CAfile,
                .CApath = p->smtpd_tls_CApath,
            },
        .protocols = mandatory ? p->smtpd_tls_mandatory_protocols : p->smtpd_tls_protocols,
        .ciphers = mandatory ? p->smtpd_tls_mandatory_ciphers : p->smtpd_tls_ciphers,
        .exclude_ciphers = exclude->s,
        .ask_client_certificate = p->smtpd_tls_ask_ccert || p->smtpd_tls_req_ccert,
        .require_client_certificate = p->smtpd_tls_req_ccert && mandatory,
        .verify_depth = (int)p->smtpd_tls_ccert_verifydepth,
        .fingerprint_digest = p->smtpd_tls_fingerprint_digest,
        .dh_param_file = p->smtpd_tls_dh1024_param_file,
        .service = service,
        .always_gives_session_ids = p->smtpd_tls_always_issue_session_ids,
        .sni_maps = sni_maps,
    };
}

void smtpd_tls_open(struct smtpd_server *server)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf exclude = STRBUF_ANY, problems = STRBUF_ANY;
    server->tls_level = configured_level();
    server->tls_wrapped = smtpd_params.smtpd_tls_wrappermode;
    if (server->tls_wrapped)
        server->tls_level = SMTPD_TLS_ENCRYPT;
    if (server->tls_level == SMTPD_TLS_NONE)
        return;
    bool mandatory = server->tls_level == SMTPD_TLS_ENCRYPT;
    if (smtpd_params.smtpd_tls_req_ccert && !mandatory)
        log_warn(NULL, "Can't require client certs unless TLS is required");
    server->tls_needs_certificate = smtpd_params.smtpd_tls_req_ccert && mandatory;
    if (!params_load(server->cfg, tls_param_rows, &tls_params, &err))
        log_fatal("%s", err.reason);
    if (smtpd_params.smtpd_tls_enable_rpk)
        tls_library_refuse_keys("smtpd_tls_enable_rpk", &problems);
    server->tls_loglevel =
        tls_trace_level("smtpd_tls_loglevel", tls_params.smtpd_tls_loglevel, &problems);
    server->sni_maps =
        maps_open("tls_server_sni_maps", tls_params.tls_server_sni_maps, MAP_FOLD | MAP_FILES);
    server->tls_loglevels =
        maps_open("smtpd_tls_loglevel_maps", smtpd_params.smtpd_tls_loglevel_maps, MAP_FOLD);
    if (server->tls_loglevel >= 2)
        log_info(NULL, "initializing the server-side TLS engine");
    struct tls_server_settings wanted =
        settings(mandatory, &exclude, server->sni_maps, service_instance());
    server->tls = tls_server_new(&wanted, &problems);
    warn_lines(problems.s);
}

static void warn(const char *text)
{
    log_warn(NULL, "%s", text);
}

void smtpd_tls_start(struct smtpd_server *server)
{
    if (server->tls)
        tls_server_start(server->tls, server->loop, warn);
}

/* smtpd_tls_loglevel_maps has the last word, by the client's name, its parents, its address. */
static int loglevel_of(const struct smtpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    int level = tls_loglevel_find(s->server->tls_loglevels, "smtpd_tls_loglevel_maps", s->peer.name,
                                  s->peer.address, s->server->tls_loglevel, &problems);
    warn_lines(problems.s);
    return level;
}

static void abort_without_certificate(struct smtpd_session *s, const struct tls_info *info)
{
    const char *why = info->has_certificate ? "Client certificate not trusted"
                                            : "No client certificate presented";
    log_info(smtpd_session_tag(s), "abort: TLS from %s: %s", s->peer.namaddr, why);
    s->tls_refusal = why;
}

static void on_ready(void *owner, const struct tls_info *info)
{
    struct smtpd_session *s = owner;
    const struct log_tag *tag = smtpd_session_plain_tag(s);
    s->tls = info;
    s->flags &= ~(unsigned)SMTPD_SESSION_HANDSHAKE;
    if (s->server->tls_needs_certificate && info->has_certificate && !info->is_trusted)
        log_info(tag, "certificate verification failed for %s: %s", s->peer.namaddr,
                 info->verify_error);
    if (s->tls_loglevel > 0) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        tls_info_format(info, " ", " ", &text);
        log_info(tag, "%s TLS connection established from %s%s%s: %s", tls_info_trust(info),
                 s->peer.namaddr, info->sni ? " to " : "", info->sni ? info->sni : "", text.s);
    }
    if (s->server->tls_needs_certificate && !info->is_trusted)
        abort_without_certificate(s, info);
    if (s->server->local_headers_certificates || s->server->local_headers_listed_certificates)
        smtpd_server_classify(s);
    if (!info->is_resumed)
        smtpd_limit_count_tls(s);
    smtpd_session_resume(s);
}

/* The reply to STARTTLS has promised too much. */
static void note_failure(struct smtpd_session *s, const char *reason)
{
    log_info(smtpd_session_plain_tag(s), "SSL_accept error from %s: %s", s->peer.namaddr, reason);
    if (s->counts_ok[SMTPD_COUNT_STARTTLS] > 0)
        s->counts_ok[SMTPD_COUNT_STARTTLS]--;
}

static void on_failed(void *owner, const char *reason, const char *library_errors)
{
    note_failure(owner, reason);
    warn_lines(library_errors);
}

static void on_note(void *owner, bool is_warning, const char *line)
{
    struct smtpd_session *s = owner;
    if (is_warning)
        log_warn(NULL, "%s", line);
    else
        log_info(smtpd_session_plain_tag(s), "%s", line);
}

static const struct tls_session_events events = {on_ready, on_failed, on_note};

bool smtpd_tls_prepare(struct smtpd_session *s)
{
    s->tls_loglevel = (uint8_t)loglevel_of(s);
    const struct tls_session_options options = {
        .peer = s->peer.namaddr,
        .loglevel = s->tls_loglevel,
        .trace_size = smtpd_params.smtpd_tls_trace_size_limit,
    };
    s->tls_wanted = tls_session_new_server(s->server->tls, s->server->loop, stream_fd(s->stream),
                                           &options, &events, s);
    if (s->tls_wanted)
        s->flags |= SMTPD_SESSION_HANDSHAKE;
    return s->tls_wanted;
}

bool smtpd_tls_is_starting(const struct smtpd_session *s)
{
    return s->flags & SMTPD_SESSION_HANDSHAKE;
}

void smtpd_tls_timed_out(struct smtpd_session *s)
{
    note_failure(s, "Connection timed out");
}

static void add_client_line(const struct tls_info *info, struct strbuf *records)
{
    if (info->has_certificate)
        record_addf(records, REC_LINE, "\t(Client CN \"%s\", Issuer \"%s\" (%s))", info->subject_cn,
                    info->issuer_cn, info->is_trusted ? "verified OK" : "not verified");
    else
        record_addf(records, REC_LINE, "\t(%s)",
                    info->was_asked ? "Client did not present a certificate"
                                    : "No client certificate requested");
}

void smtpd_tls_add_received(const struct smtpd_session *s, struct strbuf *records)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (!s->tls || !smtpd_params.smtpd_tls_received_header)
        return;
    tls_info_format(s->tls, "\n\t ", "\n\t ", &text);
    strbuf_add_char(&text, ')');
    struct slice rest = strbuf_slice(&text), line;
    const char *before = "\t(using ";
    while (slice_next_line(&rest, &line)) {
        record_addf(records, REC_LINE, "%s%.*s", before, SLICE_ARG(line));
        before = "";
    }
    add_client_line(s->tls, records);
}
