/*
 * auth_client: the client's side of SASL: who we are, told by one of the implementations that
 * smtp_sasl_type names. One a process.
 *
 * An exchange begins with the mechanisms the server offers; its first answer names the one chosen
 * and perhaps has an initial response. auth_respond() then takes each challenge. Whether the server
 * lets us in, it says itself.
 */
#ifndef SASL_AUTH_CLIENT_H
#define SASL_AUTH_CLIENT_H

#include "base/strbuf.h"
#include "io/loop.h"
#include "sasl/auth_exchange.h"

struct auth_client;

struct auth_client_settings {
    const char *service; /* "smtp", "lmtp" */
    const char *path;    /* smtp_sasl_path */
    bool sends_authzid;  /* send_cyrus_sasl_authzid */
};

/* A server to log in to. Texts are copied. */
struct auth_client_login {
    const char *server; /* its name, for mechanisms that tell or check it */
    const char *user, *password;
    const char *mechanisms; /* as it offers them, separated by blanks */
    unsigned policy;
};

/* Names of the implementations; NULL after the last. */
const char *const *auth_client_types(void);

/* TYPE as smtp_sasl_type. To be called before root is given up and the jail entered. PROBLEMS gets
 * lines to be logged, also when it works. At most one of Cyrus SASL in a process. */
struct auth_client *auth_client_new(const char *type, const struct auth_client_settings *settings,
                                    struct strbuf *problems, struct err *err);
void auth_client_start(struct auth_client *client, struct loop *loop);
/* NULL is fine; no callback is called any more */
void auth_client_free(struct auth_client *client);

/* The bits of a list like smtp_sasl_security_options. */
bool auth_client_policy_parse(const struct auth_client *client, const char *list,
                              unsigned *ret_policy, struct err *err);

/* Statuses: AUTH_MORE, AUTH_FAILED, AUTH_BROKEN. */
struct auth_exchange *auth_client_begin(struct auth_client *client,
                                        const struct auth_client_login *login, auth_fn fn,
                                        void *owner);

#endif
