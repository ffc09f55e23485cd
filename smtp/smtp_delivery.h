/*
 * smtp_delivery: one order of qmgr on its way: destinations, hosts and sessions are tried in turn
 * until each recipient is settled.
 */
#ifndef SMTP_SMTP_DELIVERY_H
#define SMTP_SMTP_DELIVERY_H

#include "delivery/delivery.h"
#include "smtp/smtp_session.h"
#include "smtp/smtp_tls_policy.h"

enum smtp_rcpt_state {
    SMTP_RCPT_TODO,     /* for this or a later host */
    SMTP_RCPT_LIVE,     /* in the running transaction, no answer yet */
    SMTP_RCPT_ACCEPTED, /* the server took the address */
    SMTP_RCPT_DONE,     /* settled */
};

struct smtp_rcpt {
    struct recipient *rcpt;
    const char *address; /* as sent: smtp_generic_maps may have changed it */
    enum smtp_rcpt_state state;
    const char *reply, *reply_dsn; /* to RCPT, for probes */
};

/* Why something failed. */
struct smtp_why {
    enum err_kind kind; /* ERR_TEMP, or ERR_PERM */
    const char *dsn, *text;
    const char *relay;               /* "none", or host[address]:port */
    const char *tls;                 /* smtp_tls_status(), filled in when a session has failed */
    const char *reply, *server_name; /* what the server said, for reports; NULL: nothing */
    bool is_destination; /* the destination as a whole is the problem: qmgr slows down */
};

enum smtp_end { SMTP_END_LOST, SMTP_END_TIMEOUT };

struct smtp_send;
struct smtp_tls_dane;

struct smtp_delivery {
    struct delivery_job *job;
    struct arena *arena;
    struct smtp_nexthop *nexthops;
    size_t nexthop_count, nexthop_room, nexthop_at;
    struct smtp_hosts *lookup;
    struct smtp_host_list hosts;
    size_t host_at;
    size_t session_count;                /* that came past EHLO, for this nexthop */
    bool cache_was_asked, was_looked_up; /* for this nexthop */
    bool cached_host; /* the session from the cache was taken for a host, not for the nexthop */
    struct smtp_tls_policy policy; /* for the host that is tried: */
    const struct smtp_host *policy_host;
    const struct smtp_nexthop *policy_nexthop;
    struct smtp_tls_dane *dane_lookup;
    bool is_tls_off; /* the next connection is in the clear: TLS has failed */
    struct smtp_session *session;
    struct smtp_rcpt *rcpts;
    size_t rcpt_count, left; /* left: not yet settled */
    struct smtp_rcpt **tx;   /* those of the running transaction */
    size_t tx_count, accepted;
    const char *sender;     /* as sent */
    bool is_final;          /* no other host follows: temporary failures are deferred now */
    struct smtp_why why;    /* the last failure, for recipients no host took */
    struct smtp_send *send; /* content on its way */
    struct delivery_passing *passing; /* to best_mx_transport */
    struct later next;                /* goes on at the end of the turn, so that nothing recurses */
};

void smtp_delivery_start(struct delivery_job *job);
/* The destination that is tried now. */
const struct smtp_nexthop *smtp_delivery_nexthop(const struct smtp_delivery *d);

/* The TLS policy for the next host, which was asked for, is in d->policy; or d->why says that there
 * is none. */
void smtp_delivery_on_policy(struct smtp_delivery *d, bool is_found);

/* What sessions tell. All but on_ready leave the session to the delivery, which frees or keeps it.
 */
void smtp_delivery_on_connect_failed(struct smtp_delivery *d, struct smtp_session *s,
                                     const char *reason);
void smtp_delivery_on_lost(struct smtp_delivery *d, struct smtp_session *s, enum smtp_end end);
void smtp_delivery_on_ready(struct smtp_delivery *d, struct smtp_session *s);
/* Greeting or EHLO was refused. */
void smtp_delivery_on_refused(struct smtp_delivery *d, struct smtp_session *s);
/* TLS or a login cannot be had as it should be; the relay in WHY is filled in. */
void smtp_delivery_on_unfit(struct smtp_delivery *d, struct smtp_session *s,
                            const struct smtp_why *why);
/* WITH_RSET: the server still has a transaction open. */
void smtp_delivery_on_end(struct smtp_delivery *d, struct smtp_session *s, bool with_rset);

/* smtp_outcome.c */
/* ONLY NULL: every recipient of the transaction (or, outside of one, of the delivery) not settled.
 */
void smtp_outcome_fail(struct smtp_delivery *d, struct smtp_rcpt *only, const struct smtp_why *why);
/* What the server said in reply to STEP. */
void smtp_outcome_reply(struct smtp_delivery *d, struct smtp_session *s, enum smtp_step step,
                        struct smtp_why *ret);
void smtp_outcome_sent(struct smtp_delivery *d, struct smtp_session *s, struct smtp_rcpt *r,
                       const char *dsn, const char *text);
/* The reply on one line, in the delivery's arena. */
const char *smtp_outcome_reply_text(struct smtp_delivery *d, const struct smtp_session *s);
const char *smtp_outcome_reply_dsn(struct smtp_delivery *d, const struct smtp_session *s);

#endif
