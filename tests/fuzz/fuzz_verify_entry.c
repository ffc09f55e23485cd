/* Values of a cache that anybody may have written: what is understood is written back as it is
 * understood. */
#include "verify/verify_cache.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verify_entry e = {.text = STRBUF_ANY}, again = {.text = STRBUF_ANY};
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY, other = STRBUF_ANY;
    if (verify_entry_parse((struct slice){(const char *)data, size}, &e)) {
        verify_entry_format(&e, &value);
        if (!verify_entry_parse(strbuf_slice(&value), &again) || e.result != again.result ||
            e.probed_s != again.probed_s || e.updated_s != again.updated_s)
            abort();
        verify_entry_format(&again, &other);
        if (strcmp(value.s, other.s) != 0 || again.text.len > VERIFY_TEXT_MAX)
            abort();
    }
    strbuf_done(&e.text);
    strbuf_done(&again.text);
    return 0;
}
