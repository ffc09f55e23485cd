#include "smtp/smtp_notice.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "map/map_host.h"
#include "smtp/smtp_client.h"
#include "smtp/smtp_proto.h"

#include <string.h>

static struct {
    unsigned classes; /* that are reported */
    struct match_list *debug_peers;
    struct cleanup_client *cleanup;
} notices;

void smtp_notice_open(void)
{
    struct err err = ERR_INIT;
    if (!notice_classes(&notices.classes, &err))
        log_warn(NULL, "%s", err.reason);
    notices.classes &= NOTICE_PROTOCOL; /* there is no other trouble that a session has */
    if (common_params.debug_peer_list[0])
        notices.debug_peers =
            match_list_new("debug_peer_list", common_params.debug_peer_list, MATCH_HOST_ADDRESS,
                           map_host_parents_match("debug_peer_list") ? MATCH_PARENT : 0);
}

void smtp_notice_start(struct loop *loop)
{
    if (!notices.classes)
        return;
    CLEANUP(xfree_ptr) char *path = xasprintf("public/%s", common_params.cleanup_service_name);
    notices.cleanup = cleanup_client_new(loop, path, common_params.ipc_timeout * 1000);
}

bool smtp_notice_tables_changed(void)
{
    return notices.debug_peers && match_list_has_changed(notices.debug_peers);
}

void smtp_notice_begin(struct smtp_session *s)
{
    struct err err = ERR_INIT;
    if (!notices.debug_peers)
        return;
    enum map_status status =
        match_list_find_host(notices.debug_peers, s->host.name, s->host.address_text, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    s->is_verbose = status == MAP_FOUND;
}

static void add_lines(struct smtp_session *s, bool is_sent, struct slice text)
{
    struct slice rest = text, line;
    while (s->is_verbose && slice_next_line(&rest, &line)) {
        CLEANUP(strbuf_done) struct strbuf shown = STRBUF_ANY;
        text_add_printable(&shown, line);
        log_info(NULL, "%c %s: %s", is_sent ? '>' : '<', s->relay, shown.s);
    }
    if (notices.cleanup)
        transcript_add_text(&s->transcript, is_sent, text);
}

void smtp_notice_said(struct smtp_session *s, enum smtp_step step, struct slice line)
{
    bool is_secret = strcmp(smtp_proto_command_name(step), "AUTH") == 0;
    add_lines(s, true, is_secret ? slice_of("AUTH (not shown)\n") : line);
}

/* That we do not speak the protocol, or that it does not: RFC 5321, section 4.2. What EHLO is
 * answered with is a server's own choice. */
static bool is_breach(enum smtp_step step, int code)
{
    enum { GO_AHEAD_CLASS = 3, OK_CLASS = 2, CHALLENGE = 334, ERROR_FIRST = 400 };
    static const int codes[] = {500, 501, 502, 503, 504, 555};
    if (step == SMTP_STEP_EHLO || (step == SMTP_STEP_AUTH && code == CHALLENGE))
        return false;
    if (code < ERROR_FIRST)
        return code / 100 != (step == SMTP_STEP_DATA ? GO_AHEAD_CLASS : OK_CLASS);
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (code == codes[i])
            return true;
    return false;
}

void smtp_notice_heard(struct smtp_session *s)
{
    add_lines(s, false, strbuf_slice(&s->reply.text));
    if (notices.cleanup && is_breach(s->recv, s->reply.code) && !s->is_failed)
        s->is_breached = true;
}

void smtp_notice_garbage(struct smtp_session *s, struct slice line)
{
    add_lines(s, false, slice_first(line, 1000));
    s->is_breached = true;
}

static void on_sent(void *owner, const char *problem)
{
    (void)owner;
    if (problem)
        log_warn(NULL, "postmaster notification failed: %s", problem);
}

void smtp_notice_end(struct smtp_session *s)
{
    if (s->is_breached && notices.cleanup) {
        CLEANUP(xfree_ptr) char *first = xasprintf("Unexpected response from %s.", s->relay);
        const struct notice notice = {
            .classes = NOTICE_PROTOCOL,
            .role = "client",
            .peer = s->relay,
            .first = first,
            .transcript = &s->transcript,
        };
        notice_send(notices.cleanup, &notice, on_sent, NULL);
    }
    s->is_breached = false;
    transcript_clear(&s->transcript);
}
