/*
 * postsuper: changes the queue: delete, hold, release, requeue, expire; and repairs its structure.
 * For the super-user, and for the owner of a private instance; it works as mail_owner.
 */
#include "postsuper/postsuper.h"

#include "base/xmem.h"
#include "config/command_setup.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

struct postsuper postsuper;

/* Options as they came, to be done in that order. */
struct order {
    enum action action;
    const char *id;
};
struct orders {
    struct order *at;
    size_t count;
    bool purge, fix, fix_every_name;
    bool all[ACTIONS];
};

static NORETURN void usage(const char *program)
{
    log_fatal("usage: %s [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] "
              "[-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] "
              "[-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)] "
              "[-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]",
              program);
}

static void report(const char *what, const struct postsuper_counts *c)
{
    if (c->is_wanted && (postsuper.is_finished || c->messages > 0))
        log_info(NULL, "%s: %lu message%s", what, c->messages, c->messages == 1 ? "" : "s");
}

/* Also when a fatal error ended the command. */
static void report_all(void)
{
    const struct postsuper *p = &postsuper;
    report("Requeued", &p->requeued);
    report("Deleted", &p->deleted);
    report("Force-expired", &p->expired);
    report("Placed on hold", &p->held);
    report("Released from hold", &p->released);
    report("Restored from the journal", &(struct postsuper_counts){p->restored > 0, p->restored});
    report("Renamed to match inode number", &(struct postsuper_counts){p->renamed > 0, p->renamed});
    if (p->renamed > 0)
        log_warn(NULL, "QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS");
    if (p->is_incomplete)
        log_warn(NULL, "OPERATION INCOMPLETE -- RERUN COMMAND TO FIX THE QUEUE FIRST");
}

static void want(enum action action)
{
    struct postsuper *p = &postsuper;
    struct postsuper_counts *const counts[ACTIONS] = {&p->expired,  &p->expired, &p->requeued,
                                                      &p->released, &p->held,    &p->deleted};
    counts[action]->is_wanted = true;
    if (action == ACTION_EXPIRE_RELEASE)
        p->released.is_wanted = true;
}

static void add_order(struct orders *o, enum action action, const char *id)
{
    want(action);
    if (strcmp(id, "ALL") == 0)
        o->all[action] = true;
    else
        o->at[o->count++] = (struct order){action, id};
}

static const char *parse(int argc, char **argv, struct orders *o)
{
    static const char letters[ACTIONS] = {'e', 'f', 'r', 'H', 'h', 'd'};
    const char *dir = NULL;
    int option;
    while ((option = getopt(argc, argv, "c:d:e:f:h:H:pr:sSv")) > 0) {
        const char *letter = memchr(letters, option, sizeof letters);
        if (letter)
            add_order(o, (enum action)(letter - letters), optarg);
        else if (option == 'c')
            dir = optarg;
        else if (option == 'p')
            o->purge = true;
        else if (option == 's')
            o->fix = true;
        else if (option == 'S')
            o->fix = o->fix_every_name = true;
        else if (option == 'v')
            postsuper.verbose++;
        else
            usage(argv[0]);
    }
    if (dir && *dir != '/')
        log_fatal("-c requires absolute pathname");
    return dir;
}

/* What is created or renamed belongs to mail_owner, and a trap laid in the queue gains nothing. */
static void become_owner(void)
{
    const struct passwd *owner = getpwnam(common_params.mail_owner);
    if (!owner)
        log_fatal("mail_owner: user %s is not known", common_params.mail_owner);
    if (geteuid() != 0 && getuid() != owner->pw_uid)
        log_fatal("use of this command is reserved for the superuser");
    if (geteuid() != 0)
        return;
    struct passwd copy = *owner;
    log_open_now();
    if (initgroups(copy.pw_name, copy.pw_gid) < 0 || setgid(copy.pw_gid) < 0 ||
        setuid(copy.pw_uid) < 0)
        log_fatal("cannot become %s: %s", copy.pw_name, strerror(errno));
}

static void do_order(const struct order *order)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    if (strcmp(order->id, "-") != 0) {
        postsuper_by_id(order->action, order->id);
        return;
    }
    while ((len = getline(&line, &capacity, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        postsuper_by_id(order->action, line);
    }
    free(line);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    if (slash) /* getopt's own complaints begin with it */
        argv[0] += slash + 1 - argv[0];
    log_setup_early("postsuper", LOG_SETUP_STDERR);
    struct orders orders = {.at = xrealloc_array(NULL, (size_t)argc, sizeof *orders.at)};
    const char *dir = parse(argc, argv, &orders);
    struct config *cfg = command_setup("postsuper", dir, LOG_SETUP_STDERR | LOG_SETUP_FILE);
    become_owner();
    command_enter_queue_directory();
    umask(077);
    postsuper.queues = (const char *const *)(argv + optind);
    atexit(report_all);

    bool is_default = orders.count == 0 && !orders.purge && !orders.fix;
    for (size_t i = 0; i < ACTIONS; i++)
        is_default = is_default && !orders.all[i];
    if (orders.purge || is_default)
        postsuper_purge();
    if (orders.fix || is_default)
        postsuper_fix_structure(orders.fix_every_name);
    for (size_t i = 0; i < orders.count; i++)
        do_order(&orders.at[i]);
    for (size_t i = 0; i < ACTIONS; i++)
        if (orders.all[i])
            postsuper_all((enum action)i);
    free(orders.at);
    config_free(cfg);
    postsuper.is_finished = true;
    return 0;
}
