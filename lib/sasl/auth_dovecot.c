/*
 * Dovecot's authentication server, over one connection for all sessions of the process. Requests
 * carry numbers, answers come in any order; a connection that is lost is made again when somebody
 * asks next.
 */
#include "base/clock.h"
#include "base/xmem.h"
#include "io/connect.h"
#include "io/stream.h"
#include "map/map_outage.h"
#include "sasl/auth_dovecot_lines.h"
#include "sasl/auth_driver.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <uthash.h>

/* The server answers a wrong password only after a pause, which grows to 17 s for clients that go
 * on guessing. REST_MS: how long one that does not answer is left alone. */
enum { CONNECT_MS = 10 * 1000, ANSWER_MS = 20 * 1000, REST_MS = 1000 };

#define CONNECTION_LOST "Connection lost to authentication server"
#define BACKEND_ERROR   "Authentication backend error"

struct dovecot {
    struct auth_server *server;
    char *path, *endpoint;   /* as configured; as lib/io wants it */
    struct work_pool *pool;  /* looks up the name of its host */
    struct connect *connect; /* NULL: not under way */
    char *service;
    struct loop *loop;
    struct stream *stream;
    struct auth_dovecot_hello hello;
    struct map_outage outage;
    struct later later; /* the outage is still on: say so */
    struct exchange *exchanges;
    uint32_t last_id;
    unsigned generation; /* of the connection */
    int64_t heard_ms;    /* when something came */
};

enum wait { FOR_CONNECTION, FOR_SERVER, FOR_CLIENT, FOR_LATER };

struct exchange {
    struct auth_exchange base;
    struct dovecot *d;
    uint32_t id;
    enum wait waits;
    unsigned generation;
    struct strbuf request; /* until there is a connection: the line without AUTH and the number */
    char *mechanism;
    unsigned policy;
    struct timer *timer;
    int64_t asked_ms; /* when the server was asked */
    struct later later;
    enum auth_status status; /* of what is told later */
    const char *text;
    UT_hash_handle hh;
};

static void exchange_free(struct exchange *x)
{
    HASH_DEL(x->d->exchanges, x);
    timer_free(x->timer);
    loop_later_cancel(x->d->loop, &x->later);
    strbuf_done(&x->request);
    free(x->mechanism);
    free(x);
}

/* The last answer; X is gone afterwards. */
static void finish(struct exchange *x, const struct auth_step *step)
{
    auth_fn fn = x->base.fn;
    void *owner = x->base.owner;
    exchange_free(x);
    fn(owner, step);
}

static void finish_text(struct exchange *x, enum auth_status status, const char *text,
                        const char *notes)
{
    struct auth_step step = {.status = status, .text = text, .notes = notes};
    finish(x, &step);
}

static void on_later(void *owner)
{
    struct exchange *x = owner;
    finish_text(x, x->status, x->text, "");
}

static void finish_later(struct exchange *x, enum auth_status status, const char *text)
{
    x->waits = FOR_LATER;
    x->status = status;
    x->text = text;
    loop_later(x->d->loop, &x->later);
}

static struct exchange *waiting_of(struct dovecot *d, unsigned generation)
{
    for (struct exchange *x = d->exchanges; x; x = x->hh.next)
        if (x->generation == generation && (x->waits == FOR_CONNECTION || x->waits == FOR_SERVER))
            return x;
    return NULL;
}

/* No connection, or not any more. Those that wait for their client learn it when it answers. */
static void connection_fail(struct dovecot *d, const struct err *err)
{
    struct err why = *err;
    unsigned generation = d->generation++;
    stream_free(d->stream);
    d->stream = NULL;
    d->hello = (struct auth_dovecot_hello){0};
    for (struct exchange *x; (x = waiting_of(d, generation));)
        finish_text(x, AUTH_BROKEN, CONNECTION_LOST, x->waits == FOR_SERVER ? "" : why.reason);
    auth_server_is_ready(d->server, &why);
}

/* It does not answer: do not let everybody wait for it anew. */
static void connection_hangs(struct dovecot *d, struct err *err)
{
    map_outage_begin(&d->outage, REST_MS, err);
    connection_fail(d, err);
}

static void on_timeout(void *owner)
{
    struct exchange *x = owner;
    struct dovecot *d = x->d;
    struct err err = ERR_INIT;
    if (d->heard_ms > x->asked_ms) { /* others are answered */
        finish_text(x, AUTH_BROKEN, CONNECTION_LOST, "");
        return;
    }
    err_set(&err, ERR_TEMP, "SASL: no answer from the authentication server");
    connection_hangs(d, &err);
}

