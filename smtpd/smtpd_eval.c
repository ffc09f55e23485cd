/* The evaluation of restriction lists. */
#include "smtpd/smtpd_eval.h"

#include "config/common_params.h"
#include "smtpd/smtpd_compat.h"
#include "smtpd/smtpd_dns.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_policy.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <string.h>
#include <strings.h>

struct smtpd_eval *smtpd_eval_new(struct smtpd_session *s, enum smtpd_stage stage,
                                  smtpd_next_fn next)
{
    struct arena *arena = arena_new("smtpd_eval");
    struct smtpd_eval *e = arena_zalloc(arena, sizeof *e);
    e->arena = arena;
    e->s = s;
    e->stage = stage;
    e->next = next;
    if (s->held) {
        e->if_permit = s->held->if_permit;
        e->if_reject = s->held->if_reject;
    }
    return e;
}

void smtpd_eval_free(struct smtpd_eval *e)
{
    if (!e)
        return;
    timer_free(e->timer);
    smtpd_policy_cancel(e->policy_call);
    smtpd_dns_forget(e);
    smtpd_verify_cancel(e->verify);
    arena_free(e->arena);
}

void smtpd_held_free(struct smtpd_held *held)
{
    if (held)
        arena_free(held->arena);
}

static struct smtpd_held *held_get(struct smtpd_session *s)
{
    if (!s->held) {
        struct arena *arena = arena_new("smtpd_held");
        s->held = arena_zalloc(arena, sizeof *s->held);
        s->held->arena = arena;
    }
    return s->held;
}

struct smtpd_actions *smtpd_eval_actions(struct smtpd_eval *e, struct arena **ret_arena)
{
    if (e->s->tx) {
        *ret_arena = e->s->tx->arena;
        return &e->s->tx->actions;
    }
    struct smtpd_held *held = held_get(e->s);
    *ret_arena = held->arena;
    return &held->actions;
}

const char *smtpd_eval_recipient_address(const struct smtpd_eval *e)
{
    const struct smtpd_tx *tx = e->s->tx;
    if (!tx)
        return NULL;
    if (e->stage == SMTPD_STAGE_RCPT || e->stage == SMTPD_STAGE_VRFY)
        return tx->recipient;
    return tx->recipient_count == 1 ? tx->accepted : NULL;
}

static struct resolve_reply *resolve(struct smtpd_eval *e, const char *address,
                                     enum smtpd_verdict *ret_verdict)
{
    struct smtpd_server *server = e->s->server;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf full = STRBUF_ANY;
    rewrite_address(&server->rewrite, REWRITE_LOCAL, slice_of(address), &full);
    struct resolve_reply *reply = arena_zalloc(e->arena, sizeof *reply);
    const char *sender = e->s->tx ? e->s->tx->sender : "";
    if (resolve_address(server->resolver, RESOLVE_DELIVER, sender, full.s, e->arena, reply, &err))
        return reply;
    *ret_verdict = smtpd_reject_lookup_failure(e, address, &err);
    return NULL;
}

const struct resolve_reply *smtpd_eval_sender(struct smtpd_eval *e, enum smtpd_verdict *ret_verdict)
{
    if (!e->sender_resolved)
        e->sender_resolved = resolve(e, e->s->tx->sender, ret_verdict);
    return e->sender_resolved;
}

const struct resolve_reply *smtpd_eval_recipient(struct smtpd_eval *e,
                                                 enum smtpd_verdict *ret_verdict)
{
    if (!e->recipient_resolved)
        e->recipient_resolved = resolve(e, smtpd_eval_recipient_address(e), ret_verdict);
    return e->recipient_resolved;
}

enum smtpd_verdict smtpd_eval_push(struct smtpd_eval *e, const struct smtpd_list *list)
{
    if (e->depth == SMTPD_EVAL_DEPTH) {
        log_warn(NULL, "%s: restrictions refer to each other without end", list->title);
        return smtpd_reject(e, 451, "4.3.5", "Server configuration error");
    }
    struct smtpd_eval_frame frame = {.list = list};
    if (e->depth > 0) {
        frame.item = e->stack[e->depth - 1].item;
        frame.class = e->stack[e->depth - 1].class;
    }
    e->stack[e->depth++] = frame;
    return SMTPD_VERDICT_NONE;
}

/* warn_if_reject holds for the one restriction after it, with the lists that it runs. */
static void rule_ended(struct smtpd_eval *e)
{
    if (e->rule_warn && e->warn_if_reject == e->rule_warn && e->depth <= e->rule_depth)
        e->warn_if_reject = 0;
}

/* RULE has permitted, or refused: say so where it is asked for, and what can never be reached. */
static void note_end(struct smtpd_eval *e, const struct smtpd_rule *rule,
                     enum smtpd_verdict verdict)
{
    const struct smtpd_eval_frame *frame = &e->stack[e->depth - 1];
    smtpd_rule_fn fn = rule->restriction->function;
    enum smtpd_reply_class class = smtpd_class_of_list(e);
    if (verdict == SMTPD_VERDICT_PERMIT && !rule->maps)
        smtpd_log_permit(e, rule->word, class, smtpd_class_item(e, class), NULL);
    bool is_last = fn == smtpd_permit || fn == smtpd_reject_all || fn == smtpd_defer_all;
    if (is_last && frame->next < frame->list->count)
        log_warn(NULL, "restriction `%s' after `%s' is ignored",
                 frame->list->rules[frame->next].word, rule->word);
}

