#include "mail/verify_client.h"

#include "base/xmem.h"
#include "config/common_params.h"

struct client *verify_client_new(struct loop *loop, struct client_options options)
{
    CLEANUP(xfree_ptr)
    char *path = xasprintf("private/%s", common_params.address_verify_service_name);
    options.path = path;
    return client_new(loop, &options);
}

bool verify_client_answer(uint16_t kind, struct slice body, const struct err *err,
                          struct arena *arena, struct verify_status *ret, struct err *why)
{
    if (!body.s)
        return err_set(why, ERR_TEMP, "%s", err->reason);
    if (kind != VERIFY_STATUS)
        return err_set(why, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    if (!msg_decode(&verify_status_type, body, arena, ret, why))
        return false;
    if (ret->result < VERIFY_OK || ret->result > VERIFY_TODO)
        return err_set(why, ERR_TEMP, "unexpected result %lld", (long long)ret->result);
    return true;
}
