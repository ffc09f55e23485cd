/* sink_options: the command lines of smtp-sink(1), with what it asks of each SMTP command, and
 * qmqp-sink(1). */
#ifndef SINK_OPTIONS_H
#define SINK_OPTIONS_H

#include "base/slice.h"
#include "base/strbuf.h"

/* CONNECT and DOT are no commands, but moments that options can name like commands. */
enum sink_verb {
    SINK_CONNECT,
    SINK_HELO,
    SINK_EHLO,
    SINK_LHLO,
    SINK_XCLIENT,
    SINK_XFORWARD,
    SINK_AUTH,
    SINK_MAIL,
    SINK_RCPT,
    SINK_VRFY,
    SINK_DATA,
    SINK_DOT,
    SINK_RSET,
    SINK_NOOP,
    SINK_QUIT,
    SINK_VERBS, /* how many; also: none of them */
};

struct sink_rule {
    bool soft, hard;  /* reject with 4xx, 5xx */
    bool drop;        /* disconnect without a reply */
    bool shutdown;    /* 421 and disconnect */
    bool log;         /* tell syslogd */
    unsigned delay_s; /* wait before the reply */
    unsigned odds;    /* per cent; wait that many more times */
};

struct sink_options {
    const char *program; /* argv[0], for messages */
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    const char *hostname, *soft_reply, *hard_reply, *single_dump, *multi_dump;
    const char *root_directory, *user, *endpoint;
    struct strbuf start_string;
    bool qmqp;      /* called by the name qmqp-sink */
    unsigned end_s; /* QMQP: end after so many seconds; 0: no */
    bool lmtp, pix_greeting, counters, verbose;
    bool no_esmtp, no_8bitmime, no_auth, no_xclient, no_xforward, no_enhanced, no_dsn,
        no_pipelining;
    bool aborts; /* -A */
    unsigned abort_delay_s, data_read_delay_s, timeout_s;
    unsigned max_sessions, quit_after_sessions, quit_after_messages; /* 0: no limit */
    int window, backlog;
    struct sink_rule rules[SINK_VERBS];
};

/* Fill *ret_options; what is wrong with the command line is said on stderr and ends the program. */
void sink_options_parse(int argc, char **argv, struct sink_options *ret_options);
void sink_options_done(struct sink_options *options);
/* The name of a command (any case), "." or CONNECT; SINK_VERBS when it is none. */
enum sink_verb sink_verb_find(struct slice name);
/* Say why on stderr, and exit with status 1. */
NORETURN void sink_fatal(const struct sink_options *options, const char *fmt, ...) PRINTF(2, 3);

#endif
