/* clean_env: keep of the environment only what import_environment (or export_environment) names. */
#ifndef CONFIG_CLEAN_ENV_H
#define CONFIG_CLEAN_ENV_H

#include "base/err.h"

/* LIST has names and name=value items ({ name = value } for values with blanks). Everything that is
 * not named leaves the environment; a name with a value is set. False with ERR for a bad item; the
 * environment is unchanged then. */
bool clean_env_apply(const char *list, struct err *err);

#endif
