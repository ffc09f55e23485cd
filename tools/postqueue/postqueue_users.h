/* postqueue_users: who may list and who may flush. */
#ifndef POSTQUEUE_POSTQUEUE_USERS_H
#define POSTQUEUE_POSTQUEUE_USERS_H

/* Fatal unless the caller is root, mail_owner, or a user that LIST (parameter TITLE) names. WHAT is
 * the verb of the complaint. */
void postqueue_check_user(const char *title, const char *list, const char *what);

#endif
