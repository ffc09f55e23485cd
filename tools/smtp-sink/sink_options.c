/* sink_options: getopt over one table-like switch; lists of command names set flags of rules. */
#include "tools/smtp-sink/sink_options.h"

#include "base/num.h"

#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const verb_names[SINK_VERBS] = {
    [SINK_CONNECT] = "CONNECT", [SINK_HELO] = "HELO",       [SINK_EHLO] = "EHLO",
    [SINK_LHLO] = "LHLO",       [SINK_XCLIENT] = "XCLIENT", [SINK_XFORWARD] = "XFORWARD",
    [SINK_AUTH] = "AUTH",       [SINK_MAIL] = "MAIL",       [SINK_RCPT] = "RCPT",
    [SINK_VRFY] = "VRFY",       [SINK_DATA] = "DATA",       [SINK_DOT] = ".",
    [SINK_RSET] = "RSET",       [SINK_NOOP] = "NOOP",       [SINK_QUIT] = "QUIT",
};

enum sink_verb sink_verb_find(struct slice name)
{
    for (int verb = 0; verb < SINK_VERBS; verb++)
        if (slice_eq_nocase(name, verb_names[verb]))
            return (enum sink_verb)verb;
    return SINK_VERBS;
}

void sink_fatal(const struct sink_options *options, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s: fatal: ", options->program);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static NORETURN void usage(const struct sink_options *options)
{
    if (options->qmqp)
        sink_fatal(options, "usage: %s [-46cv] [-x time] [host]:port backlog", options->program);
    sink_fatal(options,
               "usage: %s [-468acCeEFLNpPv] [-A abort_delay] [-b soft_bounce_reply] "
               "[-B hard_bounce_reply] [-d dump-template] [-D dump-template] [-f commands] "
               "[-h hostname] [-H data_read_delay] [-m max_concurrency] [-M message_quit_count] "
               "[-n quit_count] [-q commands] [-Q commands] [-r commands] [-R root-dir] "
               "[-s commands] [-S start-string] [-t timeout] [-T windowsize] [-u user_privs] "
               "[-w delay] [-W command:delay[:odds]] [host]:port backlog",
               options->program);
}

static unsigned number(const struct sink_options *options, const char *what, struct slice text)
{
    uint64_t value;
    if (!num_parse_u64(text, 10, &value) || value > INT32_MAX)
        sink_fatal(options, "bad %s: %.*s", what, SLICE_ARG(text));
    return (unsigned)value;
}

static enum sink_verb verb(const struct sink_options *options, struct slice name)
{
    enum sink_verb found = sink_verb_find(name);
    if (found == SINK_VERBS)
        sink_fatal(options, "unknown command: %.*s", SLICE_ARG(name));
    return found;
}

/* Set the flag at OFFSET of struct sink_rule for each command in the list. */
static void mark(struct sink_options *options, const char *list, size_t offset)
{
    struct slice in = slice_of(list), name;
    while (slice_next_token(&in, ", \t\r\n", &name))
        *(bool *)((char *)&options->rules[verb(options, name)] + offset) = true;
}

/* -W command:delay[:odds] */
static void set_delay(struct sink_options *options, const char *text)
{
    struct slice name, rest = slice_of(text), delay, odds = SLICE_EMPTY;
    if (!slice_split(rest, ':', &name, &delay))
        sink_fatal(options, "-W wants command:delay[:odds], not: %s", text);
    struct sink_rule *rule = &options->rules[verb(options, name)];
    if (slice_split(delay, ':', &rest, &odds)) {
        delay = rest;
        rule->odds = number(options, "delay odds", odds);
        if (rule->odds < 1 || rule->odds > 99)
            sink_fatal(options, "delay odds for '%.*s' out of range", SLICE_ARG(name));
    }
    rule->delay_s = number(options, "delay", delay);
}

/* One of the C escapes that -S allows, after the backslash. */
static char unescape(struct slice *in)
{
    static const char letters[] = "a\ab\bf\fn\nr\rt\tv\v\\\\";
    char c = in->s[0];
    unsigned value = 0, digits = 0;
    while (digits < 3 && in->len > 0 && in->s[0] >= '0' && in->s[0] <= '7') {
        value = value * 8 + (unsigned)(in->s[0] - '0');
        *in = slice_from(*in, 1);
        digits++;
    }
    if (digits > 0)
        return (char)value;
    *in = slice_from(*in, 1);
    for (const char *p = letters; *p; p += 2)
        if (*p == c)
            return p[1];
    return c;
}

static void set_start_string(struct sink_options *options, const char *text)
{
    struct slice in = slice_of(text);
    strbuf_reset(&options->start_string);
    while (in.len > 0) {
        char c = in.s[0];
        in = slice_from(in, 1);
        strbuf_add_char(&options->start_string, c == '\\' && in.len > 0 ? unescape(&in) : c);
    }
}

// clang-format off: one option a line
static void flag(struct sink_options *o, int c)
{
    switch (c) {
    case '4':
        o->family = AF_INET;
        break;
    case '6':
        o->family = AF_INET6;
        break;
    case '8':
        o->no_8bitmime = true;
        break;
    case 'a':
        o->no_auth = true;
        break;
    case 'c':
        o->counters = true;
        break;
    case 'C':
        o->no_xclient = true;
        break;
    case 'e':
        o->no_esmtp = true;
        break;
    case 'E':
        o->no_enhanced = true;
        break;
    case 'F':
        o->no_xforward = true;
        break;
    case 'L':
        o->lmtp = true;
        break;
    case 'N':
        o->no_dsn = true;
        break;
    case 'p':
        o->no_pipelining = true;
        break;
    case 'P':
        o->pix_greeting = o->no_esmtp = true;
        break;
    case 'v':
        o->verbose = true;
        break;
    default:
        usage(o);
    }
}

static bool list_option(struct sink_options *o, int c, const char *value)
{
    switch (c) {
    case 'f':
        mark(o, value, offsetof(struct sink_rule, hard));
        break;
    case 'r':
        mark(o, value, offsetof(struct sink_rule, soft));
        break;
    case 'q':
        mark(o, value, offsetof(struct sink_rule, drop));
        break;
    case 'Q':
        mark(o, value, offsetof(struct sink_rule, shutdown));
        break;
    case 's':
        mark(o, value, offsetof(struct sink_rule, log));
        break;
    case 'W':
        set_delay(o, value);
        break;
    default:
        return false;
    }
    if (c == 'f' || c == 'r')
        o->no_pipelining = true;
    return true;
}

static bool number_option(struct sink_options *o, int c, const char *value)
{
    struct slice text = slice_of(value);
    switch (c) {
    case 'A':
        o->aborts = true, o->abort_delay_s = number(o, "abort delay", text);
        break;
    case 'H':
        o->data_read_delay_s = number(o, "data read delay", text);
        break;
    case 'm':
        o->max_sessions = number(o, "concurrency limit", text);
        break;
    case 'M':
        o->quit_after_messages = number(o, "message quit count", text);
        break;
    case 'n':
        o->quit_after_sessions = number(o, "quit count", text);
        break;
    case 't':
        o->timeout_s = number(o, "timeout", text);
        break;
    case 'T':
        o->window = (int)number(o, "TCP window size", text);
        break;
    case 'x':
        o->end_s = number(o, "time", text);
        break;
    case 'w':
        o->rules[SINK_DATA].delay_s = number(o, "delay", text);
        break;
    default:
        return false;
    }
    return true;
}

static bool text_option(struct sink_options *o, int c, const char *value)
{
    switch (c) {
    case 'b':
        o->soft_reply = value;
        break;
    case 'B':
        o->hard_reply = value;
        break;
    case 'd':
        o->single_dump = value;
        break;
    case 'D':
        o->multi_dump = value;
        break;
    case 'h':
        o->hostname = value;
        break;
    case 'R':
        o->root_directory = value;
        break;
    case 'S':
        set_start_string(o, value);
        break;
    case 'u':
        o->user = value;
        break;
    default:
        return false;
    }
    return true;
}

// clang-format on
static void check(const struct sink_options *o)
{
    if (o->soft_reply[0] != '4')
        sink_fatal(o, "soft reject reply must begin with 4: %s", o->soft_reply);
    if (o->hard_reply[0] != '5')
        sink_fatal(o, "hard reject reply must begin with 5: %s", o->hard_reply);
    if (o->max_sessions < 1)
        sink_fatal(o, "bad concurrency limit: 0");
    if (o->timeout_s < 1)
        sink_fatal(o, "bad timeout: 0");
    if (geteuid() == 0 && !o->user && !o->qmqp)
        sink_fatal(o, "-u option is required if running as root");
}

static bool is_qmqp(const char *program)
{
    struct slice name = slice_of(program), folder;
    slice_rsplit(name, '/', &folder, &name);
    return slice_eq(name, "qmqp-sink");
}

void sink_options_parse(int argc, char **argv, struct sink_options *ret_options)
{
    struct sink_options *o = ret_options;
    *o = (struct sink_options){
        .program = argv[0],
        .qmqp = is_qmqp(argv[0]),
        .family = AF_UNSPEC,
        .hostname = "smtp-sink",
        .soft_reply = "450 4.3.0 Error: command failed",
        .hard_reply = "500 5.3.0 Error: command failed",
        .start_string = STRBUF_INIT(65536),
        .timeout_s = 100,
        .max_sessions = 256,
    };
    int c;
    while ((c = getopt(argc, argv,
                       o->qmqp ? "46cvx:"
                               : "468aA:b:B:cCd:D:eEf:Fh:H:Lm:M:n:NpPq:Q:r:R:s:S:t:T:u:vw:W:")) >
           0) {
        if (!optarg || !(list_option(o, c, optarg) || number_option(o, c, optarg) ||
                         text_option(o, c, optarg)))
            flag(o, c);
        optarg = NULL;
    }
    if (argc - optind != 2)
        usage(o);
    o->endpoint = argv[optind];
    o->backlog = (int)number(o, "backlog", slice_of(argv[optind + 1]));
    check(o);
}

void sink_options_done(struct sink_options *options)
{
    strbuf_done(&options->start_string);
}
