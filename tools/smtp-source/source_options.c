#include "tools/smtp-source/source_options.h"

#include "base/num.h"

#include <limits.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

static void complain(const struct source_options *o, const char *level, const char *fmt, va_list ap)
{
    fprintf(stderr, "%s: %s: ", o->program, level);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

void source_fatal(const struct source_options *options, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    complain(options, "fatal", fmt, ap);
    va_end(ap);
    exit(1);
}

void source_warn(const struct source_options *options, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    complain(options, "warning", fmt, ap);
    va_end(ap);
}

static NORETURN void usage(const struct source_options *o)
{
    if (o->qmqp)
        source_fatal(o,
                     "usage: %s [-46cv] [-s sess] [-l msglen] [-m msgs] [-C count] "
                     "[-M myhostname] [-f from] [-t to] [-r rcptcount] [-R delay] [-w delay] "
                     "host[:port]",
                     o->program);
    source_fatal(o,
                 "usage: %s [-46AcdLNov] [-s sess] [-l msglen] [-m msgs] [-C count] "
                 "[-M myhostname] [-f from] [-t to] [-r rcptcount] [-R delay] [-w delay] "
                 "[-F file] [-S subject] [-T windowsize] host[:port]",
                 o->program);
}

static unsigned number(const struct source_options *o, int option, const char *text, unsigned min)
{
    uint64_t value;
    if (!num_parse_u64(slice_of(text), 10, &value) || value > INT32_MAX || value < min)
        source_fatal(o, "bad value for option -%c: %s", option, text);
    return (unsigned)value;
}

// clang-format off: one option a line
static bool flag(struct source_options *o, int c)
{
    switch (c) {
    case '4':
        o->family = AF_INET;
        break;
    case '6':
        o->family = AF_INET6;
        break;
    case 'A':
        o->tolerant = true;
        break;
    case 'c':
        o->counter = true;
        break;
    case 'd':
        o->keep_session = true;
        break;
    case 'L':
        o->lmtp = true;
        break;
    case 'N':
        o->number_addresses = true;
        break;
    case 'o':
        o->old_mode = true;
        break;
    case 'v':
        o->verbose = true;
        break;
    default:
        return false;
    }
    return true;
}

static void with_value(struct source_options *o, int c, const char *value)
{
    switch (c) {
    case 'C':
        o->connect_tries = number(o, c, value, 1);
        break;
    case 'f':
        o->sender = value;
        break;
    case 'F':
        o->file = value;
        break;
    case 'l':
        o->length = number(o, c, value, 1);
        break;
    case 'm':
        o->messages = number(o, c, value, 1);
        break;
    case 'M':
        o->hostname = value;
        break;
    case 'r':
        o->recipients = number(o, c, value, 1);
        break;
    case 'R':
        o->wait_s = number(o, c, value, 1), o->random_wait = true;
        break;
    case 's':
        o->sessions = number(o, c, value, 1);
        break;
    case 'S':
        o->subject = value;
        break;
    case 't':
        o->recipient = value;
        break;
    case 'T':
        o->window = (int)number(o, c, value, 1);
        break;
    case 'w':
        o->wait_s = number(o, c, value, 1), o->random_wait = false;
        break;
    default:
        usage(o);
    }
}
// clang-format on

static void complete(struct source_options *o)
{
    static char name[HOST_NAME_MAX + 1]; /* one command line a process */
    if (!o->hostname) {
        if (gethostname(name, sizeof name - 1) < 0)
            source_fatal(o, "cannot find the name of this machine; use -M");
        o->hostname = name;
    }
    strbuf_setf(&o->address, "foo@%s", o->hostname);
    if (!o->sender)
        o->sender = o->address.s;
    if (!o->recipient)
        o->recipient = o->address.s;
    if (o->file && (o->length || o->subject))
        source_fatal(o, "-F cannot be used with -l or -S");
}

static bool is_qmqp(const char *program)
{
    struct slice name = slice_of(program), folder;
    slice_rsplit(name, '/', &folder, &name);
    return slice_eq(name, "qmqp-source");
}

void source_options_parse(int argc, char **argv, struct source_options *ret_options)
{
    struct source_options *o = ret_options;
    *o = (struct source_options){.program = argv[0],
                                 .qmqp = is_qmqp(argv[0]),
                                 .family = AF_UNSPEC,
                                 .messages = 1,
                                 .recipients = 1,
                                 .sessions = 1,
                                 .connect_tries = 1,
                                 .address = STRBUF_ANY};
    int c;
    while ((c = getopt(argc, argv,
                       o->qmqp ? "46cC:f:l:m:M:r:R:s:t:vw:"
                               : "46AcC:df:F:l:Lm:M:Nor:R:s:S:t:T:vw:")) > 0)
        if (!flag(o, c))
            with_value(o, c, optarg);
    if (argc - optind != 1)
        usage(o);
    o->endpoint = argv[optind];
    complete(o);
}

void source_options_done(struct source_options *options)
{
    strbuf_done(&options->address);
}
