#include "base/random.h"

#include <stdint.h>
#include <sys/random.h>

size_t random_below(size_t limit)
{
    uint32_t value = 0;
    if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
        return 0;
    return value % limit;
}
