#include "mail/bounce_client.h"

#include "base/xmem.h"
#include "config/common_params.h"

const char *bounce_client_name(enum bounce_service service)
{
    switch (service) {
    case BOUNCE_SERVICE:
        return common_params.bounce_service_name;
    case DEFER_SERVICE:
        return common_params.defer_service_name;
    default:
        return common_params.trace_service_name;
    }
}

struct client *bounce_client_new(struct loop *loop, enum bounce_service service,
                                 struct client_options options)
{
    CLEANUP(xfree_ptr) char *path = xasprintf("private/%s", bounce_client_name(service));
    options.path = path;
    return client_new(loop, &options);
}

bool bounce_client_answer(uint16_t kind, struct slice body, const struct err *err, struct err *why)
{
    if (!body.s)
        return err_set(why, ERR_TEMP, "%s", err->reason);
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("bounce_status");
    struct bounce_status status;
    if (kind != BOUNCE_STATUS)
        return err_set(why, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    if (!msg_decode(&bounce_status_type, body, arena, &status, why))
        return false;
    return status.ok ? true : err_set(why, ERR_TEMP, "%s", status.reason);
}
