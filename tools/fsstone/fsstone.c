/*
 * fsstone: how fast a file system does what a mail queue asks of it. Works on files of its own in
 * the directory it is started in: makes them, then for every message writes and syncs one of them,
 * in turn, and makes it empty again; last, it removes them.
 */
#include "base/num.h"
#include "base/xmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 2000, FILE_KB = 2, FILES_MAX = 999999, KB_MAX = 1 << 20 };

struct fsstone {
    const char *program;
    bool makes;   /* -c: each message is a new file */
    bool renames; /* -r: and it is renamed, there and back */
    unsigned messages, files;
    size_t size; /* of a file at the beginning */
    char *text;
};

static NORETURN PRINTF(2, 3) void fatal(const struct fsstone *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: fatal: ", f->program);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static NORETURN void usage(const struct fsstone *f)
{
    fatal(f, "usage: %s [-cr] [-s size] messages directory_entries", f->program);
}

/* The files are called 000000 and on. */
struct name {
    char text[16];
};

static struct name name_of(unsigned number)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%06u", number);
    return name;
}

static void make_file(const struct fsstone *f, const char *name, int flags, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        fatal(f, "open %s: %s", name, strerror(errno));
    for (size_t done = 0; done < len;) {
        ssize_t written = write(fd, f->text + done, len - done);
        if (written < 0 && errno != EINTR)
            fatal(f, "write %s: %s", name, strerror(errno));
        done += written > 0 ? (size_t)written : 0;
    }
    if (fsync(fd) < 0 || close(fd) < 0)
        fatal(f, "fsync %s: %s", name, strerror(errno));
}

static void move(const struct fsstone *f, const char *from, const char *to)
{
    if (rename(from, to) < 0)
        fatal(f, "rename %s to %s: %s", from, to, strerror(errno));
}

static void remove_file(const struct fsstone *f, const char *name)
{
    if (unlink(name) < 0)
        fatal(f, "remove %s: %s", name, strerror(errno));
}

/* A message is read and done with: its file is empty for the next one. */
static void empty_file(const struct fsstone *f, const char *name)
{
    char buffer[4096];
    ssize_t len;
    int fd = open(name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fatal(f, "open %s: %s", name, strerror(errno));
    while ((len = read(fd, buffer, sizeof buffer)) > 0)
        ;
    if (len < 0 || ftruncate(fd, 0) < 0 || close(fd) < 0)
        fatal(f, "empty %s: %s", name, strerror(errno));
}

static void one_message(const struct fsstone *f, unsigned number)
{
    struct name name = name_of(number % f->files);
    if (f->makes) {
        remove_file(f, name.text);
        make_file(f, name.text, O_EXCL, f->size);
    } else {
        make_file(f, name.text, O_TRUNC, MESSAGE_BYTES);
    }
    if (f->renames) {
        struct name other = name_of(number % f->files + f->files);
        move(f, name.text, other.text);
        move(f, other.text, name.text);
    }
    if (!f->makes)
        empty_file(f, name.text);
}

static unsigned number(const struct fsstone *f, const char *text, unsigned max)
{
    uint64_t value;
    if (!num_parse_u64(slice_of(text), 10, &value) || value < 1 || value > max)
        fatal(f, "bad number, want 1 to %u: %s", max, text);
    return (unsigned)value;
}

static void parse(int argc, char **argv, struct fsstone *ret)
{
    int c;
    *ret = (struct fsstone){.program = argv[0], .size = FILE_KB * 1024};
    while ((c = getopt(argc, argv, "crs:")) > 0) {
        if (c == 'c')
            ret->makes = true;
        else if (c == 'r')
            ret->renames = true;
        else if (c == 's')
            ret->size = (size_t)number(ret, optarg, KB_MAX) * 1024;
        else
            usage(ret);
    }
    if (argc - optind != 2)
        usage(ret);
    ret->messages = number(ret, argv[optind], INT32_MAX);
    ret->files = number(ret, argv[optind + 1], FILES_MAX / 2);
    size_t text = MAX(ret->size, (size_t)MESSAGE_BYTES);
    ret->text = xmalloc(text);
    memset(ret->text, 'x', text);
}

int main(int argc, char **argv)
{
    struct fsstone f;
    struct timespec start, end;
    parse(argc, argv, &f);
    for (unsigned i = 0; i < f.files; i++)
        make_file(&f, name_of(i).text, O_EXCL, f.size);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned i = 0; i < f.messages; i++)
        one_message(&f, i);
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (unsigned i = 0; i < f.files; i++)
        remove_file(&f, name_of(i).text);
    int64_t us =
        (end.tv_sec - start.tv_sec) * (int64_t)1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
    printf("elapsed time: %lld.%06lld\n", (long long)(us / 1000000), (long long)(us % 1000000));
    free(f.text);
    return 0;
}
