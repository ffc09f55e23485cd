/* The parameters of MAIL and RCPT, taken off the front of a line. */
#include "esmtp/esmtp_args.h"

bool esmtp_next_word(struct slice *in, struct slice *ret_word)
{
    return slice_next_token(in, " \t", ret_word);
}

bool esmtp_next_arg(struct slice *in, struct slice *ret_keyword, struct slice *ret_value)
{
    struct slice word;
    if (!esmtp_next_word(in, &word))
        return false;
    if (!slice_split(word, '=', ret_keyword, ret_value)) {
        *ret_keyword = word;
        *ret_value = SLICE_EMPTY;
    }
    return true;
}
