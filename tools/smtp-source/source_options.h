/* source_options: the command lines of smtp-source(1) and qmqp-source(1). */
#ifndef SOURCE_OPTIONS_H
#define SOURCE_OPTIONS_H

#include "base/strbuf.h"

struct source_options {
    const char *program; /* argv[0], for messages */
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    const char *hostname, *sender, *recipient, *subject, *file, *endpoint;
    bool qmqp; /* called by the name qmqp-source */
    bool lmtp, tolerant, counter, keep_session, number_addresses, old_mode, verbose;
    bool random_wait; /* -R: wait_s is the most, not the rule */
    unsigned messages, recipients, sessions, connect_tries, wait_s;
    size_t length; /* of the text; 0: the four lines. With QMQP: of header and text */
    int window;
    struct strbuf address; /* foo@hostname, for want of -f and -t */
};

/* Fill *ret_options; what is wrong with the command line is said on stderr and ends the program. */
void source_options_parse(int argc, char **argv, struct source_options *ret_options);
void source_options_done(struct source_options *options);
/* Say why on stderr, and exit with status 1. */
NORETURN void source_fatal(const struct source_options *options, const char *fmt, ...) PRINTF(2, 3);
void source_warn(const struct source_options *options, const char *fmt, ...) PRINTF(2, 3);

#endif
