/* Connections to the services bounce, defer and trace. */
#include "config/common_params.h"
#include "delivery/delivery_internal.h"

static struct client *clients[BOUNCE_SERVICES], *verify;

void delivery_services_open(struct loop *loop)
{
    for (size_t i = 0; i < BOUNCE_SERVICES; i++) {
        /* A status appended twice shows twice in a report: harmless, so the question may be
         * repeated when the service retired while it was on its way. */
        const struct client_options options = {
            .timeout_ms = common_params.ipc_timeout * 1000,
            .max_idle = 1,
            .max_idle_ms = common_params.ipc_idle * 1000,
            .max_age_ms = common_params.ipc_ttl * 1000,
        };
        clients[i] = bounce_client_new(loop, (enum bounce_service)i, options);
        if (i == 0)
            verify = verify_client_new(loop, options);
    }
}

void delivery_services_close(void)
{
    for (size_t i = 0; i < BOUNCE_SERVICES; i++) {
        client_free(clients[i]);
        clients[i] = NULL;
    }
    client_free(verify);
    verify = NULL;
}

static struct call *ask_client(enum bounce_service service, const struct bounce_append *question,
                               call_fn fn, void *owner)
{
    return client_call(clients[service], BOUNCE_APPEND, &bounce_append_type, question, fn, owner);
}

struct call *(*delivery_ask)(enum bounce_service service, const struct bounce_append *question,
                             call_fn fn, void *owner) = ask_client;

static struct call *tell_client(const struct verify_update *update, call_fn fn, void *owner)
{
    return client_call(verify, VERIFY_UPDATE, &verify_update_type, update, fn, owner);
}

struct call *(*delivery_tell_verify)(const struct verify_update *update, call_fn fn,
                                     void *owner) = tell_client;
