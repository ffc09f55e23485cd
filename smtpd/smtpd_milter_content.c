/* The connections to mail filters go to cleanup for the time of the content, and come back. */
#include "smtpd/smtpd_milter.h"

#include "smtpd/smtpd_session.h"

size_t smtpd_milter_fds(struct smtpd_session *s, int fds[MILTER_MAX])
{
    struct milters *milters = smtpd_milter_set(s);
    size_t count = milters_count(milters);
    for (size_t i = 0; i < count; i++)
        fds[i] = milter_fd(milters_at(milters, i));
    return count;
}

/* Every macro that one of the lists names, once, with its value of now. */
static void add_macros(struct smtpd_session *s, struct arena *arena, struct slice names,
                       struct cleanup_milters *ret)
{
    struct slice name;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    while (slice_next_item(&names, &name)) {
        bool is_known = false;
        for (size_t i = 0; i < ret->macros_count; i++)
            is_known = is_known || slice_eq(name, ret->macros[i].name);
        strbuf_reset(&value);
        /* those of one command say nothing of the content */
        bool is_of_command = slice_starts(name, "{mail_") || slice_starts(name, "{rcpt_");
        const char *text = is_known || is_of_command ? NULL : smtpd_milter_macro(s, name, &value);
        if (!text)
            continue;
        struct cleanup_macro *more =
            arena_alloc(arena, (ret->macros_count + 1) * sizeof *ret->macros);
        for (size_t i = 0; i < ret->macros_count; i++)
            more[i] = ret->macros[i];
        more[ret->macros_count++] = (struct cleanup_macro){.name = arena_slice_dup(arena, name),
                                                           .value = arena_strdup(arena, text)};
        ret->macros = more;
    }
}

static const char *list_of(struct arena *arena, const struct milter_state *state, int command)
{
    struct slice set = state->macros[milter_stage_of(command)];
    return arena_slice_dup(arena, set.s ? set : slice_of(milter_macros_default(command)));
}

void smtpd_milter_hand_over(struct smtpd_session *s, struct arena *arena,
                            struct cleanup_milters *ret)
{
    struct milters *milters = smtpd_milter_set(s);
    size_t count = milters_count(milters);
    *ret = (struct cleanup_milters){
        .milters = arena_zalloc(arena, (count + 1) * sizeof *ret->milters),
        .milters_count = count,
    };
    for (size_t i = 0; i < count; i++) {
        struct milter *m = milters_at(milters, i);
        struct milter_state state;
        milter_get_state(m, &state);
        struct cleanup_milter *to = &ret->milters[i];
        *to = (struct cleanup_milter){
            .name = state.name,
            .version = state.version,
            .actions = state.actions,
            .protocol = state.protocol,
            .content_ms = state.content_ms,
            .fallback = state.fallback,
            .has_connection = state.has_connection,
            .outcome = state.outcome,
            .text = state.text ? arena_strdup(arena, state.text) : "",
            .header_macros = list_of(arena, &state, MILTER_EOH),
            .end_macros = list_of(arena, &state, MILTER_EOM),
        };
        add_macros(s, arena, slice_of(to->header_macros), ret);
        add_macros(s, arena, slice_of(to->end_macros), ret);
        if (state.has_connection)
            milter_suspend(m);
    }
}

void smtpd_milter_resume(struct smtpd_session *s, bool is_lost)
{
    struct milters *milters = smtpd_milter_set(s);
    for (size_t i = 0; i < milters_count(milters); i++)
        milter_resume(milters_at(milters, i), is_lost);
}
