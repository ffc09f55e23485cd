#include "log/log.h"

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "base/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 2048,       /* one line, as syslog daemons take it */
    BATCH_MAX_BYTES = 48 * 1024, /* one datagram to postlogd */
    SEND_WAIT_MS = 5000,         /* for room in the socket of postlogd */
    STALL_MS = 10000,            /* then lines that find none go to standard error this long */
    SESSION_SHIFT = 22,          /* pid_max is at most 2^22 on Linux */
};

void (*log_hook)(enum log_level level, const char *line);

static struct {
    struct log_options options;
    char *tag, *postlog_path, *syslog_path, *file_path, *hostname;
    int64_t stalled_until_ms; /* postlogd does not read: do not wait for it again before that */
    int postlog_fd, syslog_fd, file_fd;
    pid_t pid; /* 0: ask */
    bool batch, ready;
    struct strbuf pending; /* finished lines for postlog or the file, LF-terminated */
} logger = {.postlog_fd = -1, .syslog_fd = -1, .file_fd = -1, .pending = STRBUF_INIT(1 << 20)};

static const struct {
    const char *prefix;
    int priority;
} levels[] = {
    [LOG_LEVEL_INFO] = {"", LOG_INFO},         [LOG_LEVEL_WARN] = {"warning: ", LOG_WARNING},
    [LOG_LEVEL_ERROR] = {"error: ", LOG_ERR},  [LOG_LEVEL_FATAL] = {"fatal: ", LOG_CRIT},
    [LOG_LEVEL_PANIC] = {"panic: ", LOG_CRIT},
};

static char *log_copy(char *old, const char *new)
{
    free(old);
    return new ? xstrdup(new) : NULL;
}

void log_init(const struct log_options *options)
{
    logger.tag = log_copy(logger.tag, options->tag);
    logger.postlog_path = log_copy(logger.postlog_path, options->postlog_path);
    logger.syslog_path = log_copy(logger.syslog_path, options->syslog_path);
    logger.file_path = log_copy(logger.file_path, options->file_path);
    logger.hostname =
        log_copy(logger.hostname, options->hostname ? options->hostname : "localhost");
    char *dot = strchr(logger.hostname, '.');
    if (dot)
        *dot = 0;
    logger.options = *options;
    logger.stalled_until_ms = 0;
    logger.ready = true;
    log_reopen();
}

void log_set_tag(const char *tag)
{
    logger.tag = log_copy(logger.tag, tag);
}

const char *log_get_tag(void)
{
    return logger.tag ? logger.tag : "";
}

static void log_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void log_reopen(void)
{
    logger.pid = 0; /* we may be a child now */
    log_close(&logger.postlog_fd);
    log_close(&logger.syslog_fd);
    log_close(&logger.file_fd);
}

static int log_connect(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path)
        return -1;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {.tv_sec = SEND_WAIT_MS / 1000};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        log_close(&fd);
    return fd;
}

static void log_open_file(void)
{
    if (!logger.file_path || logger.file_fd >= 0)
        return;
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    /* what the caller gave us; opening the name again may need more rights */
    if (strcmp(logger.file_path, "/dev/stdout") == 0) {
        logger.file_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return;
    }
    mode_t mode = logger.options.file_mode ? logger.options.file_mode : 0600;
    logger.file_fd = open(logger.file_path, flags);
    if (logger.file_fd >= 0 || errno != ENOENT)
        return;
    logger.file_fd = open(logger.file_path, flags | O_CREAT | O_NOFOLLOW, mode);
    if (logger.file_fd >= 0 && fchmod(logger.file_fd, mode) < 0) /* whatever the umask is */
        return;
}

void log_open_now(void)
{
    if (logger.postlog_path && logger.postlog_fd < 0)
        logger.postlog_fd = log_connect(logger.postlog_path);
    if (logger.syslog_path && logger.syslog_fd < 0)
        logger.syslog_fd = log_connect(logger.syslog_path);
    if (logger.postlog_fd < 0) /* nobody serves it: before the start of the mail system, for one */
        log_open_file();
}

size_t log_fds(int *fds, size_t max)
{
    const int all[] = {logger.postlog_fd, logger.syslog_fd, logger.file_fd};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(all) && count < max; i++)
        if (all[i] >= 0)
            fds[count++] = all[i];
    return count;
}

void log_batch(bool on)
{
    logger.batch = on;
    if (!on)
        log_flush();
}

/* Logging is best effort: a full or missing log never stops mail. False: nobody took the text. */
static bool log_send(int *fd, const char *path, struct slice text)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        if (*fd < 0)
            *fd = log_connect(path);
        if (*fd < 0)
            return false;
        int flags = MSG_NOSIGNAL;
        if (clock_now_ms() < logger.stalled_until_ms)
            flags |= MSG_DONTWAIT;
        if (send(*fd, text.s, text.len, flags) >= 0) {
            logger.stalled_until_ms = 0; /* it reads again: worth waiting for */
            return true;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            logger.stalled_until_ms = clock_now_ms() + STALL_MS;
            return false;
        }
        log_close(fd);
    }
    return false;
}

