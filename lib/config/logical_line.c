#include "config/logical_line.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void logical_line_init(struct logical_line *line, struct slice text)
{
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

bool logical_line_check(struct slice text, const char *file, struct err *err)
{
    int number = 1;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (c == '\n')
            number++;
        else if (c == 0x7f || (c < ' ' && !is_blank((char)c)))
            return err_set(err, ERR_CONFIG, "%s, line %d: control character 0x%02x", file, number,
                           c);
    }
    return true;
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

bool logical_line_read_file(const char *path, struct strbuf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "open %s: %s", path, strerror(errno));
    struct strbuf content;
    strbuf_init(&content, LOGICAL_LINE_FILE_MAX + 65536);
    bool ok = read_all(fd, &content, path, err);
    close(fd);
    ok = ok && logical_line_check(strbuf_slice(&content), path, err);
    if (ok)
        strbuf_add_slice(out, strbuf_slice(&content));
    strbuf_done(&content);
    return ok;
}
