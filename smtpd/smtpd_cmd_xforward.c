/* XFORWARD: a content filter passes on what it knows of the original client. */
#include "base/xmem.h"
#include "mail/record.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_xattr.h"
#include "smtpd/smtpd_xforward.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum claim { NAME, ADDR, PORT, PROTO, HELO, IDENT, SOURCE, CLAIMS };

struct smtpd_xforward {
    char *claims[CLAIMS];
};

static bool is_source(const char *value)
{
    return strcasecmp(value, "LOCAL") == 0 || strcasecmp(value, "REMOTE") == 0;
}

static const struct smtpd_xattr attributes[CLAIMS] = {
    [NAME] = {"NAME", smtpd_xattr_is_name},
    [ADDR] = {"ADDR", smtpd_xattr_is_address},
    [PORT] = {"PORT", smtpd_xattr_is_port},
    [PROTO] = {"PROTO", NULL},
    [HELO] = {"HELO", NULL},
    [IDENT] = {"IDENT", NULL},
    [SOURCE] = {"SOURCE", is_source},
};

void smtpd_xforward_free(struct smtpd_xforward *x)
{
    if (!x)
        return;
    smtpd_xattr_free(x->claims, CLAIMS);
    free(x);
}

struct reply smtpd_cmd_xforward(struct smtpd_session *s, struct slice args)
{
    char *claims[CLAIMS] = {NULL};
    if (!(s->flags & SMTPD_SESSION_XFORWARD))
        return reply_text("550 5.7.0 Error: insufficient authorization");
    const char *problem = smtpd_xattr_parse(s, "XFORWARD", args, attributes, CLAIMS, claims);
    if (problem) {
        smtpd_xattr_free(claims, CLAIMS);
        return reply_text(problem);
    }
    if (!s->xforward)
        s->xforward = xzalloc(sizeof *s->xforward);
    for (size_t i = 0; i < CLAIMS; i++) {
        if (!claims[i])
            continue;
        free(s->xforward->claims[i]);
        s->xforward->claims[i] = claims[i];
    }
    return reply_text("250 2.0.0 Ok");
}

static bool is_known(const struct smtpd_xforward *x, enum claim id)
{
    return x->claims[id] && x->claims[id][0];
}

static const char *text_of(const struct smtpd_xforward *x, enum claim id)
{
    bool is_temporary =
        id == NAME && is_known(x, id) && strcasecmp(x->claims[id], SMTPD_XATTR_TEMPORARY) == 0;
    return is_known(x, id) && !is_temporary ? x->claims[id] : "unknown";
}

/* name[address]; only the name when there is no address */
static void add_origin(const struct smtpd_xforward *x, struct strbuf *out)
{
    strbuf_add_str(out, text_of(x, NAME));
    if (is_known(x, ADDR))
        strbuf_addf(out, "[%s]", smtpd_xattr_address(x->claims[ADDR]));
}

void smtpd_xforward_records(const struct smtpd_xforward *x, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf origin = STRBUF_ANY;
    add_origin(x, &origin);
    record_add_attribute(out, "log_client_name", text_of(x, NAME));
    record_add_attribute(out, "log_client_address", smtpd_xattr_address(text_of(x, ADDR)));
    record_add_attribute(out, "log_client_port", text_of(x, PORT));
    record_add_attribute(out, "log_message_origin", origin.s);
    if (is_known(x, HELO))
        record_add_attribute(out, "log_helo_name", x->claims[HELO]);
    record_add_attribute(out, "log_protocol_name", text_of(x, PROTO));
}

const char *smtpd_xforward_context(const struct smtpd_xforward *x)
{
    if (!x || !is_known(x, SOURCE))
        return NULL;
    return strcasecmp(x->claims[SOURCE], "LOCAL") == 0 ? "local" : "remote";
}

const char *smtpd_xforward_ident(const struct smtpd_xforward *x)
{
    return x && is_known(x, IDENT) ? x->claims[IDENT] : NULL;
}

void smtpd_xforward_log(const struct smtpd_xforward *x, struct strbuf *out)
{
    if (is_known(x, IDENT))
        strbuf_addf(out, ", orig_queue_id=%s", x->claims[IDENT]);
    strbuf_add_str(out, ", orig_client=");
    add_origin(x, out);
}
