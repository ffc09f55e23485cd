/* psc_ehlo: the keywords of the built-in SMTP engine's EHLO reply, and those that are left out. */
#ifndef POSTSCREEN_PSC_EHLO_H
#define POSTSCREEN_PSC_EHLO_H

#include "base/strbuf.h"

struct psc_session;

enum {
    PSC_EHLO_STARTTLS = 1 << 0,
    PSC_EHLO_CHUNKING = 1 << 1,
    PSC_EHLO_SIZE = 1 << 2,
    PSC_EHLO_SMTPUTF8 = 1 << 3,
    PSC_EHLO_SILENT = 1 << 4,
    PSC_EHLO_OTHERS = 1 << 5, /* and the following */
};

/* The bits of a list as in postscreen_discard_ehlo_keywords; unknown words get a warning. */
unsigned psc_ehlo_parse(const char *title, const char *list);
/* Keywords that this client does not get; logs those that a table names. */
unsigned psc_ehlo_discarded(const struct psc_session *s);
/* "250 host" and the keywords, lines separated by LF. */
void psc_ehlo_format(unsigned discard, bool offers_tls, struct strbuf *out);

#endif
