#include "sasl/auth_cyrus_exchange.h"

#include "base/text.h"
#include "base/xmem.h"

#include <pthread.h>
#include <sasl/saslutil.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, STEP_MS = 60 * 1000, PENDING_MAX = 1000 };

/* --- the library ---------------------------------------------------------------------------- */

static int mutex_lock(void *mutex)
{
    return pthread_mutex_lock(mutex) == 0 ? 0 : -1;
}

static int mutex_unlock(void *mutex)
{
    return pthread_mutex_unlock(mutex) == 0 ? 0 : -1;
}

static void *mutex_new(void)
{
    pthread_mutex_t *mutex = xmalloc(sizeof *mutex);
    pthread_mutex_init(mutex, NULL);
    return mutex;
}

static void mutex_free(void *mutex)
{
    pthread_mutex_destroy(mutex);
    free(mutex);
}

void auth_cyrus_prepare(void)
{
    sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
}

int auth_cyrus_add_note(struct strbuf *out, int level, const char *text)
{
    if (out && text && (level == SASL_LOG_ERR || level == SASL_LOG_FAIL)) {
        strbuf_addf(out, "SASL authentication %s: ", level == SASL_LOG_ERR ? "problem" : "failure");
        text_add_printable(out, slice_of(text));
        strbuf_add_char(out, '\n');
    }
    return SASL_OK;
}

int auth_cyrus_on_note(void *exchange, int level, const char *text)
{
    struct auth_cyrus_exchange *x = exchange;
    return auth_cyrus_add_note(&x->notes, level, text);
}

void auth_cyrus_set_log(sasl_callback_t *callback, int (*fn)(void *, int, const char *),
                        void *context)
{
    *callback = (sasl_callback_t){SASL_CB_LOG, (int (*)(void))(void (*)(void))fn, context};
}

void auth_cyrus_set_policy(sasl_conn_t *conn, unsigned policy)
{
    static const struct {
        unsigned policy, flag;
    } flags[] = {
        {AUTH_NO_PLAINTEXT, SASL_SEC_NOPLAINTEXT},
        {AUTH_NO_ACTIVE, SASL_SEC_NOACTIVE},
        {AUTH_NO_DICTIONARY, SASL_SEC_NODICTIONARY},
        {AUTH_NO_ANONYMOUS, SASL_SEC_NOANONYMOUS},
        {AUTH_MUTUAL, SASL_SEC_MUTUAL_AUTH},
        {AUTH_FORWARD_SECRECY, SASL_SEC_FORWARD_SECRECY},
    };
    sasl_security_properties_t properties = {.max_ssf = 0}; /* no layer of SASL's own */
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (policy & flags[i].policy)
            properties.security_flags |= flags[i].flag;
    sasl_setprop(conn, SASL_SEC_PROPS, &properties);
}

/* --- exchanges ------------------------------------------------------------------------------ */

/* Threads of its own: one that hangs would hold up look-ups of names. */
void auth_cyrus_start(struct auth_cyrus *c, struct loop *loop)
{
    c->loop = loop;
    c->pool = work_pool_new(loop, THREADS);
}

bool auth_cyrus_decode(struct auth_cyrus_exchange *x, struct strbuf *out)
{
    unsigned length = 0;
    char *room = strbuf_room(out, x->input.len + 1);
    x->result = sasl_decode64(x->input.s, (unsigned)x->input.len, room, (unsigned)x->input.len + 1,
                              &length);
    if (x->result == SASL_OK)
        strbuf_grew(out, length);
    return x->result == SASL_OK;
}

static void input_forget(struct auth_cyrus_exchange *x)
{
    if (x->input.len)
        explicit_bzero(x->input.s, x->input.len); /* a password may be in it */
    strbuf_reset(&x->input);
}

static void exchange_free(struct auth_cyrus_exchange *x)
{
    if (x->conn)
        sasl_dispose(&x->conn);
    timer_free(x->timer);
    loop_later_cancel(x->c->loop, &x->later);
    input_forget(x);
    strbuf_done(&x->input);
    if (x->text.len)
        explicit_bzero(x->text.s, x->text.len);
    strbuf_done(&x->text);
    strbuf_done(&x->notes);
    x->side->free(x);
}

/* Nobody waits for it any more. The thread that works on it has it still. */
static void exchange_abandon(struct auth_cyrus_exchange *x)
{
    struct auth_cyrus_exchange **at = &x->c->exchanges;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->is_abandoned = true;
    timer_stop(x->timer);
    if (!x->is_running)
        exchange_free(x);
}

void auth_cyrus_cancel(struct auth_exchange *exchange)
{
    exchange_abandon((struct auth_cyrus_exchange *)exchange);
}

void auth_cyrus_tell_more(struct auth_cyrus_exchange *x, const struct auth_step *step)
{
    x->base.fn(x->base.owner, step);
}

void auth_cyrus_tell_end(struct auth_cyrus_exchange *x, const struct auth_step *step)
{
    auth_fn fn = x->base.fn;
    void *owner = x->base.owner;
    x->is_running = true; /* the texts are its own: it goes after they were used */
    exchange_abandon(x);
    fn(owner, step);
    exchange_free(x);
}

static void step_run(void *job)
{
    struct auth_cyrus_exchange *x = job;
    x->side->run(x);
}

static void step_done(void *job)
{
    struct auth_cyrus_exchange *x = job;
    x->is_running = false;
    timer_stop(x->timer);
    if (x->is_abandoned)
        exchange_free(x);
    else
        x->side->deliver(x);
}

static void answer_broken(struct auth_cyrus_exchange *x, const char *why)
{
    const struct auth_step step = {.status = AUTH_BROKEN, .text = why, .notes = ""};
    auth_fn fn = x->base.fn;
    void *owner = x->base.owner;
    exchange_abandon(x);
    fn(owner, &step);
}

static void on_timeout(void *owner)
{
    answer_broken(owner, "no answer in time");
}

static void on_later(void *owner)
{
    answer_broken(owner, "too many are waiting");
}

void auth_cyrus_submit(struct auth_cyrus_exchange *x, const struct slice *input)
{
    input_forget(x);
    x->has_input = input != NULL;
    if (input)
        strbuf_set_slice(&x->input, *input);
    strbuf_reset(&x->text);
    strbuf_reset(&x->notes);
    if (work_pending(x->c->pool) >= PENDING_MAX) {
        loop_later(x->c->loop, &x->later);
        return;
    }
    x->is_running = true;
    timer_start(x->timer, STEP_MS);
    work_submit(x->c->pool, step_run, step_done, x);
}

void auth_cyrus_respond(struct auth_exchange *exchange, struct slice text)
{
    auth_cyrus_submit((struct auth_cyrus_exchange *)exchange, &text);
}

void auth_cyrus_exchange_init(struct auth_cyrus_exchange *x, struct auth_cyrus *c,
                              const struct auth_cyrus_side *side)
{
    x->c = c;
    x->side = side;
    x->next = c->exchanges;
    c->exchanges = x;
    x->timer = timer_new(c->loop, on_timeout, x);
    x->later = (struct later){.fn = on_later, .owner = x};
    strbuf_init(&x->input, SIZE_MAX / 4);
    strbuf_init(&x->text, SIZE_MAX / 4);
    strbuf_init(&x->notes, AUTH_REASON_MAX * 4);
}

void auth_cyrus_stop(struct auth_cyrus *c)
{
    while (c->exchanges)
        exchange_abandon(c->exchanges);
    if (c->pool)
        work_pool_drain(c->pool); /* it frees what its threads had */
    work_pool_free(c->pool);
}
