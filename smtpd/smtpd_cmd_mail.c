/* MAIL FROM. */
#include "base/num.h"
#include "base/text.h"
#include "config/common_params.h"
#include "esmtp/esmtp_args.h"
#include "smtpd/smtpd_auth.h"
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
#include "smtpd/smtpd_tx.h"

#include <string.h>
#include <sys/statvfs.h>

enum { ADDRESS_MAX = 8192 };

/* NULL: good. */
typedef const char *(*option_fn)(struct smtpd_session *s, struct smtpd_tx *tx, struct slice value);

static const char *option_size(struct smtpd_session *s, struct smtpd_tx *tx, struct slice value)
{
    (void)s;
    uint64_t size;
    bool digits = value.len > 0;
    for (size_t i = 0; i < value.len; i++)
        digits = digits && value.s[i] >= '0' && value.s[i] <= '9';
    if (!digits)
        return "501 5.5.4 Bad message size syntax";
    if (!num_parse_u64(value, 10, &size) || size > INT64_MAX)
        return "552 5.3.4 Message size exceeds file system imposed limit";
    tx->announced_size = (int64_t)size;
    return NULL;
}

static const char *option_ret(struct smtpd_session *s, struct smtpd_tx *tx, struct slice value)
{
    if (s->ehlo_discard & SMTPD_EHLO_DSN)
        return "501 5.7.1 DSN support is disabled";
    int ret = slice_eq_nocase(value, "FULL")   ? DSN_RET_FULL
              : slice_eq_nocase(value, "HDRS") ? DSN_RET_HDRS
                                               : DSN_RET_NONE;
    if (tx->dsn_ret || !ret)
        return "501 5.5.4 Bad RET parameter syntax";
    tx->dsn_ret = ret;
    return NULL;
}

static const char *option_envid(struct smtpd_session *s, struct smtpd_tx *tx, struct slice value)
{
    if (s->ehlo_discard & SMTPD_EHLO_DSN)
        return "501 5.7.1 DSN support is disabled";
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(ADDRESS_MAX);
    if (tx->dsn_envid || !text_xtext_decode(value, &text) || text.len == 0)
        return "501 5.5.4 Bad ENVID parameter syntax";
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    text_add_printable(&clean, strbuf_slice(&text));
    tx->dsn_envid = arena_strdup(tx->arena, clean.s);
    return NULL;
}

/* RFC 4954, 5. Ignored where nobody logs in; <> says that the sender is not known. */
static const char *option_auth(struct smtpd_session *s, struct smtpd_tx *tx, struct slice value)
{
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    if (smtpd_auth_is_on(s) && !slice_eq(value, "<>")) {
        text_add_printable(&clean, value);
        tx->auth_sender = arena_strdup(tx->arena, clean.s);
    }
    return NULL;
}

static const struct {
    const char *keyword;
    option_fn function;
} options[] = {
    {"SIZE", option_size},
    {"RET", option_ret},
    {"ENVID", option_envid},
    {"AUTH", option_auth},
};

static bool is_delimiter(char c)
{
    return c && strchr(common_params.verp_delimiter_filter, c);
}

/* XVERP, with the delimiters of main.cf, or XVERP=xy. Only some clients may; to the others it is an
 * option that does not exist. RET_PROBLEM NULL: good. */
static bool option_verp(struct smtpd_session *s, struct smtpd_tx *tx, struct slice word,
                        const char **ret_problem)
{
    struct slice given = slice_of(common_params.default_verp_delimiters);
    bool has_value = slice_starts_nocase(word, "XVERP=");
    if ((!has_value && !slice_eq_nocase(word, "XVERP")) ||
        !smtpd_server_list_has(s->server->verp_clients, s) || (s->ehlo_discard & SMTPD_EHLO_XVERP))
        return false;
    if (has_value)
        given = slice_from(word, strlen("XVERP="));
    bool good = given.len == 2 && is_delimiter(given.s[0]) && is_delimiter(given.s[1]);
    *ret_problem =
        good ? NULL
             : smtpd_session_text(s, "501 5.5.4 Error: XVERP needs two characters from %s",
                                  common_params.verp_delimiter_filter);
    tx->verp = arena_slice_dup(tx->arena, given);
    return true;
}

/* Options without a function of their own. False: not one of them. */
static bool set_flag(struct smtpd_session *s, struct smtpd_tx *tx, struct slice word)
{
    if (slice_eq_nocase(word, "BODY=8BITMIME"))
        tx->encoding = "8bit";
    else if (slice_eq_nocase(word, "BODY=7BIT"))
        tx->encoding = "7bit";
    else if (slice_eq_nocase(word, "SMTPUTF8") && common_params.smtputf8_enable &&
             !(s->ehlo_discard & SMTPD_EHLO_SMTPUTF8))
        tx->smtputf8 = true;
    else if (slice_eq_nocase(word, "REQUIRETLS") && smtpd_ehlo_has_requiretls(s))
        tx->requiretls = true;
    else
        return false;
    return true;
}

