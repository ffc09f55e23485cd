/* esmtp_footer: the text after refusals that smtpd_reject_footer (and its twins) ask for. */
#ifndef ESMTP_ESMTP_FOOTER_H
#define ESMTP_ESMTP_FOOTER_H

#include "base/strbuf.h"

struct maps;

struct esmtp_footer {
    struct maps *maps;  /* by reply; may be NULL */
    const char *text;   /* where they have none */
    const char *filter; /* characters that values may have, with C escapes */
    const char *client_address, *server_name;
    unsigned client_port;
};

/* TEXT, a reply, gets what goes on its last line, FOOTER the lines after it, PROBLEMS lines to be
 * logged as warnings. */
void esmtp_footer_add(const struct esmtp_footer *f, struct strbuf *text, struct strbuf *footer,
                      struct strbuf *problems);
/* Characters of VALUE that FILTER (with C escapes) does not list become '_'. */
void esmtp_footer_censor(const char *filter, const char *value, struct strbuf *out);
/* VALUE as text of a template that stands for itself: a $ in it is one. */
void esmtp_footer_quote(const char *value, struct strbuf *out);

#endif
