/*
 * auth_server: the server's side of SASL (RFC 4422): who a client is, by one of the implementations
 * that smtpd_sasl_type names. One a process.
 *
 * An exchange is one AUTH command: auth_begin(), then auth_respond() to every challenge.
 */
#ifndef SASL_AUTH_SERVER_H
#define SASL_AUTH_SERVER_H

#include "base/argv.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "io/work.h"
#include "sasl/auth_exchange.h"

struct auth_server;
struct auth_wait;

struct auth_settings {
    const char *path;        /* smtpd_sasl_path */
    const char *service;     /* smtpd_sasl_service */
    const char *realm;       /* smtpd_sasl_local_domain; "": none */
    const char *hostname;    /* myhostname */
    const char *config_path; /* cyrus_sasl_config_path; "": the usual places */
    const char *config_directory;
};

/* The session that asks. Addresses are numeric; another text or NULL: not known. */
struct auth_peer {
    const char *client_address, *server_address;
    uint16_t client_port, server_port;
    bool is_encrypted;
};

/* Names of the implementations; NULL after the last. */
const char *const *auth_types(void);

/* TYPE as smtpd_sasl_type. To be called before root is given up and the jail entered. PROBLEMS gets
 * lines to be logged, also when it works. At most one of Cyrus SASL in a process. */
struct auth_server *auth_server_new(const char *type, const struct auth_settings *settings,
                                    struct strbuf *problems, struct err *err);
/* POOL looks up names of hosts; it has to outlive SERVER. */
void auth_server_start(struct auth_server *server, struct loop *loop, struct work_pool *pool);
void auth_server_free(
    struct auth_server *server); /* NULL is fine; no callback is called any more */

/* The bits of a list like smtpd_sasl_security_options. */
bool auth_policy_parse(const struct auth_server *server, const char *list, unsigned *ret_policy,
                       struct err *err);

/* The mechanisms, in the server's order, that POLICY lets through; none while they are not known.
 */
void auth_server_mechanisms(struct auth_server *server, unsigned policy, struct argv *ret);
/* Are they known? NULL: yes. Else FN is called once when they are, or cannot be had (ERR). */
typedef void (*auth_ready_fn)(void *owner, const struct err *err);
struct auth_wait *auth_server_wait(struct auth_server *server, auth_ready_fn fn, void *owner);
void auth_wait_cancel(struct auth_wait *wait); /* NULL is fine */

/* INITIAL: the initial response in base64, empty for one of no bytes; NULL: there is none. */
struct auth_exchange *auth_begin(struct auth_server *server, const struct auth_peer *peer,
                                 unsigned policy, const char *mechanism,
                                 const struct slice *initial, auth_fn fn, void *owner);

#endif
