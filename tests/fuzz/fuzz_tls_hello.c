/* The extension of pre-shared keys in a ClientHello: what is taken out of it lies within it. */
#include "tls/tls_hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice in = {(const char *)data, size};
    struct slice identity = tls_hello_first_identity(in);
    if (identity.len == 0)
        return 0;
    if (identity.s < in.s + 4 || identity.s + identity.len > in.s + in.len)
        abort();
    return 0;
}
