#include "mail/notice.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/address.h"

#include <stdlib.h>
#include <string.h>

enum { TRANSCRIPT_MAX = 64 * 1024, LINE_MAX_SHOWN = 4096, WIDTH = 79, INDENT = 5 };

bool notice_classes(unsigned *ret, struct err *err)
{
    static const struct {
        const char *word;
        unsigned classes;
    } words[] = {
        {"bounce", NOTICE_BOUNCE | NOTICE_2BOUNCE},
        {"2bounce", NOTICE_2BOUNCE},
        {"data", NOTICE_DATA},
        {"delay", NOTICE_DELAY},
        {"policy", NOTICE_POLICY},
        {"protocol", NOTICE_PROTOCOL},
        {"resource", NOTICE_RESOURCE},
        {"software", NOTICE_SOFTWARE},
    };
    struct slice list = slice_of(common_params.notify_classes), item;
    bool ok = true;
    *ret = 0;
    while (slice_next_item(&list, &item)) {
        size_t i = 0;
        while (i < COUNT_OF(words) && !slice_eq_nocase(item, words[i].word))
            i++;
        if (i < COUNT_OF(words))
            *ret |= words[i].classes;
        else
            ok = err_set(err, ERR_CONFIG, "unknown word in notify_classes: %.*s", SLICE_ARG(item));
    }
    return ok;
}

/* The older half goes. */
static void make_room(struct transcript *t)
{
    static const char mark[] = "(lines left out)\n";
    CLEANUP(strbuf_done) struct strbuf kept = STRBUF_ANY;
    struct slice rest = slice_from(strbuf_slice(&t->text), t->text.len / 2), line;
    slice_next_line(&rest, &line); /* it was cut */
    strbuf_addf(&kept, "%s%.*s", mark, SLICE_ARG(rest));
    t->lines = 1;
    for (size_t i = 0; i < rest.len; i++)
        t->lines += rest.s[i] == '\n';
    strbuf_set_slice(&t->text, strbuf_slice(&kept));
}

void transcript_add(struct transcript *t, bool is_sent, struct slice line)
{
    if (t->text.max == 0)
        strbuf_init(&t->text, TRANSCRIPT_MAX);
    line = slice_first(line, LINE_MAX_SHOWN);
    if (t->text.len + line.len + 16 > TRANSCRIPT_MAX)
        make_room(t);
    strbuf_add_str(&t->text, is_sent ? " Out: " : " In:  ");
    text_add_printable(&t->text, line);
    strbuf_add_char(&t->text, '\n');
    t->lines++;
}

void transcript_add_text(struct transcript *t, bool is_sent, struct slice text)
{
    struct slice line;
    while (slice_next_line(&text, &line)) {
        if (line.len > 0 && line.s[line.len - 1] == '\r')
            line.len--;
        transcript_add(t, is_sent, line);
    }
}

void transcript_clear(struct transcript *t)
{
    strbuf_done(&t->text);
    *t = (struct transcript){0};
}

/* Fold at spaces; a word that is longer than a line stays whole. */
static void add_folded(struct strbuf *out, struct slice line)
{
    size_t width = WIDTH;
    while (line.len > width) {
        size_t at = width;
        while (at > 0 && line.s[at] != ' ')
            at--;
        if (at == 0) {
            at = width;
            while (at < line.len && line.s[at] != ' ')
                at++;
        }
        strbuf_addf(out, "%.*s\n", SLICE_ARG(slice_first(line, at)));
        line = slice_from(line, at);
        while (line.len > 0 && line.s[0] == ' ')
            line = slice_from(line, 1);
        if (line.len == 0)
            return;
        strbuf_addf(out, "%*s", INDENT, "");
        width = WIDTH - INDENT;
    }
    strbuf_addf(out, "%.*s\n", SLICE_ARG(line));
}

static void add_transcript(struct strbuf *out, const struct transcript *t)
{
    struct slice rest = strbuf_slice(&t->text), line;
    while (slice_next_line(&rest, &line))
        add_folded(out, slice_trim_right(line));
}

struct sending {
    struct cleanup_stream *stream;
    struct strbuf text;
    notice_fn fn;
    void *owner;
};

void notice_add_received(struct strbuf *out, const char *queue_id, time_t now)
{
    strbuf_addf(out, "Received: by %s (%s)\n\tid %s; ", common_params.myhostname,
                common_params.mail_name, queue_id);
    clock_format_mail_date(now, out);
    strbuf_add_char(out, '\n');
}

