/* Replies of a policy server: what is taken off the input ends with an empty line, and the action
 * is a part of it. */
#include "smtpd/smtpd_policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, action = SLICE_EMPTY;
    size_t used = 0;
    enum smtpd_policy_parse got;
    while ((got = smtpd_policy_parse(in, &action, &used)) != SMTPD_POLICY_MORE) {
        struct slice reply = slice_first(in, used);
        bool ends = used == 1 || (used > 1 && used <= in.len && slice_ends(reply, "\n\n"));
        if (!ends || in.s[used - 1] != '\n')
            abort();
        if (got == SMTPD_POLICY_ACTION &&
            (action.s < in.s || action.s + action.len >= in.s + used ||
             slice_find(action, '\n') != SIZE_MAX))
            abort();
        in = slice_from(in, used);
    }
    return 0;
}
