/* Replies of policy servers: name=value lines up to an empty one. */
#include "base/slice.h"
#include "smtpd/smtpd_policy.h"

enum smtpd_policy_parse smtpd_policy_parse(struct slice in, struct slice *ret_action,
                                           size_t *ret_size)
{
    enum smtpd_policy_parse found = SMTPD_POLICY_NO_ACTION;
    struct slice rest = in, name, value;
    size_t lf;
    while ((lf = slice_find(rest, '\n')) != SIZE_MAX) {
        struct slice line = slice_first(rest, lf);
        rest = slice_from(rest, lf + 1);
        if (line.len == 0) {
            *ret_size = in.len - rest.len;
            return found;
        }
        /* the first of several counts; other names are for later versions of the protocol */
        if (found == SMTPD_POLICY_NO_ACTION && slice_split(line, '=', &name, &value) &&
            slice_eq(name, "action")) {
            *ret_action = value;
            found = SMTPD_POLICY_ACTION;
        }
    }
    return SMTPD_POLICY_MORE;
}
