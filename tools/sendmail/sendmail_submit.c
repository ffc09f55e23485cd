#include "sendmail/sendmail_submit.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/command_setup.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/record.h"
#include "mail/submit_rights.h"
#include "sendmail/sendmail_extract.h"
#include "sendmail/sendmail_sink.h"

#include <errno.h>
#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

enum { READ_CHUNK = 64 * 1024 };

struct submission {
    const struct sendmail_options *o;
    struct sendmail_sink *sink;
    struct sendmail_extract extract;
    struct strbuf sender;                                  /* internal form */
    bool first_line, strip_cr, strip_cr_like_first, ended; /* ended: the lone dot was seen */
    bool in_long_line;
    bool is_past_from_lines;
    size_t sender_count, recipient_count;
};

static NORETURN void give_up(struct submission *sub, const struct err *err, int status)
{
    CLEANUP(xfree_ptr) char *reason = xstrdup(err->reason);
    sendmail_sink_free(sub->sink);
    log_fatal_status(status, "%s", reason);
}

static void put(struct submission *sub, int type, struct slice data)
{
    struct err err = ERR_INIT;
    if (!sendmail_sink_add(sub->sink, type, data, &err))
        give_up(sub, &err, EX_TEMPFAIL);
}

static void put_text(struct submission *sub, int type, const char *text)
{
    put(sub, type, slice_of(text));
}

static void put_attribute(struct submission *sub, const char *name, const char *value)
{
    struct err err = ERR_INIT;
    if (!sendmail_sink_addf(sub->sink, &err, REC_ATTRIBUTE, "%s=%s", name, value))
        give_up(sub, &err, EX_TEMPFAIL);
}

static void put_number(struct submission *sub, const char *name, int64_t value)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "%lld", (long long)value);
    put_attribute(sub, name, text.s);
}

static void put_recipient(struct submission *sub, struct slice address)
{
    if (sub->o->dsn_notify)
        put_number(sub, "notify_flags", sub->o->dsn_notify);
    put(sub, REC_RECIPIENT, address);
    sub->recipient_count++;
}

