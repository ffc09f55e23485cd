/* Queue files: from records to an envelope, and the few bytes that are changed in place. */
#include "mail/queue_file.h"

#include "base/num.h"
#include "io/fd.h"

#include <errno.h>
#include <unistd.h>

/* Records that are a text of the message. */
static const struct text_record {
    int type;
    size_t offset;
} text_records[] = {
    {REC_FULLNAME, offsetof(struct envelope, fullname)},
    {REC_INSPECT, offsetof(struct envelope, inspect)},
    {REC_FILTER, offsetof(struct envelope, content_filter)},
    {REC_REDIRECT, offsetof(struct envelope, redirect)},
    {REC_VERP, offsetof(struct envelope, verp)},
    {REC_DSN_ENVID, offsetof(struct envelope, dsn_envid)},
};

struct reading {
    struct queue_reader *reader;
    struct arena *arena;
    struct envelope_read *how;
    struct envelope *env;
    struct recipient next; /* what came before its R record */
    size_t capacity;
    off_t after_last_kept; /* where the record after the last kept recipient begins */
    bool is_full;          /* the limit was reached and another recipient was seen */
    bool has_sender, has_time, has_size;
    struct err *err;
};

static bool corrupt(struct reading *in, const char *what)
{
    return err_set(in->err, ERR_PERM, "%s", what);
}

static bool set_text(struct reading *in, const char **field, struct slice value)
{
    if (slice_has_nul(value))
        return corrupt(in, "NUL byte in envelope record");
    *field = arena_slice_dup(in->arena, value);
    return true;
}

static bool set_int(struct reading *in, int64_t *field, struct slice value)
{
    return num_parse_i64(slice_trim(value), field) || corrupt(in, "bad number in envelope record");
}

/* 95 characters: up to six numbers in columns. Old files have fewer. */
static bool read_size(struct reading *in, struct slice data)
{
    struct envelope *env = in->env;
    int64_t *const fields[] = {&env->message_size, &env->data_offset,  &env->recipient_count,
                               &env->hints,        &env->content_size, &env->smtputf8};
    size_t count = 0;
    struct slice word;
    while (count < COUNT_OF(fields) && slice_next_token(&data, " ", &word)) {
        if (!num_parse_i64(word, fields[count]) || *fields[count] < 0)
            return corrupt(in, "bad size record");
        count++;
    }
    if (count > 0 && count < 5)
        env->content_size = env->message_size;
    in->has_size = count >= 2;
    return count > 0 || corrupt(in, "empty size record");
}

static bool read_time(struct reading *in, struct slice data)
{
    struct slice word;
    in->has_time = true;
    return slice_next_token(&data, " ", &word)
               ? set_int(in, &in->env->arrival_s, word) && (!slice_next_token(&data, " ", &word) ||
                                                            set_int(in, &in->env->arrival_us, word))
               : corrupt(in, "empty time record");
}

static bool read_attribute(struct reading *in, struct slice data)
{
    struct slice name, value;
    if (!slice_split(data, '=', &name, &value))
        return corrupt(in, "attribute without value");
    if (slice_eq(name, "notify_flags"))
        return set_int(in, &in->next.dsn_notify, value);
    if (slice_eq(name, "dsn_orig_rcpt"))
        return set_text(in, &in->next.dsn_orcpt, value);
    if (slice_eq(name, "original_recipient"))
        return set_text(in, &in->next.orig_address, value);
    return envelope_set_attribute(in->env, in->arena, name, value) ||
           corrupt(in, "bad value of an attribute");
}

static bool keep_recipient(struct reading *in, struct slice address, off_t offset, off_t after)
{
    struct envelope *env = in->env;
    if (in->how->recipient_limit > 0 && env->recipients_count >= in->how->recipient_limit) {
        in->is_full = true;
        return true;
    }
    if (env->recipients_count == in->capacity) {
        in->capacity = in->capacity ? in->capacity * 2 : 8;
        struct recipient *more = arena_alloc(in->arena, in->capacity * sizeof *more);
        for (size_t i = 0; i < env->recipients_count; i++)
            more[i] = env->recipients[i];
        env->recipients = more;
    }
    in->next.offset = offset;
    if (!set_text(in, &in->next.address, address))
        return false;
    env->recipients[env->recipients_count++] = in->next;
    in->after_last_kept = after;
    return true;
}

