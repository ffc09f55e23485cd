#include "dns/dns_options.h"

#include "base/num.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MAX = 30, TRIES_MAX = 5, MS = 1000, FILE_MAX = 64 * 1024 };

/* "NAME:number" */
static bool option(struct slice word, const char *name, int64_t max, int *ret)
{
    int64_t number;
    if (!slice_starts(word, name) || !num_parse_i64(slice_from(word, strlen(name)), &number) ||
        number < 1)
        return false;
    *ret = (int)MIN(number, max);
    return true;
}

void dns_options_parse_words(struct slice words, struct dns_options *options)
{
    struct slice word;
    int seconds;
    while (slice_next_token(&words, " \t", &word)) {
        if (option(word, "timeout:", TIMEOUT_MAX, &seconds))
            options->timeout_ms = seconds * MS;
        option(word, "attempts:", TRIES_MAX, &options->tries);
    }
}

void dns_options_parse(struct slice text, struct dns_options *options)
{
    struct slice line, word;
    while (slice_next_line(&text, &line))
        if (slice_next_token(&line, " \t", &word) && slice_eq(word, "options"))
            dns_options_parse_words(line, options);
}

void dns_options_load(struct dns_options *options)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(FILE_MAX);
    int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
    char *room = fd >= 0 ? strbuf_room(&text, FILE_MAX - 1) : NULL;
    while (room && text.len < FILE_MAX - 1) {
        ssize_t n = read(fd, text.s + text.len, FILE_MAX - 1 - text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        strbuf_grew(&text, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
    dns_options_parse(strbuf_slice(&text), options);
    const char *words = getenv("RES_OPTIONS");
    if (words)
        dns_options_parse_words(slice_of(words), options);
}
