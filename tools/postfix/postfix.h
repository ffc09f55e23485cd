/*
 * postfix: the control program: one function a command.
 */
#ifndef POSTFIX_POSTFIX_H
#define POSTFIX_POSTFIX_H

#include "base/argv.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <sys/types.h>

struct config;

struct postfix {
    struct config *config;
    const char *dir; /* of the configuration */
    bool is_root;
    int verbose;
    char **args; /* behind the command, NULL-terminated */
};

/* postfix_control.c; each returns the exit status */
int postfix_start(const struct postfix *postfix);
int postfix_start_fg(const struct postfix *postfix);
int postfix_quick_start(const struct postfix *postfix);
int postfix_stop(const struct postfix *postfix);
int postfix_abort(const struct postfix *postfix);
int postfix_reload(const struct postfix *postfix);
int postfix_flush(const struct postfix *postfix);
int postfix_status(const struct postfix *postfix);
/* The process id of a running master; 0: none runs. */
pid_t postfix_master_pid(void);

/* postfix_check.c */
int postfix_check(const struct postfix *postfix);
/* The same with the jail's files brought up to date before they are looked at. */
void postfix_check_for_start(const struct postfix *postfix);

/* postfix_lint.c: mistakes in main.cf and master.cf, found by postlint(8); 1: there was an error.
 */
int postfix_lint(const struct postfix *postfix);

/* postfix_dirs.c: create what is missing below queue_directory, repair what is wrong; fatal when
 * that is not possible. */
void postfix_dirs_create(const struct postfix *postfix);
struct postfix_dir {
    const char *name;
    bool is_roots; /* else mail_owner's */
    bool has_setgid_group;
    mode_t mode;
};
extern const struct postfix_dir postfix_dirs[]; /* the last one has no name */

/* postfix_owner.c: numbers of mail_owner and setgid_group; fatal when they do not exist. */
uid_t postfix_mail_uid(void);
gid_t postfix_mail_gid(void);
gid_t postfix_setgid_gid(void);

/* postfix_install.c: postfix-files */
int postfix_set_permissions(const struct postfix *postfix);
int postfix_upgrade(const struct postfix *postfix);
int postfix_post_install(const struct postfix *postfix);

/* postfix_files.c: one line "path:type:owner:group:mode:flags" of postfix-files. */
struct postfix_file {
    struct slice path, owner, group, other; /* other: target of a link */
    char type;                              /* d, f, h, l, p */
    mode_t mode;
    bool is_created, is_updated, is_recursive, is_obsolete;
};
/* False at the end of TEXT or, with ERR set, at a bad line. */
bool postfix_file_next(struct slice *text, struct postfix_file *ret, struct err *err);

/* postfix_logrotate.c */
int postfix_logrotate(const struct postfix *postfix);

/* postfix_tls.c: postfix-tls(1) */
int postfix_tls(const struct postfix *postfix);

/* postfix_run.c: run a program and wait; its exit status, 127 when it cannot be run. */
int postfix_run(const struct argv *argv);
/* Replace this process; fatal when that fails. */
void postfix_exec(const struct argv *argv) __attribute__((noreturn));
bool postfix_can_run(const char *path);

#endif
