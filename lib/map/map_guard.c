/* map_guard: see the header. */
#include "map/map_guard.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "map/map_suspect.h"

#include <pthread.h>
#include <signal.h>

enum {
    SLOW_MS = 1000,   /* a failure that took this long may be a hanging server's */
    SUSPECT_MS = 250, /* what a table under suspicion is waited for */
    /* where others wait: so many times its slowest answer of late, and at least so long */
    PATIENCE_FACTOR = 20,
    PATIENCE_MIN_MS = 1000,
    FORGET = 16, /* each answer takes this part off the slowest one */
    TIDY_MS = 10 * 1000,
    GRACE_MS = 500, /* so that the driver's own time limit speaks first: it knows more */
};

enum state {
    STATE_IDLE,
    STATE_ASKED,    /* the thread is to do, or is doing, what ASK says */
    STATE_ANSWERED, /* the answer waits for the caller */
};

enum operation { OP_FIND, OP_PUT, OP_REMOVE, OP_NEXT };

/* What the caller and the thread share. */
struct shared {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map *inner;
    enum state state;
    bool is_abandoned; /* nobody waits for what is being done */
    bool is_closed;    /* the caller is gone */
    bool has_thread;
    bool is_orphan; /* the thread frees this: its caller could not wait for it */
    pthread_t thread;
    bool is_suspect;
    bool has_answered;
    int64_t slowest_ms; /* of its answers, the older the less */
    enum operation op;
    bool first; /* of OP_NEXT */
    struct strbuf key, value;
    struct err err;
    enum map_status status;
};

struct map_guard {
    struct map map;
    struct shared *shared;
    int64_t limit_ms;
    bool has_told; /* that no answer comes */
};

static void shared_free(struct shared *s)
{
    map_close(s->inner);
    strbuf_done(&s->key);
    strbuf_done(&s->value);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct timespec time_in_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* --- the thread ----------------------------------------------------------------------------- */

static enum map_status perform(struct shared *s)
{
    switch (s->op) {
    case OP_FIND:
        return map_find(s->inner, s->key.s, &s->value, &s->err);
    case OP_PUT:
        return map_put(s->inner, s->key.s, s->value.s, &s->err) ? MAP_FOUND : MAP_FAILED;
    case OP_REMOVE:
        return map_remove(s->inner, s->key.s, &s->err);
    case OP_NEXT:
        return s->inner->next(s->inner, s->first, &s->key, &s->value, &s->err);
    }
    return MAP_FAILED;
}

/* With the lock: wait for a question; in between, close connections that are idle. That does not
 * wait for anybody (a farewell to a server is not answered), so the lock is kept. */
static void wait_for_work(struct shared *s, bool *may_tidy)
{
    struct timespec until = time_in_ms(TIDY_MS);
    if (!*may_tidy)
        pthread_cond_wait(&s->changed, &s->lock);
    else if (pthread_cond_timedwait(&s->changed, &s->lock, &until) != 0 && s->state == STATE_IDLE)
        *may_tidy = s->inner->tidy(s->inner);
}

/* With the lock: it answers, late or not. */
static void note_answer(struct shared *s, int64_t took_ms)
{
    s->is_suspect = false;
    s->has_answered = true;
    s->slowest_ms = MAX(took_ms, s->slowest_ms - s->slowest_ms / FORGET);
    map_suspect_clear(s->inner);
}

static void *guard_thread(void *ctx)
{
    struct shared *s = ctx;
    bool may_tidy = false;
    pthread_mutex_lock(&s->lock);
    while (!s->is_closed) {
        if (s->state != STATE_ASKED) {
            wait_for_work(s, &may_tidy);
            continue;
        }
        may_tidy = s->inner->tidy != NULL;
        pthread_mutex_unlock(&s->lock);
        int64_t begin_ms = clock_now_ms();
        enum map_status status = perform(s); /* the caller keeps off key, value and err meanwhile */
        pthread_mutex_lock(&s->lock);
        s->status = status;
        if (status != MAP_FAILED)
            note_answer(s, clock_now_ms() - begin_ms);
        s->state = s->is_abandoned ? STATE_IDLE : STATE_ANSWERED;
        s->is_abandoned = false;
        pthread_cond_broadcast(&s->changed);
    }
    bool is_orphan = s->is_orphan;
    pthread_mutex_unlock(&s->lock);
    if (is_orphan)
        shared_free(s);
    return NULL;
}

static bool start_thread(struct shared *s, struct err *err)
{
    sigset_t all, old;
    sigfillset(&all); /* signals belong to the program's own thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&s->thread, NULL, guard_thread, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return err_set(err, ERR_TEMP, "cannot start a thread: %s", strerror(error));
    s->has_thread = true;
    return true;
}

/* --- the caller ----------------------------------------------------------------------------- */

/* With the lock: wait for the answer, at most MS. */
static bool wait_for_answer(struct shared *s, int64_t ms)
{
    struct timespec until = time_in_ms(ms);
    while (s->state != STATE_ANSWERED)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) != 0)
            return s->state == STATE_ANSWERED;
    return true;
}

static void overdue(struct map_guard *guard, const char *text, struct err *err)
{
    err_set(err, ERR_TEMP, "%s", text);
    if (err)
        err->is_repeated = guard->has_told;
    guard->has_told = true;
}

