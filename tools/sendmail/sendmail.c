/*
 * sendmail: the command that programs call to send mail, and the names mailq and newaliases.
 *
 * Submission is done here; everything else runs the command that does it.
 */
#include "base/xmem.h"
#include "config/command_setup.h"
#include "mail/envelope.h"
#include "sendmail/sendmail_options.h"
#include "sendmail/sendmail_submit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static NORETURN void run(const char *dir, const struct argv *args)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "%s/%s", dir, args->at[0]);
    execv(path.s, args->at);
    log_fatal_status(EX_OSERR, "%s: %s", path.s, strerror(errno));
}

static NORETURN void run_command(const char *name, const char *option, const char *value)
{
    CLEANUP(argv_done) struct argv args = ARGV_INIT;
    argv_add(&args, name);
    if (option)
        argv_add(&args, option);
    if (value)
        argv_add(&args, value);
    run(common_params.command_directory, &args);
}

static NORETURN void run_newaliases(const struct sendmail_options *o)
{
    CLEANUP(argv_done) struct argv args = ARGV_INIT;
    argv_add(&args, "postalias");
    if (o->verbose)
        argv_add(&args, "-v");
    argv_add(&args, "--");
    if (o->alias_file)
        argv_add(&args, o->alias_file);
    else
        argv_add_items(&args, common_params.alias_database);
    if (args.count == 2 + (o->verbose ? 1u : 0u))
        exit(0); /* no alias database to build */
    run(common_params.command_directory, &args);
}

static NORETURN void run_smtp(void)
{
    CLEANUP(argv_done) struct argv args = ARGV_INIT;
    argv_add(&args, "smtpd");
    argv_add(&args, "-S");
    run(common_params.daemon_directory, &args);
}

/* -C names main.cf itself or its directory. */
static char *config_dir_of(const char *option)
{
    struct slice dir, file;
    if (!option)
        return NULL;
    if (slice_rsplit(slice_of(option), '/', &dir, &file) && slice_eq(file, "main.cf"))
        return slice_dup(dir.len > 0 ? dir : slice_of("/"));
    return xstrdup(option);
}

static int dispatch(struct sendmail_options *o)
{
    switch (o->mode) {
    case SENDMAIL_SUBMIT:
    case SENDMAIL_VERIFY:
        command_enter_queue_directory();
        return sendmail_submit(o);
    case SENDMAIL_SMTP:
        run_smtp();
    case SENDMAIL_DAEMON:
        run_command("postfix", "start", NULL);
    case SENDMAIL_NEWALIASES:
        run_newaliases(o);
    case SENDMAIL_LIST_QUEUE:
        run_command("postqueue", "-p", NULL);
    case SENDMAIL_FLUSH:
        run_command("postqueue", "-f", NULL);
    case SENDMAIL_FLUSH_SITE:
        run_command("postqueue", "-s", o->flush_what);
    case SENDMAIL_FLUSH_ONE:
        run_command("postqueue", "-i", o->flush_what);
    case SENDMAIL_NOTHING:
        return 0;
    }
    return EX_SOFTWARE;
}

/* A caller may have closed 0, 1 or 2; the queue file must not land there. */
static void open_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            exit(EX_OSERR);
}

int main(int argc, char **argv)
{
    struct sendmail_options o;
    open_standard_descriptors();
    log_set_tag("postfix/sendmail");
    log_setup_early("sendmail", LOG_SETUP_STDERR);
    sendmail_options_parse(&o, argc, argv);
    CLEANUP(xfree_ptr) char *dir = config_dir_of(o.config_dir);
    o.config_dir = dir;
    struct config *cfg = command_setup("sendmail", dir, LOG_SETUP_STDERR);
    umask(077);
    int status = dispatch(&o);
    sendmail_options_done(&o);
    config_free(cfg);
    return status;
}