static const struct recipient no_recipient = {.address = "", .orig_address = "", .dsn_orcpt = ""};

static bool read_record(struct reading *in, int type, struct slice data, off_t offset, off_t after)
{
    switch (type) {
    case REC_SIZE:
        return read_size(in, data);
    case REC_TIME:
        return read_time(in, data);
    case REC_SENDER:
        in->has_sender = true;
        return set_text(in, &in->env->sender, data);
    case REC_ATTRIBUTE:
        return read_attribute(in, data);
    case REC_WARN:
        in->env->warn_offset = offset;
        if (!set_int(in, &in->env->warn_at_s, data))
            return false;
        in->env->warn_at_s = MAX(in->env->warn_at_s, (int64_t)0);
        return true;
    case REC_ORIGINAL:
        return set_text(in, &in->next.orig_address, data);
    case REC_DSN_ORCPT:
        return set_text(in, &in->next.dsn_orcpt, data);
    case REC_DSN_NOTIFY:
        return set_int(in, &in->next.dsn_notify, data);
    case REC_DSN_RET:
        return set_int(in, &in->env->dsn_ret, data);
    case REC_DONE:
    case REC_CANCELLED:
        in->next = no_recipient;
        return true;
    case REC_RECIPIENT: {
        bool ok = keep_recipient(in, data, offset, after);
        in->next = no_recipient;
        return ok;
    }
    default:
        break;
    }
    for (size_t i = 0; i < COUNT_OF(text_records); i++)
        if (text_records[i].type == type)
            return set_text(in, (const char **)(void *)((char *)in->env + text_records[i].offset),
                            data);
    return true; /* killed, padding, of another release */
}

enum segment_end { SEGMENT_MESSAGE, SEGMENT_EXTRACTED, SEGMENT_END, SEGMENT_FULL, SEGMENT_BAD };

/* Read records until one that ends the segment. */
static enum segment_end read_segment(struct reading *in)
{
    for (;;) {
        int type;
        struct slice data;
        off_t offset;
        switch (queue_reader_next(in->reader, &type, &data, &offset, in->err)) {
        case QUEUE_READ_BAD:
            return SEGMENT_BAD;
        case QUEUE_READ_END:
            corrupt(in, "no end record");
            return SEGMENT_BAD;
        case QUEUE_READ_OK:
            break;
        }
        if (type == REC_MESSAGE)
            return SEGMENT_MESSAGE;
        if (type == REC_EXTRACTED)
            return SEGMENT_EXTRACTED;
        if (type == REC_END)
            return SEGMENT_END;
        if (!read_record(in, type, data, offset, queue_reader_tell(in->reader)))
            return SEGMENT_BAD;
        if (in->is_full && in->how->from_offset > 0)
            return SEGMENT_FULL;
    }
}

/* Go from the start of the content to the record after X: by the size record when it tells the
 * truth about the distance (its first field; the fifth is the length as mail filters left it, and
 * what stands there is the sender's), else by reading the content. Where the content begins it has
 * to know, because the delivery programs believe it. */
static bool skip_content(struct reading *in)
{
    off_t content = queue_reader_tell(in->reader);
    int type;
    struct slice data;
    if (in->has_size && in->env->data_offset != content)
        return corrupt(in, "content is not where the size record says");
    if (in->has_size && in->env->message_size < INT64_MAX - content &&
        queue_reader_seek(in->reader, content + (off_t)in->env->message_size) &&
        queue_reader_next(in->reader, &type, &data, NULL, NULL) == QUEUE_READ_OK &&
        type == REC_EXTRACTED && data.len == 0)
        return true;
    if (!queue_reader_seek(in->reader, content))
        return corrupt(in, "bad content offset");
    for (;;) {
        enum queue_read status = queue_reader_next(in->reader, &type, &data, NULL, in->err);
        if (status == QUEUE_READ_BAD)
            return false;
        if (status == QUEUE_READ_END || type == REC_END)
            return corrupt(in, "no extracted segment");
        if (type == REC_EXTRACTED)
            return true;
    }
}

static bool read_segments(struct reading *in)
{
    bool after_content = false;
    for (;;) {
        switch (read_segment(in)) {
        case SEGMENT_MESSAGE:
            if (after_content)
                return corrupt(in, "second start of content");
            if (!skip_content(in))
                return false;
            after_content = true;
            break;
        case SEGMENT_EXTRACTED: /* only when reading went on after the content */
            if (after_content)
                return corrupt(in, "second extracted segment");
            after_content = true;
            break;
        case SEGMENT_END:
        case SEGMENT_FULL:
            return true;
        case SEGMENT_BAD:
            return false;
        }
    }
}

