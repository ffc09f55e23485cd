/*
 * smtpd_auth: AUTH (RFC 4954): what is offered to a client, and the exchange that is under way. The
 * command itself is in smtpd_cmd_auth.c; who the client turned out to be is the session's login.
 */
#ifndef SMTPD_SMTPD_AUTH_H
#define SMTPD_SMTPD_AUTH_H

#include "esmtp/esmtp_reply.h"
#include "smtpd/smtpd_server.h"

struct auth_exchange;
struct auth_wait;

/* Of a session, from its first EHLO or AUTH on. */
struct smtpd_auth {
    struct auth_wait *wait;         /* EHLO waits for the list of mechanisms */
    struct auth_exchange *exchange; /* NULL: none */
    bool wants_line;                /* a challenge was sent: the next line is the response */
    char *mechanism;                /* as the client named it */
    char *initial;                  /* NULL: none */
    struct reply (*next)(struct smtpd_session *s);
};

/* Load the implementation, while root may. server->auth: NULL unless smtpd_sasl_auth_enable. */
void smtpd_auth_open(struct smtpd_server *server);
void smtpd_auth_close(struct smtpd_server *server);
bool smtpd_auth_is_stale(struct smtpd_server *server);

/* May this client log in? */
bool smtpd_auth_is_on(const struct smtpd_session *s);
/* True: NEXT will be called when the mechanisms are known, and its reply sent. */
bool smtpd_auth_await(struct smtpd_session *s, struct reply (*next)(struct smtpd_session *s));
/* The AUTH lines of the EHLO reply, each after an LF; often none. */
void smtpd_auth_add_keywords(const struct smtpd_session *s, struct strbuf *out);

struct smtpd_auth *smtpd_auth_get(struct smtpd_session *s); /* made when there was none */
void smtpd_auth_free(struct smtpd_session *s);
bool smtpd_auth_is_busy(const struct smtpd_session *s); /* no line can be taken now */
bool smtpd_auth_wants_line(const struct smtpd_session *s);
/* A line that is not a command but a response. */
struct reply smtpd_auth_line(struct smtpd_session *s, struct slice line);

#endif
