/* Questions to mail filters, and their answers as replies. */
#include "smtpd/smtpd_milter.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "milter/milter_params.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"

#include <stdlib.h>
#include <strings.h>

/* The filters of one session. */
struct smtpd_milter {
    struct milters *milters;
    struct milter_specs own_specs; /* of smtpd_milter_maps */
    enum smtpd_stage stage;        /* being asked about */
    smtpd_next_fn next;
    char *refused_text; /* what smtpd_milter_rejected() was told */
};

static bool is_switched_off(void)
{
    struct slice rest = slice_of(common_params.receive_override_options), item;
    while (slice_next_item(&rest, &item))
        if (slice_eq_nocase(item, "no_milters"))
            return true;
    return false;
}

void smtpd_milter_open(struct smtpd_server *server)
{
    struct err err = ERR_INIT;
    if (!params_load(server->cfg, milter_param_rows, &milter_params, &err))
        log_fatal("%s", err.reason);
    if (is_switched_off())
        return;
    if (!milter_specs_parse(&server->milters, "smtpd_milters", smtpd_params.smtpd_milters, &err))
        log_fatal("%s", err.reason);
    server->milter_maps = maps_open("smtpd_milter_maps", smtpd_params.smtpd_milter_maps, MAP_READ);
}

void smtpd_milter_close(struct smtpd_server *server)
{
    milter_specs_done(&server->milters);
    maps_close(server->milter_maps);
    params_done(milter_param_rows, &milter_params);
}

static void on_outcome(void *owner, const struct milter_outcome *outcome);

static void on_quarantine(void *owner, struct slice reason)
{
    (void)reason;
    struct smtpd_session *s = owner;
    if (s->tx)
        s->tx->actions.hold = true;
}

static void on_warning(void *owner, const char *text)
{
    (void)owner;
    log_warn(NULL, "%s", text);
}

static const struct milters_events milter_events = {on_outcome, on_quarantine, on_warning,
                                                    smtpd_milter_macro};

/* Which filters for this client? False: a table cannot say so now. */
static bool choose(struct smtpd_session *s, struct smtpd_milter *f)
{
    struct smtpd_server *server = s->server;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    const struct milter_specs *specs = &server->milters;
    enum map_status status =
        maps_find(server->milter_maps, s->peer.address, MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FOUND) {
        const char *text = strcasecmp(value.s, "DISABLE") == 0 ? "" : value.s;
        if (!milter_specs_parse(&f->own_specs, "smtpd_milter_maps", text, &err))
            status = MAP_FAILED;
        specs = &f->own_specs;
    }
    if (status == MAP_FAILED) {
        if (!err.is_repeated)
            log_warn(NULL, "%s", err.reason);
        return false;
    }
    f->milters = milters_new(server->loop, server->pool, specs, &milter_events, s);
    return true;
}

/* "milter-reject: MAIL from client: 550 5.7.1 Command rejected; from=<..> .." */
static void log_action(struct smtpd_session *s, const char *what, const char *text)
{
    enum smtpd_stage stage = s->milter->stage;
    const char *recipient = NULL;
    if (s->tx && stage == SMTPD_STAGE_RCPT)
        recipient = s->tx->recipient;
    else if (s->tx && stage == SMTPD_STAGE_DATA)
        recipient = s->tx->first_accepted;
    smtpd_log_event(s, stage, what, text, recipient);
}

/* What an outcome does; the reply of who goes on. */
static struct reply apply(struct smtpd_session *s, const struct milter_outcome *outcome)
{
    smtpd_next_fn next = s->milter->next;
    s->milter->next = NULL;
    struct reply refusal = {0};
    if (s->milter->refused_text) { /* the client's reply stands */
        refusal.text = smtpd_session_text(s, "%s", s->milter->refused_text);
        free(s->milter->refused_text);
        s->milter->refused_text = NULL;
        return next(s, &refusal);
    }
    switch (outcome->kind) {
    case MILTER_OUTCOME_HOLD:
        log_action(s, "milter-hold", "milter triggers HOLD action");
        if (s->tx)
            s->tx->actions.hold = true;
        return next(s, NULL);
    case MILTER_OUTCOME_DISCARD:
        log_action(s, "milter-discard", "milter triggers DISCARD action");
        if (s->tx)
            s->tx->actions.discard = true;
        return next(s, NULL);
    case MILTER_OUTCOME_REFUSE:
    case MILTER_OUTCOME_SHUTDOWN:
        log_action(s, "milter-reject", outcome->wire);
        smtpd_notice_class(s, NOTICE_POLICY);
        refusal.text = smtpd_session_text(s, "%s", outcome->text);
        return next(s, &refusal);
    default:
        return next(s, NULL);
    }
}

static void on_outcome(void *owner, const struct milter_outcome *outcome)
{
    struct smtpd_session *s = owner;
    smtpd_session_answer(s, apply(s, outcome));
}

static bool has_filters(const struct smtpd_session *s)
{
    return s->milter && s->milter->milters && !(s->tx && s->tx->actions.discard);
}

