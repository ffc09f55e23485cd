#include "tools/posttls-finger/finger_options.h"

#include "base/num.h"
#include "base/slice.h"
#include "tools/posttls-finger/finger_say.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MS = 30 * 1000, TIMEOUT_MAX_S = 24 * 3600, RECONNECTS = 5, RECONNECTS_MAX = 10000 };

static const struct {
    const char *name;
    enum finger_level level;
} levels[] = {
    {"none", FINGER_NONE},       {"may", FINGER_MAY},
    {"encrypt", FINGER_ENCRYPT}, {"fingerprint", FINGER_FINGERPRINT},
    {"verify", FINGER_VERIFY},   {"secure", FINGER_SECURE},
    {"dane", FINGER_DANE},       {"dane-only", FINGER_DANE_ONLY},
};

static const struct {
    const char *name;
    enum finger_weak_mx policy;
} weak_policies[] = {
    {"may", FINGER_WEAK_MAY}, {"encrypt", FINGER_WEAK_ENCRYPT}, {"dane", FINGER_WEAK_DANE}};

static const struct {
    const char *name;
    bool summary, certificate, match, cache;
    int trace, trace_again;
} log_words[] = {
    /* name, summary, certificate, match, cache, trace, trace_again */
    {"0", false, false, false, false, 1, 1},
    {"none", false, false, false, false, 1, 1},
    {"1", true, false, false, false, 1, 1},
    {"routine", true, false, false, false, 1, 1},
    {"summary", true, false, false, false, 1, 1},
    {"2", true, true, true, true, 2, 2},
    {"debug", true, true, true, true, 2, 2},
    {"3", true, true, true, true, 3, 3},
    {"ssl-expert", true, true, true, true, 3, 3},
    {"4", true, true, true, true, 4, 4},
    {"ssl-developer", true, true, true, true, 4, 4},
    {"ssl-debug", false, false, false, false, 2, 2},
    {"ssl-handshake-packet-dump", false, false, false, false, 3, 3},
    {"ssl-session-packet-dump", false, false, false, false, 4, 4},
    {"untrusted", false, false, false, false, 1, 1},
    {"peercert", false, true, false, false, 1, 1},
    {"certmatch", false, true, true, false, 1, 1},
    {"cache", false, false, false, true, 1, 1},
    {"verbose", false, true, true, true, 2, 1},
};

static NORETURN void usage(void)
{
    printf("usage: posttls-finger [-cCfRSvwx] [-a family] [-t seconds] [-T seconds] [-L logging]\n"
           "\t[-h host_lookup] [-l level] [-d digest] [-g grade] [-p protocols]\n"
           "\t[-A anchors.pem] [-F CAfile.pem] [-P CApath/] [-s servername]\n"
           "\t[-M insecure_mx_policy] [-r delay [-m count]]\n"
           "\t[ [-H chainfiles] | [-k certfile [-K keyfile]] ]\n"
           "\t[-o name=value] destination [match ...]\n");
    exit(1);
}

static void set_level(struct finger_options *o, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (strcasecmp(value, levels[i].name) == 0) {
            o->level = levels[i].level;
            o->level_name = levels[i].name;
            return;
        }
    finger_fatal("Invalid TLS level \"%s\"", value);
}

static void set_weak_mx(struct finger_options *o, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(weak_policies); i++)
        if (strcasecmp(value, weak_policies[i].name) == 0) {
            o->weak_mx = weak_policies[i].policy;
            return;
        }
    finger_fatal("bad '-M' option value: %s", value);
}

static void set_family(struct finger_options *o, const char *value)
{
    if (strcasecmp(value, "ipv4") == 0)
        o->family = AF_INET;
    else if (strcasecmp(value, "ipv6") == 0)
        o->family = AF_INET6;
    else if (strcasecmp(value, "any") == 0)
        o->family = AF_UNSPEC;
    else
        finger_fatal("bad '-a' option value: %s", value);
}

static void set_lookups(struct finger_options *o, const char *value)
{
    struct slice rest = slice_of(value), word;
    o->lookups = 0;
    while (slice_next_token(&rest, " \t\r\n,", &word)) {
        if (slice_eq_nocase(word, "dns"))
            o->lookups |= FINGER_LOOKUP_DNS;
        else if (slice_eq_nocase(word, "native"))
            o->lookups |= FINGER_LOOKUP_NATIVE;
        else
            finger_fatal("unknown -h option value \"%.*s\" in \"%s\"", SLICE_ARG(word), value);
    }
    if (o->lookups == 0)
        finger_fatal("unknown -h option value \"%s\" in \"%s\"", value, value);
}

static void add_log_word(struct finger_options *o, struct slice word, const char *list)
{
    for (size_t i = 0; i < COUNT_OF(log_words); i++)
        if (slice_eq_nocase(word, log_words[i].name)) {
            o->shows_summary |= log_words[i].summary;
            o->shows_certificate |= log_words[i].certificate;
            o->shows_match |= log_words[i].match;
            o->shows_cache |= log_words[i].cache;
            o->trace = MAX(o->trace, log_words[i].trace);
            o->trace_again = MAX(o->trace_again, log_words[i].trace_again);
            return;
        }
    finger_warn("unknown -L option value \"%.*s\" in \"%s\"", SLICE_ARG(word), list);
}

static void set_logging(struct finger_options *o, const char *list)
{
    struct slice rest = slice_of(list), word;
    o->shows_summary = o->shows_certificate = o->shows_match = o->shows_cache = false;
    o->trace = o->trace_again = 1;
    while (slice_next_token(&rest, " \t\r\n,|", &word))
        add_log_word(o, word, list);
}