static const struct auth_dovecot_mech *find_mechanism(const struct dovecot *d, const char *name)
{
    for (size_t i = 0; i < d->hello.count; i++)
        if (strcasecmp(d->hello.mechs[i].name, name) == 0)
            return &d->hello.mechs[i];
    return NULL;
}

static void expect_answer(struct exchange *x)
{
    x->waits = FOR_SERVER;
    x->asked_ms = clock_now_ms();
    timer_start(x->timer, ANSWER_MS);
}

/* There is a connection: the mechanisms are known. */
static void send_request(struct exchange *x)
{
    struct dovecot *d = x->d;
    const struct auth_dovecot_mech *mech = find_mechanism(d, x->mechanism);
    if (!mech || !auth_dovecot_mech_fits(mech, x->policy)) {
        finish_later(x, AUTH_FAILED, "Invalid authentication mechanism");
        return;
    }
    stream_printf(d->stream, "AUTH\t%u\t%s", (unsigned)x->id, mech->name);
    stream_write(d->stream, strbuf_slice(&x->request));
    stream_write_str(d->stream, "\n");
    strbuf_done(&x->request);
    expect_answer(x);
}

static void greeting_is_over(struct dovecot *d)
{
    stream_deadline(d->stream, 0);
    map_outage_end(&d->outage);
    struct exchange *x, *next;
    HASH_ITER (hh, d->exchanges, x, next)
        if (x->waits == FOR_CONNECTION)
            send_request(x);
    auth_server_is_ready(d->server, NULL);
}

static void take_failure(struct exchange *x, const struct auth_dovecot_answer *answer)
{
    CLEANUP(strbuf_done) struct strbuf reason = STRBUF_ANY, user = STRBUF_ANY, notes = STRBUF_ANY;
    auth_dovecot_text(answer->reason, AUTH_REASON_MAX, &reason);
    auth_dovecot_text(answer->user, AUTH_LOGIN_MAX, &user);
    if (answer->code.len) { /* "user_disabled": for the administrator, not for the client */
        strbuf_add_str(&notes, "SASL authentication failure: ");
        auth_dovecot_text(answer->code, AUTH_REASON_MAX, &notes);
    }
    struct auth_step step = {
        .status = answer->is_temporary ? AUTH_BROKEN : AUTH_FAILED,
        .text = reason.len ? reason.s : "(reason unavailable)",
        .login = answer->user.s ? user.s : NULL,
        .notes = notes.s,
    };
    finish(x, &step);
}

/* A login that had to be cut, or of no bytes, is nobody's. */
static void take_success(struct exchange *x, const struct auth_dovecot_answer *answer)
{
    CLEANUP(strbuf_done) struct strbuf user = STRBUF_ANY;
    bool fits = auth_dovecot_text(answer->user, AUTH_LOGIN_MAX, &user);
    struct auth_step step = {.status = AUTH_OK, .text = "", .login = user.s, .notes = ""};
    if (!fits || user.len == 0)
        step = (struct auth_step){
            .status = AUTH_FAILED,
            .text = BACKEND_ERROR,
            .notes = fits ? "missing Dovecot server OK username field"
                          : "too long a Dovecot server OK username field",
        };
    finish(x, &step);
}

static void take_challenge(struct exchange *x, const struct auth_dovecot_answer *answer)
{
    struct auth_step step = {.status = AUTH_FAILED, .text = BACKEND_ERROR, .notes = ""};
    if (!answer->challenge.s)
        step.notes = "missing Dovecot server CONT reply field";
    else if (!auth_is_base64(answer->challenge))
        step.notes = "bad Dovecot server CONT reply field";
    if (step.notes[0]) {
        finish(x, &step);
        return;
    }
    timer_stop(x->timer);
    x->waits = FOR_CLIENT;
    CLEANUP(xfree_ptr) char *challenge = slice_dup(answer->challenge);
    step = (struct auth_step){.status = AUTH_MORE, .text = challenge, .notes = ""};
    x->base.fn(x->base.owner, &step);
}

