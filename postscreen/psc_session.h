/*
 * psc_session: one client from connect to the end, or until an SMTP server takes it over.
 *
 * A waiting client costs this struct, a watch and a timer; what the built-in SMTP engine needs
 * (psc_engine.h) comes with it. Steps: lists and cache (psc_session.c), tests before the greeting
 * (psc_early.c), then either the engine or the way to smtpd (psc_handover.c).
 */
#ifndef POSTSCREEN_PSC_SESSION_H
#define POSTSCREEN_PSC_SESSION_H

#include "io/haproxy.h"
#include "io/loop.h"
#include "postscreen/psc_test.h"

struct psc_server;
struct psc_engine;
struct psc_handover;
struct psc_dnsbl_query;

struct psc_session {
    struct psc_server *server;
    struct haproxy_peers ends; /* as a load balancer said, or those of the socket */
    int fd;                    /* -1: the engine has it, or somebody else */
    struct watch *watch;
    struct timer *timer;
    struct psc_dnsbl_query *dnsbl; /* under way, or done and not yet looked at */
    struct psc_engine *engine;
    struct psc_handover *handover;
    int64_t phase_began_ms; /* of the tests before the greeting, or after it */
    unsigned todo;          /* tests that have to be taken */
    unsigned passed, failed;
    bool is_denied;  /* postscreen_access_list, with the action enforce */
    bool is_vetoed;  /* postscreen_allowlist_interfaces */
    bool is_checked; /* counted as under test */
    bool is_vouched; /* by a DNS list: that counts in the place of all tests */
    bool spoke_early;
    bool dnsbl_is_done;
    struct psc_times times; /* as the cache has them, and with what was passed since */
    int64_t dnsbl_ttl;
    char *refusal; /* what RCPT gets; NULL: a temporary error */
};

/* Take FD, an accepted non-blocking connection. */
void psc_session_start(struct psc_server *server, int fd, const struct haproxy_peers *ends);
/* Note a failed test; its action says what follows. False: the session is gone (drop). REFUSAL is
 * for RCPT, or the last word. */
bool psc_session_fail(struct psc_session *s, enum psc_test test, const char *refusal);
/* Say REPLY and end. */
void psc_session_drop(struct psc_session *s, const char *reply);
/* Write down what was passed, and log it when that is all. */
void psc_session_conclude(struct psc_session *s);
/* The last log line; S is gone afterwards. */
void psc_session_end(struct psc_session *s);
/* The same without a log line: an SMTP server has the client now. */
void psc_session_free(struct psc_session *s);
/* "HANGUP after 1.2 from ...", what was passed, the end. */
void psc_session_hang_up(struct psc_session *s, const char *where);
/* Tests before the greeting: those that have to be taken begin. psc_early.c */
void psc_early_start(struct psc_session *s);

/* REPLY as the client gets it: soft_bounce, reject footer. */
void psc_session_format(const struct psc_session *s, const char *reply, struct strbuf *out);
/* Since the present phase began: "1.2". */
void psc_session_add_elapsed(const struct psc_session *s, struct strbuf *out);

/* for log lines: "[%s]:%u" */
#define PSC_CLIENT_FMT "[%s]:%u"
#define PSC_CLIENT(s)  (s)->ends.client_address, (s)->ends.client_port

#endif