/* One list to its end, or until something has to wait. */
static enum smtpd_verdict run_list(struct smtpd_eval *e)
{
    while (e->depth > 0) {
        struct smtpd_eval_frame *frame = &e->stack[e->depth - 1];
        if (frame->next == frame->list->count) {
            e->depth--;
            continue;
        }
        const struct smtpd_rule *rule = &frame->list->rules[frame->next++];
        e->rule_depth = e->depth;
        e->rule_warn = e->warn_if_reject;
        enum smtpd_verdict verdict = rule->restriction->function(e, rule);
        if (verdict == SMTPD_VERDICT_PENDING && e->is_asking) {
            frame->next--; /* it runs again, with the answers */
            return verdict;
        }
        if (verdict != SMTPD_VERDICT_PENDING)
            rule_ended(e);
        if (verdict == SMTPD_VERDICT_PERMIT || verdict == SMTPD_VERDICT_REJECT)
            note_end(e, rule, verdict);
        if (verdict != SMTPD_VERDICT_NONE)
            return verdict;
    }
    return SMTPD_VERDICT_NONE;
}

/* Checks that are always made at the end of the lists. */
static enum smtpd_verdict run_defaults(struct smtpd_eval *e)
{
    enum smtpd_verdict verdict = SMTPD_VERDICT_NONE;
    bool is_rcpt = e->stage == SMTPD_STAGE_RCPT || e->stage == SMTPD_STAGE_VRFY;
    e->warn_if_reject = 0;
    bool sender_stage = smtpd_params.smtpd_delay_reject ? is_rcpt : e->stage == SMTPD_STAGE_MAIL;
    if (sender_stage && e->stage != SMTPD_STAGE_VRFY && smtpd_params.smtpd_reject_unlisted_sender &&
        !e->unlisted_sender_done)
        verdict = smtpd_reject_unlisted_sender(e, NULL);
    if (verdict == SMTPD_VERDICT_NONE && is_rcpt && smtpd_params.smtpd_reject_unlisted_recipient &&
        !e->unlisted_recipient_done)
        verdict = smtpd_reject_unlisted_recipient(e, NULL);
    return verdict;
}

static enum smtpd_verdict run_lists(struct smtpd_eval *e, enum smtpd_verdict verdict)
{
    struct smtpd_restriction_set *set = e->s->server->restrictions;
    for (;;) {
        if (verdict == SMTPD_VERDICT_NONE && e->depth > 0)
            verdict = run_list(e);
        if (verdict == SMTPD_VERDICT_REJECT)
            smtpd_compat_refused(e);
        if (verdict != SMTPD_VERDICT_NONE && verdict != SMTPD_VERDICT_PERMIT)
            return verdict;
        if (e->list_at == e->list_count)
            return run_defaults(e);
        e->list = e->lists[e->list_at++];
        e->depth = 0;
        e->warn_if_reject = 0;
        verdict = smtpd_eval_push(e, smtpd_restrictions_list(set, e->list));
    }
}

/* Lists before MAIL leave their deferrals to those after it. */
static void keep_deferrals(struct smtpd_eval *e)
{
    bool is_early = e->stage <= SMTPD_STAGE_MAIL;
    if (!is_early || (!e->if_permit.text && !e->if_reject.text))
        return;
    struct smtpd_held *held = held_get(e->s);
    if (e->if_permit.text)
        held->if_permit.text = arena_strdup(held->arena, e->if_permit.text);
    if (e->if_reject.text)
        held->if_reject.text = arena_strdup(held->arena, e->if_reject.text);
}

static struct reply finish(struct smtpd_eval *e, enum smtpd_verdict verdict)
{
    struct smtpd_session *s = e->s;
    smtpd_next_fn next = e->next;
    bool may_defer = e->stage == SMTPD_STAGE_RCPT || e->stage == SMTPD_STAGE_VRFY ||
                     e->stage >= SMTPD_STAGE_DATA;
    if (verdict != SMTPD_VERDICT_REJECT && verdict != SMTPD_VERDICT_DISCARD && may_defer &&
        e->if_permit.text) {
        e->refusal = e->if_permit.text;
        smtpd_log_action(e, "reject", e->refusal);
        smtpd_notice_class(s, NOTICE_POLICY);
        verdict = SMTPD_VERDICT_REJECT;
    }
    if (verdict != SMTPD_VERDICT_REJECT)
        keep_deferrals(e);
    struct reply refusal = {0};
    bool refused = verdict == SMTPD_VERDICT_REJECT;
    if (refused)
        refusal.text = smtpd_session_text(s, "%s", e->refusal);
    s->eval = NULL;
    smtpd_eval_free(e);
    return next(s, refused ? &refusal : NULL);
}

struct reply smtpd_eval_run(struct smtpd_eval *e)
{
    e->s->eval = e;
    smtpd_dns_begin(e->s);
    enum smtpd_verdict verdict = run_lists(e, SMTPD_VERDICT_NONE);
    if (verdict == SMTPD_VERDICT_PENDING)
        return reply_pending();
    return finish(e, verdict);
}

void smtpd_eval_resume(struct smtpd_eval *e, enum smtpd_verdict verdict)
{
    struct smtpd_session *s = e->s;
    if (!e->is_asking) /* then it runs again */
        rule_ended(e);
    e->is_asking = false;
    verdict = run_lists(e, verdict);
    if (verdict != SMTPD_VERDICT_PENDING)
        smtpd_session_answer(s, finish(e, verdict));
}