/* gecos up to the first comma; & stands for the login name with a capital */
static void account_name(const struct passwd *account, struct strbuf *out)
{
    const char *from_env = getenv("NAME");
    if (from_env && *from_env) {
        strbuf_add_str(out, from_env);
        return;
    }
    for (const char *p = account ? account->pw_gecos : "";
         *p && *p != ',' && *p != ';' && *p != '%'; p++) {
        if (*p == '&' && account->pw_name[0]) {
            char c = account->pw_name[0];
            strbuf_add_char(out, (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
            strbuf_add_str(out, account->pw_name + 1);
        } else {
            strbuf_add_char(out, *p);
        }
    }
}

/* The two characters behind -XV, or the default ones. */
static const char *verp_delimiters(struct submission *sub)
{
    const char *filter = common_params.verp_delimiter_filter, *verp = sub->o->verp;
    struct err err = ERR_INIT;
    bool is_given = *verp != '\0';
    if (!is_given)
        verp = common_params.default_verp_delimiters;
    bool is_first_good = strchr(filter, verp[0]); /* the default has two characters */
    if (is_given && (strlen(verp) != 2 || !is_first_good || !strchr(filter, verp[1])))
        err_set(&err, ERR_PERM, "-V requires two characters from %s", filter);
    else if (!is_first_good || !strchr(filter, verp[1]))
        err_set(&err, ERR_CONFIG,
                "parameters default_verp_delimiters and verp_delimiter_filter: bad %s VERP "
                "delimiter character",
                is_first_good ? "second" : "first");
    if (err.kind != ERR_NONE)
        give_up(sub, &err, EX_TEMPFAIL);
    return verp;
}

static void take_sender(void *ctx, struct slice internal)
{
    struct submission *sub = ctx;
    if (sub->sender_count++ == 0)
        strbuf_set_slice(&sub->sender, internal);
}

/* -f is text as in a header, and one address of it counts: Name <user@example>, or <> for nobody.
 */
static void find_sender(struct submission *sub, const struct passwd *account)
{
    const char *given = sub->o->sender;
    if (!given) {
        strbuf_set(&sub->sender, account ? account->pw_name : "nobody");
        return;
    }
    address_each_as_written(slice_of(given), 0, take_sender, sub);
    if (sub->sender_count > 1)
        log_warn(NULL, "-f option specified malformed sender: %s", given);
}

static void put_envelope(struct submission *sub, const struct passwd *account)
{
    const struct sendmail_options *o = sub->o;
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_INIT(1024);
    int64_t trace = o->mode == SENDMAIL_VERIFY ? TRACE_USER_PROBE : o->verbose ? TRACE_RECORD : 0;
    if (o->envelope_id)
        put_attribute(sub, "envelope_id", o->envelope_id);
    if (o->dsn_ret)
        put_number(sub, "ret_flags", o->dsn_ret);
    put_attribute(sub, "rewrite_context", o->gateway ? "remote" : "local");
    if (trace)
        put_number(sub, "trace_flags", trace);
    if (o->full_name)
        strbuf_add_str(&name, o->full_name);
    else
        account_name(account, &name);
    put(sub, REC_FULLNAME, strbuf_slice(&name));

    put(sub, REC_SENDER, strbuf_slice(&sub->sender));
    if (o->encoding)
        put_attribute(sub, "encoding", o->encoding);
    if (o->verp)
        put_text(sub, REC_VERP, verp_delimiters(sub));
}

static void add_command_line_recipient(void *ctx, struct slice internal)
{
    put_recipient(ctx, internal);
}

/* An argument without an address, "" for one, is the empty recipient. */
static void put_argument(struct submission *sub, const char *argument)
{
    size_t before = sub->recipient_count;
    address_each_as_written(slice_of(argument), 0, add_command_line_recipient, sub);
    if (sub->recipient_count == before)
        put_recipient(sub, SLICE_EMPTY);
}

/* "From user date" of a mailbox, also as a mailbox hides it behind >. */
static bool is_from_line(struct slice line)
{
    while (slice_starts(line, ">"))
        line = slice_from(line, 1);
    return slice_starts(line, "From ");
}

/* A line, or a piece of a long one, without its end. */
static void put_content(struct submission *sub, struct slice line, bool is_whole)
{
    if (sub->ended)
        return;
    if (sub->first_line && sub->strip_cr_like_first)
        sub->strip_cr = is_whole && line.len > 0 && line.s[line.len - 1] == '\r';
    sub->first_line = false;
    while (sub->strip_cr && is_whole && line.len > 0 && line.s[line.len - 1] == '\r')
        line.len--;
    if (is_whole && !sub->in_long_line && !sub->o->dots_are_data && slice_eq(line, ".")) {
        sub->ended = true;
        return;
    }
    size_t limit = (size_t)common_params.line_length_limit;
    if (!sub->is_past_from_lines && is_whole && line.len <= limit && is_from_line(line))
        return;
    sub->is_past_from_lines = true;
    if (sub->o->extract && !sub->in_long_line) {
        bool was_in_body = sub->extract.in_body;
        sendmail_extract_line(&sub->extract, line);
        if (!was_in_body && sub->extract.in_body && line.len > 0)
            put(sub, REC_LINE, SLICE_EMPTY); /* the empty line that is missing there */
    }
    while (line.len > limit) {
        put(sub, REC_LINE_PART, slice_first(line, limit));
        line = slice_from(line, limit);
    }
    put(sub, is_whole ? REC_LINE : REC_LINE_PART, line);
    sub->in_long_line = !is_whole;
}

/* sendmail_fix_line_endings */
static void choose_line_endings(struct submission *sub)
{
    const char *how = common_params.sendmail_fix_line_endings;
    sub->strip_cr = strcasecmp(how, "always") == 0;
    sub->strip_cr_like_first = strcasecmp(how, "strict") == 0;
    if (!sub->strip_cr && !sub->strip_cr_like_first && strcasecmp(how, "never") != 0)
        log_fatal_status(EX_TEMPFAIL, "invalid sendmail_fix_line_endings value: %s", how);
}

static void put_message(struct submission *sub)
{
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    sub->first_line = true;
    choose_line_endings(sub);
    for (bool more = true; more && !sub->ended;) {
        ssize_t n = read(STDIN_FILENO, strbuf_room(&in, READ_CHUNK), READ_CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            struct err err = ERR_INIT;
            err_set(&err, ERR_TEMP, "error reading input: %s", strerror(errno));
            give_up(sub, &err, EX_DATAERR);
        }
        more = n > 0;
        if (more)
            strbuf_grew(&in, (size_t)n);
        struct slice unread = strbuf_slice(&in), line, rest;
        while (slice_split(unread, '\n', &line, &rest)) {
            put_content(sub, line, true);
            unread = rest;
        }
        /* memory stays bounded when there is no line end at all */
        if (more && unread.len >= READ_CHUNK && !sub->o->extract) {
            put_content(sub, slice_first(unread, unread.len - 1), false);
            unread = slice_from(unread, unread.len - 1);
        }
        if (!more && unread.len > 0) { /* a last line without end, as Postfix records it */
            put_content(sub, unread, false);
            put_content(sub, SLICE_EMPTY, true);
        }
        strbuf_remove_front(&in, in.len - unread.len);
    }
}

static void put_line(struct submission *sub, const char *start, struct slice text, const char *end)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_add_str(&line, start);
    strbuf_add_slice(&line, text);
    strbuf_add_str(&line, end);
    struct slice rest = strbuf_slice(&line);
    size_t limit = (size_t)common_params.line_length_limit;
    for (; rest.len > limit; rest = slice_from(rest, limit))
        put(sub, REC_LINE_PART, slice_first(rest, limit));
    put(sub, REC_LINE, rest);
}

/* -bv: there is no message to deliver, so the report on it is on one of our own. */
static void put_probe(struct submission *sub)
{
    CLEANUP(strbuf_done) struct strbuf from = STRBUF_ANY;
    const struct argv *to = &sub->o->recipients;
    address_to_external(strbuf_slice(&sub->sender), &from);
    if (from.len > 0) /* else cleanup adds one */
        put_line(sub, "From: ", strbuf_slice(&from), "");
    put_line(sub, "Subject: probe", SLICE_EMPTY, "");
    for (size_t i = 0; i < to->count; i++)
        put_line(sub, i == 0 ? "To:\t" : "\t", slice_of(to->at[i]), i + 1 < to->count ? "," : "");
}

static void put_extracted(struct submission *sub)
{
    const struct argv *found = sendmail_extract_end(&sub->extract);
    for (size_t i = 0; i < found->count; i++)
        put_recipient(sub, slice_of(found->at[i]));
}

static NORETURN void no_recipients(struct submission *sub)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_PERM, "%s(%ld): %s", sub->sender.s, (long)getuid(),
            sub->o->extract ? "No recipient addresses found in message header"
                            : "Recipient addresses must be specified on the command line or via "
                              "the -t option");
    give_up(sub, &err, EX_TEMPFAIL);
}

