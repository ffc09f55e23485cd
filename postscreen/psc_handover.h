/* psc_handover: a client goes to the SMTP server (smtpd_service_name), with its connection. */
#ifndef POSTSCREEN_PSC_HANDOVER_H
#define POSTSCREEN_PSC_HANDOVER_H

struct psc_session;
struct psc_handover;

/* S is no longer under test; it ends when an SMTP server has taken the connection, or none does. */
void psc_handover_start(struct psc_session *s);
void psc_handover_free(struct psc_handover *h); /* NULL is fine */

#endif
