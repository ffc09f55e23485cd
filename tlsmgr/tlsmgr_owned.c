#include "tlsmgr/tlsmgr_owned.h"

#include "config/common_params.h"
#include "log/log.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tlsmgr_owned_path(const char *path, struct strbuf *ret)
{
    CLEANUP(strbuf_done) struct strbuf directory = STRBUF_ANY;
    struct stat st;
    const char *name = strrchr(path, '/');
    strbuf_set(ret, path);
    strbuf_set_slice(&directory, (struct slice){path, name ? (size_t)(name - path) : 0});
    if (!directory.len)
        strbuf_set(&directory, name ? "/" : ".");
    if (stat(directory.s, &st) < 0 || st.st_uid == geteuid())
        return; /* what is not there gets its own message */
    log_warn(NULL, "request to update file %s in non-postfix directory %s", path, directory.s);
    log_warn(NULL, "redirecting the request to postfix-owned data_directory %s",
             common_params.data_directory);
    strbuf_setf(ret, "%s/%s", common_params.data_directory, name ? name + 1 : path);
}
