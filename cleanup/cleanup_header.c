/* The headers of the message itself: inspected, dropped, counted, rewritten. */
#include "base/clock.h"
#include "base/text.h"
#include "cleanup/cleanup_checks.h"
#include "cleanup/cleanup_map.h"
#include "cleanup/cleanup_params.h"
#include "config/common_params.h"
#include "mail/address.h"

static uint64_t bit(enum header_id id)
{
    return (uint64_t)1 << id;
}

static bool is_dropped(struct slice name)
{
    for (size_t i = 0; i < cleanup_tables.drop_headers.count; i++)
        if (slice_eq_nocase(name, cleanup_tables.drop_headers.at[i]))
            return true;
    return false;
}

struct rewriting {
    struct cleanup_message *m;
    enum rewrite_context context;
    enum cleanup_class class_bit;
};

/* "a@b": the @ is one of the local part; what a bare name gets behind it. */
static const char *origin(enum rewrite_context context)
{
    if (!common_params.append_at_myorigin)
        return "";
    return context == REWRITE_REMOTE ? common_params.remote_header_rewrite_domain
                                     : common_params.myorigin;
}

static bool rewrite_one(void *ctx, struct slice address, bool has_domain, struct strbuf *out)
{
    struct rewriting *r = ctx;
    CLEANUP(strbuf_done) struct strbuf completed = STRBUF_ANY;
    if (address.len == 0)
        return false;
    if (!has_domain && slice_find(address, '@') != SIZE_MAX && origin(r->context)[0]) {
        strbuf_addf(&completed, "%.*s@%s", SLICE_ARG(address), origin(r->context));
        address = strbuf_slice(&completed);
    }
    cleanup_map_address(r->m, r->context, r->class_bit, address, out);
    return true;
}

/* Addresses of strangers stay as they are unless main.cf has a domain for them. */
static bool may_rewrite(const struct cleanup_message *m)
{
    return m->is_local_context || common_params.remote_header_rewrite_domain[0];
}

static bool rewrite_addresses(struct cleanup_message *m, const struct header_info *info,
                              struct slice name, struct slice value, struct strbuf *out)
{
    struct rewriting r = {
        .m = m,
        .context = m->is_local_context ? REWRITE_LOCAL : REWRITE_REMOTE,
        .class_bit =
            info->flags & HEADER_IS_SENDER ? CLEANUP_HEADER_SENDER : CLEANUP_HEADER_RECIPIENT,
    };
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    address_rewrite_list(value, name.len + 1, (size_t)common_params.header_address_token_limit,
                         rewrite_one, &r, &list);
    if (slice_same(value, strbuf_slice(&list)))
        return false;
    strbuf_add_slice(out, name);
    strbuf_add_str(out, ": ");
    strbuf_add_slice(out, slice_trim_left(strbuf_slice(&list)));
    return true;
}

static void log_message_id(struct cleanup_message *m, enum header_id id, struct slice value)
{
    value = slice_trim(value);
    log_info(&m->log, "%smessage-id=%.*s", id == HEADER_RESENT_MESSAGE_ID ? "resent-" : "",
             SLICE_ARG(value));
    if (id == HEADER_MESSAGE_ID)
        m->has_message_id_logged = true;
}

static void count_hop(struct cleanup_message *m)
{
    if (++m->hops < common_params.hopcount_limit || (m->status & CLEANUP_STAT_HOPS))
        return;
    cleanup_message_warn(m, "message rejected: hopcount exceeded");
    cleanup_message_fail(m, CLEANUP_STAT_HOPS, NULL);
}

void cleanup_header_note_encoding(struct cleanup_message *m, struct slice value)
{
    if (m->env.encoding[0] || !cleanup_params.detect_8bit_encoding_header)
        return;
    value = slice_trim(value);
    if (slice_eq_nocase(value, "8bit") || slice_eq_nocase(value, "binary"))
        m->env.encoding = "8bit";
}

static bool has_requiretls_header(void)
{
    return common_params.requiretls_enable && cleanup_params.requiretls_esmtp_header;
}

