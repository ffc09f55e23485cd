#include "smtp/smtp_ehlo.h"

#include "base/num.h"
#include "config/common_params.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_sasl.h"
#include "smtp/smtp_xforward.h"

#include <string.h>

enum { LOOP_PORT = 25 };

bool smtp_ehlo_is_pix(struct slice greeting)
{
    size_t stars = 0;
    for (size_t i = 0; i < greeting.len; i++) {
        if (!strchr("*20 ", greeting.s[i]))
            return false;
        stars += greeting.s[i] == '*';
    }
    return stars > 0;
}

static void settings_for_address(struct smtp_session *s)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    s->discard = smtp_client.discard_ehlo;
    s->pix = smtp_client.pix;
    if (maps_find(smtp_client.discard_ehlo_maps, s->host.address_text, MAPS_WHOLE_KEY, &value,
                  &err) == MAP_FOUND)
        s->discard = smtp_client_ehlo_words(value.s);
    strbuf_reset(&value);
    if (maps_find(smtp_client.pix_maps, s->host.address_text, MAPS_WHOLE_KEY, &value, &err) ==
        MAP_FOUND)
        s->pix = smtp_client_pix_words(value.s);
    if (err.kind != ERR_NONE)
        log_warn(&s->delivery->job->log, "%s", err.reason);
}

static void enable_pix(struct smtp_session *s)
{
    const struct delivery_job *job = s->delivery->job;
    int64_t age_s = smtp_proto_wall_us() / 1000000 - job->envelope->arrival_s;
    if (age_s < smtp_params.smtp_pix_workaround_threshold_time)
        s->pix &= ~(unsigned)SMTP_PIX_DELAY_DOTCRLF;
    if (s->pix)
        log_info(&job->log, "enabling PIX workarounds: %s%s%s for %s",
                 s->pix & SMTP_PIX_DISABLE_ESMTP ? "disable_esmtp" : "",
                 s->pix == (SMTP_PIX_DISABLE_ESMTP | SMTP_PIX_DELAY_DOTCRLF) ? " " : "",
                 s->pix & SMTP_PIX_DELAY_DOTCRLF ? "delay_dotcrlf" : "", s->relay);
}

/* Our own port 25 answers with our own name; other ports belong to content filters and the like. */
static bool may_be_loop(const struct smtp_session *s)
{
    return s->host.port == LOOP_PORT && !smtp_client.is_lmtp;
}

void smtp_ehlo_read_greeting(struct smtp_session *s, struct slice text)
{
    struct slice rest = text, word;
    settings_for_address(s);
    if (s->pix && smtp_ehlo_is_pix(text))
        enable_pix(s);
    else
        s->pix = 0;
    for (bool first = true; slice_next_token(&rest, SLICE_SPACE, &word); first = false) {
        if (first && may_be_loop(s) && slice_eq_nocase(word, common_params.myhostname))
            log_warn(NULL, "host %s greeted me with my own hostname %s", s->relay,
                     common_params.myhostname);
        if (!first && slice_eq_nocase(word, "ESMTP"))
            s->says_esmtp = true;
    }
}

static void add_size(struct smtp_ehlo *e, struct slice args)
{
    struct slice word;
    uint64_t size;
    e->features |= SMTP_EHLO_SIZE;
    if (slice_next_token(&args, SLICE_SPACE, &word) && num_parse_u64(word, 10, &size) &&
        size <= INT64_MAX)
        e->size_limit = (int64_t)size;
}

static void add_auth(struct smtp_ehlo *e, struct slice mechanisms)
{
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    e->features |= SMTP_EHLO_AUTH;
    strbuf_set_slice(&list, slice_trim(mechanisms));
    argv_add(&e->logins, list.s);
}

void smtp_ehlo_add_line(struct smtp_ehlo *e, struct slice line)
{
    // clang-format off
    static const struct { const char *keyword; unsigned bit; } keywords[] = {
        {"8BITMIME", SMTP_EHLO_8BITMIME}, {"PIPELINING", SMTP_EHLO_PIPELINING},
        {"DSN", SMTP_EHLO_DSN},           {"SMTPUTF8", SMTP_EHLO_SMTPUTF8},
        {"STARTTLS", SMTP_EHLO_STARTTLS}, {"REQUIRETLS", SMTP_EHLO_REQUIRETLS},
    };
    // clang-format on
    struct slice word, old_auth = slice_from(line, strlen("AUTH="));
    if (!slice_next_token(&line, SLICE_SPACE, &word))
        return;
    if (slice_eq_nocase(word, "SIZE")) {
        add_size(e, line);
    } else if (slice_eq_nocase(word, "XFORWARD")) {
        e->features |= SMTP_EHLO_XFORWARD;
        while (slice_next_token(&line, SLICE_SPACE, &word))
            e->xforward |= smtp_xforward_attribute(word);
    } else if (slice_starts_nocase(word, "AUTH=")) {
        add_auth(e, old_auth); /* an old way to say it */
    } else if (slice_eq_nocase(word, "AUTH")) {
        add_auth(e, line);
    }
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if (slice_eq_nocase(word, keywords[i].keyword))
            e->features |= keywords[i].bit;
}

void smtp_ehlo_read_reply(struct smtp_session *s)
{
    struct smtp_ehlo e = {0};
    struct slice rest = strbuf_slice(&s->reply.text), line;
    esmtp_reply_next_line(&rest, &line); /* the server's name */
    while (esmtp_reply_next_line(&rest, &line))
        smtp_ehlo_add_line(&e, line);
    unsigned dropped = e.features & s->discard;
    if (dropped && !(s->discard & SMTP_EHLO_SILENT_DISCARD))
        log_info(&s->delivery->job->log, "discarding EHLO keywords of %s, as configured", s->relay);
    s->features = e.features & ~s->discard;
    s->size_limit = s->features & SMTP_EHLO_SIZE ? e.size_limit : 0;
    s->xforward = e.xforward;
    for (size_t i = 0; i < e.logins.count && s->features & SMTP_EHLO_AUTH; i++)
        smtp_sasl_offer(s, slice_of(e.logins.at[i]));
    argv_done(&e.logins);
}

bool smtp_ehlo_is_myself(struct smtp_session *s)
{
    struct slice text = strbuf_slice(&s->reply.text), line, name;
    if (!may_be_loop(s) || !slice_next_line(&text, &line))
        return false;
    line = slice_from(line, 4);
    if (!slice_next_token(&line, SLICE_SPACE, &name) ||
        !slice_eq_nocase(name, common_params.myhostname))
        return false;
    log_warn(NULL, "host %s replied to HELO/EHLO with my own hostname %s", s->relay,
             common_params.myhostname);
    return true;
}
