/*
 * Queue ids name the inode they were made for, so that a file restored under another inode can be
 * told, and the microsecond of its creation, so that an inode used again gets another id.
 */
#include "mail/queue_id.h"

#include "config/common_params.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USEC_HEX_DIGITS = 5, LONG_USEC_DIGITS = 4, LONG_SECONDS_DIGITS = 6, ID_GIVEN_MAX = 255 };

/* No vowels, so that no id spells a word. Base 51 leaves out the z that separates the parts. */
static const char long_digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

bool queue_id_is_valid(struct slice id)
{
    if (id.len == 0 || id.len > ID_GIVEN_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.s[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

bool queue_name_is_valid(const char *queue)
{
    static const char *const queues[] = {QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE,
                                         QUEUE_DEFERRED, QUEUE_HOLD,     QUEUE_CORRUPT};
    for (size_t i = 0; queue && i < COUNT_OF(queues); i++)
        if (strcmp(queues[i], queue) == 0)
            return true;
    return false;
}

static void add_number(struct strbuf *out, uint64_t value, unsigned base, size_t least_digits)
{
    char digits[64];
    size_t at = sizeof digits;
    do {
        digits[--at] = long_digits[value % base];
        value /= base;
    } while (value > 0);
    size_t len = sizeof digits - at;
    if (len < least_digits)
        strbuf_add_fill(out, '0', least_digits - len);
    strbuf_add(out, digits + at, len);
}

static bool parse_number(struct slice text, unsigned base, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(long_digits, text.s[i], base);
        if (!digit || value > (UINT64_MAX - base) / base)
            return false;
        value = value * base + (uint64_t)(digit - long_digits);
    }
    *ret = value;
    return text.len > 0;
}

void queue_id_make(const struct timeval *when, ino_t inode, bool is_long, struct strbuf *out)
{
    strbuf_reset(out);
    if (!is_long) {
        strbuf_addf(out, "%05lX%llX", (unsigned long)when->tv_usec, (unsigned long long)inode);
        return;
    }
    add_number(out, (uint64_t)when->tv_sec, 52, LONG_SECONDS_DIGITS);
    add_number(out, (uint64_t)when->tv_usec, 52, LONG_USEC_DIGITS);
    strbuf_add_char(out, 'z');
    add_number(out, inode, 51, 1);
}

/* The parts of a long id; the inode has no z, so the last one separates. */
static bool split_long(struct slice id, struct slice *ret_usec, struct slice *ret_inode)
{
    size_t z = slice_rfind(id, 'z');
    if (z == SIZE_MAX || z < LONG_SECONDS_DIGITS + LONG_USEC_DIGITS || z + 1 == id.len)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!memchr(long_digits, id.s[i], sizeof long_digits - 1))
            return false;
    *ret_usec = slice_first(slice_from(id, z - LONG_USEC_DIGITS), LONG_USEC_DIGITS);
    *ret_inode = slice_from(id, z + 1);
    return true;
}

bool queue_id_is_long(struct slice id)
{
    struct slice usec, inode;
    return split_long(id, &usec, &inode);
}

static bool parse_upper_hex(struct slice text, uint64_t *ret)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(text.s[i] >= '0' && text.s[i] <= '9') && !(text.s[i] >= 'A' && text.s[i] <= 'F'))
            return false;
    uint64_t value = 0;
    if (text.len == 0 || text.len > 16)
        return false;
    for (size_t i = 0; i < text.len; i++)
        value = value << 4 | (unsigned)(text.s[i] <= '9' ? text.s[i] - '0' : text.s[i] - 'A' + 10);
    *ret = value;
    return true;
}

bool queue_id_inode(struct slice id, ino_t *ret)
{
    struct slice usec, inode;
    uint64_t number;
    if (split_long(id, &usec, &inode)) {
        if (!parse_number(inode, 51, &number))
            return false;
    } else if (id.len <= USEC_HEX_DIGITS || !parse_upper_hex(id, &(uint64_t){0}) ||
               !parse_upper_hex(slice_from(id, USEC_HEX_DIGITS), &number)) {
        return false;
    }
    *ret = (ino_t)number;
    return true;
}

static bool is_hashed(const char *queue)
{
    struct slice list = slice_of(common_params.hash_queue_names), name;
    while (slice_next_item(&list, &name))
        if (slice_eq(name, queue))
            return true;
    return false;
}

void queue_path(struct strbuf *out, const char *queue, const char *id)
{
    char hex[USEC_HEX_DIGITS + 1];
    const char *from = id;
    strbuf_set(out, queue);
    strbuf_add_char(out, '/');
    if (is_hashed(queue)) {
        struct slice usec, inode;
        uint64_t number;
        /* both kinds of id spread alike: by the digits that change fastest */
        if (split_long(slice_of(id), &usec, &inode) && parse_number(usec, 52, &number)) {
            snprintf(hex, sizeof hex, "%05llX", (unsigned long long)number % 0x100000);
            from = hex;
        }
        for (int64_t level = 0; level < common_params.hash_queue_depth; level++) {
            strbuf_add_char(out, *from ? *from++ : '_');
            strbuf_add_char(out, '/');
        }
    }
    strbuf_add_str(out, id);
}

bool queue_path_make_dirs(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf dir = STRBUF_INIT(PATH_MAX);
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        if (slash == path)
            continue;
        strbuf_set_slice(&dir, (struct slice){path, (size_t)(slash - path)});
        if (mkdir(dir.s, 0700) < 0 && errno != EEXIST)
            return false;
    }
    return true;
}

bool queue_move(const char *id, const char *from, const char *to)
{
    CLEANUP(strbuf_done) struct strbuf old_path = STRBUF_INIT(PATH_MAX);
    CLEANUP(strbuf_done) struct strbuf new_path = STRBUF_INIT(PATH_MAX);
    queue_path(&old_path, from, id);
    queue_path(&new_path, to, id);
    if (rename(old_path.s, new_path.s) == 0)
        return true;
    if (errno != ENOENT || access(old_path.s, F_OK) < 0)
        return false;
    return queue_path_make_dirs(new_path.s) && rename(old_path.s, new_path.s) == 0;
}
