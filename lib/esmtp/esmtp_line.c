/* Lines of the command phase. */
#include "esmtp/esmtp_line.h"

#include <string.h>

enum esmtp_line_status esmtp_line_next(struct slice in, size_t max, struct slice *ret_line,
                                       size_t *ret_size)
{
    const char *lf = in.len ? memchr(in.s, '\n', in.len) : NULL;
    if (!lf)
        return in.len > max ? ESMTP_LINE_LONG : ESMTP_LINE_MORE;
    size_t len = (size_t)(lf - in.s);
    if (len > max + 1)
        return ESMTP_LINE_LONG;
    *ret_size = len + 1;
    while (len > 0 && in.s[len - 1] == '\r')
        len--;
    *ret_line = (struct slice){in.s, len};
    return ESMTP_LINE_READY;
}