static void note(struct cleanup_message *m, const struct header_info *info, struct slice value)
{
    if (info->id != HEADER_OTHER)
        m->headers_seen |= bit(info->id);
    if (info->flags & HEADER_IS_RESENT)
        m->has_resent = true;
    switch (info->id) {
    case HEADER_MESSAGE_ID:
    case HEADER_RESENT_MESSAGE_ID:
        log_message_id(m, info->id, value);
        break;
    case HEADER_RECEIVED:
        count_hop(m);
        break;
    case HEADER_CONTENT_TRANSFER_ENCODING:
        cleanup_header_note_encoding(m, value);
        break;
    case HEADER_TLS_REQUIRED:
        if (common_params.tls_required_enable && slice_eq_nocase(slice_trim(value), "no"))
            m->env.smtputf8 |= SEND_OPTION_TLS_NOT_REQUIRED;
        break;
    case HEADER_REQUIRE_TLS_ESMTP: /* it comes back from where nobody knew of REQUIRETLS */
        if (has_requiretls_header() && slice_eq_nocase(slice_trim(value), "yes"))
            m->env.smtputf8 |= SEND_OPTION_REQUIRETLS;
        break;
    default:
        break;
    }
}

void cleanup_header_note_utf8(struct cleanup_message *m, struct slice header)
{
    if ((m->flags & (CLEANUP_FLAG_SMTPUTF8 | CLEANUP_FLAG_AUTO_UTF8)) &&
        common_params.smtputf8_enable && !(m->env.smtputf8 & SMTPUTF8_HEADER) &&
        !text_is_ascii(header)) /* UTF-8 or not: neither can go through ASCII */
        m->env.smtputf8 |= SMTPUTF8_HEADER;
}

void cleanup_header_primary(struct cleanup_message *m, struct slice header)
{
    CLEANUP(strbuf_done) struct strbuf other = STRBUF_ANY, rewritten = STRBUF_ANY;
    struct slice name, value;
    if (!cleanup_message_is_ok(m) || !header_parse(header, &name, &value))
        return;
    const struct header_info *info = header_find(name);
    enum cleanup_check kind =
        info->flags & HEADER_IS_MIME ? CLEANUP_CHECK_MIME : CLEANUP_CHECK_HEADER;
    switch (cleanup_checks(m, kind, header, &other)) {
    case CONTENT_DROP:
        return;
    case CONTENT_REPLACE: /* what took its place is a header like others */
        header = strbuf_slice(&other);
        if (!header_parse(header, &name, &value))
            return;
        info = header_find(name);
        break;
    case CONTENT_KEEP:
        break;
    }
    if (!cleanup_message_is_ok(m))
        return;
    note(m, info, value); /* what is dropped is not missing either */
    if (is_dropped(name)) {
        m->headers_seen &= ~(bit(HEADER_BCC) | bit(HEADER_RESENT_BCC));
        return;
    }
    bool has_addresses = info->flags & (HEADER_IS_SENDER | HEADER_IS_RECIPIENT);
    if (has_addresses && may_rewrite(m) && rewrite_addresses(m, info, name, value, &rewritten))
        header = strbuf_slice(&rewritten);
    cleanup_header_note_utf8(m, header);
    cleanup_write_header(m, header);
}

/* ---- headers that are missing ---- */

static bool is_missing(const struct cleanup_message *m, enum header_id plain, enum header_id resent)
{
    return !(m->headers_seen & bit(m->has_resent ? resent : plain));
}

static void add_message_id(struct cleanup_message *m, const char *resent)
{
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY, line = STRBUF_ANY;
    struct tm when;
    char stamp[32] = "";
    if (!common_params
             .enable_long_queue_ids) { /* a short id comes back; with the time it does not */
        time_t arrival = (time_t)m->env.arrival_s;
        gmtime_r(&arrival, &when);
        strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S.", &when);
    }
    strbuf_addf(&id, "<%s%s@%s>", stamp, m->log.queue_id, common_params.myhostname);
    strbuf_addf(&line, "%sMessage-Id: %s", resent, id.s);
    cleanup_write_header(m, strbuf_slice(&line));
    log_message_id(m, m->has_resent ? HEADER_RESENT_MESSAGE_ID : HEADER_MESSAGE_ID,
                   strbuf_slice(&id));
}

static void add_date(struct cleanup_message *m, const char *resent)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_addf(&line, "%sDate: ", resent);
    clock_format_mail_date((time_t)m->env.arrival_s, &line);
    cleanup_write_header(m, strbuf_slice(&line));
}

/* An encoded word takes at most 75 characters (RFC 2047, section 2); a name is cut between
 * characters. */
