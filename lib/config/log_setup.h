/*
 * log_setup: point the logger where main.cf says: maillog_file by way of postlogd(8), else syslog.
 */
#ifndef CONFIG_LOG_SETUP_H
#define CONFIG_LOG_SETUP_H

#include "base/err.h"
#include "log/log.h"

enum log_setup_flags {
    LOG_SETUP_STDERR = 1,   /* also to standard error */
    LOG_SETUP_TERMINAL = 2, /* also to standard error when that is a terminal */
    LOG_SETUP_FILE = 4,     /* write maillog_file directly when postlogd does not run; for the
                               commands that the super-user gives while the mail system is down */
    LOG_SETUP_FULL_TAG =
        8, /* "postfix/postfix-script: " on standard error, not "postfix-script: " */
};

/* For daemons, which run in queue_directory. Needs common_params. The tag is syslog_name/PROGRAM.
 */
void log_setup_from_params(const char *program);
/* For commands; FLAGS of enum log_setup_flags. */
void log_setup_command(const char *program, unsigned flags);
/* For master(8) and postlogd(8), which write maillog_file themselves. */
void log_setup_writer(const char *program);
/* Before main.cf was read: tag $MAIL_LOGTAG/PROGRAM (postfix/PROGRAM), the socket in
 * $POSTLOG_SERVICE when it is set, else syslog; FLAGS as above without LOG_SETUP_FILE. */
void log_setup_early(const char *program, unsigned flags);

/* Put into the environment what log_setup_early() of the programs we start looks for. */
void log_setup_export(void);

struct config;
/* Warn of what config_load() found odd. */
void log_setup_say_warnings(const struct config *cfg);

/* Number of a syslog facility by name ("mail", "local0"); -1 when there is none. */
int log_setup_facility(const char *name);
/* Mode of maillog_file_permissions. */
mode_t log_setup_file_mode(void);
/* Does maillog_file begin with one of maillog_file_prefixes? False with ERR_CONFIG. */
bool log_setup_check_file(struct err *err);

#endif
