/* The part that implementations of SASL's client side share. */
#include "sasl/auth_client.h"

#include "base/xmem.h"
#include "sasl/auth_driver.h"

#include <stdlib.h>
#include <string.h>

static const struct auth_client_driver *const drivers[] = {&auth_cyrus_client_driver};

struct auth_client {
    const struct auth_client_driver *driver;
    void *impl;
};

const char *const *auth_client_types(void)
{
    static const char *names[COUNT_OF(drivers) + 1];
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        names[i] = drivers[i]->name;
    return names;
}

struct auth_client *auth_client_new(const char *type, const struct auth_client_settings *settings,
                                    struct strbuf *problems, struct err *err)
{
    const struct auth_client_driver *driver = NULL;
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        if (strcmp(drivers[i]->name, type) == 0)
            driver = drivers[i];
    if (!driver) {
        err_set(err, ERR_CONFIG, "unsupported SASL client implementation: %s", type);
        return NULL;
    }
    struct auth_client *client = xzalloc(sizeof *client);
    client->driver = driver;
    client->impl = driver->open(settings, problems, err);
    if (client->impl)
        return client;
    free(client);
    return NULL;
}

void auth_client_start(struct auth_client *client, struct loop *loop)
{
    client->driver->start(client->impl, loop);
}

void auth_client_free(struct auth_client *client)
{
    if (!client)
        return;
    client->driver->close(client->impl);
    free(client);
}

bool auth_client_policy_parse(const struct auth_client *client, const char *list,
                              unsigned *ret_policy, struct err *err)
{
    return auth_policies_parse(list, client->driver->policies, ret_policy, err);
}

struct auth_exchange *auth_client_begin(struct auth_client *client,
                                        const struct auth_client_login *login, auth_fn fn,
                                        void *owner)
{
    struct auth_exchange *exchange = client->driver->begin(client->impl, login);
    exchange->respond = client->driver->respond;
    exchange->cancel = client->driver->cancel;
    exchange->fn = fn;
    exchange->owner = owner;
    return exchange;
}
