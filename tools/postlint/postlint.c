/*
 * postlint: look at a configuration for mistakes; run by "postfix check".
 *
 * Files that others can write are only looked at by root (their state, not their content); what
 * parses certificates and lists runs as mail_owner.
 */
#include "postlint/postlint.h"

#include "config/common_params.h"
#include "config/log_setup.h"
#include "log/log.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

static const postlint_check before_drop[] = {
    postlint_tables,
    postlint_services,
    postlint_space,
    postlint_certs_read,
};
static const postlint_check after_drop[] = {
    postlint_lines,      postlint_names,        postlint_values,  postlint_rules,
    postlint_relay,      postlint_restrictions, postlint_domains, postlint_host,
    postlint_transports, postlint_jail,         postlint_certs,
};

static void run(struct postlint *lint, const postlint_check *checks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        checks[i](lint);
}

static void give_up_root(void)
{
    if (geteuid() == 0) {
        const struct passwd *owner = getpwnam(common_params.mail_owner);
        if (!owner)
            log_fatal("mail_owner: user %s is not known", common_params.mail_owner);
        if (initgroups(owner->pw_name, owner->pw_gid) < 0 || setgid(owner->pw_gid) < 0 ||
            setuid(owner->pw_uid) < 0)
            log_fatal("cannot become %s: %s", common_params.mail_owner, strerror(errno));
        if (setuid(0) == 0)
            log_fatal("privileges of root could not be given up");
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int main(int argc, char **argv)
{
    struct postlint lint;
    struct err err = ERR_INIT;
    const char *dir = NULL;
    bool as_json = false, with_notes = false;
    int option;
    log_setup_early("postlint", LOG_SETUP_STDERR);
    while ((option = getopt(argc, argv, "c:jn")) > 0) {
        switch (option) {
        case 'c':
            dir = optarg;
            break;
        case 'j':
            as_json = true;
            break;
        case 'n':
            with_notes = true;
            break;
        default:
            log_fatal("usage: postlint [-jn] [-c config_dir]");
        }
    }
    if (optind < argc)
        log_fatal("usage: postlint [-jn] [-c config_dir]");
    if (!postlint_load(&lint, config_choose_dir(dir), &err))
        log_fatal("%s", err.reason);
    run(&lint, before_drop, COUNT_OF(before_drop));
    give_up_root();
    run(&lint, after_drop, COUNT_OF(after_drop));
    postlint_certs_done(&lint);
    postlint_show(&lint, as_json, as_json || with_notes);
    int status = postlint_has_errors(&lint);
    postlint_done(&lint);
    return status;
}
