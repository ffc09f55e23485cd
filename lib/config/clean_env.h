/*
 * clean_env: the lists of import_environment and export_environment. Items are NAME, for what the
 * environment says now, and NAME=value or { NAME = value } for a value of our own.
 */
#ifndef CONFIG_CLEAN_ENV_H
#define CONFIG_CLEAN_ENV_H

#include "base/argv.h"
#include "base/err.h"

/* Add "NAME=value" to ENV for every item of LIST; a name that is not in the environment is left
 * out. False with ERR_CONFIG for a bad item. */
bool clean_env_list(const char *list, struct argv *env, struct err *err);

/* Everything that LIST does not name leaves the environment. Unchanged when LIST is bad. */
bool clean_env_apply(const char *list, struct err *err);

/* Only the values that LIST gives are set; for commands that run another for their caller. */
bool clean_env_update(const char *list, struct err *err);

#endif