static void take_answer(struct dovecot *d, struct slice line)
{
    struct auth_dovecot_answer answer;
    struct exchange *x;
    if (!auth_dovecot_answer_parse(line, &answer) || answer.verb == AUTH_DOVECOT_OTHER)
        return;
    HASH_FIND(hh, d->exchanges, &answer.id, sizeof answer.id, x);
    if (!x || x->waits != FOR_SERVER)
        return; /* of one that was given up */
    if (answer.verb == AUTH_DOVECOT_CONT)
        take_challenge(x, &answer);
    else if (answer.verb == AUTH_DOVECOT_OK)
        take_success(x, &answer);
    else
        take_failure(x, &answer);
}

/* False: the connection is gone. */
static bool take_line(struct dovecot *d, struct slice line)
{
    struct err err = ERR_INIT;
    if (d->hello.is_done) {
        take_answer(d, line);
        return true;
    }
    if (!auth_dovecot_hello_line(&d->hello, line, &err)) {
        connection_fail(d, &err);
        return false;
    }
    if (d->hello.is_done)
        greeting_is_over(d);
    return true;
}

static void on_input(void *owner, struct stream *stream)
{
    struct dovecot *d = owner;
    d->heard_ms = clock_now_ms();
    for (;;) {
        struct slice in = stream_input(stream);
        size_t lf = slice_find(in, '\n');
        if (lf == SIZE_MAX) {
            struct err err = ERR_INIT;
            if (in.len < AUTH_DOVECOT_LINE_MAX)
                return;
            err_set(&err, ERR_TEMP, "SASL: too long a line from the authentication server");
            connection_fail(d, &err);
            return;
        }
        CLEANUP(xfree_ptr) char *line = slice_dup(slice_first(in, lf));
        stream_consume(stream, lf + 1);
        if (!take_line(d, (struct slice){line, lf}))
            return;
    }
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    struct dovecot *d = owner;
    struct err why = ERR_INIT;
    err_set(&why, ERR_TEMP, "SASL: " CONNECTION_LOST);
    connection_fail(d, &why);
}

/* Connected, and no greeting comes. */
static void on_silence(void *owner, struct stream *stream)
{
    (void)stream;
    struct dovecot *d = owner;
    struct err err = ERR_INIT;
    err_set(&err, ERR_TEMP, "SASL: no greeting from the authentication server");
    connection_hangs(d, &err);
}

static const struct stream_events dovecot_events = {on_input, on_closed, on_silence, NULL};

static void on_connected(void *owner, int fd, const struct err *err)
{
    struct dovecot *d = owner;
    d->connect = NULL;
    if (fd < 0) {
        struct err why = ERR_INIT;
        err_set(&why, ERR_TEMP, "SASL: Connect to Dovecot auth socket '%s' failed: %s", d->path,
                err->reason);
        connection_fail(d, &why);
        return;
    }
    d->stream = stream_new(d->loop, fd, &dovecot_events, d);
    stream_deadline(d->stream, CONNECT_MS);
    stream_printf(d->stream, "VERSION\t1\t2\nCPID\t%ld\n", (long)getpid());
}

static void dovecot_prepare(void *impl);

static void on_outage(void *owner)
{
    struct dovecot *d = owner;
    struct err err = ERR_INIT;
    if (map_outage_holds(&d->outage, &err))
        connection_fail(d, &err);
    else
        dovecot_prepare(d);
}

static void dovecot_prepare(void *impl)
{
    struct dovecot *d = impl;
    struct err err = ERR_INIT;
    if (d->stream || d->connect)
        return; /* the greeting is on its way */
    if (map_outage_holds(&d->outage, &err))
        loop_later(d->loop, &d->later);
    else
        d->connect = connect_start(d->loop, d->pool, d->endpoint, CONNECT_MS, on_connected, d);
}

static void dovecot_close(void *impl);

static void *dovecot_open(struct auth_server *server, const struct auth_settings *settings,
                          struct strbuf *problems, struct err *err)
{
    (void)problems;
    struct dovecot *d = xzalloc(sizeof *d);
    d->server = server;
    d->service = xstrdup(settings->service);
    d->path = xstrdup(settings->path);
    bool has_type =
        slice_starts(slice_of(d->path), "inet:") || slice_starts(slice_of(d->path), "unix:");
    d->endpoint = xasprintf("%s%s", has_type ? "" : "unix:", d->path);
    if (connect_check(d->endpoint, err))
        return d;
    dovecot_close(d);
    return NULL;
}

static void dovecot_start(void *impl, struct loop *loop, struct work_pool *pool)
{
    struct dovecot *d = impl;
    d->loop = loop;
    d->pool = pool;
    d->later = (struct later){.fn = on_outage, .owner = d};
}

