#include "postconf_lines.h"

#include "base/xmem.h"
#include "config/logical_line.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct cursor {
    struct slice left;
    int number; /* of the first line of LEFT */
};

static void copy_line(struct strbuf *out, struct slice line)
{
    strbuf_add_slice(out, line);
    if (line.len == 0 || line.s[line.len - 1] != '\n')
        strbuf_add_char(out, '\n');
}

/* Take physical lines up to number LAST. Lines with content are treated as ACTION says. */
static void copy_until(struct cursor *cursor, int last, enum line_action action, struct strbuf *out)
{
    while (cursor->left.len > 0 && cursor->number <= last) {
        size_t len = MIN(slice_find(cursor->left, '\n'), cursor->left.len - 1) + 1;
        struct slice line = slice_first(cursor->left, len);
        struct slice content = slice_trim(line);
        bool has_content = content.len > 0 && content.s[0] != '#';
        cursor->left = slice_from(cursor->left, len);
        cursor->number++;
        if (has_content && action == LINE_COMMENT)
            strbuf_add_char(out, '#');
        if (!has_content || action == LINE_KEEP || action == LINE_COMMENT)
            copy_line(out, line);
    }
}

void postconf_lines_edit(struct slice text, line_decide decide, void *ctx, struct strbuf *out)
{
    struct cursor cursor = {text, 1};
    CLEANUP(strbuf_done) struct strbuf replacement = STRBUF_ANY;
    CLEANUP(logical_line_done) struct logical_line line;
    logical_line_init(&line, text);
    while (logical_line_next(&line)) {
        strbuf_reset(&replacement);
        enum line_action action = decide(ctx, strbuf_slice(&line.text), &replacement);
        copy_until(&cursor, line.first - 1, LINE_KEEP, out);
        if (action == LINE_REPLACE)
            copy_line(out, strbuf_slice(&replacement));
        copy_until(&cursor, line.last, action, out);
    }
    copy_until(&cursor, INT32_MAX, LINE_KEEP, out);
}

static bool write_all(int fd, struct slice content)
{
    while (content.len > 0) {
        ssize_t count = write(fd, content.s, content.len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        content = slice_from(content, (size_t)count);
    }
    return true;
}

/* Fill the new file and make it durable. */
static bool fill(int fd, const struct stat *old, struct slice content)
{
    /* an ordinary user may keep the owner and group only when they are his own */
    bool same_owner = fchown(fd, old->st_uid, old->st_gid) == 0 || errno == EPERM;
    return same_owner && fchmod(fd, old->st_mode & 07777) == 0 && write_all(fd, content) &&
           fsync(fd) == 0;
}

static bool sync_directory(const char *path)
{
    CLEANUP(xfree_ptr) char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    int fd = open(slash ? (*dir ? dir : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool postconf_lines_replace_file(const char *path, struct slice content, struct err *err)
{
    CLEANUP(xfree_ptr) char *temp = xasprintf("%s.XXXXXX", path);
    struct stat old;
    if (stat(path, &old) < 0)
        return err_set(err, ERR_CONFIG, "open %s: %s", path, strerror(errno));
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "create %s: %s", temp, strerror(errno));
    bool ok = fill(fd, &old, content);
    ok = close(fd) == 0 && ok;
    if (!ok) {
        err_set(err, ERR_CONFIG, "write %s: %s", temp, strerror(errno));
        (void)unlink(temp);
        return false;
    }
    if (rename(temp, path) < 0) {
        err_set(err, ERR_CONFIG, "rename %s to %s: %s", temp, path, strerror(errno));
        (void)unlink(temp);
        return false;
    }
    if (!sync_directory(path))
        return err_set(err, ERR_CONFIG, "sync the directory of %s: %s", path, strerror(errno));
    return true;
}
