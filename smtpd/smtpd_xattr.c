/* Attributes of XCLIENT and XFORWARD. */
#include "smtpd/smtpd_xattr.h"

#include "base/num.h"
#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/own_networks.h"
#include "esmtp/esmtp_args.h"
#include "mail/address.h"
#include "smtpd/smtpd_session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MAX = 255 };

bool smtpd_xattr_is_name(const char *value)
{
    return strcasecmp(value, SMTPD_XATTR_TEMPORARY) == 0 || address_is_hostname(slice_of(value));
}

const char *smtpd_xattr_address(const char *value)
{
    return strncasecmp(value, "IPV6:", 5) == 0 ? value + 5 : value;
}

bool smtpd_xattr_is_address(const char *value)
{
    const char *bare = smtpd_xattr_address(value);
    bool is_v6 = strchr(bare, ':') != NULL;
    if (!address_is_numeric(slice_of(bare)))
        return false;
    return is_v6 ? bare != value && own_networks_uses(common_params.inet_protocols, true)
                 : bare == value;
}

bool smtpd_xattr_is_port(const char *value)
{
    uint64_t port;
    return value[0] >= '0' && value[0] <= '9' && num_parse_u64(slice_of(value), 10, &port) &&
           port <= UINT16_MAX;
}

/* What is no xtext is taken as it is. */
static char *decode(struct slice value)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY, clean = STRBUF_ANY;
    if (slice_eq_nocase(value, "[UNAVAILABLE]"))
        return xstrdup("");
    if (!text_xtext_decode(value, &text))
        strbuf_set_slice(&text, value);
    text_add_printable(&clean, strbuf_slice(&text));
    return strbuf_take(&clean);
}

static const char *parse_word(struct smtpd_session *s, const char *verb, struct slice word,
                              const struct smtpd_xattr *table, size_t count, char **texts)
{
    struct slice name, value;
    if (!slice_split(word, '=', &name, &value))
        return "501 5.5.4 Error: attribute=value expected";
    if (value.len > VALUE_MAX)
        return "501 5.5.4 Error: attribute value too long";
    size_t at = 0;
    while (at < count && !slice_eq_nocase(name, table[at].name))
        at++;
    if (at == count)
        return smtpd_session_text(s, "501 5.5.4 Bad %s attribute name: %.*s", verb,
                                  SLICE_ARG(slice_first(name, 100)));
    free(texts[at]);
    texts[at] = decode(value);
    if (texts[at][0] == 0 || !table[at].is_valid || table[at].is_valid(texts[at]))
        return NULL;
    return smtpd_session_text(s, "501 5.5.4 Bad %s syntax: %.100s", table[at].name, texts[at]);
}

const char *smtpd_xattr_parse(struct smtpd_session *s, const char *verb, struct slice args,
                              const struct smtpd_xattr *table, size_t count, char **texts)
{
    struct slice word;
    const char *problem = NULL;
    if (args.len == 0)
        return smtpd_session_text(s, "501 5.5.4 Syntax: %s attribute=value...", verb);
    while (!problem && esmtp_next_word(&args, &word))
        problem = parse_word(s, verb, word, table, count, texts);
    return problem;
}

void smtpd_xattr_free(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}
