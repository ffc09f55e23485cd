/* The name a queue file has to have: its inode number is part of it. */
#include "base/num.h"
#include "config/common_params.h"
#include "mail/queue_id.h"
#include "postsuper/postsuper.h"

enum { USEC_HEX = 5, USEC_LONG = 4, LONG_BASE = 52 };

/* Base 52 without vowels, as lib/mail/queue_id writes it. */
static bool parse_long_digits(struct slice text, int64_t *ret)
{
    static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(digits, text.s[i], LONG_BASE);
        if (!digit || value > INT64_MAX / LONG_BASE - 1)
            return false;
        value = value * LONG_BASE + (digit - digits);
    }
    *ret = value;
    return true;
}

static bool id_time(struct slice id, bool is_long, struct timeval *ret)
{
    int64_t seconds = 0, micros;
    uint64_t hex;
    if (is_long) {
        struct slice when = slice_first(id, slice_rfind(id, 'z'));
        if (!parse_long_digits(slice_first(when, when.len - USEC_LONG), &seconds) ||
            !parse_long_digits(slice_from(when, when.len - USEC_LONG), &micros))
            return false;
    } else {
        if (!num_parse_u64(slice_first(id, USEC_HEX), 16, &hex))
            return false;
        micros = (int64_t)hex;
    }
    *ret = (struct timeval){.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)micros};
    return true;
}

bool postsuper_right_name(struct slice id, ino_t inode, bool every_name, struct strbuf *ret)
{
    ino_t named;
    struct timeval when;
    bool is_long = queue_id_is_long(id);
    if (!queue_id_inode(id, &named) || !id_time(id, is_long, &when))
        return false;
    bool keeps_form = !is_long || common_params.enable_long_queue_ids;
    bool keeps_inode = named == inode || (is_long && !every_name);
    if (keeps_form && keeps_inode)
        strbuf_set_slice(ret, id);
    else
        queue_id_make(&when, inode, is_long && keeps_form, ret);
    return true;
}
