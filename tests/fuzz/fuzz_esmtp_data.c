/* Content: the decoder goes forward, never past its input, and whether plain lines are taken by
 * themselves makes no difference. */
#include "base/strbuf.h"
#include "esmtp/esmtp_data.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(struct strbuf *out, enum esmtp_data_status kind, struct slice text)
{
    strbuf_addf(out, "%d %zu ", (int)kind, text.len);
    strbuf_add_slice(out, text);
}

/* What comes out, and what the decoder knows at the end. */
static void decode(struct slice in, bool strict, size_t line_max, bool plain_first,
                   struct strbuf *out)
{
    struct esmtp_data d;
    struct slice piece;
    char line[ESMTP_DATA_ROOM];
    size_t total = 0, size = in.len;
    enum esmtp_data_status status;
    esmtp_data_init(&d, strict, line_max);
    do {
        for (size_t len; plain_first && (len = esmtp_data_plain(&d, &in, line)) > 0;)
            note(out, ESMTP_DATA_LINE, (struct slice){line, len});
        while (plain_first && (piece = esmtp_data_plain_long(&d, &in)).len > 0)
            note(out, ESMTP_DATA_LINE, piece);
        size_t before = in.len;
        status = esmtp_data_next(&d, &in, &piece);
        if (status == ESMTP_DATA_MORE)
            break;
        if (in.len >= before)
            abort();
        if (status != ESMTP_DATA_END) {
            note(out, status, piece);
            total += piece.len;
        }
    } while (status != ESMTP_DATA_END);
    if (total > size)
        abort();
    strbuf_addf(out, "%d %zu %d %d %d", (int)status, in.len, d.in_line, d.after_crlf,
                d.saw_bare_lf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    CLEANUP(strbuf_done) struct strbuf one = STRBUF_ANY, other = STRBUF_ANY;
    struct slice in = {(const char *)data + 1, size - 1};
    bool strict = data[0] & 1;
    size_t line_max = data[0] & 2 ? 200 : 16;
    decode(in, strict, line_max, false, &one);
    decode(in, strict, line_max, true, &other);
    if (one.len != other.len || memcmp(one.s, other.s, one.len) != 0)
        abort();
    return 0;
}