/* The size record stands first; a reader that goes on later needs it too. */
static bool read_head(struct reading *in)
{
    int type;
    struct slice data;
    if (queue_reader_next(in->reader, &type, &data, NULL, in->err) != QUEUE_READ_OK)
        return in->err && in->err->kind != ERR_NONE ? false : corrupt(in, "empty file");
    if (type == REC_SIZE)
        return read_size(in, data);
    return queue_reader_seek(in->reader, 0); /* a maildrop file has none */
}

static void free_reader(struct queue_reader **reader)
{
    queue_reader_free(*reader);
}

bool queue_file_read_envelope(int fd, struct arena *arena, struct envelope_read *how,
                              struct envelope *ret, struct err *err)
{
    CLEANUP(free_reader) struct queue_reader *reader = queue_reader_new(fd);
    struct err local_err = ERR_INIT;
    struct envelope env;
    struct reading in = {.reader = reader,
                         .arena = arena,
                         .how = how,
                         .env = &env,
                         .next = no_recipient,
                         .err = err ? err : &local_err};
    envelope_blank(&env);
    if (!read_head(&in))
        return false;
    if (how->from_offset > 0 && !queue_reader_seek(reader, how->from_offset))
        return corrupt(&in, "offset outside the file");
    if (!read_segments(&in))
        return false;
    if (how->from_offset == 0 && (!in.has_sender || !in.has_time))
        return corrupt(&in, in.has_sender ? "no time record" : "no sender record");
    how->next_offset = in.is_full ? in.after_last_kept : 0;
    *ret = env;
    return true;
}

bool queue_file_mark_done(int fd, off_t offset, struct err *err)
{
    char type;
    if (offset <= 0 || pread(fd, &type, 1, offset) != 1)
        return err_set(err, ERR_TEMP, "read recipient record: %s", strerror(errno));
    if (type == REC_DONE)
        return true;
    if (type != REC_RECIPIENT)
        return err_set(err, ERR_PERM, "no recipient record at offset %lld", (long long)offset);
    /* Dying before this write delivers to the recipient again; dying after it does not. */
    type = REC_DONE;
    if (!fd_pwrite_all(fd, &type, 1, offset))
        return err_set(err, ERR_TEMP, "write recipient record: %s", strerror(errno));
    return true;
}

enum { WARN_WIDTH = 15 };

bool queue_file_clear_warning(int fd, off_t offset, struct err *err)
{
    char old[2 + WARN_WIDTH], text[WARN_WIDTH + 1];
    if (offset <= 0 || pread(fd, old, sizeof old, offset) != (ssize_t)sizeof old)
        return err_set(err, ERR_TEMP, "read warning record: %s", strerror(errno));
    if (old[0] != REC_WARN || old[1] != WARN_WIDTH)
        return err_set(err, ERR_PERM, "no warning record at offset %lld", (long long)offset);
    snprintf(text, sizeof text, "%*d", WARN_WIDTH, -1);
    /* Dying before this write sends the warning once more. */
    if (!fd_pwrite_all(fd, text, WARN_WIDTH, offset + 2))
        return err_set(err, ERR_TEMP, "write warning record: %s", strerror(errno));
    return true;
}

bool queue_file_each_line(int fd, off_t data_offset,
                          bool (*fn)(void *ctx, struct slice piece, bool ends_line), void *ctx,
                          struct err *err)
{
    CLEANUP(free_reader) struct queue_reader *reader = queue_reader_new(fd);
    if (!queue_reader_seek(reader, data_offset))
        return err_set(err, ERR_PERM, "content offset outside the file");
    for (;;) {
        int type;
        struct slice data;
        enum queue_read status = queue_reader_next(reader, &type, &data, NULL, err);
        if (status == QUEUE_READ_BAD)
            return false;
        if (status == QUEUE_READ_END)
            return err_set(err, ERR_PERM, "content has no end");
        if (type == REC_EXTRACTED || type == REC_END)
            return true;
        if ((type == REC_LINE || type == REC_LINE_PART) && !fn(ctx, data, type == REC_LINE))
            return true;
    }
}
