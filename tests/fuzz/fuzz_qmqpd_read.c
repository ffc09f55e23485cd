/* Requests of QMQP clients: any bytes, in pieces of any size; how they are cut changes nothing. */
#include "base/strbuf.h"
#include "qmqpd/qmqpd_read.h"

#include <stdlib.h>
#include <string.h>

enum { CONTENT_MAX = 1000, ADDRESS_MAX = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read, written down, with STEP bytes at a time. */
static enum qmqpd_status read_all(struct slice text, size_t step, struct strbuf *out)
{
    struct qmqpd_reader r = {.content_max = CONTENT_MAX, .address_max = ADDRESS_MAX};
    enum qmqpd_status status = QMQPD_MORE;
    size_t used = 0, seen = 0, content = 0;
    while (status == QMQPD_MORE && seen < text.len) {
        seen = MIN(seen + step, text.len);
        struct slice in = slice_from(slice_first(text, seen), used), piece;
        do {
            size_t before = in.len;
            status = qmqpd_read(&r, &in, &piece);
            used += before - in.len;
            if (status != QMQPD_DATA)
                continue;
            if (r.given == QMQPD_CONTENT)
                content += piece.len;
            else if (piece.len > ADDRESS_MAX || slice_has_nul(piece))
                abort();
            if (r.given != QMQPD_CONTENT)
                strbuf_add_char(out, '|');
            strbuf_add_slice(out, piece);
        } while (status == QMQPD_DATA);
        if (content > CONTENT_MAX)
            abort();
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf whole = STRBUF_ANY, pieces = STRBUF_ANY;
    struct slice text = {(const char *)data, size};
    enum qmqpd_status status = read_all(text, size + 1, &whole);
    if (read_all(text, 1, &pieces) != status || whole.len != pieces.len ||
        memcmp(whole.s, pieces.s, whole.len) != 0)
        abort();
    return 0;
}
