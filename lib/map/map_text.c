/* map_text: logical lines, and the "key white-space value" format of postmap(1). */
#include "map/map_text.h"

#include "base/text.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void map_text_init(struct map_text *in, struct slice text)
{
    *in = (struct map_text){.rest = text};
    strbuf_init(&in->text, SIZE_MAX / 4);
}

void map_text_done(struct map_text *in)
{
    strbuf_done(&in->text);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_left_out(struct slice line)
{
    line = slice_trim_left(line);
    return line.len == 0 || line.s[0] == '#';
}

bool map_text_next(struct map_text *in, struct slice *ret_line)
{
    bool started = false;
    strbuf_reset(&in->text);
    for (;;) {
        struct slice ahead = in->rest, line;
        if (!slice_next_line(&ahead, &line))
            break;
        if (!is_left_out(line)) {
            if (started && !is_space(line.s[0]))
                break;
            if (!started)
                in->first_line = in->line + 1;
            started = true;
            strbuf_add_slice(&in->text, line);
        }
        in->line++;
        in->rest = ahead;
    }
    *ret_line = slice_trim_right(strbuf_slice(&in->text));
    return started;
}

bool map_text_read_fd(int fd, const char *name, struct strbuf *ret_text, struct err *err)
{
    size_t start = ret_text->len;
    for (;;) {
        char *room =
            ret_text->len - start < MAP_TEXT_FILE_MAX ? strbuf_room(ret_text, 65536) : NULL;
        if (!room)
            return err_set(err, ERR_CONFIG, "%s: file too large", name);
        ssize_t len = read(fd, room, 65536);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return err_set(err, ERR_CONFIG, "read %s: %s", name, strerror(errno));
        if (len == 0)
            break;
        strbuf_grew(ret_text, (size_t)len);
    }
    if (slice_has_nul(slice_from(strbuf_slice(ret_text), start)))
        return err_set(err, ERR_CONFIG, "%s: file contains a NUL byte", name);
    return true;
}

bool map_text_read_file(const char *path, struct strbuf *ret_text, struct err *err)
{
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "open %s: %s", path, strerror(errno));
    return map_text_read_fd(fd, path, ret_text, err);
}

void map_text_entry_init(struct map_text_entry *entry)
{
    strbuf_init(&entry->key, SIZE_MAX / 4);
    strbuf_init(&entry->value, SIZE_MAX / 4);
    strbuf_init(&entry->problem, 1024);
}

void map_text_entry_done(struct map_text_entry *entry)
{
    strbuf_done(&entry->key);
    strbuf_done(&entry->value);
    strbuf_done(&entry->problem);
}

/* Length of the key at the start of LINE: to the first white space that is neither between double
 * quotes nor after a backslash. The quotes and backslashes stay part of the key. SIZE_MAX: a quote
 * is missing. */
static size_t key_length(struct slice line)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < line.len; i++) {
        char c = line.s[i];
        if (c == '\\' && i + 1 < line.len)
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && is_space(c))
            break;
    }
    return quoted ? SIZE_MAX : i;
}

static void entry_from_postmap(struct slice line, const char *where, bool says_ignored,
                               struct map_text_entry *entry)
{
    size_t len = key_length(line);
    if (len == SIZE_MAX) {
        strbuf_addf(&entry->problem, "%s: unbalanced '\"' in '%.*s' -- ignoring this line", where,
                    SLICE_ARG(line));
        return;
    }
    struct slice key = slice_first(line, len), value = slice_trim(slice_from(line, len));
    if (value.len == 0) {
        strbuf_addf(&entry->problem, "%s: expected format: key whitespace value%s", where,
                    says_ignored ? " -- ignoring this line" : "");
        return;
    }
    if (key.s[key.len - 1] == ':')
        strbuf_addf(&entry->problem,
                    "%s: record is in \"key: value\" format; is this an alias file?", where);
    strbuf_add_slice(&entry->key, key);
    strbuf_add_slice(&entry->value, value);
}

static void entry_from_alias(struct slice line, const char *where, struct map_text_entry *entry)
{
    const char *problem = map_alias_parse(line, &entry->key, &entry->value);
    if (!problem)
        return;
    strbuf_reset(&entry->key);
    strbuf_addf(&entry->problem, "%s: %s", where, problem);
}

bool map_text_next_entry(struct map_text *in, const struct map_text_options *options,
                         struct map_text_entry *entry)
{
    struct slice line;
    strbuf_reset(&entry->key);
    strbuf_reset(&entry->value);
    strbuf_reset(&entry->problem);
    if (!map_text_next(in, &line))
        return false;

    CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(8192);
    strbuf_addf(&where, "%s, line %d", options->source, in->first_line);
    if (options->utf8 && !text_is_utf8(line)) {
        CLEANUP(strbuf_done) struct strbuf printable = STRBUF_INIT(400);
        text_add_printable(&printable, line);
        strbuf_addf(&entry->problem, "%s: non-UTF-8 input \"%s\" -- ignoring this line", where.s,
                    printable.s);
    } else if (is_space(line.s[0])) {
        strbuf_addf(&entry->problem, "%s: logical line must not start with whitespace: \"%.*s%s\"",
                    options->source, SLICE_ARG(slice_first(line, 30)), line.len > 30 ? "..." : "");
    } else if (options->format == MAP_TEXT_ALIASES) {
        entry_from_alias(line, where.s, entry);
    } else {
        entry_from_postmap(line, where.s, options->says_ignored, entry);
    }
    return true;
}
