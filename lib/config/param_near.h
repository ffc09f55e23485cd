/*
 * param_near: the names that a mistyped name may stand for ("did you mean").
 *
 * The distance is the least number of letters to add, drop, change or swap with the next one. A
 * name of which the front was left out ("tls_security_level") is near, too.
 */
#ifndef CONFIG_PARAM_NEAR_H
#define CONFIG_PARAM_NEAR_H

#include "base/base.h"

enum { PARAM_NEAR_MOST = 3 };

struct param_near {
    const char *wanted;
    size_t count;
    const char *names[PARAM_NEAR_MOST]; /* likeliest first, as given to param_near_try() */
    size_t distances[PARAM_NEAR_MOST];
};

/* WANTED and the candidates must live as long as NEAR is used. */
void param_near_init(struct param_near *near, const char *wanted);
void param_near_try(struct param_near *near, const char *candidate);

/* The distance of two names, LIMIT when it is that or more, or when one of them is over 100 bytes.
 */
size_t param_near_distance(const char *a, const char *b, size_t limit);

#endif
