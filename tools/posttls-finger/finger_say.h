/* finger_say: the lines that posttls-finger(1) writes, all of them to standard output. */
#ifndef FINGER_SAY_H
#define FINGER_SAY_H

#include "base/slice.h"

/* What does not print, as it may come from a server, becomes '?'. */
void finger_say(const char *fmt, ...) PRINTF(1, 2);
void finger_warn(const char *fmt, ...) PRINTF(1, 2);
/* Each line of TEXT with a "warning: " in front. */
void finger_warn_lines(const char *text);
NORETURN void finger_fatal(const char *fmt, ...) PRINTF(1, 2); /* exit status 1 */

#endif
