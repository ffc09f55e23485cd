/* A question goes from filter to filter. */
#include "milter/milters.h"

#include "base/xmem.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct milters {
    const struct milters_events *events;
    void *owner;
    struct milter **at;
    size_t count;
    /* the question under way */
    size_t next;
    int command;
    struct strbuf data;
    bool is_asking, of_rejected, is_held;
};

static void on_outcome(void *owner, struct milter *m, const struct milter_outcome *outcome);

static const char *on_edit(void *owner, struct milter *m, const struct milter_edit *edit)
{
    (void)m;
    struct milters *ms = owner;
    ms->is_held = true;
    ms->events->on_quarantine(ms->owner, edit->name);
    return NULL;
}

static void on_warning(void *owner, const char *text)
{
    struct milters *ms = owner;
    ms->events->on_warning(ms->owner, text);
}

static const struct milter_events milter_events = {on_outcome, on_edit, on_warning};

struct milters *milters_new(struct loop *loop, struct work_pool *pool,
                            const struct milter_specs *specs, const struct milters_events *events,
                            void *owner)
{
    if (specs->count == 0)
        return NULL;
    struct milters *ms = xzalloc(sizeof *ms);
    ms->events = events;
    ms->owner = owner;
    ms->at = xrealloc_array(NULL, specs->count, sizeof(struct milter *));
    strbuf_init(&ms->data, MILTER_PACKET_MAX);
    for (; ms->count < specs->count; ms->count++)
        ms->at[ms->count] = milter_new(loop, pool, &specs->at[ms->count], &milter_events, ms);
    return ms;
}

void milters_free(struct milters *ms)
{
    if (!ms)
        return;
    for (size_t i = 0; i < ms->count; i++)
        milter_free(ms->at[i]);
    free(ms->at);
    strbuf_done(&ms->data);
    free(ms);
}

/* An answer of one. True: it is that of all. */
static bool is_last_word(struct milters *ms, const struct milter_outcome *outcome)
{
    if (outcome->kind == MILTER_OUTCOME_HOLD)
        ms->is_held = true;
    return outcome->kind >= MILTER_OUTCOME_DISCARD;
}

static void finish(struct milters *ms, struct milter_outcome *outcome)
{
    ms->is_asking = false;
    if (outcome->kind < MILTER_OUTCOME_DISCARD)
        outcome->kind = ms->is_held ? MILTER_OUTCOME_HOLD : MILTER_OUTCOME_NONE;
}

/* Ask from ms->next on. True: all have answered, or one for all. */
static bool ask_next(struct milters *ms, struct milter_outcome *ret)
{
    *ret = (struct milter_outcome){.kind = MILTER_OUTCOME_NONE};
    while (ms->next < ms->count) {
        struct milter *m = ms->at[ms->next];
        if (ms->of_rejected && !milter_wants_rejected(m)) {
            ms->next++;
            continue;
        }
        if (!milter_ask(m, ms->command, strbuf_slice(&ms->data), ms->events->macro, ms->owner, ret))
            return false;
        ms->next++;
        if (is_last_word(ms, ret))
            break;
    }
    finish(ms, ret);
    return true;
}

static void on_outcome(void *owner, struct milter *m, const struct milter_outcome *outcome)
{
    (void)m;
    struct milters *ms = owner;
    struct milter_outcome all = {.kind = MILTER_OUTCOME_NONE};
    if (outcome) { /* NULL: it is connected now, and is to be asked once more */
        all = *outcome;
        ms->next++;
        if (is_last_word(ms, outcome)) {
            finish(ms, &all);
            ms->events->on_outcome(ms->owner, &all);
            return;
        }
    }
    if (ask_next(ms, &all))
        ms->events->on_outcome(ms->owner, &all);
}

static bool ask(struct milters *ms, int command, struct slice data, bool of_rejected,
                struct milter_outcome *ret_outcome)
{
    ms->command = command;
    ms->of_rejected = of_rejected;
    ms->next = 0;
    ms->is_held = false;
    strbuf_set_slice(&ms->data, data);
    ms->is_asking = true;
    return ask_next(ms, ret_outcome);
}

bool milters_ask(struct milters *ms, int command, struct slice data,
                 struct milter_outcome *ret_outcome)
{
    return ask(ms, command, data, false, ret_outcome);
}

bool milters_ask_rejected(struct milters *ms, struct slice data, struct milter_outcome *ret_outcome)
{
    return ask(ms, MILTER_RCPT, data, true, ret_outcome);
}

bool milters_is_asking(const struct milters *ms)
{
    return ms && ms->is_asking;
}

void milters_abort(struct milters *ms)
{
    for (size_t i = 0; i < ms->count; i++)
        milter_abort(ms->at[i]);
}

size_t milters_count(const struct milters *ms)
{
    return ms ? ms->count : 0;
}

struct milter *milters_at(struct milters *ms, size_t i)
{
    return ms->at[i];
}

void milters_add_connect(struct strbuf *out, const char *name, int family, uint16_t port,
                         const char *address)
{
    milter_add_text(out, slice_of(name));
    strbuf_add_char(out, family == AF_INET ? '4' : family == AF_INET6 ? '6' : 'U');
    if (family != AF_INET && family != AF_INET6)
        return;
    uint16_t wire = htons(port);
    strbuf_add(out, &wire, sizeof wire);
    milter_add_text(out, slice_of(address));
}
