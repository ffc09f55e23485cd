/*
 * auth_exchange: one AUTH command of SASL (RFC 4422, RFC 4954), on either side. All answers come
 * later through the callback, never from inside the calls. Challenges and responses are base64, as
 * on the wire; no password is kept longer than the implementation needs it.
 */
#ifndef SASL_AUTH_EXCHANGE_H
#define SASL_AUTH_EXCHANGE_H

#include "base/err.h"
#include "base/slice.h"

struct auth_exchange;

/* What a mechanism must not do, or must have: bits. */
enum auth_policy {
    AUTH_NO_PLAINTEXT = 1 << 0,
    AUTH_NO_ACTIVE = 1 << 1,     /* open to active attacks */
    AUTH_NO_DICTIONARY = 1 << 2, /* open to passive attacks with a dictionary */
    AUTH_NO_ANONYMOUS = 1 << 3,
    AUTH_FORWARD_SECRECY = 1 << 4,
    AUTH_MUTUAL = 1 << 5,
};

enum auth_status {
    AUTH_MORE,   /* TEXT is a challenge, or the client's response, in base64 */
    AUTH_OK,     /* of the server's side: the client is LOGIN */
    AUTH_FAILED, /* TEXT says why */
    AUTH_BROKEN, /* it could not be found out; TEXT says why */
};

struct auth_step {
    enum auth_status status;
    const char *text;  /* printable, of one line; NULL: the client begins without a response */
    const char *login; /* printable; NULL: not known. Of AUTH_FAILED: who it claimed to be */
    const char *notes; /* what the implementation has to say to the administrator, a line each */
    /* the client's side alone */
    const char *mechanism; /* that was chosen */
    bool is_complete;      /* it is content with the server */
};

/* STEP lives during the call. After anything but AUTH_MORE the exchange is over: forget it. */
typedef void (*auth_fn)(void *owner, const struct auth_step *step);
/* The response to a challenge; of the client's side, the challenge. */
void auth_respond(struct auth_exchange *exchange, struct slice text);
void auth_cancel(struct auth_exchange *exchange); /* NULL is fine; FN will not be called */

/* The bits of a list like smtpd_sasl_security_options; KNOWN: those there are. */
bool auth_policies_parse(const char *list, unsigned known, unsigned *ret_policy, struct err *err);

#endif
