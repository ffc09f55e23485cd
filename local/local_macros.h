/* local_macros: $user, $home and so on in forward_path, luser_relay and
 * command_execution_directory. */
#ifndef LOCAL_MACROS_H
#define LOCAL_MACROS_H

#include "local/local_state.h"

/* USER may be NULL. Characters of values that are not in FILTER become "_"; NULL: all stay. */
bool local_macros_expand(const struct local_context *ctx, const struct local_user *user,
                         const char *filter, struct slice text, struct strbuf *out,
                         struct err *err);
/* TEXT with what is not in FILTER replaced. */
void local_macros_filter(const char *text, const char *filter, struct strbuf *out);

#endif