/* What the inner table had to say, through the outer one. */
static void take_warnings(struct map_guard *guard, struct map *inner)
{
    struct slice text = slice_of(map_warnings(inner)), line;
    while (slice_next_line(&text, &line))
        map_warn(&guard->map, "%.*s", SLICE_ARG(line));
    map_warnings_clear(inner);
}

/* How long the caller waits. */
static int64_t patience_ms(const struct map_guard *guard)
{
    const struct shared *s = guard->shared;
    bool (*others_wait)(void) = map_get_options()->others_wait;
    if (s->is_suspect || map_suspect_has(s->inner))
        return SUSPECT_MS;
    int64_t limit_ms = guard->limit_ms + GRACE_MS;
    if (!s->has_answered || !others_wait || !others_wait())
        return limit_ms;
    return MIN(limit_ms, MAX(PATIENCE_FACTOR * s->slowest_ms, (int64_t)PATIENCE_MIN_MS));
}

static void suspect(struct shared *s)
{
    s->is_suspect = true;
    map_suspect_add(s->inner);
}

/* With the lock: hand the question over and wait. */
static enum map_status ask_locked(struct map_guard *guard, struct err *err)
{
    struct shared *s = guard->shared;
    int64_t limit_ms = patience_ms(guard);
    int64_t begin_ms = clock_now_ms();
    s->err = (struct err)ERR_INIT;
    s->state = STATE_ASKED;
    pthread_cond_broadcast(&s->changed);
    if (!wait_for_answer(s, limit_ms)) {
        s->is_abandoned = true;
        suspect(s);
        overdue(guard, "no answer in time", err);
        return MAP_FAILED;
    }
    s->state = STATE_IDLE;
    take_warnings(guard, s->inner);
    if (s->status == MAP_FAILED) {
        if (clock_now_ms() - begin_ms >= SLOW_MS) {
            suspect(s);
            guard->has_told = true;
        }
        if (err)
            *err = s->err;
    } else {
        guard->has_told = false;
    }
    return s->status;
}

static enum map_status guard_ask(struct map *map, enum operation op, const char *key,
                                 const char *value, struct strbuf *ret_key,
                                 struct strbuf *ret_value, struct err *err)
{
    struct map_guard *guard = CONTAINER_OF(map, struct map_guard, map);
    struct shared *s = guard->shared;
    enum map_status status = MAP_FAILED;
    pthread_mutex_lock(&s->lock);
    if (s->state != STATE_IDLE) {
        overdue(guard, "an earlier look-up still gets no answer", err);
    } else if (s->has_thread || start_thread(s, err)) {
        s->op = op;
        strbuf_set(&s->key, key ? key : "");
        strbuf_set(&s->value, value ? value : "");
        s->first = op == OP_NEXT && !key;
        status = ask_locked(guard, err);
        if (status == MAP_FOUND && ret_key)
            strbuf_set_slice(ret_key, strbuf_slice(&s->key));
        if (status == MAP_FOUND && ret_value)
            strbuf_set_slice(ret_value, strbuf_slice(&s->value));
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

static enum map_status guard_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    return guard_ask(map, OP_FIND, key, NULL, NULL, value, err);
}

static bool guard_put(struct map *map, const char *key, const char *value, struct err *err)
{
    return guard_ask(map, OP_PUT, key, value, NULL, NULL, err) == MAP_FOUND;
}

static enum map_status guard_remove(struct map *map, const char *key, struct err *err)
{
    return guard_ask(map, OP_REMOVE, key, NULL, NULL, NULL, err);
}

static enum map_status guard_next(struct map *map, bool first, struct strbuf *key,
                                  struct strbuf *value, struct err *err)
{
    return guard_ask(map, OP_NEXT, first ? NULL : "", NULL, key, value, err);
}

/* A thread that hangs cannot be waited for. */
static void guard_close(struct map *map)
{
    struct shared *s = CONTAINER_OF(map, struct map_guard, map)->shared;
    pthread_mutex_lock(&s->lock);
    s->is_closed = true;
    s->is_orphan = s->state != STATE_IDLE;
    bool is_orphan = s->is_orphan;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (is_orphan) {
        pthread_detach(s->thread);
        return;
    }
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    shared_free(s);
}

struct map *map_guard_new(struct map *inner, int64_t limit_ms)
{
    struct map_guard *guard = map_alloc(sizeof *guard);
    struct shared *s = guard->shared = xzalloc(sizeof *s);
    pthread_condattr_t monotonic;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    strbuf_init(&s->key, SIZE_MAX / 4);
    strbuf_init(&s->value, SIZE_MAX / 4);
    s->inner = inner;
    guard->limit_ms = limit_ms;
    guard->map.is_pattern = inner->is_pattern;
    guard->map.find = guard_find;
    guard->map.put = inner->put ? guard_put : NULL;
    guard->map.remove = inner->remove ? guard_remove : NULL;
    guard->map.next = inner->next ? guard_next : NULL;
    guard->map.close = guard_close;
    strbuf_add_str(&guard->map.warnings, map_warnings(inner)); /* they have been told already */
    map_warnings_clear(inner);
    return &guard->map;
}
