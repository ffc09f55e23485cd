/* RCPT TO. */
#include "base/text.h"
#include "config/common_params.h"
#include "esmtp/esmtp_args.h"
#include "mail/address.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_compat.h"
#include "smtpd/smtpd_ehlo.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_open.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_path.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"

enum { ADDRESS_MAX = 8192 };

static const char *option_notify(struct smtpd_session *s, struct slice value)
{
    static const struct {
        const char *word;
        int flag;
    } words[] = {{"NEVER", DSN_NOTIFY_NEVER},
                 {"SUCCESS", DSN_NOTIFY_SUCCESS},
                 {"FAILURE", DSN_NOTIFY_FAILURE},
                 {"DELAY", DSN_NOTIFY_DELAY}};
    struct slice rest = value, word;
    int flags = 0;
    while (slice_next_token(&rest, ",", &word)) {
        int flag = 0;
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (slice_eq_nocase(word, words[i].word))
                flag = words[i].flag;
        if (!flag) {
            log_warn(NULL, "unknown DSN NOTIFY command value \"%.*s\" in \"%.*s\"", SLICE_ARG(word),
                     SLICE_ARG(value));
            flags = 0;
            break;
        }
        flags |= flag;
    }
    bool never_and_more = (flags & DSN_NOTIFY_NEVER) && flags != DSN_NOTIFY_NEVER;
    if (s->tx->dsn_notify || flags == 0 || never_and_more)
        return "501 5.5.4 Error: Bad NOTIFY parameter syntax";
    s->tx->dsn_notify = flags;
    return NULL;
}

/* type;xtext */
static const char *option_orcpt(struct smtpd_session *s, struct slice value)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(ADDRESS_MAX), clean = STRBUF_ANY;
    struct slice type, address;
    bool good = !s->tx->dsn_orcpt && slice_split(value, ';', &type, &address) && type.len > 0;
    /* utf-8 addresses have an encoding of their own (RFC 6533), which is kept as it is */
    if (good && slice_eq_nocase(type, "utf-8"))
        strbuf_set_slice(&text, address);
    else
        good = good && text_xtext_decode(address, &text);
    if (!good)
        return "501 5.5.4 Error: Bad ORCPT parameter syntax";
    strbuf_addf(&clean, "%.*s;", SLICE_ARG(type));
    text_add_printable(&clean, strbuf_slice(&text));
    s->tx->dsn_orcpt = arena_strdup(s->tx->arena, clean.s);
    return NULL;
}

static const char *parse_option(struct smtpd_session *s, struct slice word)
{
    struct slice keyword, value;
    bool is_notify = false, is_orcpt = false;
    if (slice_split(word, '=', &keyword, &value)) {
        is_notify = slice_eq_nocase(keyword, "NOTIFY");
        is_orcpt = slice_eq_nocase(keyword, "ORCPT");
    }
    if ((is_notify || is_orcpt) && (s->ehlo_discard & SMTPD_EHLO_DSN))
        return "501 5.7.1 DSN support is disabled";
    if (is_notify)
        return option_notify(s, value);
    if (is_orcpt)
        return option_orcpt(s, value);
    return smtpd_session_text(s, "555 5.5.4 Unsupported option: %.*s",
                              SLICE_ARG(slice_first(word, 200)));
}

static struct reply accept_recipient(struct smtpd_session *s)
{
    struct smtpd_tx *tx = s->tx;
    tx->accepted = tx->recipient;
    if (tx->recipient_count++ == 0)
        tx->first_accepted = tx->recipient;
    s->phase = SMTPD_PHASE_RCPT;
    return reply_text("250 2.1.5 Ok");
}

static struct reply filter_asked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? *refusal : accept_recipient(s);
}

static struct reply rcpt_opened(struct smtpd_session *s, const struct reply *refusal)
{
    struct smtpd_tx *tx = s->tx;
    if (refusal)
        return *refusal;
    if (smtpd_sink_proxy(tx->sink))
        return smtpd_proxy_rcpt(s, filter_asked);
    smtpd_envelope_recipient(s, smtpd_sink_buffer(tx->sink));
    return accept_recipient(s);
}

static struct reply milters_asked(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return *refusal;
    return s->tx->sink ? rcpt_opened(s, NULL) : smtpd_open(s, rcpt_opened);
}

static struct reply rcpt_checked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? smtpd_milter_rejected(s, refusal, milters_asked)
                   : smtpd_milter_rcpt(s, milters_asked);
}

static struct reply rcpt_counted(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return *refusal;
    struct smtpd_tx *tx = s->tx;
    if (tx->recipient_count >= (size_t)smtpd_params.smtpd_recipient_limit) {
        struct reply reply = reply_text("452 4.5.3 Error: too many recipients");
        reply.is_innocent = tx->over_limit++ < (size_t)smtpd_params.smtpd_recipient_overshoot_limit;
        return reply;
    }
    return smtpd_check(s, SMTPD_STAGE_RCPT, rcpt_checked);
}

struct reply smtpd_cmd_rcpt(struct smtpd_session *s, struct slice args)
{
    CLEANUP(strbuf_done) struct strbuf recipient = STRBUF_INIT(ADDRESS_MAX);
    struct slice path, rest, word;
    struct smtpd_tx *tx = s->tx;
    if (s->phase == SMTPD_PHASE_BDAT)
        return reply_text("503 5.5.1 Error: RCPT after BDAT");
    if (!smtpd_path_after(args, "TO", &path))
        return reply_text("501 5.5.4 Syntax: RCPT TO:<address>");
    if (!smtpd_path_parse(s, "RCPT", path, smtpd_params.strict_rfc821_envelopes, false, &recipient,
                          &rest))
        return reply_text("501 5.1.3 Bad recipient address syntax");
    struct slice arguments = rest;
    tx->dsn_orcpt = NULL;
    tx->dsn_notify = 0;
    const char *problem = NULL;
    while (!problem && esmtp_next_word(&rest, &word))
        problem = parse_option(s, word);
    if (!problem && common_params.strict_smtputf8 && !tx->smtputf8 &&
        !text_is_ascii(strbuf_slice(&recipient)))
        problem = "553 5.6.7 Must declare SMTPUTF8 to send unicode address";
    if (!problem && !tx->smtputf8 &&
        !smtpd_path_domain_is_ascii(s, "RCPT", path, strbuf_slice(&recipient)))
        problem = "501 5.1.3 Bad recipient address syntax";
    if (problem)
        return reply_text(problem);
    /* recipients that are refused must not pile up in the arena of a long transaction */
    if (arena_size(tx->arena) > (size_t)8 << 20)
        return reply_text("452 4.5.3 Error: too many recipients");
    tx->recipient = arena_strdup(tx->arena, recipient.s);
    tx->recipient_as_written = arena_slice_dup(tx->arena, smtpd_path_inner(path, arguments));
    if (s->server->proxy)
        tx->rcpt_command = arena_slice_dup(tx->arena, s->line);
    tx->rcpt_args = s->milter ? arena_slice_dup(tx->arena, arguments) : "";
    if (!tx->smtputf8)
        smtpd_compat_utf8(s, "recipient", tx->recipient);
    return smtpd_limit_rcpt(s, rcpt_counted);
}
