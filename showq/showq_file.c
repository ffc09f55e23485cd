/*
 * One message: first the recipients that the defer and bounce logs name, with the reason; then
 * those of the queue file that no log has named.
 *
 * The common message costs the opening, looking at, reading and closing of two small files; a
 * listing of a hundred thousand is made of this.
 */
#include "showq/showq_file.h"

#include "base/num.h"
#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/address.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "showq/showq_log.h"
#include "showq/showq_seen.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest address shown, and the text in one frame before the next begins. */
enum { ADDRESS_MAX = 16 * 1024, FRAME_TEXT = 128 * 1024 };
enum { MODE_READY = 0100, MODE_EXPIRE = 0010 };

struct showq_file {
    struct arena *arena; /* texts of the frame being made */
    struct showq_seen seen;
    struct showq_log defer_log, bounce_log;
    struct queue_reader *reader;
    struct strbuf *warnings;
    struct strbuf internal, external, address;
    const struct showq_place *place;
    showq_emit emit;
    void *ctx;
    struct showq_message message;
    struct showq_recipient recipients[SHOWQ_RECIPIENTS];
    bool is_begun; /* SHOWQ_MESSAGE was sent */
    bool has_sender, has_size, has_logs;
    bool may_have_bounces; /* some message in the queue has a bounce log */
    bool is_edited;   /* its pointers lead about: the size record may not count all recipients */
    const char *orig; /* of the recipient that comes next */
    int64_t data_offset, content_size, expected, found; /* found: recipients, done ones too */
};

/* Most queues hold no message that has bounced for some recipients and waits for others: one look
 * at the directory saves a look for each message. */
static bool bounce_directory_has_files(void)
{
    DIR *dir = opendir(BOUNCE_LOG_BOUNCE);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));)
        found = entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return found;
}

struct showq_file *showq_file_new(struct strbuf *warnings)
{
    struct showq_file *f = xzalloc(sizeof *f);
    f->warnings = warnings;
    f->arena = arena_new("showq_file");
    f->may_have_bounces = bounce_directory_has_files();
    showq_seen_init(&f->seen, (size_t)common_params.duplicate_filter_limit);
    f->reader = queue_reader_new(-1);
    showq_log_init(&f->defer_log, BOUNCE_LOG_DEFER, warnings);
    showq_log_init(&f->bounce_log, BOUNCE_LOG_BOUNCE, warnings);
    strbuf_init(&f->internal, ADDRESS_MAX);
    strbuf_init(&f->external, 2 * ADDRESS_MAX + 2);
    strbuf_init(&f->address, 2 * ADDRESS_MAX + 2);
    return f;
}

void showq_file_free(struct showq_file *f)
{
    if (!f)
        return;
    arena_free(f->arena);
    showq_seen_done(&f->seen);
    showq_log_done(&f->defer_log);
    showq_log_done(&f->bounce_log);
    queue_reader_free(f->reader);
    strbuf_done(&f->internal);
    strbuf_done(&f->external);
    strbuf_done(&f->address);
    free(f);
}

static void file_send_frame(struct showq_file *f)
{
    struct showq_more more = {f->message.recipients, f->message.recipients_count};
    if (f->is_begun)
        f->emit(f->ctx, SHOWQ_MORE, &showq_more_type, &more);
    else
        f->emit(f->ctx, SHOWQ_MESSAGE, &showq_message_type, &f->message);
    f->is_begun = true;
    f->message.recipients_count = 0;
    f->orig = "";
    arena_reset(f->arena);
}

/* As it is shown: quoted where needed, nothing that a terminal would obey. In f->address. */
static const char *file_external(struct showq_file *f, struct slice internal)
{
    if (internal.len == 0)
        return common_params.empty_address_recipient;
    strbuf_set_slice(&f->internal, slice_first(internal, ADDRESS_MAX));
    strbuf_reset(&f->external);
    strbuf_reset(&f->address);
    address_to_external(strbuf_slice(&f->internal), &f->external);
    text_add_printable(&f->address, strbuf_slice(&f->external));
    return f->address.s;
}

