/*
 * Cyrus SASL. Its functions block (saslauthd, databases), so each step of an exchange is a job for
 * a thread, which owns the connection handle while it runs; the loop only hands work over and takes
 * results. A step that takes too long is given up: its thread finishes it for nobody.
 */
#include "base/xmem.h"
#include "base/text.h"
#include "io/work.h"
#include "sasl/auth_driver.h"

#include <pthread.h>
#include <sasl/sasl.h>
#include <sasl/saslutil.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, STEP_MS = 60 * 1000, PENDING_MAX = 1000, POLICIES = 1 << 6 };

struct cyrus {
    char *service, *hostname, *realm;
    struct loop *loop;
    struct work_pool *pool;
    sasl_callback_t callbacks[2];
    struct strbuf *problems;           /* while the library starts */
    struct argv *mechanisms[POLICIES]; /* by policy, once asked for */
    struct exchange *exchanges;        /* not cancelled */
};

struct exchange {
    struct auth_exchange base;
    struct cyrus *c;
    struct exchange *next;
    struct timer *timer;
    struct later later; /* there are too many */
    bool is_running, is_abandoned;

    /* the thread's, while it runs */
    sasl_conn_t *conn;
    sasl_callback_t callbacks[2];
    char *mechanism, *client, *server;
    unsigned policy;
    bool has_begun, has_input, has_challenge;
    struct strbuf input; /* base64 */
    int result;
    struct strbuf text, login, notes;
};

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

/* What the library says goes to *OUT; the more talkative levels do not. */
static int add_note(struct strbuf *out, int level, const char *text)
{
    if (out && text && (level == SASL_LOG_ERR || level == SASL_LOG_FAIL)) {
        strbuf_addf(out, "SASL authentication %s: ", level == SASL_LOG_ERR ? "problem" : "failure");
        text_add_printable(out, slice_of(text));
        strbuf_add_char(out, '\n');
    }
    return SASL_OK;
}

static int on_library_note(void *context, int level, const char *text)
{
    struct cyrus *c = context;
    return add_note(c->problems, level, text);
}

static int on_exchange_note(void *context, int level, const char *text)
{
    struct exchange *x = context;
    return add_note(&x->notes, level, text);
}

static void set_log(sasl_callback_t callbacks[2], int (*fn)(void *, int, const char *), void *ctx)
{
    callbacks[0] = (sasl_callback_t){SASL_CB_LOG, (int (*)(void))(void (*)(void))fn, ctx};
    callbacks[1] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
}

/* As Debian has it: beside main.cf first, then where Cyrus SASL itself looks. */
static bool set_config_path(const struct auth_settings *settings, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    if (settings->config_path[0])
        strbuf_set(&path, settings->config_path);
    else
        strbuf_setf(&path, "%s/sasl:/etc/sasl2:/etc/sasl:" CYRUS_LIBDIR "/sasl2:/usr/lib/sasl2",
                    settings->config_directory);
    if (sasl_set_path(SASL_PATH_TYPE_CONFIG, path.s) == SASL_OK)
        return true;
    return err_set(err, ERR_CONFIG, "failed to set Cyrus SASL configuration path: \"%s\"", path.s);
}

static void cyrus_close(void *impl);

static void *cyrus_open(struct auth_server *server, const struct auth_settings *settings,
                        struct strbuf *problems, struct err *err)
{
    (void)server;
    struct cyrus *c = xzalloc(sizeof *c);
    c->service = xstrdup(settings->service);
    c->hostname = xstrdup(settings->hostname);
    c->realm = settings->realm[0] ? xstrdup(settings->realm) : NULL;
    c->problems = problems;
    set_log(c->callbacks, on_library_note, c);
    sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
    int result = SASL_OK;
    bool good = set_config_path(settings, err);
    if (good && (result = sasl_server_init(c->callbacks, settings->path)) != SASL_OK)
        good = err_set(err, ERR_CONFIG, "SASL per-process initialization failed: %s",
                       sasl_errstring(result, NULL, NULL));
    c->problems = NULL;
    if (good)
        return c;
    cyrus_close(c);
    return NULL;
}

/* Threads of its own: one that hangs would hold up look-ups of names. */
static void cyrus_start(void *impl, struct loop *loop, struct work_pool *pool)
{
    (void)pool;
    struct cyrus *c = impl;
    c->loop = loop;
    c->pool = work_pool_new(loop, THREADS);
}

static bool cyrus_is_ready(const void *impl)
{
    (void)impl;
    return true; /* the library has loaded all there is */
}

static void cyrus_prepare(void *impl)
{
    (void)impl;
}

