/*
 * psc_test: the tests a client takes, and until when their results count (a record of the cache).
 *
 * The record is text that Postfix reads and writes too: five numbers with ';' between, in the order
 * of enum psc_test, each the time (seconds since 1970) until which a passed test counts.
 */
#ifndef POSTSCREEN_PSC_TEST_H
#define POSTSCREEN_PSC_TEST_H

#include "base/strbuf.h"

enum psc_test {
    PSC_PREGREET,
    PSC_DNSBL,
    PSC_PIPELINING,
    PSC_NON_SMTP,
    PSC_BARE_NEWLINE,
    PSC_TESTS
};
/* sets of tests */
enum {
    PSC_EARLY = 1u << PSC_PREGREET | 1u << PSC_DNSBL, /* before the greeting */
    PSC_DEEP = 1u << PSC_PIPELINING | 1u << PSC_NON_SMTP | 1u << PSC_BARE_NEWLINE,
};

enum psc_action { PSC_IGNORE, PSC_ENFORCE, PSC_DROP };
/* False: no action has that name. */
bool psc_action_parse(const char *text, enum psc_action *ret);

/* Besides times: the test was never passed; it was switched off when others were. */
enum { PSC_NEVER = 0, PSC_WAS_OFF = 1 };

struct psc_times {
    int64_t until[PSC_TESTS];
};

bool psc_times_parse(struct slice text, struct psc_times *ret);
void psc_times_format(const struct psc_times *times, struct strbuf *out);
/* Tests of the set ENABLED whose results do not count at NOW. */
unsigned psc_times_todo(const struct psc_times *times, unsigned enabled, int64_t now);
/* Is there a test that the client has never come to? */
bool psc_times_is_new(const struct psc_times *times);
/* Tests of the set PASSED count until NOW and TTL (seconds, one for each test). */
void psc_times_pass(struct psc_times *times, unsigned passed, int64_t now,
                    const int64_t ttl[PSC_TESTS]);
/* Tests that are not in ENABLED and were never passed are no reason to call the client new. */
void psc_times_skip_disabled(struct psc_times *times, unsigned enabled);
/* The later time of each test. */
void psc_times_merge(struct psc_times *times, const struct psc_times *other);
/* All results stand for at least UNTIL: a client that a list of good ones vouches for. */
void psc_times_vouch(struct psc_times *times, int64_t until);
int64_t psc_times_latest(const struct psc_times *times);

#endif
