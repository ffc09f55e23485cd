/* Both halves, after the promise that makes the kernel accept them from an ordinary user. */
#include "service/confine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

bool confine_process(const char *const writable[], bool network, struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(err, ERR_TEMP, "no_new_privs: %s", strerror(errno));
    return (!writable || confine_files(writable, err)) && confine_calls(network, err);
}
