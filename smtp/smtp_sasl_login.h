/* smtp_sasl_login: whom to log in as: smtp_sasl_password_maps (lmtp_sasl_password_maps). */
#ifndef SMTP_SMTP_SASL_LOGIN_H
#define SMTP_SMTP_SASL_LOGIN_H

#include "smtp/smtp_delivery.h"

struct smtp_sasl_login {
    struct strbuf user, password;
};

void smtp_sasl_login_init(struct smtp_sasl_login *login);
void smtp_sasl_login_done(struct smtp_sasl_login *login); /* the password leaves no trace */

void smtp_sasl_login_open(void); /* before the jail */
bool smtp_sasl_login_has_changed(void);

/* For D's mail to HOST of NEXTHOP. MAP_FAILED was logged. */
enum map_status smtp_sasl_login_find(const struct smtp_delivery *d, const char *host,
                                     const struct smtp_nexthop *nexthop,
                                     struct smtp_sasl_login *ret);
/* "user:password" of a table; without the DELIMITER all is the user. Pure, for tests. */
void smtp_sasl_login_split(struct slice value, char delimiter, struct smtp_sasl_login *ret);

#endif
