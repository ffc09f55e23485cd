/* master_start: from a command to a resident process. */
#ifndef MASTER_MASTER_START_H
#define MASTER_MASTER_START_H

#include "base/base.h"

struct master_options {
    const char *config_dir; /* -c, or NULL */
    int64_t exit_seconds;   /* -e; 0: never */
    bool is_init;           /* -i */
    bool keeps_stdout;      /* -s */
    bool is_test;           /* -t */
    bool waits;             /* -w */
    bool stays;             /* -d */
    bool debug;             /* -D */
    int verbose;            /* -v */
};

/* Ends the process with a message when the command line is wrong. */
void master_options_parse(struct master_options *options, int argc, char **argv);

/* -w: go to the background. Returns in the background process; the foreground process waits for
 * master_start_done() and leaves with status 0, or 1 when the background process ends before. */
void master_start_background(void);
void master_start_done(void);

/* Leave the terminal and the caller's files as the options say. */
void master_start_detach(const struct master_options *options);

#endif
