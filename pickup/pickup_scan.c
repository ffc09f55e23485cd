#include "pickup/pickup_scan.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "mail/cleanup_client.h"
#include "mail/queue_id.h"
#include "pickup/pickup_message.h"
#include "service/service.h"

#include <dirent.h>
#include <errno.h>
#include <uthash.h>

/* Enough to let their queue files share journal commits, few enough to leave cleanup to others. */
enum { IN_WORK_MAX = 20 };

struct in_work {
    UT_hash_handle hh;
    char name[QUEUE_ID_MAX + 1];
};

static struct {
    struct in_work *in_work;
    struct cleanup_client *cleanup;
    bool left_some; /* the last scan found more than it could start */
    struct later rescan;
} scan;

static void pickup_scan_later(void *owner)
{
    (void)owner;
    pickup_scan_now();
}

void pickup_scan_start(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "public/%s", common_params.cleanup_service_name);
    scan.cleanup = cleanup_client_new(service_loop(), path.s, common_params.ipc_timeout * 1000);
    scan.rescan = (struct later){.fn = pickup_scan_later};
}

static void pickup_scan_take(const char *name)
{
    struct in_work *work = NULL;
    HASH_FIND_STR(scan.in_work, name, work);
    if (work || !queue_id_is_valid(slice_of(name)) || strlen(name) > QUEUE_ID_MAX)
        return;
    if (HASH_COUNT(scan.in_work) >= IN_WORK_MAX) {
        scan.left_some = true;
        return;
    }
    work = xzalloc(sizeof *work);
    memcpy(work->name, name, strlen(name) + 1);
    HASH_ADD_STR(scan.in_work, name, work);
    service_client_added(); /* a retiring process finishes it */
    if (!pickup_message_start(scan.cleanup, work->name))
        pickup_scan_settled(work->name);
}

void pickup_scan_now(void)
{
    if (service_is_retiring())
        return;
    DIR *dir = opendir(QUEUE_MAILDROP);
    if (!dir) {
        log_warn(NULL, "open directory %s: %s", QUEUE_MAILDROP, strerror(errno));
        return;
    }
    scan.left_some = false;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            pickup_scan_take(entry->d_name);
    closedir(dir);
}

void pickup_scan_settled(const char *name)
{
    struct in_work *work = NULL;
    HASH_FIND_STR(scan.in_work, name, work);
    if (!work)
        return;
    HASH_DEL(scan.in_work, work);
    free(work);
    if (scan.left_some && HASH_COUNT(scan.in_work) < IN_WORK_MAX / 2)
        loop_later(service_loop(), &scan.rescan);
    service_client_done();
}
