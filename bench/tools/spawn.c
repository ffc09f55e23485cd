/*
 * spawn - run a command many times.
 *
 *	spawn COUNT PARALLEL STDIN-FILE COMMAND [ARG...]
 *
 * Prints one JSON object: seconds, failed runs, CPU seconds of the children.
 */
#include "common.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t fa;
    struct rusage ru;
    long count, parallel, running = 0, failed = 0;
    uint64_t start;
    int status;
    pid_t pid;
    if (argc < 5) {
        fprintf(stderr, "usage: spawn COUNT PARALLEL STDIN-FILE COMMAND [ARG...]\n");
        return 2;
    }
    count = number(argv[1]);
    parallel = number(argv[2]);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, argv[3], O_RDONLY, 0);
    start = now_ns();
    while (count > 0 || running > 0) {
        if (count > 0 && running < parallel) {
            count--;
            if (posix_spawn(&pid, argv[4], &fa, NULL, argv + 4, environ) != 0)
                failed++;
            else
                running++;
            continue;
        }
        if (wait(&status) > 0) {
            running--;
            failed += status != 0;
        }
    }
    getrusage(RUSAGE_CHILDREN, &ru);
    printf("{\"first_ns\": %llu, \"secs\": %.6f, \"failed\": %ld, \"cpu_s\": %.6f}\n",
           (unsigned long long)start, (double)(now_ns() - start) / 1e9, failed,
           (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
               (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    return 0;
}
