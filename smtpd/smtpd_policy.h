/*
 * smtpd_policy: the client of policy services (SMTPD_POLICY_README): connections, requests, tries.
 *
 * A connection carries one request at a time. All requests about one message go over the same
 * connection: it stays with its session until the transaction ends (smtpd_policy_release()), and
 * serves the next message, of any session, after that. A server therefore sees on a connection what
 * it sees from Postfix, which has one session a process.
 */
#ifndef SMTPD_SMTPD_POLICY_H
#define SMTPD_SMTPD_POLICY_H

#include "base/err.h"
#include "base/slice.h"
#include "io/loop.h"
#include "io/work.h"

struct smtpd_policy;      /* one service with its settings */
struct smtpd_policy_call; /* one question */
struct smtpd_policy_conn;
struct smtpd_policy_settings;
struct smtpd_session;

/* The argument of check_policy_service: an end point, or "{ end point, name = value, ... }". NULL
 * with ERR when it is malformed. */
struct smtpd_policy *smtpd_policy_new(const char *argument, struct err *err);
/* What is pending is cancelled, what is open is closed; no session may hold a connection. */
void smtpd_policy_free(struct smtpd_policy *policy);
const struct smtpd_policy_settings *smtpd_policy_get_settings(const struct smtpd_policy *policy);

/* ACTION: the text of the action, valid during the call; NULL when every try has failed, which is
 * logged. The call is over then. */
typedef void (*smtpd_policy_fn)(void *owner, const char *action);
/* REQUEST: the attributes of a request, a line each, without the empty line; copied. FN is never
 * called from inside this call. */
struct smtpd_policy_call *smtpd_policy_ask(struct smtpd_policy *policy, struct smtpd_session *s,
                                           struct slice request, smtpd_policy_fn fn, void *owner);
void smtpd_policy_cancel(struct smtpd_policy_call *call); /* NULL is fine */
/* The transaction of S is over: others may use the connections it had. */
void smtpd_policy_release(struct smtpd_session *s);

enum { SMTPD_POLICY_REPLY_MAX = 64 * 1024 };
enum smtpd_policy_parse { SMTPD_POLICY_MORE, SMTPD_POLICY_ACTION, SMTPD_POLICY_NO_ACTION };
/* Is there a whole reply at the front of IN (RET_SIZE bytes)? What action does it name? */
enum smtpd_policy_parse smtpd_policy_parse(struct slice in, struct slice *ret_action,
                                           size_t *ret_size);

#endif
