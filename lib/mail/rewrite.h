/*
 * rewrite: the rewriting of an address to standard form that Postfix calls "trivial"
 * (swap_bangpath, percent hack, source routes, append_at_myorigin, append_dot_mydomain, trailing
 * dot).
 *
 * Pure functions of the parameters given: no look-ups, no process to ask.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include "base/strbuf.h"

struct rewrite_rules {
    bool swap_bangpath, allow_percent_hack, append_at_myorigin, append_dot_mydomain;
    const char *myorigin, *mydomain;
    const char *remote_header_rewrite_domain; /* empty: remote headers are not completed */
    const char *empty_address_recipient;      /* for the empty address in a header */
    /* NULL, or called when append_dot_mydomain completes DOMAIN */
    void (*on_append)(struct slice domain);
};

enum rewrite_context { REWRITE_LOCAL, REWRITE_REMOTE };

/* From the loaded common parameters. */
struct rewrite_rules rewrite_rules_from_params(void);

/* Internal form in, internal form out. The empty address stays empty. In REWRITE_REMOTE only the
 * parts that never depend on our names apply, and the domain completed is
 * remote_header_rewrite_domain. */
void rewrite_address(const struct rewrite_rules *rules, enum rewrite_context context,
                     struct slice address, struct strbuf *out);

/* An address without @: site!user or user%domain as user@domain, as the rules allow. False, nothing
 * added: neither. */
bool rewrite_swap(const struct rewrite_rules *rules, struct slice local, struct strbuf *out);

#endif
