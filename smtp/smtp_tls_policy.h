/*
 * smtp_tls_policy: what a delivery to one host asks of TLS: smtp_tls_security_level and the
 * parameters around it, or what smtp_tls_policy_maps has for the destination.
 */
#ifndef SMTP_SMTP_TLS_POLICY_H
#define SMTP_SMTP_TLS_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "smtp/smtp_nexthop.h"
#include "smtp/smtp_tls_sts.h"

enum smtp_tls_level {
    SMTP_TLS_NONE,
    SMTP_TLS_MAY,     /* where it is offered, and can be had */
    SMTP_TLS_ENCRYPT, /* with whomever */
    SMTP_TLS_FINGERPRINT,
    SMTP_TLS_VERIFY,
    SMTP_TLS_SECURE,
    SMTP_TLS_HALF_DANE, /* as DANE, of a server whose name could be forged; no table has it */
    SMTP_TLS_DANE,      /* before the look-up; after it: as TLSA records say */
    SMTP_TLS_DANE_ONLY,
};

struct tls_dane;

struct smtp_tls_policy {
    enum smtp_tls_level level, wanted; /* WANTED: before it was known what can be had */
    const char *given_protocols, *given_ciphers, *given_exclude; /* by an attribute; NULL: none */
    const char *protocols, *ciphers, *exclude;                   /* as main.cf has them */
    /* names the certificate may have (".test": any below), or fingerprints; NULL at the end */
    const char *const *matches;
    const char *server_name;     /* for SNI; NULL: none is sent */
    const struct tls_dane *dane; /* records or trust anchors; NULL: none */
    struct smtp_tls_sts sts;     /* what a plug-in for MTA-STS says of it */
    /* Why there is no policy, and the result type of RFC 8460 for that; NULL: not known */
    const char *refusal, *refusal_type;
    bool has_failed_table; /* why there is no policy: smtp_tls_per_site did not answer */
    bool allows_reuse;     /* of a connection with TLS, by another delivery */
};

const char *smtp_tls_policy_level_name(enum smtp_tls_level level);

/* Before the jail: open the tables; a setting that cannot be understood is fatal. */
void smtp_tls_policy_open(void);
bool smtp_tls_policy_has_changed(void);
bool smtp_tls_policy_may_need_tls(void); /* some destination could ask for it */

/* The policy for HOST of NEXTHOP; texts live in ARENA. False: a look-up failed or the entry is
 * wrong; WARNINGS gets lines to be logged, and the mail is to be deferred. */
bool smtp_tls_policy_find(const struct smtp_nexthop *nexthop, const char *host, struct arena *arena,
                          struct smtp_tls_policy *ret, struct strbuf *warnings);
/* The level is another: so are the protocols and ciphers, as far as no attribute has them. */
void smtp_tls_policy_set_level(struct smtp_tls_policy *policy, enum smtp_tls_level level,
                               struct arena *arena);
/* The names for a certificate that an authority of a TLSA record has signed: the destination's,
 * that of the records, the server's. */
void smtp_tls_policy_set_dane_names(struct smtp_tls_policy *policy,
                                    const struct smtp_nexthop *nexthop, const char *base,
                                    const char *host, struct arena *arena);
/* All that is in a policy as one text: sessions may be shared by equal ones. */
void smtp_tls_policy_key(const struct smtp_tls_policy *policy, struct strbuf *out);

#endif
