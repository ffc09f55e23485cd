/* Envelope addresses as clients write them. */
#include "smtpd/smtpd_path.h"

#include "base/text.h"
#include "io/sock.h"
#include "mail/address.h"
#include "smtpd/smtpd_session.h"

#include <string.h>

bool smtpd_path_after(struct slice args, const char *keyword, struct slice *ret_path)
{
    size_t len = strlen(keyword);
    if (!slice_starts_nocase(args, keyword) || args.len == len || args.s[len] != ':')
        return false;
    *ret_path = slice_trim_left(slice_from(args, len + 1));
    return ret_path->len > 0;
}

/* [literal], or a host name that is no address without its brackets. A domain may be left out. */
static bool domain_is_usable(struct slice address)
{
    struct slice local, domain;
    if (!address_split(address, &local, &domain))
        return true;
    if (domain.len && domain.s[0] == '[')
        return address_is_literal(domain);
    if (domain.len > 1 && domain.s[domain.len - 1] == '.')
        domain.len--;
    struct sockaddr_storage number;
    socklen_t length;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_set_slice(&text, domain);
    return address_is_hostname(domain) && !sock_address_parse(text.s, 0, &number, &length);
}

static void warn_illegal(struct smtpd_session *s, const char *verb, struct slice path)
{
    struct slice shown = slice_first(path, 200);
    s->log.queue_id[0] = 0;
    log_warn(&s->log, "Illegal address syntax from %s in %s command: %.*s", s->peer.namaddr, verb,
             SLICE_ARG(shown));
}

bool smtpd_path_domain_is_ascii(struct smtpd_session *s, const char *verb, struct slice path,
                                struct slice address)
{
    struct slice local, domain;
    if (!address_split(address, &local, &domain) || text_is_ascii(domain))
        return true;
    warn_illegal(s, verb, path);
    return false;
}

struct slice smtpd_path_inner(struct slice path, struct slice rest)
{
    struct slice inner = slice_trim(slice_first(path, path.len - rest.len));
    while (inner.len >= 2 && inner.s[0] == '<' && inner.s[inner.len - 1] == '>')
        inner = (struct slice){inner.s + 1, inner.len - 2};
    return inner;
}

bool smtpd_path_parse(struct smtpd_session *s, const char *verb, struct slice path, bool strict,
                      bool may_be_null, struct strbuf *ret_address, struct slice *ret_options)
{
    struct err err = ERR_INIT;
    bool good = address_parse_path(path, strict, ret_address, ret_options, &err) &&
                (ret_address->len ? domain_is_usable(strbuf_slice(ret_address)) : may_be_null) &&
                !ret_address->overflow;
    bool unbalanced = slice_starts(path, "<") && slice_find(path, '>') == SIZE_MAX;
    if (!good && !unbalanced)
        warn_illegal(s, verb, path);
    return good;
}
