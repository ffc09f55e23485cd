/*
 * command_setup: how a command of the suite begins: logger, main.cf, common parameters.
 */
#ifndef CONFIG_COMMAND_SETUP_H
#define CONFIG_COMMAND_SETUP_H

#include "config/common_params.h"
#include "config/log_setup.h"

/* Read the configuration that DIR_OPTION (the -c option; NULL: MAIL_CONFIG, else the default)
 * names, fill common_params and point the logger (LOG_FLAGS of log_setup.h). Ends the process with
 * a fatal line when that fails. The configuration is the caller's. */
struct config *command_setup(const char *program, const char *dir_option, unsigned log_flags);

/* For the set-gid commands, before anything else: forget the caller's environment, and refuse
 * (fatal, exit status FATAL_STATUS) a configuration directory that is neither the default nor named
 * in the alternate_config_directories or multi_instance_directories of the default main.cf, unless
 * the caller is the super-user or no privilege is involved. Returns the directory to use
 * (allocated), or NULL for the default. */
char *command_guard_privilege(const char *dir_option, int fatal_status);

/* Go to the queue directory; fatal when that fails. */
void command_enter_queue_directory(void);

#endif
