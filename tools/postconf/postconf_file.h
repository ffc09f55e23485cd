/*
 * postconf_file: a configuration file that is being changed.
 *
 * The new content is written to NAME.tmp, made durable and renamed, so that whoever reads NAME, at
 * any moment and after any crash, sees the old file or the new one. NAME.tmp is locked from the
 * first read to the end: of two programs that change the file one waits for the other.
 */
#ifndef POSTCONF_POSTCONF_FILE_H
#define POSTCONF_POSTCONF_FILE_H

#include "base/err.h"
#include "base/strbuf.h"

#include <sys/stat.h>

struct postconf_file {
    char *path, *temp_path;
    int temp; /* -1: not open */
    struct stat old;
    struct strbuf content; /* of the file when it was locked */
};

/* Lock PATH and read it. Waits for others. */
bool postconf_file_open(struct postconf_file *file, const char *path, struct err *err);
/* Put CONTENT in its place; owner and mode stay. A symbolic link becomes a file. */
bool postconf_file_replace(struct postconf_file *file, struct slice content, struct err *err);
/* Without a replacement before, the file stays as it is. */
void postconf_file_done(struct postconf_file *file);

#endif
