#include "tools/smtp-source/source_qmqp.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"

#include <unistd.h>

enum { DEFAULT_LENGTH = 1024, LINE_BYTES = 80, DIGITS_MAX = 9 };

static void add_netstring(struct strbuf *out, struct slice data)
{
    strbuf_addf(out, "%zu:", data.len);
    strbuf_add_slice(out, data);
    strbuf_add_char(out, ',');
}

/* A header, and lines of X until all of it is LENGTH bytes; a length below that of the header cuts
 * the header. */
static void message(const struct source_options *o, size_t length, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf date = STRBUF_INIT(100);
    struct timeval now;
    clock_wall(&now);
    clock_format_mail_date(now.tv_sec, &date);
    strbuf_addf(out, "From: <%s>\nTo: <%s>\nDate: %s\nMessage-Id: <%d@%s>\n\n", o->sender,
                o->recipient, date.s, (int)getpid(), o->hostname);
    if (out->len > length)
        strbuf_truncate(out, length);
    while (out->len < length) {
        size_t line = MIN(length - out->len, (size_t)LINE_BYTES);
        strbuf_add_fill(out, 'X', line - 1);
        strbuf_add_char(out, '\n');
    }
}

void source_qmqp_request(const struct source_options *options, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf part = STRBUF_ANY, all = STRBUF_ANY;
    message(options, options->length ? options->length : DEFAULT_LENGTH, &part);
    add_netstring(&all, strbuf_slice(&part));
    add_netstring(&all, slice_of(options->sender));
    for (unsigned i = 0; i < options->recipients; i++) {
        if (options->recipients > 1)
            strbuf_setf(&part, "%u%s", i, options->recipient);
        else
            strbuf_set(&part, options->recipient);
        add_netstring(&all, strbuf_slice(&part));
    }
    add_netstring(out, strbuf_slice(&all));
}

/* The text of a netstring; false while it is not complete. */
static bool take_netstring(const struct source_options *o, struct slice got, struct slice *ret_text)
{
    struct slice digits, rest;
    uint64_t len;
    if (!slice_split(slice_first(got, DIGITS_MAX + 1), ':', &digits, &rest)) {
        if (got.len > DIGITS_MAX)
            source_fatal(o, "netstring format error while receiving server reply");
        return false;
    }
    rest = slice_from(got, digits.len + 1);
    if (!num_parse_u64(digits, 10, &len) || (rest.len > len && rest.s[len] != ','))
        source_fatal(o, "netstring format error while receiving server reply");
    *ret_text = slice_first(rest, len);
    return rest.len > len;
}

bool source_qmqp_answer(const struct source_options *options, struct slice got)
{
    CLEANUP(strbuf_done) struct strbuf shown = STRBUF_ANY;
    struct slice text;
    if (!take_netstring(options, got, &text))
        return false;
    text_add_printable(&shown, slice_from(text, 1));
    if (options->verbose)
        fprintf(stderr, "%s: <<< %.1s%s\n", options->program, text.len ? text.s : "", shown.s);
    switch (text.len > 0 ? text.s[0] : 0) {
    case 'K':
        return true;
    case 'Z':
        source_fatal(options, "recoverable error: %s", shown.s);
    case 'D':
        source_fatal(options, "unrecoverable error: %s", shown.s);
    default:
        source_fatal(options, "unexpected reply: %s", shown.s);
    }
}
