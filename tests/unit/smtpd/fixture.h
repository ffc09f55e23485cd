/* A server without connections, for handlers tested without a socket. */
#ifndef UNIT_SMTPD_FIXTURE_H
#define UNIT_SMTPD_FIXTURE_H

#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

static struct smtpd_server fixture_server;

static void fixture_quiet(enum log_level level, const char *line)
{
    (void)level;
    (void)line;
}

static struct smtpd_server *fixture_open(void)
{
    static const char *const settings[][2] = {
        {"myhostname", "mail.test"},
        {"mydestination", "here.test"},
        {"mynetworks", "127.0.0.0/8"},
        {"inet_interfaces", "127.0.0.1"},
        {"inet_protocols", "ipv4"},
        {"compatibility_level", "3.6"},
        {"alias_maps", ""},
        {"smtpd_authorized_xclient_hosts", "127.0.0.1"},
        {"local_recipient_maps", "inline:{root=x}"},
        {"smtpd_relay_restrictions", "reject_unauth_destination"},
        {"smtpd_recipient_restrictions",
         "check_recipient_access inline:{{no@here.test=550 5.7.9 go away},{odd@here.test=bogus},"
         "{map@here.test=550 5.1.8 other},{nl@here.test=450}}"},
    };
    struct err err = ERR_INIT;
    struct config *cfg = config_new("/nonexistent");
    log_hook = fixture_quiet;
    config_declare(cfg, smtpd_param_rows);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        config_override(cfg, settings[i][0], settings[i][1]);
    if (!common_params_load(cfg, &err) || !params_load(cfg, smtpd_param_rows, &smtpd_params, &err))
        log_fatal("%s", err.reason);
    smtpd_server_open(&fixture_server, cfg);
    return &fixture_server;
}

UNUSED static void fixture_close(void)
{
    struct config *cfg = fixture_server.cfg;
    smtpd_server_close(&fixture_server);
    params_done(smtpd_param_rows, &smtpd_params);
    params_done(common_param_rows, &common_params);
    config_free(cfg);
}

UNUSED static struct smtpd_session *fixture_session(void)
{
    struct smtpd_session *s = smtpd_session_new(&fixture_server);
    smtpd_peer_set_local(&s->peer);
    return s;
}

#endif