static void dovecot_close(void *impl)
{
    struct dovecot *d = impl;
    while (d->exchanges)
        exchange_free(d->exchanges);
    if (d->loop)
        loop_later_cancel(d->loop, &d->later);
    connect_cancel(d->connect);
    stream_free(d->stream);
    free(d->service);
    free(d->path);
    free(d->endpoint);
    free(d);
}

static bool dovecot_is_ready(const void *impl)
{
    return ((const struct dovecot *)impl)->hello.is_done;
}

static void dovecot_mechanisms(void *impl, unsigned policy, struct argv *ret)
{
    struct dovecot *d = impl;
    for (size_t i = 0; i < d->hello.count; i++)
        if (auth_dovecot_mech_fits(&d->hello.mechs[i], policy))
            argv_add(ret, d->hello.mechs[i].name);
}

static void add_port(struct strbuf *out, const char *name, uint16_t port)
{
    if (port)
        strbuf_addf(out, "\t%s=%u", name, port);
}

/* What does not look like an address (XCLIENT knows "unknown") the server would refuse. */
static void add_address(struct strbuf *out, const char *name, const char *address)
{
    if (address && strpbrk(address, ".:"))
        auth_dovecot_add_field(out, name, address);
}

/* resp= has to be the last one. */
static void make_request(struct exchange *x, const struct auth_peer *peer,
                         const struct slice *initial)
{
    struct strbuf *out = &x->request;
    strbuf_init(out, SIZE_MAX / 4);
    auth_dovecot_add_field(out, "service", x->d->service);
    strbuf_add_str(out, "\tnologin");
    add_address(out, "lip", peer->server_address);
    add_address(out, "rip", peer->client_address);
    add_port(out, "lport", peer->server_port);
    add_port(out, "rport", peer->client_port);
    if (peer->is_encrypted)
        strbuf_add_str(out, "\tsecured");
    if (initial) {
        strbuf_add_str(out, "\tresp=");
        strbuf_add_slice(out, *initial);
    }
}

static struct auth_exchange *dovecot_begin(void *impl, const struct auth_peer *peer,
                                           unsigned policy, const char *mechanism,
                                           const struct slice *initial)
{
    struct dovecot *d = impl;
    struct exchange *x = xzalloc(sizeof *x);
    x->d = d;
    x->id = ++d->last_id;
    x->policy = policy;
    x->mechanism = xstrdup(mechanism);
    x->generation = d->generation;
    x->timer = timer_new(d->loop, on_timeout, x);
    x->later = (struct later){.fn = on_later, .owner = x};
    make_request(x, peer, initial);
    HASH_ADD(hh, d->exchanges, id, sizeof x->id, x);
    if (initial && !auth_is_base64(*initial)) {
        finish_later(x, AUTH_FAILED, "Invalid base64 data in initial response");
    } else if (d->hello.is_done) {
        send_request(x);
    } else {
        x->waits = FOR_CONNECTION;
        dovecot_prepare(d);
    }
    return &x->base;
}

static void dovecot_respond(struct auth_exchange *exchange, struct slice response)
{
    struct exchange *x = (struct exchange *)exchange;
    struct dovecot *d = x->d;
    if (!auth_is_base64(response)) {
        finish_later(x, AUTH_FAILED, "Invalid base64 data in continued response");
    } else if (x->generation != d->generation || !d->hello.is_done) {
        finish_later(x, AUTH_BROKEN, CONNECTION_LOST);
    } else {
        stream_printf(d->stream, "CONT\t%u\t", (unsigned)x->id);
        stream_write(d->stream, response);
        stream_write_str(d->stream, "\n");
        expect_answer(x);
    }
}

static void dovecot_cancel(struct auth_exchange *exchange)
{
    exchange_free((struct exchange *)exchange);
}

const struct auth_driver auth_dovecot_driver = {
    .name = "dovecot",
    .policies = AUTH_NO_PLAINTEXT | AUTH_NO_ACTIVE | AUTH_NO_DICTIONARY | AUTH_NO_ANONYMOUS |
                AUTH_FORWARD_SECRECY | AUTH_MUTUAL,
    .open = dovecot_open,
    .start = dovecot_start,
    .close = dovecot_close,
    .is_ready = dovecot_is_ready,
    .prepare = dovecot_prepare,
    .mechanisms = dovecot_mechanisms,
    .begin = dovecot_begin,
    .respond = dovecot_respond,
    .cancel = dovecot_cancel,
};