static const char *parse_option(struct smtpd_session *s, struct smtpd_tx *tx, struct slice word)
{
    struct slice keyword, value;
    if (slice_split(word, '=', &keyword, &value))
        for (size_t i = 0; i < COUNT_OF(options); i++)
            if (slice_eq_nocase(keyword, options[i].keyword))
                return options[i].function(s, tx, value);
    const char *problem = NULL;
    if (option_verp(s, tx, word, &problem))
        return problem;
    if (set_flag(s, tx, word))
        return NULL;
    return smtpd_session_text(s, "555 5.5.4 Unsupported option: %.*s",
                              SLICE_ARG(slice_first(word, 200)));
}

static const char *parse_options(struct smtpd_session *s, struct smtpd_tx *tx, struct slice rest)
{
    struct slice word;
    const char *problem = NULL;
    while (!problem && esmtp_next_word(&rest, &word))
        problem = parse_option(s, tx, word);
    return problem;
}

static const char *check_size(const struct smtpd_tx *tx)
{
    int64_t limit = common_params.message_size_limit;
    if (limit > 0 && tx->announced_size > limit)
        return "552 5.3.4 Message size exceeds fixed limit";
    struct statvfs fs;
    if (statvfs(".", &fs) != 0)
        return NULL;
    int64_t free_bytes = (int64_t)MIN((uint64_t)fs.f_bavail * fs.f_frsize, (uint64_t)INT64_MAX);
    if (smtpd_proxy_needs_file())
        free_bytes -= MIN(limit, free_bytes);
    if (limit > 0 && free_bytes / 3 * 2 < limit)
        log_warn(NULL, "not enough free space in mail queue: %lld bytes < 1.5*message size limit",
                 (long long)free_bytes);
    else if (free_bytes >= smtpd_params.queue_minfree && tx->announced_size <= free_bytes / 2)
        return NULL;
    return "452 4.3.1 Insufficient system storage";
}

/* Two messages never share it: sessions open at once have different numbers. */
static void set_instance(struct smtpd_session *s)
{
    struct smtpd_tx *tx = s->tx;
    tx->instance = arena_printf(tx->arena, "%llx.%llx.%llx.%x",
                                (unsigned long long)log_session_number(s->log.session),
                                (unsigned long long)tx->arrival.tv_sec,
                                (unsigned long long)tx->arrival.tv_usec, s->messages++);
}

static struct reply mail_opened(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal) {
        smtpd_tx_reset(s);
        return *refusal;
    }
    s->phase = SMTPD_PHASE_MAIL;
    set_instance(s);
    return reply_text("250 2.1.0 Ok");
}

static struct reply milters_asked(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal || smtpd_params.smtpd_delay_open_until_valid_rcpt)
        return mail_opened(s, refusal);
    return smtpd_open(s, mail_opened);
}

static struct reply mail_checked(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal) {
        smtpd_tx_reset(s);
        return *refusal;
    }
    return smtpd_milter_mail(s, milters_asked);
}

static struct reply mail_counted(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal) {
        smtpd_tx_reset(s);
        return *refusal;
    }
    return smtpd_check(s, SMTPD_STAGE_MAIL, mail_checked);
}

struct reply smtpd_cmd_mail(struct smtpd_session *s, struct slice args)
{
    CLEANUP(strbuf_done) struct strbuf sender = STRBUF_INIT(ADDRESS_MAX);
    struct slice path, rest;
    if (smtpd_params.smtpd_helo_required && !s->helo)
        return reply_text("503 5.5.1 Error: send HELO/EHLO first");
    if (!smtpd_path_after(args, "FROM", &path))
        return reply_text("501 5.5.4 Syntax: MAIL FROM:<address>");
    if (!smtpd_path_parse(s, "MAIL", path, smtpd_params.strict_rfc821_envelopes, true, &sender,
                          &rest))
        return reply_text("501 5.1.7 Bad sender address syntax");

    struct smtpd_tx *tx = smtpd_tx_new(sender.s);
    tx->mail_args = arena_slice_dup(tx->arena, rest);
    const char *problem = parse_options(s, tx, rest);
    if (!problem && common_params.strict_smtputf8 && !tx->smtputf8 &&
        !text_is_ascii(slice_of(tx->sender)))
        problem = "553 5.6.7 Must declare SMTPUTF8 to send unicode address";
    if (!problem && !tx->smtputf8 &&
        !smtpd_path_domain_is_ascii(s, "MAIL", path, slice_of(tx->sender)))
        problem = "501 5.1.7 Bad sender address syntax";
    if (!problem)
        problem = check_size(tx);
    if (!problem && tx->verp && !tx->sender[0])
        problem = "503 5.5.4 Error: XVERP requires non-null sender";
    if (problem) {
        smtpd_tx_free(tx);
        return reply_text(problem);
    }
    if (!tx->smtputf8)
        smtpd_compat_utf8(s, "sender", tx->sender);
    if (s->server->proxy)
        tx->mail_command = arena_slice_dup(tx->arena, s->line);
    s->tx = tx;
    return smtpd_limit_mail(s, mail_counted);
}
