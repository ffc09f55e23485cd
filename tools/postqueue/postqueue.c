/*
 * postqueue: list the queue, and ask for delivery now.
 *
 * Set-gid, so that it may speak to the sockets in public/; it reads nothing of the queue itself.
 * What needs more than that, only the super-user is given.
 */
#include "base/xmem.h"
#include "config/command_setup.h"
#include "postqueue/postqueue_flush.h"
#include "postqueue/postqueue_list.h"
#include "postqueue/postqueue_users.h"

#include <getopt.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

enum mode { MODE_NONE, MODE_FLUSH, MODE_FLUSH_FILE, MODE_FLUSH_SITE, MODE_LIST, MODE_JSON };

struct request {
    enum mode mode;
    const char *config_dir, *site, *queue_id;
    int verbose;
};

static NORETURN void usage(void)
{
    log_fatal_status(EX_UNAVAILABLE,
                     "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | "
                     "postqueue -s site");
}

static void set_mode(struct request *r, enum mode mode)
{
    if (r->mode != MODE_NONE)
        usage();
    r->mode = mode;
}

static struct request parse(int argc, char **argv)
{
    struct request r = {0};
    int option;
    while ((option = getopt(argc, argv, "c:fi:jps:v")) > 0) {
        switch (option) {
        case 'c':
            r.config_dir = optarg;
            break;
        case 'f':
            set_mode(&r, MODE_FLUSH);
            break;
        case 'i':
            set_mode(&r, MODE_FLUSH_FILE);
            r.queue_id = optarg;
            break;
        case 'j':
            set_mode(&r, MODE_JSON);
            break;
        case 'p':
            set_mode(&r, MODE_LIST);
            break;
        case 's':
            set_mode(&r, MODE_FLUSH_SITE);
            r.site = optarg;
            break;
        case 'v':
            if (getuid() == 0) /* the log is not for everybody to fill */
                r.verbose++;
            break;
        default:
            usage();
        }
    }
    if (r.mode == MODE_NONE || optind < argc)
        usage();
    return r;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    if (slash) /* getopt's own complaints begin with it */
        argv[0] += slash + 1 - argv[0];
    signal(SIGPIPE, SIG_IGN);
    log_set_tag("postfix/postqueue");
    struct request r = parse(argc, argv);
    CLEANUP(xfree_ptr) char *dir = command_guard_privilege(r.config_dir, EX_UNAVAILABLE);
    struct config *cfg = command_setup("postqueue", dir, LOG_SETUP_STDERR);
    command_enter_queue_directory();
    int status = 0;
    switch (r.mode) {
    case MODE_FLUSH:
        postqueue_check_user("authorized_flush_users", common_params.authorized_flush_users,
                             "flush");
        postqueue_flush_all(r.verbose);
        break;
    case MODE_FLUSH_FILE:
        postqueue_check_user("authorized_flush_users", common_params.authorized_flush_users,
                             "flush");
        postqueue_flush_file(r.queue_id, r.verbose);
        break;
    case MODE_FLUSH_SITE:
        postqueue_check_user("authorized_flush_users", common_params.authorized_flush_users,
                             "flush");
        postqueue_flush_site(r.site, r.verbose);
        break;
    case MODE_LIST:
    case MODE_JSON:
        postqueue_check_user("authorized_mailq_users", common_params.authorized_mailq_users,
                             "view");
        status = postqueue_list(r.mode == MODE_JSON, r.verbose);
        break;
    case MODE_NONE:
        break;
    }
    config_free(cfg);
    return status;
}
