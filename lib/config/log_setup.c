#include "config/log_setup.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "config/common_params.h"

#include <syslog.h>
#include <unistd.h>

static const char dev_log[] = "/dev/log";

static const struct {
    const char *name;
    int facility;
} facilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
    {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},           {"kern", LOG_KERN},
    {"lpr", LOG_LPR},       {"mail", LOG_MAIL},         {"news", LOG_NEWS},
    {"security", LOG_AUTH}, {"syslog", LOG_SYSLOG},     {"user", LOG_USER},
    {"uucp", LOG_UUCP},     {"local0", LOG_LOCAL0},     {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},     {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},     {"local7", LOG_LOCAL7},
};

int log_setup_facility(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(facilities); i++)
        if (slice_eq_nocase(slice_of(name), facilities[i].name))
            return facilities[i].facility;
    return -1;
}

mode_t log_setup_file_mode(void)
{
    uint64_t mode;
    if (!num_parse_u64(slice_of(common_params.maillog_file_permissions), 8, &mode) ||
        (mode != 0600 && mode != 0640 && mode != 0644))
        return 0600;
    return (mode_t)mode;
}

bool log_setup_check_file(struct err *err)
{
    struct slice in = slice_of(common_params.maillog_file_prefixes), prefix;
    struct slice file = slice_of(common_params.maillog_file);
    while (slice_next_item(&in, &prefix))
        if (prefix.len > 0 && slice_same(slice_first(file, prefix.len), prefix))
            return true;
    return err_set(err, ERR_CONFIG,
                   "maillog_file value '%s' does not match any prefix in maillog_file_prefixes",
                   common_params.maillog_file);
}

static bool log_setup_to_stderr(unsigned flags)
{
    return flags & LOG_SETUP_STDERR || (flags & LOG_SETUP_TERMINAL && isatty(STDERR_FILENO));
}

static void log_setup(const char *program, const char *postlog, const char *file, unsigned flags)
{
    CLEANUP(strbuf_done) struct strbuf tag = STRBUF_ANY;
    strbuf_addf(&tag, "%s/%s", common_params.syslog_name, program);
    int facility = log_setup_facility(common_params.syslog_facility);
    bool own_file = common_params.maillog_file[0] != 0;
    log_init(&(struct log_options){
        .tag = tag.s,
        .postlog_path = own_file ? postlog : NULL,
        .file_path = own_file ? file : NULL,
        .file_mode = log_setup_file_mode(),
        .syslog_path = own_file ? NULL : dev_log,
        .facility = facility < 0 ? LOG_MAIL : facility,
        .to_stderr = log_setup_to_stderr(flags),
        .ascii_only = !common_params.smtputf8_enable,
        .stderr_full_tag = flags & LOG_SETUP_FULL_TAG,
        .hostname = common_params.myhostname,
    });
}

void log_setup_from_params(const char *program)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    /* relative, so that it is found in the jail too */
    strbuf_addf(&path, "public/%s", common_params.postlog_service_name);
    log_setup(program, path.s, NULL, 0);
}

void log_setup_command(const char *program, unsigned flags)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    strbuf_addf(&path, "%s/public/%s", common_params.queue_directory,
                common_params.postlog_service_name);
    bool may_write = flags & LOG_SETUP_FILE && log_setup_check_file(NULL);
    log_setup(program, path.s, may_write ? common_params.maillog_file : NULL, flags);
}

void log_setup_writer(const char *program)
{
    log_setup(program, NULL, log_setup_check_file(NULL) ? common_params.maillog_file : NULL, 0);
}

void log_setup_early(const char *program, unsigned flags)
{
    CLEANUP(strbuf_done) struct strbuf tag = STRBUF_ANY;
    const char *prefix = getenv("MAIL_LOGTAG");
    const char *postlog = getenv("POSTLOG_SERVICE");
    strbuf_addf(&tag, "%s/%s", prefix && *prefix ? prefix : "postfix", program);
    postlog = postlog && *postlog ? postlog : NULL;
    log_init(&(struct log_options){
        .tag = tag.s,
        .postlog_path = postlog,
        .syslog_path = postlog ? NULL : dev_log,
        .facility = LOG_MAIL,
        .to_stderr = log_setup_to_stderr(flags),
        .stderr_full_tag = flags & LOG_SETUP_FULL_TAG,
        .hostname = getenv("POSTLOG_HOSTNAME"),
    });
}

void log_setup_say_warnings(const struct config *cfg)
{
    struct slice in = slice_of(config_warnings(cfg)), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

void log_setup_export(void)
{
    CLEANUP(strbuf_done) struct strbuf socket = STRBUF_ANY;
    setenv("MAIL_LOGTAG", common_params.syslog_name, 1);
    if (common_params.maillog_file[0] == 0) {
        unsetenv("POSTLOG_SERVICE");
        return;
    }
    strbuf_addf(&socket, "%s/public/%s", common_params.queue_directory,
                common_params.postlog_service_name);
    setenv("POSTLOG_SERVICE", socket.s, 1);
    setenv("POSTLOG_HOSTNAME", common_params.myhostname, 1);
}
