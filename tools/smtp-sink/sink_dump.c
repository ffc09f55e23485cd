/*
 * With -d a file of its own is written directly. With -D the text waits in an unnamed file, and is
 * appended in one piece, under a lock, when the message is complete: messages do not mix.
 */
#include "tools/smtp-sink/sink_dump.h"

#include "base/clock.h"
#include "base/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct sink_dump {
    char *path;  /* the file's final name */
    FILE *file;  /* what is written to now */
    bool shared; /* -D: FILE is unnamed */
};

static void free_dump(struct sink_dump *dump)
{
    free(dump->path);
    free(dump);
}

static bool expand(const char *template, struct strbuf *out, struct err *err)
{
    char text[PATH_MAX];
    struct timeval now;
    struct tm local;
    clock_wall(&now);
    localtime_r(&now.tv_sec, &local);
    if (strftime(text, sizeof text, template, &local) == 0)
        return err_set(err, ERR_PERM, "dump template too long or empty: %s", template);
    strbuf_add_str(out, text);
    return true;
}

/* Make the directories a path needs. */
static void make_parents(const char *path)
{
    CLEANUP(xfree_ptr) char *copy = xstrdup(path);
    for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(copy, 0755); /* a failure shows when the file is opened */
        *p = '/';
    }
}

static FILE *open_file(const char *path, const char *mode, struct err *err)
{
    FILE *file = fopen(path, mode);
    if (!file && errno == ENOENT) {
        make_parents(path);
        file = fopen(path, mode);
    }
    if (!file)
        err_set(err, ERR_PERM, "open %s: %s", path, strerror(errno));
    return file;
}

static void write_headers(FILE *file, const struct sink_options *options,
                          const struct sink_dump_facts *facts, unsigned id)
{
    CLEANUP(strbuf_done) struct strbuf date = STRBUF_INIT(100);
    struct timeval now;
    clock_wall(&now);
    clock_format_mail_date(now.tv_sec, &date);
    fwrite(options->start_string.s, 1, options->start_string.len, file);
    fprintf(file, "X-Client-Addr: %s\nX-Client-Proto: %s\n", facts->address, facts->protocol);
    if (facts->helo)
        fprintf(file, "X-Helo-Args: %s\n", facts->helo);
    fprintf(file, "X-Mail-Args: %s\n", facts->mail_args);
    for (size_t i = 0; i < facts->rcpt_args->count; i++)
        fprintf(file, "X-Rcpt-Args: %s\n", facts->rcpt_args->at[i]);
    if (facts->helo)
        fprintf(file, "Received: from %s ([%s])\n", facts->helo, facts->address);
    else
        fprintf(file, "Received: from [%s] ([%s])\n", facts->address, facts->address);
    fprintf(file, "\tby %s (smtp-sink) with %s id %08x;\n\t%s\n", options->hostname,
            facts->protocol, id, date.s);
}

struct sink_dump *sink_dump_open(const struct sink_options *options,
                                 const struct sink_dump_facts *facts, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(PATH_MAX);
    bool shared = !options->single_dump;
    unsigned id = 0;
    if (getrandom(&id, sizeof id, 0) != sizeof id || /* file names, no secrets */
        !expand(shared ? options->multi_dump : options->single_dump, &path, err))
        return NULL;
    if (!shared)
        strbuf_addf(&path, "%08x", id);
    FILE *file = shared ? tmpfile() : open_file(path.s, "wx", err);
    if (!file) {
        if (shared)
            err_set(err, ERR_PERM, "temporary file: %s", strerror(errno));
        return NULL;
    }
    struct sink_dump *dump = xzalloc(sizeof *dump);
    dump->path = xstrdup(path.s);
    dump->file = file;
    dump->shared = shared;
    write_headers(file, options, facts, id);
    return dump;
}

bool sink_dump_write(struct sink_dump *dump, struct slice text, struct err *err)
{
    if (fwrite(text.s, 1, text.len, dump->file) == text.len)
        return true;
    return err_set(err, ERR_PERM, "write %s: %s", dump->path, strerror(errno));
}

static bool append_to_shared(struct sink_dump *dump, struct err *err)
{
    FILE *out = open_file(dump->path, "a", err);
    if (!out)
        return false;
    char buffer[65536];
    size_t len;
    bool good = flock(fileno(out), LOCK_EX) == 0;
    rewind(dump->file);
    while (good && (len = fread(buffer, 1, sizeof buffer, dump->file)) > 0)
        good = fwrite(buffer, 1, len, out) == len;
    good = good && !ferror(dump->file);
    if (fclose(out) != 0 || !good)
        return err_set(err, ERR_PERM, "write %s: %s", dump->path, strerror(errno));
    return true;
}

bool sink_dump_finish(struct sink_dump *dump, struct err *err)
{
    fputc('\n', dump->file);
    bool good = fflush(dump->file) == 0 && !ferror(dump->file);
    if (!good)
        err_set(err, ERR_PERM, "write %s: %s", dump->path, strerror(errno));
    else if (dump->shared)
        good = append_to_shared(dump, err);
    fclose(dump->file);
    free_dump(dump);
    return good;
}

void sink_dump_cancel(struct sink_dump *dump)
{
    if (!dump)
        return;
    fclose(dump->file);
    if (!dump->shared)
        unlink(dump->path);
    free_dump(dump);
}
