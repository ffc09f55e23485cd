/* tlsproxy: does TLS for programs that talk to clients of theirs in plain text. */
#include "config/known_params.h"
#include "log/log.h"
#include "service/service.h"
#include "tls/tls_library.h"
#include "tls/tls_params.h"
#include "tls/tls_server.h"
#include "tls/tls_trace.h"
#include "tlsproxy/tlsproxy_choice.h"
#include "tlsproxy/tlsproxy_params.h"
#include "tlsproxy/tlsproxy_session.h"

#include <strings.h>

static struct tlsproxy_server tlsproxy_shared;

/* False: the configuration wants no TLS. */
static bool tls_is_wanted(bool *ret_mandatory)
{
    const struct tlsproxy_params *p = &tlsproxy_params;
    const char *level = p->tlsproxy_tls_security_level;
    *ret_mandatory = *level ? strcasecmp(level, "none") != 0 && strcasecmp(level, "may") != 0
                            : p->tlsproxy_enforce_tls;
    return *level ? strcasecmp(level, "none") != 0 : *ret_mandatory || p->tlsproxy_use_tls;
}

static struct tls_server_settings settings(bool mandatory, struct strbuf *exclude)
{
    const struct tlsproxy_params *p = &tlsproxy_params;
    strbuf_setf(exclude, "%s %s", p->tlsproxy_tls_exclude_ciphers,
                mandatory ? p->tlsproxy_tls_mandatory_exclude_ciphers : "");
    return (struct tls_server_settings){
        .files =
            {
                .chain_files = p->tlsproxy_tls_chain_files,
                .cert_file = p->tlsproxy_tls_cert_file,
                .key_file = p->tlsproxy_tls_key_file,
                .eccert_file = p->tlsproxy_tls_eccert_file,
                .eckey_file = p->tlsproxy_tls_eckey_file,
                .dcert_file = p->tlsproxy_tls_dcert_file,
                .dkey_file = p->tlsproxy_tls_dkey_file,
                .CAfile = p->tlsproxy_tls_CAfile,
                .CApath = p->tlsproxy_tls_CApath,
            },
        .protocols = mandatory ? p->tlsproxy_tls_mandatory_protocols : p->tlsproxy_tls_protocols,
        .ciphers = mandatory ? p->tlsproxy_tls_mandatory_ciphers : p->tlsproxy_tls_ciphers,
        .exclude_ciphers = exclude->s,
        .ask_client_certificate = p->tlsproxy_tls_ask_ccert || p->tlsproxy_tls_req_ccert,
        .verify_depth = (int)p->tlsproxy_tls_ccert_verifydepth,
        .fingerprint_digest = "sha256", /* nobody asks for them */
        .dh_param_file = p->tlsproxy_tls_dh1024_param_file,
        .service = service_instance(), /* smtpd's sessions are others */
        .always_gives_session_ids = p->tlsproxy_tls_always_issue_session_ids,
    };
}

/* Without a usable certificate each request is refused: the service that asks says so. */
static void tlsproxy_open(struct config *cfg)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf exclude = STRBUF_ANY, problems = STRBUF_ANY;
    if (!params_load(cfg, tls_param_rows, &tls_params, &err))
        log_fatal("%s", err.reason);
    tlsproxy_choice_make(cfg);
    bool mandatory;
    if (!tls_is_wanted(&mandatory))
        return;
    struct tls_server_settings wanted = settings(mandatory, &exclude);
    tlsproxy_shared.tls = tls_server_new(&wanted, &problems);
    tlsproxy_shared.needs_certificate = tlsproxy_params.tlsproxy_tls_req_ccert && mandatory;
    tlsproxy_shared.loglevel =
        tls_trace_level("tlsproxy_tls_loglevel", tlsproxy_params.tlsproxy_tls_loglevel, &problems);
    tlsproxy_shared.loglevels = maps_open("postscreen_tls_loglevel_maps",
                                          tlsproxy_params.postscreen_tls_loglevel_maps, MAP_FOLD);
    tlsproxy_shared.trace_size = tlsproxy_params.postscreen_tls_trace_size_limit;
    if (tlsproxy_params.tlsproxy_tls_enable_rpk)
        tls_library_refuse_keys("tlsproxy_tls_enable_rpk", &problems);
    struct slice rest = strbuf_slice(&problems), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

static void warn(const char *text)
{
    log_warn(NULL, "%s", text);
}

static void tlsproxy_start(struct config *cfg)
{
    (void)cfg;
    if (tlsproxy_shared.tls)
        tls_server_start(tlsproxy_shared.tls, service_loop(), warn);
    tlsproxy_shared.loop = service_loop();
    tlsproxy_shared.on_session_end = service_client_done;
    service_watchdog(tlsproxy_params.tlsproxy_watchdog_timeout);
}

static bool tlsproxy_has_stale_tables(void)
{
    return tlsproxy_shared.loglevels && maps_have_changed(tlsproxy_shared.loglevels);
}

static void tlsproxy_accept(int fd)
{
    tlsproxy_session_start(&tlsproxy_shared, fd);
}

static const struct service tlsproxy_service = {
    .name = "tlsproxy",
    .model = SERVICE_MANY_CLIENTS,
    .params = tlsproxy_param_rows,
    .params_at = &tlsproxy_params,
    .foreign_params = known_param_rows,
    .before_jail = tlsproxy_open,
    .after_jail = tlsproxy_start,
    .on_connect = tlsproxy_accept,
    .has_stale_tables = tlsproxy_has_stale_tables,
};

int main(int argc, char **argv)
{
    return service_main(&tlsproxy_service, argc, argv);
}
