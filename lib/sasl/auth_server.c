/* The part that implementations of SASL share. */
#include "sasl/auth_server.h"

#include "base/xmem.h"
#include "sasl/auth_driver.h"

#include <stdlib.h>
#include <string.h>

static const struct auth_driver *const drivers[] = {&auth_cyrus_driver, &auth_dovecot_driver};

struct auth_wait {
    struct auth_server *server;
    auth_ready_fn fn;
    void *owner;
    struct auth_wait *next;
};

struct auth_server {
    const struct auth_driver *driver;
    void *impl;
    struct auth_wait *waits;
    struct auth_wait *due; /* being told */
};

const char *const *auth_types(void)
{
    static const char *names[COUNT_OF(drivers) + 1];
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        names[i] = drivers[i]->name;
    return names;
}

struct auth_server *auth_server_new(const char *type, const struct auth_settings *settings,
                                    struct strbuf *problems, struct err *err)
{
    const struct auth_driver *driver = NULL;
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        if (strcmp(drivers[i]->name, type) == 0)
            driver = drivers[i];
    if (!driver) {
        err_set(err, ERR_CONFIG, "unsupported SASL server implementation: %s", type);
        return NULL;
    }
    struct auth_server *server = xzalloc(sizeof *server);
    server->driver = driver;
    server->impl = driver->open(server, settings, problems, err);
    if (server->impl)
        return server;
    free(server);
    return NULL;
}

void auth_server_start(struct auth_server *server, struct loop *loop, struct work_pool *pool)
{
    server->driver->start(server->impl, loop, pool);
}

void auth_server_free(struct auth_server *server)
{
    if (!server)
        return;
    while (server->waits)
        auth_wait_cancel(server->waits);
    while (server->due)
        auth_wait_cancel(server->due);
    server->driver->close(server->impl);
    free(server);
}

bool auth_policy_parse(const struct auth_server *server, const char *list, unsigned *ret_policy,
                       struct err *err)
{
    return auth_policies_parse(list, server->driver->policies, ret_policy, err);
}

void auth_server_mechanisms(struct auth_server *server, unsigned policy, struct argv *ret)
{
    if (server->driver->is_ready(server->impl))
        server->driver->mechanisms(server->impl, policy, ret);
}

struct auth_wait *auth_server_wait(struct auth_server *server, auth_ready_fn fn, void *owner)
{
    if (server->driver->is_ready(server->impl))
        return NULL;
    struct auth_wait *wait = xmalloc(sizeof *wait);
    *wait = (struct auth_wait){server, fn, owner, server->waits};
    server->waits = wait;
    server->driver->prepare(server->impl);
    return wait;
}

static bool list_remove(struct auth_wait **at, struct auth_wait *wait)
{
    while (*at && *at != wait)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = wait->next;
    return true;
}

void auth_wait_cancel(struct auth_wait *wait)
{
    if (!wait)
        return;
    if (!list_remove(&wait->server->waits, wait))
        list_remove(&wait->server->due, wait);
    free(wait);
}

void auth_server_is_ready(struct auth_server *server, const struct err *err)
{
    /* those that a callback adds come with another answer */
    server->due = server->waits;
    server->waits = NULL;
    while (server->due) {
        struct auth_wait *wait = server->due;
        auth_ready_fn fn = wait->fn;
        void *owner = wait->owner;
        server->due = wait->next;
        free(wait);
        fn(owner, err);
    }
}

struct auth_exchange *auth_begin(struct auth_server *server, const struct auth_peer *peer,
                                 unsigned policy, const char *mechanism,
                                 const struct slice *initial, auth_fn fn, void *owner)
{
    struct auth_exchange *exchange =
        server->driver->begin(server->impl, peer, policy, mechanism, initial);
    exchange->respond = server->driver->respond;
    exchange->cancel = server->driver->cancel;
    exchange->fn = fn;
    exchange->owner = owner;
    return exchange;
}

bool auth_is_base64(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '+' || c == '/' || c == '=';
        if (!good)
            return false;
    }
    return true;
}