static void add_encoded_words(struct strbuf *out, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    enum { WORD_ROOM = 45 };
    size_t used = WORD_ROOM;
    bool is_open = false;
    for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
        bool is_start = (*at & 0xc0) != 0x80;
        if (used + 12 > WORD_ROOM && is_start) {
            strbuf_add_str(out, is_open ? "?= " : "");
            strbuf_addf(out, "=?%s?Q?", cleanup_params.full_name_encoding_charset);
            is_open = true;
            used = 0;
        }
        bool is_plain =
            (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z');
        if (is_plain) {
            strbuf_add_char(out, (char)*at);
            used++;
        } else if (*at == ' ') {
            strbuf_add_char(out, '_');
            used++;
        } else {
            char escaped[] = {'=', hex[*at >> 4], hex[*at & 15]};
            strbuf_add(out, escaped, sizeof escaped);
            used += sizeof escaped;
        }
    }
    strbuf_add_str(out, is_open ? "?=" : "");
}

/* The name as RFC 5322 wants a phrase: atoms, or quoted. */
static void add_phrase(struct strbuf *out, const char *name)
{
    if (!text_is_ascii(slice_of(name))) {
        add_encoded_words(out, name);
        return;
    }
    if (!strpbrk(name, "()<>[]:;@\\,.\"")) {
        strbuf_add_str(out, name);
        return;
    }
    strbuf_add_char(out, '"');
    for (const char *at = name; *at; at++) {
        if (*at == '"' || *at == '\\')
            strbuf_add_char(out, '\\');
        strbuf_add_char(out, *at);
    }
    strbuf_add_char(out, '"');
}

static void add_comment(struct strbuf *out, const char *name)
{
    strbuf_add_str(out, " (");
    for (const char *at = name; *at; at++) {
        if (*at == '(' || *at == ')' || *at == '\\')
            strbuf_add_char(out, '\\');
        strbuf_add_char(out, *at);
    }
    strbuf_add_char(out, ')');
}

static void add_from(struct cleanup_message *m, const char *resent)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY, address = STRBUF_ANY, name = STRBUF_ANY;
    if (m->env.sender[0])
        address_to_external(slice_of(m->env.sender), &address);
    else
        strbuf_add_str(&address, "MAILER-DAEMON");
    if (m->env.sender[0]) /* the null sender is nobody */
        text_add_printable(&name, slice_of(m->env.fullname));
    strbuf_addf(&line, "%sFrom: ", resent);
    if (name.len == 0) {
        strbuf_add_slice(&line, strbuf_slice(&address));
    } else if (strcmp(common_params.header_from_format, "obsolete") == 0) {
        strbuf_add_slice(&line, strbuf_slice(&address));
        add_comment(&line, name.s);
    } else {
        add_phrase(&line, name.s);
        strbuf_addf(&line, " <%s>", address.s);
    }
    cleanup_write_header(m, strbuf_slice(&line));
}

static void add_undisclosed(struct cleanup_message *m)
{
    const char *text = cleanup_params.undisclosed_recipients_header;
    uint64_t destinations = bit(HEADER_TO) | bit(HEADER_CC) | bit(HEADER_BCC) |
                            bit(HEADER_RESENT_TO) | bit(HEADER_RESENT_CC) | bit(HEADER_RESENT_BCC);
    struct slice name, value;
    if (!text[0] || (m->headers_seen & destinations))
        return;
    if (header_parse(slice_of(text), &name, &value))
        cleanup_write_header(m, slice_of(text));
    else
        log_warn(NULL, "bad undisclosed_recipients_header value: %s", text);
}

/* For filters that hand the mail back over a connection without REQUIRETLS. */
static void add_requiretls(struct cleanup_message *m)
{
    if (m->env.smtputf8 & SEND_OPTION_REQUIRETLS && has_requiretls_header() &&
        !(m->headers_seen & bit(HEADER_REQUIRE_TLS_ESMTP)))
        cleanup_write_text(m, slice_of("Require-TLS-ESMTP: yes"));
}

static void add_missing(struct cleanup_message *m)
{
    /* Where addresses may be completed, headers may, too. */
    if (!may_rewrite(m) && !cleanup_params.always_add_missing_headers &&
        !(m->flags & CLEANUP_FLAG_ADD_MISSING))
        return;
    const char *resent = m->has_resent ? "Resent-" : "";
    if (is_missing(m, HEADER_MESSAGE_ID, HEADER_RESENT_MESSAGE_ID))
        add_message_id(m, resent);
    if (is_missing(m, HEADER_DATE, HEADER_RESENT_DATE))
        add_date(m, resent);
    if (is_missing(m, HEADER_FROM, HEADER_RESENT_FROM))
        add_from(m, resent);
    add_undisclosed(m);
}

void cleanup_header_end(struct cleanup_message *m)
{
    if (!cleanup_message_is_ok(m))
        return;
    add_missing(m);
    add_requiretls(m);
}
