/* smtpd_xattr: the NAME=value words of XCLIENT and XFORWARD, by which a trusted peer speaks for a
 * client of its own. */
#ifndef SMTPD_SMTPD_XATTR_H
#define SMTPD_SMTPD_XATTR_H

#include "base/slice.h"

struct smtpd_session;

struct smtpd_xattr {
    const char *name;
    bool (*is_valid)(const char *value); /* NULL: anything */
};

#define SMTPD_XATTR_TEMPORARY "[TEMPUNAVAIL]" /* a name whose look-up failed for now */

/* Parse ARGS of VERB: what is given goes to TEXTS (as many as TABLE has rows), decoded; "" stands
 * for [UNAVAILABLE]. NULL: good; else the reply, and some texts may have been set. */
const char *smtpd_xattr_parse(struct smtpd_session *s, const char *verb, struct slice args,
                              const struct smtpd_xattr *table, size_t count, char **texts);
void smtpd_xattr_free(char **texts, size_t count);

bool smtpd_xattr_is_name(const char *value);    /* a host name, or SMTPD_XATTR_TEMPORARY */
bool smtpd_xattr_is_address(const char *value); /* 1.2.3.4, IPV6:::1 where IPv6 is in use */
bool smtpd_xattr_is_port(const char *value);
/* Without the IPV6: in front. */
const char *smtpd_xattr_address(const char *value);

#endif
