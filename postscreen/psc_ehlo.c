#include "postscreen/psc_ehlo.h"

#include "config/common_params.h"
#include "log/log.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"

static const struct {
    const char *word;
    unsigned bit;
    bool is_offered;
} keywords[] = {
    // clang-format off
    {"PIPELINING",          PSC_EHLO_OTHERS << 0, false}, /* early input has to be an offence */
    {"SIZE",                PSC_EHLO_SIZE,        true},
    {"VRFY",                PSC_EHLO_OTHERS << 10, true},
    {"ETRN",                PSC_EHLO_OTHERS << 1, true},
    {"STARTTLS",            PSC_EHLO_STARTTLS,    true},
    {"AUTH",                PSC_EHLO_OTHERS << 2, false},
    {"XCLIENT",             PSC_EHLO_OTHERS << 3, false},
    {"XFORWARD",            PSC_EHLO_OTHERS << 4, false},
    {"ENHANCEDSTATUSCODES", PSC_EHLO_OTHERS << 5, true},
    {"8BITMIME",            PSC_EHLO_OTHERS << 6, true},
    {"DSN",                 PSC_EHLO_OTHERS << 7, true},
    {"SMTPUTF8",            PSC_EHLO_SMTPUTF8,    true},
    {"CHUNKING",            PSC_EHLO_CHUNKING,    true},
    {"XVERP",               PSC_EHLO_OTHERS << 8, false},
    {"REQUIRETLS",          PSC_EHLO_OTHERS << 9, false},
    {"silent-discard",      PSC_EHLO_SILENT,      false},
    // clang-format on
};

static unsigned bit_of(struct slice word)
{
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if (slice_eq_nocase(word, keywords[i].word))
            return keywords[i].bit;
    return 0;
}

unsigned psc_ehlo_parse(const char *title, const char *list)
{
    struct slice rest = slice_of(list), item;
    unsigned bits = 0;
    while (slice_next_item(&rest, &item)) {
        unsigned bit = bit_of(item);
        if (!bit)
            log_warn(NULL, "%s: unknown EHLO keyword \"%.*s\"", title, SLICE_ARG(item));
        bits |= bit;
    }
    return bits;
}

unsigned psc_ehlo_discarded(const struct psc_session *s)
{
    static const char title[] = "postscreen_discard_ehlo_keyword_address_maps";
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY, names = STRBUF_ANY;
    struct err err = ERR_INIT;
    unsigned discard = s->server->ehlo_discard;
    enum map_status status =
        maps_find(s->server->discard_maps, s->ends.client_address, MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FOUND)
        discard = psc_ehlo_parse(title, value.s);
    if (status == MAP_FAILED) {
        log_warn(NULL, "%s", err.reason);
        discard = ~(unsigned)PSC_EHLO_SILENT;
    }
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if ((discard & keywords[i].bit) && keywords[i].bit != PSC_EHLO_SILENT)
            strbuf_addf(&names, " %s", keywords[i].word);
    if (status != MAP_NOT_FOUND && names.len &&
        !(discard & PSC_EHLO_SILENT)) /* no colon before the port: Postfix's line */
        log_info(NULL, "[%s]%u: discarding EHLO keywords:%s", s->ends.client_address,
                 s->ends.client_port, names.s);
    return discard;
}

void psc_ehlo_format(unsigned discard, bool offers_tls, struct strbuf *out)
{
    strbuf_setf(out, "250 %s", common_params.myhostname);
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        unsigned bit = keywords[i].bit;
        if (!keywords[i].is_offered || (discard & bit) ||
            (bit == PSC_EHLO_STARTTLS && !offers_tls) ||
            (bit == PSC_EHLO_SMTPUTF8 && !common_params.smtputf8_enable))
            continue;
        strbuf_addf(out, "\n%s", keywords[i].word);
        if (bit == PSC_EHLO_SIZE && common_params.message_size_limit > 0)
            strbuf_addf(out, " %lld", (long long)common_params.message_size_limit);
    }
}