int sendmail_submit(const struct sendmail_options *o)
{
    struct submission sub = {.o = o, .extract = SENDMAIL_EXTRACT_INIT, .sender = STRBUF_ANY};
    const struct passwd *account = getpwuid(getuid());
    struct err err = ERR_INIT;
    int status = EX_TEMPFAIL;

    if (!submit_rights_check_user(getuid(), &err))
        give_up(&sub, &err, EX_TEMPFAIL);
    find_sender(&sub, account);
    if (o->recipients.count == 0 && !o->extract)
        no_recipients(&sub);
    sub.sink = sendmail_sink_new(o->config_dir, &err);
    if (!sub.sink)
        give_up(&sub, &err, EX_TEMPFAIL);
    put_envelope(&sub, account);
    for (size_t i = 0; i < o->recipients.count; i++)
        put_argument(&sub, o->recipients.at[i]);
    put_text(&sub, REC_MESSAGE, "");
    if (o->mode == SENDMAIL_VERIFY)
        put_probe(&sub);
    else
        put_message(&sub);
    put_text(&sub, REC_EXTRACTED, "");
    if (o->extract)
        put_extracted(&sub);
    if (sub.recipient_count == 0)
        no_recipients(&sub);
    put_text(&sub, REC_END, "");
    if (!sendmail_sink_commit(sub.sink, &status, &err))
        give_up(&sub, &err, status);
    sendmail_sink_free(sub.sink);
    sendmail_extract_done(&sub.extract);
    if (o->mode == SENDMAIL_VERIFY || o->verbose)
        printf("Mail Delivery Status Report will be mailed to <%s>.\n", sub.sender.s);
    strbuf_done(&sub.sender);
    return 0;
}
