/* Any bytes as a row of records: what is taken lies within the input, and writing it again gives no
 * more than was read. */
#include "mail/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, text;
    int type;
    size_t taken;
    while (record_peek(in, &type, &text, &taken) == RECORD_READY) {
        if (taken > in.len || text.len > taken || text.s < in.s || text.s + text.len > in.s + taken)
            abort();
        CLEANUP(strbuf_done) struct strbuf again = STRBUF_ANY;
        record_add(&again, type, text);
        if (again.len > taken || !record_type_name(type))
            abort();
        in = slice_from(in, taken);
    }
    return 0;
}
