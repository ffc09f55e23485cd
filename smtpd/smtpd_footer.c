/* smtpd_reject_footer and smtpd_reject_footer_maps. */
#include "smtpd/smtpd_footer.h"

#include "base/arena.h"
#include "base/clock.h"
#include "config/common_params.h"
#include "config/config.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <string.h>
#include <time.h>

enum { FOOTER_MAX = 4096 };

/* One character of a C string literal; *AT moves past it. */
static char next_unescaped(const char **at)
{
    static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    const char *p = *at;
    char c = *p++;
    if (c == '\\' && *p) {
        const char *letter = strchr(letters, *p);
        unsigned octal = 0;
        int digits = 0;
        while (digits < 3 && p[digits] >= '0' && p[digits] <= '7')
            octal = octal * 8 + (unsigned)(p[digits++] - '0');
        c = digits ? (char)octal : letter ? values[letter - letters] : *p;
        p += digits ? digits : 1;
    }
    *at = p;
    return c;
}

void smtpd_footer_censor(const char *filter, const char *value, struct strbuf *out)
{
    bool allowed[256] = {false};
    while (*filter)
        allowed[(unsigned char)next_unescaped(&filter)] = true;
    for (const char *p = value; *p; p++)
        strbuf_add_char(out, allowed[(unsigned char)*p] ? *p : '_');
}

struct footer_values {
    const struct smtpd_session *s;
    struct strbuf text; /* of the last value */
};

static void add_local_time(struct strbuf *out)
{
    struct tm tm;
    char text[32];
    time_t now = time(NULL);
    if (localtime_r(&now, &tm) && strftime(text, sizeof text, "%b %d %H:%M:%S", &tm))
        strbuf_set(out, text);
}

/* The values are no templates: a $ in them stays one. */
static void quote(const char *value, struct strbuf *out)
{
    for (const char *p = value; *p; p++) {
        if (*p == '$')
            strbuf_add_char(out, '$');
        strbuf_add_char(out, *p);
    }
}

const char *smtpd_footer_quote(struct arena *arena, const char *value)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    quote(value, &text);
    return arena_strdup(arena, text.s);
}

static const char *footer_value(void *ctx, struct slice name)
{
    struct footer_values *values = ctx;
    const struct smtpd_peer *peer = &values->s->peer;
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_ANY, clean = STRBUF_ANY;
    if (slice_eq(name, "client_address"))
        strbuf_set(&raw, peer->address);
    else if (slice_eq(name, "client_port"))
        strbuf_setf(&raw, "%u", peer->port);
    else if (slice_eq(name, "localtime"))
        add_local_time(&raw);
    else if (slice_eq(name, "server_name"))
        strbuf_set(&raw, common_params.myhostname);
    else {
        log_warn(NULL, "unknown macro name \"%.*s\" in expansion request", SLICE_ARG(name));
        return NULL;
    }
    smtpd_footer_censor(smtpd_params.smtpd_expansion_filter, raw.s, &clean);
    strbuf_reset(&values->text);
    quote(clean.s, &values->text);
    return values->text.s;
}

/* The footer as it is configured. False: none. */
static bool footer_template(const struct smtpd_session *s, const char *reply, struct strbuf *out)
{
    struct err err = ERR_INIT;
    if (!maps_is_empty(s->server->reject_footers)) {
        switch (maps_find(s->server->reject_footers, reply, MAPS_WHOLE_KEY, out, &err)) {
        case MAP_FOUND:
            return true;
        case MAP_NOT_FOUND:
            break;
        case MAP_FAILED:
            log_warn(NULL, "%s", err.reason);
            break;
        }
    }
    strbuf_set(out, smtpd_params.smtpd_reject_footer);
    return out->len > 0;
}

/* Backslash and n: a line break. */
static void add_lines(struct slice in, struct strbuf *out)
{
    while (in.len) {
        bool is_break = slice_starts(in, "\\n");
        strbuf_add_char(out, is_break ? '\n' : in.s[0]);
        in = slice_from(in, is_break ? 2 : 1);
    }
}

/* TEXT gets what goes on its last line, FOOTER the lines after it. */
static void add_footer(const struct smtpd_session *s, struct strbuf *text, struct strbuf *footer)
{
    CLEANUP(strbuf_done) struct strbuf template = STRBUF_INIT(FOOTER_MAX);
    CLEANUP(strbuf_done) struct strbuf expanded = STRBUF_INIT(FOOTER_MAX);
    struct footer_values values = {.s = s};
    struct err err = ERR_INIT;
    if (!footer_template(s, text->s, &template))
        return;
    strbuf_init(&values.text, FOOTER_MAX);
    bool good = config_expand_with(footer_value, &values, strbuf_slice(&template), &expanded, &err);
    strbuf_done(&values.text);
    if (!good) {
        log_warn(NULL, "bad reject footer: %s", err.reason);
        return;
    }
    CLEANUP(strbuf_done) struct strbuf lines = STRBUF_INIT(FOOTER_MAX);
    add_lines(strbuf_slice(&expanded), &lines);
    struct slice rest = strbuf_slice(&lines), line;
    if (slice_starts(rest, "\\c")) {
        rest = slice_from(rest, 2);
        struct slice after = SLICE_EMPTY;
        if (!slice_split(rest, '\n', &line, &after))
            line = rest;
        strbuf_add_slice(text, line);
        rest = after;
    }
    strbuf_add_slice(footer, rest);
}

/* smtpd_reject_filter_maps: another reply in the place of one that refuses. */
static bool filter_reply(const struct smtpd_session *s, const char *text, struct strbuf *out)
{
    struct err err = ERR_INIT;
    if (esmtp_reply_code(text) < 400 || maps_is_empty(s->server->reject_filter))
        return false;
    switch (maps_find(s->server->reject_filter, text, MAPS_WHOLE_KEY, out, &err)) {
    case MAP_FOUND:
        if (esmtp_reply_code(out->s) >= 400 && (out->s[3] == ' ' || !out->s[3]))
            return true;
        log_warn(NULL, "smtpd_reject_filter_maps: not a reply that refuses: \"%s\"", out->s);
        return false;
    case MAP_FAILED:
        if (!err.is_repeated)
            log_warn(NULL, "%s", err.reason);
        return false;
    case MAP_NOT_FOUND:
        break;
    }
    return false;
}

static void format_reply(const struct smtpd_session *s, const struct reply *reply,
                         struct strbuf *out)
{
    bool soft = common_params.soft_bounce && !reply->is_exempt;
    if (reply->is_raw) {
        esmtp_reply_copy(reply->text, soft, out);
        return;
    }
    bool has_footer =
        esmtp_reply_code(reply->text) >= 400 && !reply->is_exempt &&
        (smtpd_params.smtpd_reject_footer[0] || !maps_is_empty(s->server->reject_footers));
    if (!has_footer) {
        esmtp_reply_format(reply->text, soft, NULL, out);
        return;
    }
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY, footer = STRBUF_ANY;
    strbuf_set(&text, reply->text);
    add_footer(s, &text, &footer);
    esmtp_reply_format(text.s, soft, footer.s, out);
}

void smtpd_reply_format(const struct smtpd_session *s, const struct reply *reply,
                        struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf filtered = STRBUF_ANY;
    struct reply other = *reply;
    if (filter_reply(s, reply->text, &filtered)) {
        other.text = filtered.s;
        other.is_raw = false;
    }
    format_reply(s, &other, out);
}
