/* What the server offers. */
#include "smtpd/smtpd_ehlo.h"

#include "config/common_params.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

static const struct {
    const char *word;
    unsigned bit;
    bool is_offered;
} keywords[] = {
    // clang-format off
    {"PIPELINING",          SMTPD_EHLO_PIPELINING, true},
    {"SIZE",                SMTPD_EHLO_SIZE,       true},
    {"VRFY",                SMTPD_EHLO_VRFY,       true},
    {"ETRN",                SMTPD_EHLO_ETRN,       true},
    {"STARTTLS",            SMTPD_EHLO_STARTTLS,   false},
    {"AUTH",                SMTPD_EHLO_AUTH,       true},
    {"XVERP",               SMTPD_EHLO_XVERP,      false},
    {"XCLIENT",             SMTPD_EHLO_XCLIENT,    false},
    {"XFORWARD",            SMTPD_EHLO_XFORWARD,   false},
    {"ENHANCEDSTATUSCODES", SMTPD_EHLO_DSNCODES,   true},
    {"8BITMIME",            SMTPD_EHLO_8BITMIME,   true},
    {"DSN",                 SMTPD_EHLO_DSN,        true},
    {"SMTPUTF8",            SMTPD_EHLO_SMTPUTF8,   true},
    {"CHUNKING",            SMTPD_EHLO_CHUNKING,   true},
    {"REQUIRETLS",          SMTPD_EHLO_REQUIRETLS, false},
    {"silent-discard",      SMTPD_EHLO_SILENT,     false},
    // clang-format on
};

unsigned smtpd_ehlo_parse(const char *title, const char *list)
{
    struct slice rest = slice_of(list), item;
    unsigned bits = 0;
    while (slice_next_item(&rest, &item)) {
        unsigned bit = 0;
        for (size_t i = 0; i < COUNT_OF(keywords); i++)
            if (slice_eq_nocase(item, keywords[i].word))
                bit = keywords[i].bit;
        if (!bit)
            log_warn(NULL, "%s: unknown EHLO keyword \"%.*s\"", title, SLICE_ARG(item));
        bits |= bit;
    }
    return bits;
}

static void log_discarded(const struct smtpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf names = STRBUF_ANY;
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if ((s->ehlo_discard & keywords[i].bit) && keywords[i].bit != SMTPD_EHLO_SILENT)
            strbuf_addf(&names, " %s", keywords[i].word);
    if (names.len)
        log_info(&s->log, "discarding EHLO keywords:%s", names.s);
}

void smtpd_ehlo_prepare(struct smtpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status =
        maps_find(s->server->discard_maps, s->peer.address, MAPS_WHOLE_KEY, &value, &err);
    s->ehlo_discard = s->server->ehlo_discard;
    if (status == MAP_FOUND)
        s->ehlo_discard = smtpd_ehlo_parse("smtpd_discard_ehlo_keyword_address_maps", value.s);
    else if (status == MAP_FAILED) {
        log_warn(NULL, "%s", err.reason);
        s->ehlo_discard = ~(unsigned)SMTPD_EHLO_SILENT;
    }
    s->log.queue_id[0] = 0;
    if (s->ehlo_discard && !(s->ehlo_discard & SMTPD_EHLO_SILENT))
        log_discarded(s);
}

static bool is_switched_off(unsigned bit)
{
    return (bit == SMTPD_EHLO_VRFY && smtpd_params.disable_vrfy_command) ||
           (bit == SMTPD_EHLO_SMTPUTF8 && !common_params.smtputf8_enable);
}

/* A filter in front of the queue would not be told of it. */
bool smtpd_ehlo_has_requiretls(const struct smtpd_session *s)
{
    return s->tls && common_params.requiretls_enable && !s->server->proxy &&
           !(s->ehlo_discard & SMTPD_EHLO_REQUIRETLS);
}

/* XVERP, XCLIENT and XFORWARD are for some clients only. */
static bool is_offered(const struct smtpd_session *s, size_t i)
{
    if (keywords[i].bit == SMTPD_EHLO_XCLIENT)
        return smtpd_server_list_has(s->server->xclient_hosts, s);
    if (keywords[i].bit == SMTPD_EHLO_XVERP)
        return smtpd_server_list_has(s->server->verp_clients, s);
    if (keywords[i].bit == SMTPD_EHLO_XFORWARD)
        return s->flags & SMTPD_SESSION_XFORWARD;
    if (keywords[i].bit == SMTPD_EHLO_STARTTLS)
        return s->server->tls_level != SMTPD_TLS_NONE && !s->tls &&
               !(s->flags & SMTPD_SESSION_STDIN);
    if (keywords[i].bit == SMTPD_EHLO_REQUIRETLS)
        return smtpd_ehlo_has_requiretls(s);
    return keywords[i].is_offered;
}

void smtpd_ehlo_format(const struct smtpd_session *s, struct strbuf *out)
{
    strbuf_setf(out, "250 %s", common_params.myhostname);
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        unsigned bit = keywords[i].bit;
        if (!is_offered(s, i) || (s->ehlo_discard & bit) || is_switched_off(bit))
            continue;
        if (bit == SMTPD_EHLO_AUTH) {
            smtpd_auth_add_keywords(s, out);
            continue;
        }
        strbuf_addf(out, "\n%s", keywords[i].word);
        if (bit == SMTPD_EHLO_XCLIENT)
            strbuf_add_str(out, " NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT");
        if (bit == SMTPD_EHLO_XFORWARD)
            strbuf_add_str(out, " NAME ADDR PROTO HELO SOURCE PORT IDENT");
        if (bit == SMTPD_EHLO_SIZE && common_params.message_size_limit > 0)
            strbuf_addf(out, " %lld", (long long)common_params.message_size_limit);
    }
}