/* Nobody serves the socket: to the file, or to standard error, which container runtimes keep. */
static void log_write_file(struct slice text)
{
    log_open_file();
    if (logger.file_fd < 0 && logger.options.to_stderr)
        return; /* it was there already */
    int fd = logger.file_fd >= 0 ? logger.file_fd : STDERR_FILENO;
    if (write(fd, text.s, text.len) < 0)
        log_close(&logger.file_fd);
}

/* Send whole lines, as many as fit, in one datagram. */
static void log_send_lines(struct slice lines)
{
    while (lines.len > 0) {
        size_t take = lines.len;
        if (take > BATCH_MAX_BYTES) {
            take = slice_rfind(slice_first(lines, BATCH_MAX_BYTES), '\n');
            take = take == SIZE_MAX ? BATCH_MAX_BYTES : take + 1;
        }
        struct slice text = slice_first(lines, take);
        if (!log_send(&logger.postlog_fd, logger.postlog_path, text))
            log_write_file(text);
        lines = slice_from(lines, take);
    }
}

void log_flush(void)
{
    if (logger.pending.len == 0)
        return;
    if (logger.postlog_path)
        log_send_lines(strbuf_slice(&logger.pending));
    else if (logger.file_path)
        log_write_file(strbuf_slice(&logger.pending));
    strbuf_reset(&logger.pending);
}

uint64_t log_session_number(uint32_t slot)
{
    if (logger.pid == 0)
        logger.pid = getpid();
    return (uint64_t)logger.pid + ((uint64_t)slot << SESSION_SHIFT);
}

static void log_timestamp(struct strbuf *out)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm tm;
    if (localtime_r(&now, &tm))
        strbuf_addf(out, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
                    tm.tm_min, tm.tm_sec);
}

static void log_to_syslog(int priority, struct slice line)
{
    CLEANUP(strbuf_done) struct strbuf packet = STRBUF_ANY;
    strbuf_addf(&packet, "<%d>",
                priority | (logger.options.facility ? logger.options.facility : LOG_MAIL));
    log_timestamp(&packet);
    strbuf_add_char(&packet, ' ');
    strbuf_add_slice(&packet, line);
    if (!log_send(&logger.syslog_fd, logger.syslog_path, strbuf_slice(&packet)))
        log_close(&logger.syslog_fd);
}

static void mask_8bit(struct strbuf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->s[i] >= 0x80)
            text->s[i] = '?';
}

void log_line(enum log_level level, const struct log_tag *tag, const char *fmt, va_list ap)
{
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_INIT(LINE_MAX_BYTES);
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_add_str(&raw, levels[level].prefix);
    if (tag && tag->queue_id[0])
        strbuf_addf(&raw, "%s: ", tag->queue_id);
    strbuf_vaddf(&raw, fmt, ap);

    strbuf_addf(&line, "%s[%llu]: ", log_get_tag(),
                (unsigned long long)log_session_number(tag ? tag->session : 0));
    if (logger.options.ascii_only)
        mask_8bit(&raw);
    text_add_printable(&line, strbuf_slice(&raw));
    if (log_hook) {
        log_hook(level, line.s);
        return;
    }
    if (logger.syslog_path)
        log_to_syslog(levels[level].priority, strbuf_slice(&line));
    strbuf_add_char(&line, '\n');
    if (logger.options.to_stderr || !logger.ready) {
        /* commands speak to a person: "sendmail: fatal: ..." without number or queue id tag */
        CLEANUP(strbuf_done) struct strbuf plain = STRBUF_ANY;
        const char *slash = strrchr(log_get_tag(), '/');
        bool full = logger.options.stderr_full_tag || !slash;
        strbuf_addf(&plain, "%s: ", full ? log_get_tag() : slash + 1);
        text_add_printable(&plain, strbuf_slice(&raw));
        strbuf_add_char(&plain, '\n');
        if (write(STDERR_FILENO, plain.s, plain.len) < 0)
            return;
    }
    if (!logger.postlog_path && !logger.file_path)
        return;
    log_timestamp(&logger.pending);
    strbuf_addf(&logger.pending, " %s ", logger.hostname);
    strbuf_add_slice(&logger.pending, strbuf_slice(&line));
    if (!logger.batch || level >= LOG_LEVEL_FATAL || logger.pending.len > BATCH_MAX_BYTES / 2)
        log_flush();
}

#define LOG_AS(level, tag)                                                                         \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    log_line(level, tag, fmt, ap);                                                                 \
    va_end(ap)

void log_info(const struct log_tag *tag, const char *fmt, ...)
{
    LOG_AS(LOG_LEVEL_INFO, tag);
}

void log_warn(const struct log_tag *tag, const char *fmt, ...)
{
    LOG_AS(LOG_LEVEL_WARN, tag);
}

void log_error(const struct log_tag *tag, const char *fmt, ...)
{
    LOG_AS(LOG_LEVEL_ERROR, tag);
}

void log_fatal(const char *fmt, ...)
{
    LOG_AS(LOG_LEVEL_FATAL, NULL);
    exit(1);
}

void log_fatal_status(int status, const char *fmt, ...)
{
    LOG_AS(LOG_LEVEL_FATAL, NULL);
    exit(status);
}

void log_panic(const char *fmt, ...)
{
    LOG_AS(LOG_LEVEL_PANIC, NULL);
    abort();
}
