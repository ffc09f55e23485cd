/* What the before-queue filter is told of the client, for log lines behind it. */
#include "base/text.h"
#include "esmtp/esmtp_args.h"
#include "log/log.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { LINE_MAX_BYTES = 510 }; /* RFC 5321, section 4.5.3.1.4, less the line end */

static bool is_offered(struct slice offered, const char *name)
{
    struct slice word;
    while (esmtp_next_word(&offered, &word))
        if (slice_eq_nocase(word, name))
            return true;
    return false;
}

/* VALUE NULL: not known. */
static void add_attribute(struct slice offered, const char *name, const char *prefix,
                          const char *value, struct strbuf *line, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf word = STRBUF_ANY;
    if (!is_offered(offered, name))
        return;
    strbuf_addf(&word, " %s=%s", name, value ? prefix : "[UNAVAILABLE]");
    if (value)
        text_xtext_encode(slice_of(value), &word);
    if (strlen("XFORWARD") + word.len > LINE_MAX_BYTES)
        log_warn(NULL, "XFORWARD command payload %s=%.10s... exceeds SMTP protocol limit", name,
                 value ? value : "");
    if (line->len && line->len + word.len > LINE_MAX_BYTES) {
        strbuf_addf(out, "%s\n", line->s);
        strbuf_reset(line);
    }
    if (line->len == 0)
        strbuf_add_str(line, "XFORWARD");
    strbuf_add_slice(line, strbuf_slice(&word));
}

void smtpd_proxy_xforward(struct smtpd_session *s, struct slice offered, struct strbuf *out)
{
    const struct smtpd_peer *peer = &s->peer;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    char port[sizeof "65535"];
    bool is_local = s->flags & SMTPD_SESSION_LOCAL_HEADERS;
    snprintf(port, sizeof port, "%u", peer->port);
    const struct {
        const char *name, *prefix, *value;
    } rows[] = {
        {"NAME", "", strcmp(peer->name, "unknown") == 0 ? NULL : peer->name},
        {"ADDR", peer->family == AF_INET6 ? "IPv6:" : "", peer->address},
        {"PORT", "", peer->port ? port : NULL},
        {"HELO", "", s->helo},
        {"IDENT", "", NULL}, /* no queue file */
        {"PROTO", "", smtpd_session_protocol(s)},
        {"SOURCE", "", is_local ? "LOCAL" : "REMOTE"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add_attribute(offered, rows[i].name, rows[i].prefix, rows[i].value, &line, out);
    if (line.len)
        strbuf_addf(out, "%s\n", line.s);
}
