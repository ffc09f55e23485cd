/* Room for mail: smtpd refuses mail when the queue has less. */
#include "postlint/postlint.h"

#include "config/common_params.h"

#include <sys/statvfs.h>

void postlint_space(struct postlint *lint)
{
    struct statvfs fs;
    int64_t minfree = 0, size = common_params.message_size_limit;
    const struct postlint_scope *scope = &lint->scopes[0];
    if (statvfs(common_params.queue_directory, &fs) < 0 ||
        !config_get_int(scope->cfg, "queue_minfree", "0", 0, 0, &minfree, NULL))
        return;
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize, half = (uint64_t)size / 2;
    uint64_t wanted = MAX((uint64_t)minfree, (uint64_t)size + half);
    if (left < wanted)
        postlint_report(lint, LINT_V120, postlint_where(lint, scope, "queue_directory"), NULL,
                        "%s has %llu bytes left and needs %llu for one more message",
                        common_params.queue_directory, (unsigned long long)left,
                        (unsigned long long)wanted);
}
