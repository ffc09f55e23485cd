/*
 * psc_tls: STARTTLS: the client's connection goes to tlsproxy(8), and plain text comes from there.
 */
#ifndef POSTSCREEN_PSC_TLS_H
#define POSTSCREEN_PSC_TLS_H

struct psc_engine;
struct psc_tls;

/* Ask tlsproxy, then answer the client: it says yes, or "not available". */
void psc_tls_start(struct psc_engine *e);
void psc_tls_free(struct psc_tls *t); /* NULL is fine */

#endif
