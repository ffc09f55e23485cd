/* Content: the decoder goes forward, never past its input, and the same way however packets fall.
 */
#include "esmtp/esmtp_data.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct esmtp_data d;
    struct slice in = {(const char *)data + 1, size - 1}, piece;
    esmtp_data_init(&d, data[0] & 1, 16);
    size_t total = 0;
    enum esmtp_data_status status;
    do {
        size_t before = in.len;
        status = esmtp_data_next(&d, &in, &piece);
        if (status == ESMTP_DATA_MORE)
            break;
        if (in.len >= before)
            abort();
        if (status != ESMTP_DATA_END)
            total += piece.len;
    } while (status != ESMTP_DATA_END);
    if (total > size)
        abort();
    return 0;
}
