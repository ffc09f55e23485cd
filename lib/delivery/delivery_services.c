/* Connections to the services bounce, defer and trace. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "delivery/delivery_internal.h"

static struct client *clients[DELIVERY_SERVICES];

const char *delivery_service_name(enum delivery_service service)
{
    switch (service) {
    case DELIVERY_BOUNCE:
        return common_params.bounce_service_name;
    case DELIVERY_DEFER:
        return common_params.defer_service_name;
    default:
        return common_params.trace_service_name;
    }
}

void delivery_services_open(struct loop *loop)
{
    for (size_t i = 0; i < DELIVERY_SERVICES; i++) {
        CLEANUP(xfree_ptr)
        char *path = xasprintf("private/%s", delivery_service_name((enum delivery_service)i));
        /* A status appended twice shows twice in a report: harmless, so the question may be
         * repeated when the service retired while it was on its way. */
        const struct client_options options = {
            .path = path,
            .timeout_ms = common_params.ipc_timeout * 1000,
            .max_idle = 1,
            .max_idle_ms = common_params.ipc_idle * 1000,
        };
        clients[i] = client_new(loop, &options);
    }
}

void delivery_services_close(void)
{
    for (size_t i = 0; i < DELIVERY_SERVICES; i++) {
        client_free(clients[i]);
        clients[i] = NULL;
    }
}

static struct call *ask_client(enum delivery_service service, const struct bounce_append *question,
                               call_fn fn, void *owner)
{
    return client_call(clients[service], BOUNCE_APPEND, &bounce_append_type, question, fn, owner);
}

struct call *(*delivery_ask)(enum delivery_service service, const struct bounce_append *question,
                             call_fn fn, void *owner) = ask_client;
