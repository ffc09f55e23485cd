#include "smtpd/smtpd_notice.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "map/map_host.h"
#include "map/match_list.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_proxy_private.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <stdlib.h>
#include <string.h>

struct smtpd_notice {
    struct transcript transcript;
    unsigned classes;   /* what went wrong */
    bool flush_next;    /* after the next reply */
    bool is_classified; /* the next reply needs no look at its text */
};

/* Of these the postmaster may hear; delay and 2bounce are not a session's. */
enum { SESSION_CLASSES = ~(unsigned)(NOTICE_DELAY | NOTICE_2BOUNCE) };

void smtpd_notice_open(struct smtpd_server *server)
{
    struct err err = ERR_INIT;
    if (!notice_classes(&server->notice_classes, &err))
        log_warn(NULL, "%s", err.reason);
    server->notice_classes &= SESSION_CLASSES;
    if (common_params.debug_peer_list[0])
        server->debug_peers =
            match_list_new("debug_peer_list", common_params.debug_peer_list, MATCH_HOST_ADDRESS,
                           map_host_parents_match("debug_peer_list") ? MATCH_PARENT : 0);
}

void smtpd_notice_begin(struct smtpd_session *s)
{
    if (s->server->debug_peers && smtpd_server_list_has(s->server->debug_peers, s))
        s->flags |= SMTPD_SESSION_VERBOSE;
    /* who uses sendmail -bs has seen the session himself */
    if (s->server->notice_classes && s->server->cleanup && !(s->flags & SMTPD_SESSION_STDIN))
        s->notice = xzalloc(sizeof *s->notice);
}

/* A line as log and transcript may have it: without what proves who the client is. */
static void add_without_secrets(struct smtpd_session *s, struct slice line, struct strbuf *out)
{
    struct slice rest = line, verb, mechanism;
    if (smtpd_auth_wants_line(s)) {
        strbuf_add_str(out, "(response to a challenge)");
        return;
    }
    text_add_printable(out, line);
    if (slice_next_token(&rest, " \t", &verb) && slice_eq_nocase(verb, "AUTH") &&
        slice_next_token(&rest, " \t", &mechanism) && slice_trim(rest).len > 0)
        strbuf_setf(out, "AUTH %.*s (initial response)", SLICE_ARG(slice_first(mechanism, 100)));
}

void smtpd_notice_heard(struct smtpd_session *s, struct slice line)
{
    bool is_logged = s->flags & SMTPD_SESSION_VERBOSE;
    if (!is_logged && !s->notice)
        return;
    CLEANUP(strbuf_done) struct strbuf shown = STRBUF_ANY;
    add_without_secrets(s, line, &shown);
    if (is_logged)
        log_info(smtpd_session_plain_tag(s), "< %s: %s", s->peer.namaddr, shown.s);
    if (!s->notice)
        return;
    s->notice->is_classified = false;
    transcript_add(&s->notice->transcript, false, strbuf_slice(&shown));
}

static unsigned class_of(const struct smtpd_session *s, const char *text)
{
    static const struct {
        const char *start; /* of the reply */
        unsigned classes;
    } rows[] = {
        {"451 4.3.0 Error: queue file write error", NOTICE_RESOURCE},
        {"452 4.3.1 Insufficient system storage", NOTICE_RESOURCE},
        {"552 5.3.4 Error: message file too big", NOTICE_BOUNCE},
        {"554 5.4.0 Error: too many hops", NOTICE_BOUNCE},
        {"421 4.3.0 ", NOTICE_DATA}, /* a table that is asked about every command or client */
        {"421 4.7.0 ", NOTICE_POLICY},
        {"450 4.7.1 Error: too m", NOTICE_POLICY},
        {"452 4.5.3 Error: too many recipients", NOTICE_POLICY},
        {"454 4.7.0 Error: too many new TLS", NOTICE_POLICY},
        {"459 ", NOTICE_POLICY},
        {"502 5.5.1 VRFY command is disabled", NOTICE_POLICY},
        {"503 5.5.1 Error: send HELO/EHLO first", NOTICE_POLICY},
        {"503 5.7.0 Error: access denied", NOTICE_POLICY},
        {"550 5.7.0 Error: insufficient authorization", NOTICE_POLICY},
        {"552 5.3.4 Message size exceeds", NOTICE_POLICY},
        {"421 ", 0},
        {"530 5.7.0 Must issue", 0},
        {"554 5.5.0 Error: SMTP protocol synchronization", 0},
        {"554 5.5.1 Error: no valid recipients", 0},
        {"454 4.7.0 TLS not available", 0},
    };
    if (strcmp(text, SMTPD_PROXY_TROUBLE) == 0 && s->server->proxy)
        return NOTICE_SOFTWARE;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strncmp(text, rows[i].start, strlen(rows[i].start)) == 0)
            return rows[i].classes;
    return NOTICE_PROTOCOL;
}