/* The texts are the arena's. */
static void file_add(struct showq_file *f, const struct showq_recipient *rcpt)
{
    f->recipients[f->message.recipients_count++] = *rcpt;
    if (f->message.recipients_count == SHOWQ_RECIPIENTS || arena_size(f->arena) > FRAME_TEXT)
        file_send_frame(f);
}

static void file_add_log(struct showq_file *f, struct showq_log *from)
{
    bool is_bounce = from == &f->bounce_log;
    struct bounce_log_entry entry;
    struct bounce_log *log = showq_log_open(from, f->place->id);
    while (log && bounce_log_next(log, &entry)) {
        const char *reason =
            *entry.status.reason ? entry.status.reason : "(description unavailable)";
        bool has_orig = strcmp(entry.rcpt.orig_address, entry.rcpt.address) != 0;
        struct showq_recipient rcpt = {
            .address = arena_strdup(f->arena, entry.rcpt.address),
            .orig_address = has_orig ? arena_strdup(f->arena, entry.rcpt.orig_address) : "",
            .delay_reason = is_bounce ? "" : arena_strdup(f->arena, reason),
            .bounce_reason = is_bounce ? arena_strdup(f->arena, reason) : "",
        };
        showq_seen_add(&f->seen, entry.rcpt.address);
        file_add(f, &rcpt);
    }
    if (log && bounce_log_skipped(log) > 0)
        strbuf_addf(f->warnings, "%s %s: malformed record\n", from->name, f->place->id);
}

static void file_add_logs(struct showq_file *f)
{
    if (f->has_logs)
        return;
    f->has_logs = true;
    file_add_log(f, &f->defer_log);
    if (f->may_have_bounces)
        file_add_log(f, &f->bounce_log);
}

static bool file_take_recipient(struct showq_file *f, struct slice data)
{
    if (!f->has_sender) {
        strbuf_addf(f->warnings,
                    "%s: missing sender address: %.*s -- skipping remainder of this file\n",
                    f->place->id, SLICE_ARG(slice_first(data, ADDRESS_MAX)));
        return false;
    }
    CLEANUP(xfree_ptr) char *orig = xstrdup(f->orig); /* adding logs may end the frame */
    file_add_logs(f);
    const char *address = file_external(f, data);
    if (showq_seen_has(&f->seen, address))
        return true;
    struct showq_recipient rcpt = {
        .address = arena_strdup(f->arena, address),
        .orig_address = strcmp(orig, address) != 0 ? arena_strdup(f->arena, orig) : "",
        .delay_reason = "",
        .bounce_reason = "",
    };
    file_add(f, &rcpt);
    return true;
}

static void file_take_size(struct showq_file *f, struct slice data)
{
    int64_t hints, *const fields[] = {&f->message.size, &f->data_offset, &f->expected, &hints,
                                      &f->content_size};
    struct slice word;
    size_t count = 0;
    while (count < COUNT_OF(fields) && slice_next_token(&data, " ", &word) &&
           num_parse_i64(word, fields[count]) && *fields[count] >= 0)
        count++;
    if (count < COUNT_OF(fields))
        f->content_size = f->message.size; /* of an old release */
    f->has_size = count >= 3;
}

static void file_take_time(struct showq_file *f, struct slice data)
{
    struct slice word;
    int64_t seconds;
    if (slice_next_token(&data, " ", &word) && num_parse_i64(word, &seconds) && seconds >= 0)
        f->message.arrival_s = seconds;
}

