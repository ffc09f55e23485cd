#include "tools/smtp-source/source_text.h"

#include "base/clock.h"

#include <errno.h>
#include <unistd.h>

enum { LINE_BYTES = 80, FILE_MAX = 1 << 30 }; /* a line with its CR LF */

/* LENGTH bytes: whole lines of 80 with their CR LF, numbered, and what is left on a line of X. */
static void filler(size_t length, struct strbuf *out)
{
    for (unsigned line = 1; length >= LINE_BYTES; line++, length -= LINE_BYTES) {
        size_t end = out->len + LINE_BYTES - 2;
        strbuf_addf(out, "%u", line);
        strbuf_add_fill(out, 'X', end - out->len);
        strbuf_add_str(out, "\r\n");
    }
    if (length > 0) {
        strbuf_add_fill(out, 'X', length);
        strbuf_add_str(out, "\r\n");
    }
}

/* -F: the file's lines, each ended by CR LF, a dot before those that begin with one. */
static void from_file(const struct source_options *o, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_INIT(FILE_MAX);
    char buffer[65536];
    size_t len;
    FILE *file = fopen(o->file, "r");
    if (!file)
        source_fatal(o, "open %s: %s", o->file, strerror(errno));
    while ((len = fread(buffer, 1, sizeof buffer, file)) > 0)
        strbuf_add(&raw, buffer, len);
    if (ferror(file) || raw.overflow)
        source_fatal(o, "read %s: %s", o->file, raw.overflow ? "too large" : strerror(errno));
    fclose(file);
    struct slice in = strbuf_slice(&raw), line;
    while (slice_next_line(&in, &line)) {
        if (line.len > 0 && line.s[0] == '.')
            strbuf_add_char(out, '.');
        strbuf_add_slice(out, line);
        strbuf_add_str(out, "\r\n");
    }
}

void source_text_body(const struct source_options *options, struct strbuf *out)
{
    if (options->file) {
        from_file(options, out);
    } else if (options->length > 0) {
        filler(options->length, out);
    } else {
        for (int line = 1; line <= 4; line++)
            strbuf_addf(out, "La de da de da %d.\r\n", line);
    }
}

void source_text_header(const struct source_options *options, int fd, unsigned number,
                        struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf date = STRBUF_INIT(100);
    struct timeval now;
    if (options->old_mode || options->file)
        return;
    clock_wall(&now);
    clock_format_mail_date(now.tv_sec, &date);
    strbuf_addf(out, "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\n", options->sender, options->recipient,
                date.s);
    strbuf_addf(out, "Message-Id: <%04x.%04x.%04x@%s>\r\n", (unsigned)getpid(), (unsigned)fd,
                number, options->hostname);
    if (options->subject)
        strbuf_addf(out, "Subject: %s\r\n", options->subject);
    strbuf_add_str(out, "\r\n");
}
