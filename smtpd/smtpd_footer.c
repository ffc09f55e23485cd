/* smtpd_reject_footer and smtpd_reject_footer_maps. */
#include "smtpd/smtpd_footer.h"

#include "config/common_params.h"
#include "esmtp/esmtp_footer.h"
#include "log/log.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

/* smtpd_reject_filter_maps: another reply in the place of one that refuses. */
static bool filter_reply(const struct smtpd_session *s, const char *text, struct strbuf *out)
{
    struct err err = ERR_INIT;
    if (esmtp_reply_code(text) < 400 || maps_is_empty(s->server->reject_filter))
        return false;
    switch (maps_find(s->server->reject_filter, text, MAPS_WHOLE_KEY, out, &err)) {
    case MAP_FOUND:
        if (esmtp_reply_code(out->s) >= 400 && (out->s[3] == ' ' || !out->s[3]))
            return true;
        log_warn(NULL, "smtpd_reject_filter_maps: not a reply that refuses: \"%s\"", out->s);
        return false;
    case MAP_FAILED:
        if (!err.is_repeated)
            log_warn(NULL, "%s", err.reason);
        return false;
    case MAP_NOT_FOUND:
        break;
    }
    return false;
}

static void format_reply(const struct smtpd_session *s, const struct reply *reply,
                         struct strbuf *out)
{
    bool soft = common_params.soft_bounce && !reply->is_exempt;
    if (reply->is_raw) {
        esmtp_reply_copy(reply->text, soft, out);
        return;
    }
    bool has_footer =
        esmtp_reply_code(reply->text) >= 400 && !reply->is_exempt &&
        (smtpd_params.smtpd_reject_footer[0] || !maps_is_empty(s->server->reject_footers));
    if (!has_footer) {
        esmtp_reply_format(reply->text, soft, NULL, out);
        return;
    }
    CLEANUP(strbuf_done)
    struct strbuf text = STRBUF_ANY, footer = STRBUF_ANY, problems = STRBUF_ANY;
    const struct esmtp_footer wanted = {
        .maps = s->server->reject_footers,
        .text = smtpd_params.smtpd_reject_footer,
        .filter = smtpd_params.smtpd_expansion_filter,
        .client_address = s->peer.address,
        .client_port = s->peer.port,
        .server_name = common_params.myhostname,
    };
    strbuf_set(&text, reply->text);
    esmtp_footer_add(&wanted, &text, &footer, &problems);
    struct slice rest = strbuf_slice(&problems), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    esmtp_reply_format(text.s, soft, footer.s, out);
}

void smtpd_reply_format(const struct smtpd_session *s, const struct reply *reply,
                        struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf filtered = STRBUF_ANY;
    struct reply other = *reply;
    if (filter_reply(s, reply->text, &filtered)) {
        other.text = filtered.s;
        other.is_raw = false;
    }
    format_reply(s, &other, out);
}
