/* smtpd_etrn: an ETRN command under way. */
#ifndef SMTPD_SMTPD_ETRN_H
#define SMTPD_SMTPD_ETRN_H

struct smtpd_etrn;
void smtpd_etrn_cancel(struct smtpd_etrn *etrn); /* NULL is fine */

#endif