void smtpd_notice_class(struct smtpd_session *s, unsigned classes)
{
    if (!s->notice)
        return;
    s->notice->classes |= classes;
    s->notice->is_classified = true;
}

void smtpd_notice_add(struct smtpd_session *s, unsigned classes)
{
    if (s->notice)
        s->notice->classes |= classes;
}

void smtpd_notice_forgive(struct smtpd_session *s)
{
    if (s->notice)
        s->notice->classes = 0;
}

static void on_sent(void *owner, const char *problem)
{
    void (**on_end)(void) = owner;
    if (problem)
        log_warn(NULL, "postmaster notification failed: %s", problem);
    if (on_end) {
        (*on_end)();
        free(on_end);
    }
}

/* A notice for each recipient that main.cf names: unknown users are told of like bounces. */
static void send(struct smtpd_session *s, unsigned classes, void *owner)
{
    const struct notice notice = {
        .classes = classes,
        .role = "server",
        .peer = s->peer.namaddr,
        .reason = s->end_reason,
        .transcript = &s->notice->transcript,
    };
    notice_send(s->server->cleanup, &notice, on_sent, owner);
}

static unsigned reportable(const struct smtpd_session *s)
{
    return s->notice ? s->notice->classes & s->server->notice_classes : 0;
}

void smtpd_notice_flush(struct smtpd_session *s)
{
    if (!s->notice)
        return;
    s->notice->flush_next = false;
    if (s->notice->transcript.lines <= (size_t)smtpd_params.smtpd_history_flush_threshold)
        return;
    unsigned classes = reportable(s);
    if (classes)
        send(s, classes, NULL);
    s->notice->classes = 0;
    transcript_clear(&s->notice->transcript);
}

void smtpd_notice_flush_after_reply(struct smtpd_session *s)
{
    if (s->notice)
        s->notice->flush_next = true;
}

void smtpd_notice_said(struct smtpd_session *s, const struct reply *reply, struct slice wire)
{
    struct smtpd_notice *n = s->notice;
    struct slice rest = wire, line;
    while ((s->flags & SMTPD_SESSION_VERBOSE) && slice_next_line(&rest, &line))
        log_info(smtpd_session_plain_tag(s), "> %s: %.*s", s->peer.namaddr,
                 SLICE_ARG(slice_trim_right(line)));
    if (!n)
        return;
    transcript_add_text(&n->transcript, true, wire);
    if (esmtp_reply_code(reply->text) >= 400 && !n->is_classified && !reply->is_innocent &&
        !reply->is_raw)
        n->classes |= class_of(s, reply->text);
    n->is_classified = false;
    if (n->flush_next)
        smtpd_notice_flush(s);
}

bool smtpd_notice_end(struct smtpd_session *s, void (*on_end)(void))
{
    unsigned classes = reportable(s);
    if (!classes)
        return false;
    void (**owner)(void) = NULL;
    if (on_end) {
        owner = xzalloc(sizeof *owner);
        *owner = on_end;
    }
    send(s, classes, owner);
    s->notice->classes = 0;
    return on_end != NULL;
}

void smtpd_notice_free(struct smtpd_session *s)
{
    if (!s->notice)
        return;
    transcript_clear(&s->notice->transcript);
    free(s->notice);
    s->notice = NULL;
}