static int64_t number(int c, const char *value, uint64_t min, uint64_t max)
{
    uint64_t found;
    if (!num_parse_u64(slice_of(value), 10, &found) || found < min || found > max)
        finger_fatal("bad '-%c' option value: %s", c, value);
    return (int64_t)found;
}

static int64_t milliseconds(int c, const char *value)
{
    return number(c, value, 1, TIMEOUT_MAX_S) * 1000;
}

static void add_file(struct strbuf *list, const char *file)
{
    if (list->len > 0)
        strbuf_add_char(list, ',');
    strbuf_add_str(list, file);
}

// clang-format off: one option a line
static bool flag(struct finger_options *o, int c)
{
    switch (c) {
    case 'c':
        o->shows_chat = false;
        break;
    case 'C':
        o->shows_chain = true;
        break;
    case 'f':
        o->forces_lookup = true;
        break;
    case 'R':
        o->is_service = true;
        break;
    case 'S':
        o->is_lmtp = true;
        break;
    case 'v':
        o->trace = MAX(o->trace, 2);
        break;
    case 'w':
        o->is_wrapped = true;
        break;
    case 'x':
        o->wants_raw_keys = true;
        break;
    case 'X':
        finger_fatal("-X: tlsproxy(8) is no client here");
    default:
        return false;
    }
    return true;
}

static void with_value(struct finger_options *o, int c, const char *value)
{
    switch (c) {
    case 'a':
        set_family(o, value);
        break;
    case 'A':
        add_file(&o->anchor_files, value);
        break;
    case 'd':
        o->digest = value;
        break;
    case 'F':
        o->CAfile = value;
        break;
    case 'g':
        o->grade = value;
        break;
    case 'h':
        set_lookups(o, value);
        break;
    case 'H':
        add_file(&o->chain_files, value);
        break;
    case 'k':
        o->cert_file = value;
        break;
    case 'K':
        o->key_file = value;
        break;
    case 'l':
        set_level(o, value);
        break;
    case 'L':
        set_logging(o, value);
        break;
    case 'm':
        o->reconnects = number(c, value, 0, RECONNECTS_MAX);
        break;
    case 'M':
        set_weak_mx(o, value);
        break;
    case 'o':
        argv_add(&o->settings, value);
        break;
    case 'p':
        o->protocols = value;
        break;
    case 'P':
        o->CApath = value;
        break;
    case 'r':
        o->delay_s = number(c, value, 0, TIMEOUT_MAX_S);
        break;
    case 's':
        o->server_name = value;
        break;
    case 't':
        o->connect_timeout_ms = milliseconds(c, value);
        break;
    case 'T':
        o->command_timeout_ms = milliseconds(c, value);
        break;
    default:
        usage();
    }
}
// clang-format on

static void check(struct finger_options *o)
{
    if (o->chain_files.len > 0 && (o->cert_file[0] || o->key_file[0]))
        finger_fatal("When the '-H' option is used, neither the '-k', nor the '-K' options may be "
                     "used");
    if (!o->cert_file[0])
        o->cert_file = o->key_file;
    if (!o->key_file[0])
        o->key_file = o->cert_file;
    if (o->is_wrapped && o->level == FINGER_NONE)
        finger_fatal("SSL wrapper mode requires that TLS not be disabled");
    if (o->is_service && !(o->lookups & FINGER_LOOKUP_DNS))
        finger_fatal("'-R' needs '-h dns'");
    if (o->level == FINGER_FINGERPRINT && !o->matches[0])
        finger_fatal("TLS level 'fingerprint' needs fingerprints to match");
    if (o->level < FINGER_FINGERPRINT && o->matches[0])
        finger_warn("TLS level '%s' does not implement certificate matching", o->level_name);
}

void finger_options_parse(int argc, char **argv, struct finger_options *ret_options)
{
    struct finger_options *o = ret_options;
    *o = (struct finger_options){.level = FINGER_DANE,
                                 .level_name = "dane",
                                 .CAfile = "",
                                 .CApath = "",
                                 .cert_file = "",
                                 .key_file = "",
                                 .grade = "medium",
                                 .protocols = ">=TLSv1",
                                 .chain_files = STRBUF_ANY,
                                 .anchor_files = STRBUF_ANY,
                                 .settings = ARGV_INIT,
                                 .family = AF_UNSPEC,
                                 .lookups = FINGER_LOOKUP_DNS,
                                 .connect_timeout_ms = TIMEOUT_MS,
                                 .weak_mx = FINGER_WEAK_DANE,
                                 .reconnects = RECONNECTS,
                                 .command_timeout_ms = TIMEOUT_MS,
                                 .shows_chat = true};
    set_logging(o, "routine,certmatch");
    if (getenv("MAIL_VERBOSE"))
        flag(o, 'v');
    int c;
    while ((c = getopt(argc, argv, "a:A:cCd:fF:g:h:H:k:K:l:L:m:M:o:p:P:r:Rs:St:T:vwxX")) > 0)
        if (!flag(o, c))
            with_value(o, c, optarg);
    if (optind >= argc)
        usage();
    o->destination = argv[optind];
    o->matches = argv + optind + 1;
    check(o);
}

void finger_options_done(struct finger_options *options)
{
    strbuf_done(&options->chain_files);
    strbuf_done(&options->anchor_files);
    argv_done(&options->settings);
}