static struct reply ask(struct smtpd_session *s, enum smtpd_stage stage, int command,
                        struct slice data, smtpd_next_fn next)
{
    struct milter_outcome outcome;
    s->milter->stage = stage;
    s->milter->next = next;
    if (milters_ask(s->milter->milters, command, data, &outcome))
        return apply(s, &outcome);
    return reply_pending();
}

struct reply smtpd_milter_connect(struct smtpd_session *s, smtpd_next_fn next)
{
    struct smtpd_server *server = s->server;
    bool any = server->milters.count > 0 || !maps_is_empty(server->milter_maps);
    if (!any || (s->flags & SMTPD_SESSION_STDIN))
        return next(s, NULL);
    smtpd_milter_end(s);
    s->milter = xzalloc(sizeof *s->milter);
    if (!choose(s, s->milter)) {
        struct reply refusal = reply_and_close(
            smtpd_session_text(s, "421 4.3.0 %s Server local error", common_params.myhostname));
        return next(s, &refusal);
    }
    if (!has_filters(s))
        return next(s, NULL);
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    milters_add_connect(&data, s->peer.name, s->peer.family, s->peer.port, s->peer.address);
    return ask(s, SMTPD_STAGE_CONNECT, MILTER_CONNECT, strbuf_slice(&data), next);
}

struct reply smtpd_milter_helo(struct smtpd_session *s, smtpd_next_fn next)
{
    if (!has_filters(s))
        return next(s, NULL);
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    milter_add_text(&data, slice_of(s->helo));
    return ask(s, SMTPD_STAGE_HELO, MILTER_HELO, strbuf_slice(&data), next);
}

/* "<address>" and the ESMTP arguments of the command */
static void add_path(struct strbuf *out, const char *address, const char *args)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct slice rest = slice_of(args), word;
    strbuf_addf(&path, "<%s>", address);
    milter_add_text(out, strbuf_slice(&path));
    while (slice_next_token(&rest, " ", &word))
        milter_add_text(out, word);
}

struct reply smtpd_milter_mail(struct smtpd_session *s, smtpd_next_fn next)
{
    if (!has_filters(s))
        return next(s, NULL);
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    add_path(&data, s->tx->sender, s->tx->mail_args);
    return ask(s, SMTPD_STAGE_MAIL, MILTER_MAIL, strbuf_slice(&data), next);
}

struct reply smtpd_milter_rcpt(struct smtpd_session *s, smtpd_next_fn next)
{
    if (!has_filters(s))
        return next(s, NULL);
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    add_path(&data, s->tx->recipient, s->tx->rcpt_args);
    return ask(s, SMTPD_STAGE_RCPT, MILTER_RCPT, strbuf_slice(&data), next);
}

struct reply smtpd_milter_rejected(struct smtpd_session *s, const struct reply *refused,
                                   smtpd_next_fn next)
{
    if (!has_filters(s))
        return next(s, refused);
    struct smtpd_milter *f = s->milter;
    struct milter_outcome outcome;
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    add_path(&data, s->tx->recipient, s->tx->rcpt_args);
    f->stage = SMTPD_STAGE_RCPT;
    f->next = next;
    f->refused_text = xstrdup(refused->text);
    s->tx->refusal = f->refused_text;
    bool is_answered = milters_ask_rejected(f->milters, strbuf_slice(&data), &outcome);
    s->tx->refusal = NULL;
    return is_answered ? apply(s, &outcome) : reply_pending();
}

struct reply smtpd_milter_data(struct smtpd_session *s, smtpd_next_fn next)
{
    if (!has_filters(s))
        return next(s, NULL);
    return ask(s, SMTPD_STAGE_DATA, MILTER_DATA, SLICE_EMPTY, next);
}

struct reply smtpd_milter_unknown(struct smtpd_session *s, struct slice verb, smtpd_next_fn next)
{
    if (!has_filters(s))
        return next(s, NULL);
    CLEANUP(strbuf_done) struct strbuf data = STRBUF_ANY;
    milter_add_text(&data, verb);
    return ask(s, SMTPD_STAGE_UNKNOWN, MILTER_UNKNOWN, strbuf_slice(&data), next);
}

bool smtpd_milter_is_pending(const struct smtpd_session *s)
{
    return s->milter && milters_is_asking(s->milter->milters);
}

void smtpd_milter_abort(struct smtpd_session *s, unsigned count)
{
    while (s->milter && s->milter->milters && count-- > 0)
        milters_abort(s->milter->milters);
}

void smtpd_milter_end(struct smtpd_session *s)
{
    if (!s->milter)
        return;
    milters_free(s->milter->milters);
    milter_specs_done(&s->milter->own_specs);
    free(s->milter->refused_text);
    free(s->milter);
    s->milter = NULL;
}

struct milters *smtpd_milter_set(struct smtpd_session *s)
{
    return has_filters(s) ? s->milter->milters : NULL;
}
