#include "sendmail/sendmail_options.h"

#include "log/log.h"
#include "mail/envelope.h"

#include <getopt.h>
#include <sysexits.h>

enum { ENVELOPE_ID_MAX = 100 }; /* RFC 3461, section 4.4 */

static void parse_mode(struct sendmail_options *o, const char *letter)
{
    static const struct {
        char letter;
        enum sendmail_mode mode;
    } modes[] = {
        {'d', SENDMAIL_DAEMON},     {'l', SENDMAIL_DAEMON},     {'h', SENDMAIL_NOTHING},
        {'H', SENDMAIL_NOTHING},    {'i', SENDMAIL_NEWALIASES}, {'m', SENDMAIL_SUBMIT},
        {'p', SENDMAIL_LIST_QUEUE}, {'s', SENDMAIL_SMTP},       {'v', SENDMAIL_VERIFY},
    };
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (*letter == modes[i].letter) {
            o->mode = modes[i].mode;
            return;
        }
    }
    log_fatal_status(EX_TEMPFAIL, "unsupported: -b%c", *letter);
}

static void parse_flush(struct sendmail_options *o, const char *what)
{
    if (!what || !*what) {
        o->mode = SENDMAIL_FLUSH;
    } else if (*what == 'I' || *what == 'R') {
        o->mode = *what == 'I' ? SENDMAIL_FLUSH_ONE : SENDMAIL_FLUSH_SITE;
        o->flush_what = what + 1;
        if (!*o->flush_what)
            log_fatal_status(EX_TEMPFAIL, "specify: -q%c%s", *what,
                             *what == 'I' ? "queueid" : "sitename");
    } else if (*what >= '0' && *what <= '9') {
        if (o->mode == SENDMAIL_SUBMIT) /* -q15m alone; an interval is main.cf's say */
            o->mode = SENDMAIL_NOTHING;
    } else {
        log_fatal_status(EX_TEMPFAIL, "-q%c is not implemented", *what);
    }
}

static void parse_notify(struct sendmail_options *o, const char *text)
{
    static const struct {
        const char *word;
        int64_t bit;
    } words[] = {{"never", DSN_NOTIFY_NEVER},
                 {"success", DSN_NOTIFY_SUCCESS},
                 {"failure", DSN_NOTIFY_FAILURE},
                 {"delay", DSN_NOTIFY_DELAY}};
    int64_t mask = 0;
    struct slice in = slice_of(text), word;
    bool bad = false;
    while (slice_next_token(&in, ", ", &word)) {
        int64_t bit = 0;
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (slice_eq_nocase(word, words[i].word))
                bit = words[i].bit;
        if (bit == 0 && !bad)
            log_warn(NULL, "unknown DSN NOTIFY command value \"%.*s\" in \"%s\"", SLICE_ARG(word),
                     text);
        bad = bad || bit == 0;
        mask |= bit;
    }
    if (bad || mask == 0 || (mask & DSN_NOTIFY_NEVER && mask != DSN_NOTIFY_NEVER))
        log_warn(NULL, "bad -N option value -- ignored");
    else
        o->dsn_notify = mask;
}

static void parse_ret(struct sendmail_options *o, const char *text)
{
    if (slice_eq_nocase(slice_of(text), "full"))
        o->dsn_ret = DSN_RET_FULL;
    else if (slice_eq_nocase(slice_of(text), "hdrs"))
        o->dsn_ret = DSN_RET_HDRS;
    else
        log_warn(NULL, "bad -R option value -- ignored");
}

static void parse_encoding(struct sendmail_options *o, const char *text)
{
    if (slice_eq_nocase(slice_of(text), "8BITMIME"))
        o->encoding = "8bit";
    else if (slice_eq_nocase(slice_of(text), "7BIT"))
        o->encoding = "7bit";
    else
        log_fatal_status(EX_TEMPFAIL, "-B option needs 8BITMIME or 7BIT");
}