static void set_policy(sasl_conn_t *conn, unsigned policy)
{
    static const struct {
        unsigned policy, flag;
    } flags[] = {
        {AUTH_NO_PLAINTEXT, SASL_SEC_NOPLAINTEXT},   {AUTH_NO_ACTIVE, SASL_SEC_NOACTIVE},
        {AUTH_NO_DICTIONARY, SASL_SEC_NODICTIONARY}, {AUTH_NO_ANONYMOUS, SASL_SEC_NOANONYMOUS},
        {AUTH_MUTUAL, SASL_SEC_MUTUAL_AUTH},
    };
    sasl_security_properties_t properties = {.max_ssf = 0}; /* no layer of SASL's own */
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (policy & flags[i].policy)
            properties.security_flags |= flags[i].flag;
    sasl_setprop(conn, SASL_SEC_PROPS, &properties);
}

static int new_connection(struct cyrus *c, const char *server, const char *client, unsigned policy,
                          const sasl_callback_t *callbacks, sasl_conn_t **ret)
{
    int result =
        sasl_server_new(c->service, c->hostname, c->realm, server, client, callbacks, 0, ret);
    if (result == SASL_OK)
        set_policy(*ret, policy);
    return result;
}

static void list_mechanisms(struct cyrus *c, unsigned policy, struct argv *list)
{
    sasl_conn_t *conn = NULL;
    const char *text;
    unsigned length;
    int count;
    if (new_connection(c, NULL, NULL, policy, c->callbacks, &conn) == SASL_OK &&
        sasl_listmech(conn, NULL, "", " ", "", &text, &length, &count) == SASL_OK)
        argv_add_items(list, text);
    sasl_dispose(&conn);
}

static void cyrus_mechanisms(void *impl, unsigned policy, struct argv *ret)
{
    struct cyrus *c = impl;
    struct argv **list = &c->mechanisms[policy % POLICIES];
    if (!*list) {
        *list = xzalloc(sizeof **list);
        list_mechanisms(c, policy, *list);
    }
    for (size_t i = 0; i < (*list)->count; i++)
        argv_add(ret, (*list)->at[i]);
}

/* In the thread. A response that is no base64 is told as the library's own word for it. */
static bool decode(struct exchange *x, struct strbuf *out)
{
    unsigned length = 0;
    char *room = strbuf_room(out, x->input.len + 1);
    x->result = sasl_decode64(x->input.s, (unsigned)x->input.len, room, (unsigned)x->input.len + 1,
                              &length);
    if (x->result == SASL_OK)
        strbuf_grew(out, length);
    return x->result == SASL_OK;
}

static void get_login(struct exchange *x)
{
    const void *name = NULL;
    if (sasl_getprop(x->conn, SASL_USERNAME, &name) == SASL_OK && name)
        text_add_printable(&x->login, slice_of(name));
}

static void step_run(void *job)
{
    struct exchange *x = job;
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    const char *out = NULL;
    unsigned length = 0;
    if (!x->has_begun && (x->result = new_connection(x->c, x->server, x->client, x->policy,
                                                     x->callbacks, &x->conn)) != SASL_OK)
        return;
    if (x->has_input && !decode(x, &in))
        return;
    if (!x->has_begun)
        x->result = sasl_server_start(x->conn, x->mechanism, x->has_input ? in.s : NULL,
                                      (unsigned)in.len, &out, &length);
    else
        x->result = sasl_server_step(x->conn, in.s, (unsigned)in.len, &out, &length);
    explicit_bzero(in.s, in.len); /* a password may be in it */
    x->has_begun = true;
    x->has_challenge = x->result == SASL_CONTINUE;
    if (x->has_challenge)
        text_base64_encode((struct slice){out ? out : "", out ? length : 0}, &x->text);
    else
        get_login(x);
}

static void exchange_free(struct exchange *x)
{
    if (x->conn)
        sasl_dispose(&x->conn);
    timer_free(x->timer);
    loop_later_cancel(x->c->loop, &x->later);
    if (x->input.len)
        explicit_bzero(x->input.s, x->input.len);
    strbuf_done(&x->input);
    strbuf_done(&x->text);
    strbuf_done(&x->login);
    strbuf_done(&x->notes);
    free(x->mechanism);
    free(x->client);
    free(x->server);
    free(x);
}

/* Nobody waits for it any more. The thread that works on it has it still. */
static void exchange_abandon(struct exchange *x)
{
    struct exchange **at = &x->c->exchanges;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->is_abandoned = true;
    timer_stop(x->timer);
    if (!x->is_running)
        exchange_free(x);
}

static bool is_temporary(int result)
{
    return result == SASL_FAIL || result == SASL_NOMEM || result == SASL_TRYAGAIN ||
           result == SASL_UNAVAIL || result == SASL_NOTINIT || result == SASL_CONFIGERR;
}

