/*
 * fsrate - how many durable small files (or log records) per second.
 *
 *	fsrate file|nosync|together|inplace|log|big DIR WRITERS SECONDS
 *
 * file:   create, write 4 kB, fsync, rename, unlink, in WRITERS processes
 * nosync: the same without fsync
 * together: WRITERS files, one syncfs for all of them; rename, unlink
 * inplace: rewrite 4 kB of one preallocated file per writer, fdatasync
 * log:    one process appends WRITERS records of 4 kB, then one fdatasync for
 *         all of them (what a group-committed journal can do at best)
 * big:    file, with 20 MB
 *
 * Prints one JSON object.
 */
#include "common.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char block[4096];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int put(int fd)
{
    return write(fd, block, sizeof(block)) == (ssize_t)sizeof(block);
}

static int put_big(int fd)
{
    static char chunk[65536];
    int i;
    for (i = 0; i < 20000000 / 65536; i++)
        if (write(fd, chunk, sizeof(chunk)) != (ssize_t)sizeof(chunk))
            return 0;
    return 1;
}

static uint64_t files(const char *dir, int id, uint64_t until, int sync, int (*fill)(int))
{
    char a[512], b[512];
    uint64_t n;
    int fd;
    for (n = 0; now_ns() < until; n++) {
        snprintf(a, sizeof(a), "%s/%d.tmp", dir, id);
        snprintf(b, sizeof(b), "%s/%d.%llu", dir, id, (unsigned long long)n);
        if ((fd = open(a, O_CREAT | O_EXCL | O_WRONLY, 0600)) < 0 || !fill(fd) ||
            (sync && fsync(fd) < 0) || close(fd) < 0 || rename(a, b) < 0 || unlink(b) < 0)
            die(a);
    }
    return n;
}

static uint64_t together(const char *dir, int batch, uint64_t until)
{
    char a[512], b[512];
    uint64_t n;
    int fd, i, all = open(dir, O_RDONLY | O_DIRECTORY);
    for (n = 0; now_ns() < until; n += (uint64_t)batch) {
        for (i = 0; i < batch; i++) {
            snprintf(a, sizeof(a), "%s/%d.tmp", dir, i);
            if ((fd = open(a, O_CREAT | O_EXCL | O_WRONLY, 0600)) < 0 || !put(fd) || close(fd) < 0)
                die(a);
        }
        if (syncfs(all) < 0)
            die(dir);
        for (i = 0; i < batch; i++) {
            snprintf(a, sizeof(a), "%s/%d.tmp", dir, i);
            snprintf(b, sizeof(b), "%s/%d.%llu", dir, i, (unsigned long long)n);
            if (rename(a, b) < 0 || unlink(b) < 0)
                die(a);
        }
    }
    close(all);
    return n;
}

static uint64_t inplace(const char *dir, int id, uint64_t until)
{
    char a[512];
    uint64_t n;
    int fd, i;
    snprintf(a, sizeof(a), "%s/%d.pre", dir, id);
    if ((fd = open(a, O_CREAT | O_TRUNC | O_WRONLY, 0600)) < 0)
        die(a);
    for (i = 0; i < 256; i++)
        put(fd);
    fsync(fd);
    for (n = 0; now_ns() < until; n++)
        if (pwrite(fd, block, sizeof(block), (off_t)(n % 256) * 4096) < 0 || fdatasync(fd) < 0)
            die(a);
    unlink(a);
    return n;
}

static uint64_t journal(const char *dir, int batch, uint64_t until)
{
    char a[512];
    uint64_t n;
    int fd, i;
    snprintf(a, sizeof(a), "%s/journal", dir);
    if ((fd = open(a, O_CREAT | O_TRUNC | O_WRONLY, 0600)) < 0)
        die(a);
    for (n = 0; now_ns() < until; n += (uint64_t)batch) {
        for (i = 0; i < batch; i++)
            if (!put(fd))
                die(a);
        if (fdatasync(fd) < 0)
            die(a);
    }
    unlink(a);
    return n;
}

static double cpu_us(int who)
{
    struct rusage ru;
    getrusage(who, &ru);
    return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e6 +
           (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    uint64_t *count, start, until, total = 0;
    int i, writers;
    if (argc != 5) {
        fprintf(stderr, "usage: fsrate file|nosync|together|inplace|log|big DIR WRITERS SECONDS\n");
        return 2;
    }
    memset(block, 'x', sizeof(block));
    writers = (int)number(argv[3]);
    start = now_ns();
    until = start + (uint64_t)(atof(argv[4]) * 1e9);
    if (strcmp(argv[1], "log") == 0) {
        total = journal(argv[2], writers, until);
    } else if (strcmp(argv[1], "together") == 0) {
        total = together(argv[2], writers, until);
    } else {
        count = mmap(NULL, sizeof(*count) * (size_t)writers, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        for (i = 0; i < writers; i++)
            if (fork() == 0) {
                count[i] = strcmp(argv[1], "inplace") == 0
                               ? inplace(argv[2], i, until)
                               : files(argv[2], i, until, argv[1][0] != 'n',
                                       argv[1][0] == 'b' ? put_big : put);
                _exit(0);
            }
        while (wait(NULL) > 0)
            /* void */;
        for (i = 0; i < writers; i++)
            total += count[i];
    }
    printf("{\"ops\": %llu, \"per_s\": %.1f, \"cpu_us\": %.1f}\n", (unsigned long long)total,
           (double)total / ((double)(now_ns() - start) / 1e9),
           (cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN)) / (double)(total ? total : 1));
    return 0;
}
