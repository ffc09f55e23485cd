/* Alias values, .forward and :include: files: any user writes them. */
#include "local/local_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice file = {(const char *)data, size}, line;
    while (local_tokens_next_line(&file, &line)) {
        enum local_token kind;
        size_t left = line.len;
        while (local_tokens_next(&line, &kind, &text)) {
            if (text.len == 0 || kind > LOCAL_TOKEN_INCLUDE)
                abort();
            if (line.len >= left) /* every item takes something off */
                abort();
            left = line.len;
        }
        if (line.len > 0)
            abort();
    }
    return 0;
}