/* False: nothing after this is of interest. */
static bool file_take(struct showq_file *f, int type, struct slice data)
{
    switch (type) {
    case REC_SIZE:
        file_take_size(f, data);
        return true;
    case REC_TIME:
        file_take_time(f, data);
        return true;
    case REC_SENDER:
        f->message.sender = arena_strdup(f->arena, file_external(f, data));
        f->has_sender = true;
        return true;
    case REC_ORIGINAL:
        f->orig = data.len > 0 ? arena_strdup(f->arena, file_external(f, data)) : "";
        return true;
    case REC_DONE:
    case REC_CANCELLED:
    case REC_RECIPIENT:
        f->found++;
        if (type == REC_RECIPIENT && !file_take_recipient(f, data))
            return false;
        f->orig = "";
        return true;
    default:
        return type != REC_END;
    }
}

/* Recipients may stand behind the content too; when the size record says there are none, the file's
 * end is not read. */
static bool file_go_behind_content(struct showq_file *f, struct queue_reader *reader)
{
    int type;
    struct slice data;
    if (!f->has_size || (f->found >= f->expected && !f->is_edited) ||
        f->content_size > INT64_MAX - f->data_offset)
        return false;
    return queue_reader_seek(reader, (off_t)(f->data_offset + f->content_size)) &&
           queue_reader_next(reader, &type, &data, NULL, NULL) == QUEUE_READ_OK &&
           type == REC_EXTRACTED;
}

static void file_read(struct showq_file *f, int fd, off_t size)
{
    struct queue_reader *reader = f->reader;
    struct err err = ERR_INIT;
    int type;
    struct slice data;
    off_t offset, last = -1;
    enum queue_read status;
    queue_reader_restart(reader, fd, size);
    while ((status = queue_reader_next(reader, &type, &data, &offset, &err)) == QUEUE_READ_OK) {
        f->is_edited |= offset < last || (f->has_size && offset > f->data_offset);
        last = offset;
        if (type == REC_MESSAGE) {
            if (!file_go_behind_content(f, reader))
                break;
        } else if (!file_take(f, type, data)) {
            break;
        }
    }
    if (status == QUEUE_READ_BAD)
        strbuf_addf(f->warnings, "%s: %s\n", f->place->path, err.reason);
}

/* -1: gone, not finished, or no file. */
static int file_open(struct showq_file *f, const struct showq_place *place, struct stat *st)
{
    CLEANUP(fd_done) int fd = showq_log_open_at(place->dir_fd, place->id);
    bool is_there = fd >= 0 ? fstat(fd, st) == 0 : errno != ENOENT;
    if (fd < 0 && is_there && errno != ELOOP) {
        strbuf_addf(f->warnings, "%s: %s\n", place->path, strerror(errno));
        return -1;
    }
    if (!is_there)
        return -1;
    if (fd < 0 || !S_ISREG(st->st_mode)) {
        strbuf_addf(f->warnings, "%s: not a regular file\n", place->path);
        return -1;
    }
    return st->st_mode & MODE_READY ? fd_take(&fd) : -1;
}

void showq_file_show(struct showq_file *f, const struct showq_place *place, showq_emit emit,
                     void *ctx)
{
    struct stat st;
    CLEANUP(fd_done) int fd = file_open(f, place, &st);
    if (fd < 0)
        return;
    arena_reset(f->arena);
    showq_seen_reset(&f->seen);
    f->place = place;
    f->emit = emit;
    f->ctx = ctx;
    f->is_begun = f->has_sender = f->has_size = f->has_logs = f->is_edited = false;
    f->data_offset = f->content_size = f->expected = f->found = 0;
    f->orig = "";
    f->message = (struct showq_message){.queue_name = place->queue,
                                        .queue_id = place->id,
                                        .arrival_s = (int64_t)st.st_mtime,
                                        .size = (int64_t)st.st_size,
                                        .forced_expire = (st.st_mode & MODE_EXPIRE) != 0,
                                        .recipients = f->recipients};
    file_read(f, fd, st.st_size);
    if (!f->has_sender)
        return;
    file_add_logs(f);
    if (!f->is_begun || f->message.recipients_count > 0)
        file_send_frame(f);
}