/* -V is an envelope id; -XV (and the old -V with two delimiters) asks for VERP. */
static void parse_envelope_id(struct sendmail_options *o, const char *text)
{
    size_t length = strlen(text), printable = 0;
    while (text[printable] >= ' ' && text[printable] <= '~')
        printable++;
    if (length == 2 && strspn(text, "-=+") == 2) {
        log_warn(NULL, "option -V is deprecated with Postfix 2.3; specify -XV instead");
        o->verp = text;
    } else if (length == 0 || printable < length) {
        log_warn(NULL, "bad syntax in -V option value -- ignored");
    } else if (length > ENVELOPE_ID_MAX) {
        log_warn(NULL, "too long -V option value -- ignored");
    } else {
        o->envelope_id = text;
    }
}

static void parse_x(struct sendmail_options *o, const char *text)
{
    if (*text == 'V')
        o->verp = text + 1;
    else /* a traffic log file: no such thing here */
        log_fatal_status(EX_TEMPFAIL, "unsupported: -X%c", *text);
}

static void parse_o(struct sendmail_options *o, const char *text)
{
    if (*text == 'i')
        o->dots_are_data = true;
    else if (*text == 'A')
        o->alias_file = text[1] ? text + 1 : NULL;
}

static void parse_letter(struct sendmail_options *o, int letter, const char *text)
{
    switch (letter) {
    case 'b':
        parse_mode(o, text);
        break;
    case 'q':
        parse_flush(o, text);
        break;
    case 'B':
        parse_encoding(o, text);
        break;
    case 'C':
        o->config_dir = text;
        break;
    case 'F':
        o->full_name = text;
        break;
    case 'G':
        o->gateway = true;
        break;
    case 'I':
        o->mode = SENDMAIL_NEWALIASES;
        break;
    case 'N':
        parse_notify(o, text);
        break;
    case 'R':
        parse_ret(o, text);
        break;
    case 'V':
        parse_envelope_id(o, text);
        break;
    case 'X':
        parse_x(o, text);
        break;
    case 'f':
    case 'r':
        o->sender = text;
        break;
    case 'i':
        o->dots_are_data = true;
        break;
    case 'n':
        log_fatal_status(EX_TEMPFAIL, "-n option not supported");
    case 'o':
        parse_o(o, text);
        break;
    case 't':
        o->extract = true;
        break;
    case 'v':
        o->verbose++;
        break;
    case '?':
        log_fatal_status(EX_TEMPFAIL, "usage: sendmail [options]");
    default: /* -A -c -e -h -L -m -O -p -s -U -x: accepted for the sake of old scripts */
        break;
    }
}

/* Recipients beside an option that sends nothing are a mistake; -bh and -bH ignore them. */
static void refuse_recipients(const struct sendmail_options *o)
{
    static const char *const modes[] = {
        [SENDMAIL_DAEMON] = "daemon mode",
        [SENDMAIL_NEWALIASES] = "alias initialization mode",
        [SENDMAIL_LIST_QUEUE] = "display queue mode",
        [SENDMAIL_SMTP] = "stand-alone mode",
        [SENDMAIL_FLUSH] = "flush queue mode",
        [SENDMAIL_FLUSH_ONE] = "flush queue_id",
        [SENDMAIL_FLUSH_SITE] = "flush site",
    };
    size_t mode = (size_t)o->mode;
    if (o->recipients.count > 0 && mode < COUNT_OF(modes) && modes[mode])
        log_fatal_status(EX_TEMPFAIL, "%s requires no recipient", modes[mode]);
}

void sendmail_options_parse(struct sendmail_options *o, int argc, char **argv)
{
    *o = (struct sendmail_options){.mode = SENDMAIL_SUBMIT};
    const char *slash = strrchr(argv[0], '/');
    struct slice name = slice_of(slash ? slash + 1 : argv[0]);
    if (slice_eq(name, "mailq"))
        o->mode = SENDMAIL_LIST_QUEUE;
    else if (slice_eq(name, "newaliases"))
        o->mode = SENDMAIL_NEWALIASES;
    int letter;
    opterr = 0;
    while ((letter = getopt(argc, argv, "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:q::r:s:tvx")) > 0)
        parse_letter(o, letter, optarg);
    if (o->extract && o->mode == SENDMAIL_VERIFY)
        log_fatal_status(EX_TEMPFAIL, "-t option cannot be used with -bv");
    for (; optind < argc; optind++)
        argv_add(&o->recipients, argv[optind]);
    refuse_recipients(o);
}

void sendmail_options_done(struct sendmail_options *o)
{
    argv_done(&o->recipients);
}
