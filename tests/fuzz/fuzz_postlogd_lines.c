/* Whatever a sender puts into a datagram: whole lines without control bytes come out. */
#include "postlogd/postlogd_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    postlogd_lines_add(&out, (struct slice){(const char *)data, size});
    if (out.len > 0 && out.s[out.len - 1] != '\n')
        abort();
    for (size_t i = 0; i < out.len; i++)
        if ((unsigned char)out.s[i] < ' ' && out.s[i] != '\n')
            abort();
    return 0;
}
