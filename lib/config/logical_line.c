#include "config/logical_line.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void logical_line_init(struct logical_line *line, struct slice text)
{
    if (slice_starts(text, LOGICAL_LINE_BYTE_ORDER_MARK))
        text = slice_from(text, strlen(LOGICAL_LINE_BYTE_ORDER_MARK));
    *line = (struct logical_line){.left = text, .next_number = 1, .text = STRBUF_ANY};
}

void logical_line_done(struct logical_line *line)
{
    if (line)
        strbuf_done(&line->text);
}

static bool is_blank(char c)
{
    return c != '\0' && strchr(SLICE_SPACE, c);
}

bool logical_line_next(struct logical_line *line)
{
    strbuf_reset(&line->text);
    line->first = 0;
    for (;;) {
        struct slice left = line->left, physical;
        if (!slice_next_line(&left, &physical))
            break;
        struct slice content = slice_trim_left(physical);
        bool has_content = content.len > 0 && content.s[0] != '#';
        if (has_content && line->first && !is_blank(physical.s[0]))
            break; /* the next logical line; leave it */
        line->left = left;
        int number = line->next_number++;
        if (!has_content)
            continue;
        if (!line->first)
            line->first = number;
        line->last = number;
        strbuf_add_slice(&line->text, physical);
    }
    return line->first > 0;
}

static bool is_control(unsigned char c)
{
    return c == 0x7f || (c < ' ' && !is_blank((char)c));
}

int logical_line_control(const struct logical_line *line)
{
    for (size_t i = 0; i < line->text.len; i++)
        if (is_control((unsigned char)line->text.s[i]))
            return (unsigned char)line->text.s[i];
    return -1;
}

static int line_number(struct slice text, size_t at)
{
    int number = 1;
    for (size_t i = 0; i < at; i++)
        number += text.s[i] == '\n';
    return number;
}

bool logical_line_check(struct slice text, const char *file, struct err *err)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_control((unsigned char)text.s[i]))
            return err_set(err, ERR_CONFIG, "%s, line %d: control character 0x%02x", file,
                           line_number(text, i), (unsigned char)text.s[i]);
    return true;
}

static bool check_nul(struct slice text, const char *file, struct err *err)
{
    size_t at = slice_find(text, '\0');
    if (at == SIZE_MAX)
        return true;
    return err_set(err, ERR_CONFIG, "%s, line %d: NUL byte: not a text in ASCII or UTF-8", file,
                   line_number(text, at));
}

static bool read_all(int fd, struct strbuf *out, const char *path, struct err *err)
{
    for (;;) {
        char *room = strbuf_room(out, 65536);
        if (!room)
            return err_set(err, ERR_CONFIG, "%s: larger than %d bytes", path,
                           (int)LOGICAL_LINE_FILE_MAX);
        ssize_t got = read(fd, room, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_CONFIG, "read %s: %s", path, strerror(errno));
        if (got == 0)
            return true;
        strbuf_grew(out, (size_t)got);
    }
}

enum { REST_MS = 50, REST_TRIES = 20 };

/* Did whoever writes FD (in one or more writes) have REST_MS to finish, and wrote nothing while we
 * read? A time in the future says nothing. */
static bool is_at_rest(int fd, const struct stat *before)
{
    struct stat after;
    struct timespec now;
    if (fstat(fd, &after) < 0 || !S_ISREG(after.st_mode))
        return true;
    if (after.st_size != before->st_size || after.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        after.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return false;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    int64_t age = ((int64_t)now.tv_sec - after.st_mtim.tv_sec) * 1000 +
                  (now.tv_nsec - after.st_mtim.tv_nsec) / 1000000;
    return age < 0 || age >= REST_MS;
}

/* An editor may put another file in the place of PATH: it is opened anew each time. */
static bool read_once(const char *path, struct strbuf *out, bool *ret_at_rest, struct err *err)
{
    struct stat before;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "open %s: %s", path, strerror(errno));
    strbuf_reset(out);
    bool ok = fstat(fd, &before) == 0 || err_set(err, ERR_CONFIG, "fstat %s", path);
    ok = ok && read_all(fd, out, path, err);
    *ret_at_rest = !ok || is_at_rest(fd, &before);
    close(fd);
    return ok;
}

bool logical_line_read_file(const char *path, struct strbuf *out, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_INIT(LOGICAL_LINE_FILE_MAX + 65536);
    bool at_rest = false;
    for (int tries = 0; tries < REST_TRIES && !at_rest; tries++) {
        if (tries > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = REST_MS * 1000000}, NULL);
        if (!read_once(path, &content, &at_rest, err))
            return false;
    }
    if (!check_nul(strbuf_slice(&content), path, err))
        return false;
    strbuf_add_slice(out, strbuf_slice(&content));
    return true;
}
