/* auth_driver: what an implementation of SASL offers to auth_server and auth_client. */
#ifndef SASL_AUTH_DRIVER_H
#define SASL_AUTH_DRIVER_H

#include "sasl/auth_client.h"
#include "sasl/auth_server.h"

struct auth_driver {
    const char *name;
    unsigned policies; /* those it knows */
    /* IMPL is the implementation's own; SERVER is given for auth_server_is_ready(). */
    void *(*open)(struct auth_server *server, const struct auth_settings *settings,
                  struct strbuf *problems, struct err *err);
    void (*start)(void *impl, struct loop *loop, struct work_pool *pool);
    void (*close)(void *impl);
    bool (*is_ready)(const void *impl);
    /* Find out the mechanisms, then auth_server_is_ready(), but not from inside. */
    void (*prepare)(void *impl);
    void (*mechanisms)(void *impl, unsigned policy, struct argv *ret);
    struct auth_exchange *(*begin)(void *impl, const struct auth_peer *peer, unsigned policy,
                                   const char *mechanism, const struct slice *initial);
    void (*respond)(struct auth_exchange *exchange, struct slice response);
    void (*cancel)(struct auth_exchange *exchange);
};

struct auth_client_driver {
    const char *name;
    unsigned policies; /* those it knows */
    void *(*open)(const struct auth_client_settings *settings, struct strbuf *problems,
                  struct err *err);
    void (*start)(void *impl, struct loop *loop);
    void (*close)(void *impl);
    struct auth_exchange *(*begin)(void *impl, const struct auth_client_login *login);
    void (*respond)(struct auth_exchange *exchange, struct slice challenge);
    void (*cancel)(struct auth_exchange *exchange);
};

/* The first member of an implementation's exchange. */
struct auth_exchange {
    void (*respond)(struct auth_exchange *exchange, struct slice text);
    void (*cancel)(struct auth_exchange *exchange);
    auth_fn fn;
    void *owner;
};

extern const struct auth_driver auth_dovecot_driver, auth_cyrus_driver;
extern const struct auth_client_driver auth_cyrus_client_driver;

/* The mechanisms are known, or cannot be had (ERR). */
void auth_server_is_ready(struct auth_server *server, const struct err *err);

/* Is it made of base64's characters, padding wherever? What they mean is found out later. */
bool auth_is_base64(struct slice text);
enum { AUTH_LOGIN_MAX = 1024, AUTH_REASON_MAX = 400 };

#endif
