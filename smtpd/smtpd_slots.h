/* smtpd_slots: the set of session numbers in use; see smtpd_slot_take() in smtpd_server.h. */
#ifndef SMTPD_SMTPD_SLOTS_H
#define SMTPD_SMTPD_SLOTS_H

struct smtpd_slots;

struct smtpd_slots *smtpd_slots_new(void);
void smtpd_slots_free(struct smtpd_slots *slots);

#endif
