/*
 * submit_rights: which users of this host may submit mail, and under which envelope sender.
 */
#ifndef MAIL_SUBMIT_RIGHTS_H
#define MAIL_SUBMIT_RIGHTS_H

#include "base/err.h"
#include "base/slice.h"

#include <sys/types.h>

/* authorized_submit_users. False: UID may not (ERR_PERM), or the list cannot say (ERR_TEMP). */
bool submit_rights_check_user(uid_t uid, struct err *err);
/* local_login_sender_maps, for SENDER in internal form, empty for the null sender. False: likewise.
 */
bool submit_rights_check_sender(uid_t uid, struct slice sender, struct err *err);

#endif