/* The Received: header wants the queue id. */
static void on_opened(void *owner, const char *queue_id)
{
    struct sending *sending = owner;
    CLEANUP(strbuf_done) struct strbuf head = STRBUF_ANY;
    struct timeval now;
    clock_wall(&now);
    notice_add_received(&head, queue_id, now.tv_sec);
    strbuf_add_str(&head, "Date: ");
    clock_format_mail_date(now.tv_sec, &head);
    strbuf_add_char(&head, '\n');
    cleanup_stream_add_text(sending->stream, strbuf_slice(&head));
    cleanup_stream_add_text(sending->stream, strbuf_slice(&sending->text));
    cleanup_stream_add(sending->stream, REC_EXTRACTED, SLICE_EMPTY);
    cleanup_stream_finish(sending->stream);
}

/* Dies before this: no notice. It repeats what the log has, and no mail hangs on it. */
static void on_done(void *owner, const struct cleanup_done *done, const struct err *err)
{
    struct sending *sending = owner;
    const char *problem = !done ? err->reason : NULL, *text;
    int code;
    if (done && done->status) {
        cleanup_status_text(done->status, &code, &text);
        problem = done->reason[0] ? done->reason : text;
    }
    sending->fn(sending->owner, problem);
    cleanup_stream_free(sending->stream);
    strbuf_done(&sending->text);
    free(sending);
}

static const struct cleanup_events notice_events = {on_opened, on_done, NULL};

/* It is always to the same postmaster, wherever it goes. */
static void compose(struct strbuf *out, const struct notice *n)
{
    bool is_obsolete = strcmp(common_params.header_from_format, "obsolete") == 0;
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY;
    address_to_external(slice_of(common_params.error_notice_recipient), &address);
    strbuf_addf(out, "From: %s\n",
                is_obsolete ? "MAILER-DAEMON (Mail Delivery System)"
                            : "Mail Delivery System <MAILER-DAEMON>");
    strbuf_addf(out, is_obsolete ? "To: %s (Postmaster)\n" : "To: Postmaster <%s>\n", address.s);
    strbuf_addf(out, "Subject: %s SMTP %s: errors from %s\n\n", common_params.mail_name, n->role,
                n->peer);
    if (n->first)
        strbuf_addf(out, "%s\n\n", n->first);
    strbuf_add_str(out, "Transcript of session follows.\n\n");
    add_transcript(out, n->transcript);
    if (n->reason)
        strbuf_addf(out, "\nSession aborted, reason: %s\n", n->reason);
    else if (strcmp(n->role, "server") == 0)
        strbuf_add_char(out, '\n');
    strbuf_add_str(out, "\nFor other details, see the local mail logfile\n");
}

static bool listed(const char *list_text, const char *word)
{
    struct slice list = slice_of(list_text), item;
    while (slice_next_item(&list, &item))
        if (slice_eq_nocase(item, word))
            return true;
    return false;
}

static int64_t flags_of(void)
{
    int64_t flags = CLEANUP_FLAGS_INTERNAL;
    if (listed(common_params.internal_mail_filter_classes, "notify"))
        flags |= CLEANUP_FLAG_FILTER | CLEANUP_FLAG_MILTER;
    if (listed(common_params.smtputf8_autodetect_classes, "notify") ||
        listed(common_params.smtputf8_autodetect_classes, "all"))
        flags |= CLEANUP_FLAG_AUTO_UTF8;
    return flags;
}

void notice_send(struct cleanup_client *cleanup, const struct notice *notice, notice_fn fn,
                 void *owner)
{
    const char *sender = common_params.double_bounce_sender;
    CLEANUP(xfree_ptr)
    char *from = strchr(sender, '@') ? xstrdup(sender)
                                     : xasprintf("%s@%s", sender, common_params.myhostname);
    /* the class alone that mail was refused for its recipient has a recipient of its own */
    const char *recipient = notice->classes == NOTICE_BOUNCE ? common_params.bounce_notice_recipient
                                                             : common_params.error_notice_recipient;
    struct sending *sending = xzalloc(sizeof *sending);
    struct timeval now;
    clock_wall(&now);
    sending->fn = fn;
    sending->owner = owner;
    strbuf_init(&sending->text, 4 * TRANSCRIPT_MAX);
    compose(&sending->text, notice);
    struct cleanup_stream *s = cleanup_stream_open(cleanup, flags_of(), &notice_events, sending);
    sending->stream = s;
    cleanup_stream_addf(s, REC_TIME, "%lld %lld", (long long)now.tv_sec, (long long)now.tv_usec);
    cleanup_stream_attribute(s, "log_message_origin", "local");
    cleanup_stream_attribute(s, "trace_flags", "0");
    cleanup_stream_add(s, REC_SENDER, slice_of(from));
    cleanup_stream_add(s, REC_RECIPIENT, slice_of(recipient));
    cleanup_stream_add(s, REC_MESSAGE, SLICE_EMPTY);
}
