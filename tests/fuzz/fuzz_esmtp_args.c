/* Parameters of MAIL and RCPT: what is taken off never exceeds what was there. */
#include "esmtp/esmtp_args.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, keyword, value;
    size_t taken = 0;
    while (esmtp_next_arg(&in, &keyword, &value))
        taken += keyword.len + value.len;
    if (taken > size)
        abort();
    return 0;
}