static void deliver(struct exchange *x)
{
    struct auth_step step = {.status = AUTH_OK, .text = "", .notes = x->notes.s};
    if (x->result == SASL_OK && x->login.len > 0 && x->login.len <= AUTH_LOGIN_MAX) {
        step.login = x->login.s;
    } else if (x->result == SASL_OK) {
        step = (struct auth_step){AUTH_FAILED, "cannot look up the authenticated SASL username",
                                  NULL, x->notes.s};
    } else {
        /* who does not exist is nobody's business */
        int result = x->result == SASL_NOUSER ? SASL_BADAUTH : x->result;
        step.status = is_temporary(x->result) ? AUTH_BROKEN : AUTH_FAILED;
        step.text = sasl_errstring(result, NULL, NULL);
        step.login = x->login.len ? x->login.s : NULL;
    }
    auth_fn fn = x->base.fn;
    void *owner = x->base.owner;
    x->is_running = true; /* the texts are its own: it goes after they were used */
    exchange_abandon(x);
    fn(owner, &step);
    exchange_free(x);
}

static void step_done(void *job)
{
    struct exchange *x = job;
    x->is_running = false;
    timer_stop(x->timer);
    if (x->is_abandoned) {
        exchange_free(x);
    } else if (x->has_challenge) {
        struct auth_step step = {AUTH_MORE, x->text.s, NULL, x->notes.s};
        x->base.fn(x->base.owner, &step);
    } else {
        deliver(x);
    }
}

static void answer_broken(struct exchange *x, const char *why)
{
    struct auth_step step = {AUTH_BROKEN, why, NULL, ""};
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

static void submit(struct exchange *x)
{
    strbuf_reset(&x->text);
    strbuf_reset(&x->notes);
    x->has_challenge = false;
    if (work_pending(x->c->pool) >= PENDING_MAX) {
        loop_later(x->c->loop, &x->later);
        return;
    }
    x->is_running = true;
    timer_start(x->timer, STEP_MS);
    work_submit(x->c->pool, step_run, step_done, x);
}

/* "192.0.2.1;25", as Cyrus SASL wants it; NULL: not known. */
static char *endpoint(const char *address, uint16_t port)
{
    if (!address || !strpbrk(address, ".:") || port == 0)
        return NULL;
    return xasprintf("%s;%u", address, port);
}

static struct auth_exchange *cyrus_begin(void *impl, const struct auth_peer *peer, unsigned policy,
                                         const char *mechanism, const struct slice *initial)
{
    struct cyrus *c = impl;
    struct exchange *x = xzalloc(sizeof *x);
    x->c = c;
    x->next = c->exchanges;
    c->exchanges = x;
    x->timer = timer_new(c->loop, on_timeout, x);
    x->later = (struct later){.fn = on_later, .owner = x};
    set_log(x->callbacks, on_exchange_note, x);
    x->mechanism = xstrdup(mechanism);
    x->client = endpoint(peer->client_address, peer->client_port);
    x->server = endpoint(peer->server_address, peer->server_port);
    x->policy = policy;
    strbuf_init(&x->input, SIZE_MAX / 4);
    strbuf_init(&x->text, SIZE_MAX / 4);
    strbuf_init(&x->login, SIZE_MAX / 4);
    strbuf_init(&x->notes, AUTH_REASON_MAX * 4);
    x->has_input = initial != NULL;
    if (initial)
        strbuf_set_slice(&x->input, *initial);
    submit(x);
    return &x->base;
}

static void cyrus_respond(struct auth_exchange *exchange, struct slice response)
{
    struct exchange *x = (struct exchange *)exchange;
    if (x->input.len)
        explicit_bzero(x->input.s, x->input.len);
    strbuf_set_slice(&x->input, response);
    x->has_input = true;
    submit(x);
}

static void cyrus_cancel(struct auth_exchange *exchange)
{
    exchange_abandon((struct exchange *)exchange);
}

static void cyrus_close(void *impl)
{
    struct cyrus *c = impl;
    while (c->exchanges)
        exchange_abandon(c->exchanges);
    if (c->pool)
        work_pool_drain(c->pool); /* it frees what its threads had */
    work_pool_free(c->pool);
    for (size_t i = 0; i < POLICIES; i++) {
        if (c->mechanisms[i])
            argv_done(c->mechanisms[i]);
        free(c->mechanisms[i]);
    }
    sasl_server_done();
    free(c->service);
    free(c->hostname);
    free(c->realm);
    free(c);
}

/* It knows no property of forward secrecy. */
const struct auth_driver auth_cyrus_driver = {
    .name = "cyrus",
    .policies =
        AUTH_NO_PLAINTEXT | AUTH_NO_ACTIVE | AUTH_NO_DICTIONARY | AUTH_NO_ANONYMOUS | AUTH_MUTUAL,
    .open = cyrus_open,
    .start = cyrus_start,
    .close = cyrus_close,
    .is_ready = cyrus_is_ready,
    .prepare = cyrus_prepare,
    .mechanisms = cyrus_mechanisms,
    .begin = cyrus_begin,
    .respond = cyrus_respond,
    .cancel = cyrus_cancel,
};
