/* Values of the cache. */
#include "base/num.h"
#include "base/text.h"
#include "verify/verify_cache.h"

static bool next_number(struct slice *in, int64_t *ret)
{
    struct slice number;
    return slice_split(*in, ':', &number, in) && num_parse_i64(number, ret) && *ret >= 0;
}

bool verify_entry_parse(struct slice value, struct verify_entry *ret)
{
    int64_t result;
    if (!next_number(&value, &result) || result > VERIFY_TODO ||
        !next_number(&value, &ret->probed_s) || !next_number(&value, &ret->updated_s))
        return false;
    ret->result = (enum verify_result)result;
    strbuf_set_slice(&ret->text, slice_first(value, VERIFY_TEXT_MAX));
    return true;
}

void verify_entry_format(const struct verify_entry *entry, struct strbuf *out)
{
    strbuf_setf(out, "%d:%lld:%lld:", (int)entry->result, (long long)entry->probed_s,
                (long long)entry->updated_s);
    text_add_printable(out, slice_first(strbuf_slice(&entry->text), VERIFY_TEXT_MAX));
}
