/* random: draws that nobody can foresee. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* 0 to LIMIT - 1, each as likely; LIMIT is 1 or more, below 2^32. 0 when the kernel gives nothing.
 */
size_t random_below(size_t limit);

#endif
