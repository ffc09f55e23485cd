/* fuzz_header: is a line a header, and which. */
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, name, value;
    if (header_parse(in, &name, &value) && (name.len == 0 || name.len + value.len >= size))
        abort();
    header_find(in);
    return 0;
}
