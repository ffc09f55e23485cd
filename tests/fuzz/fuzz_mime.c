/* fuzz_mime: a whole message through the converter, and so through the state machine. */
#include "mail/mime_downgrade.h"

static void count(void *ctx, struct slice line)
{
    *(size_t *)ctx += line.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mime_options options = {.nesting_limit = 5, .boundary_length_limit = 20};
    size_t total = 0;
    struct mime_downgrade *d = mime_downgrade_new(&options, count, &total);
    struct slice in = {(const char *)data, size}, line;
    while (slice_next_line(&in, &line))
        mime_downgrade_feed(d, line);
    mime_downgrade_finish(d);
    mime_downgrade_free(d);
    if (total > 64 * size + 64)
        abort();
    return 0;
}
