#include "base/err.h"

#include <stdarg.h>

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    if (!err)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->reason, sizeof err->reason, fmt, ap);
    va_end(ap);
    err->kind = kind;
    err->is_repeated = false;
    return false;
}

bool err_prefix(struct err *err, const char *where)
{
    if (!err)
        return false;
    char old[sizeof err->reason];
    memcpy(old, err->reason, sizeof old);
    snprintf(err->reason, sizeof err->reason, "%.200s: %.300s", where, old);
    return false;
}
