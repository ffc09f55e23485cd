#include "smtp/smtp_xforward.h"

#include "base/text.h"
#include "smtp/smtp_delivery.h"

#include <string.h>

enum { LINE_MAX_BYTES = 510 };

// clang-format off
static const struct attribute { const char *name; size_t offset; } attributes[] = {
    {"NAME",   offsetof(struct envelope, log_client_name)},
    {"ADDR",   offsetof(struct envelope, log_client_address)},
    {"PORT",   offsetof(struct envelope, log_client_port)},
    {"HELO",   offsetof(struct envelope, log_helo_name)},
    {"IDENT",  offsetof(struct envelope, log_ident)},
    {"PROTO",  offsetof(struct envelope, log_protocol_name)},
    {"SOURCE", offsetof(struct envelope, log_message_origin)},
};
// clang-format on

unsigned smtp_xforward_attribute(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (slice_eq_nocase(name, attributes[i].name))
            return 1U << i;
    return 0;
}

static void add_value(const struct smtp_session *s, const struct attribute *a, struct strbuf *out)
{
    const struct delivery_job *job = s->delivery->job;
    const char *value = *(const char *const *)((const char *)job->envelope + a->offset);
    if (strcmp(a->name, "IDENT") == 0 && *value == '\0')
        value = job->request.queue_id;
    if (strcmp(a->name, "SOURCE") == 0)
        value = strcmp(value, "local") == 0 ? "LOCAL" : "REMOTE";
    strbuf_addf(out, " %s=", a->name);
    if (*value == '\0')
        value = "[UNAVAILABLE]";
    else if (strcmp(a->name, "ADDR") == 0 && strchr(value, ':'))
        strbuf_add_str(out, "IPV6:");
    text_xtext_encode(slice_of(value), out);
}

bool smtp_xforward_next(struct smtp_session *s, struct strbuf *line)
{
    if (!(s->features & SMTP_EHLO_XFORWARD))
        return false;
    bool is_empty = true;
    strbuf_set(line, "XFORWARD");
    for (; s->xforward_sent < COUNT_OF(attributes); s->xforward_sent++) {
        CLEANUP(strbuf_done) struct strbuf one = STRBUF_ANY;
        if (!(s->xforward & 1U << s->xforward_sent))
            continue;
        add_value(s, &attributes[s->xforward_sent], &one);
        if (!is_empty && line->len + one.len > LINE_MAX_BYTES)
            break;
        strbuf_add_slice(line, strbuf_slice(&one));
        is_empty = false;
    }
    strbuf_add_str(line, "\r\n");
    return !is_empty;
}
