/* Cyrus SASL, the server's side. */
#include "base/text.h"
#include "base/xmem.h"
#include "sasl/auth_cyrus_exchange.h"

#include <stdlib.h>
#include <string.h>

enum { POLICIES = 1 << 6 };

struct cyrus {
    struct auth_cyrus shared;
    char *service, *hostname, *realm;
    sasl_callback_t callbacks[2];
    struct strbuf *problems;           /* while the library starts */
    struct argv *mechanisms[POLICIES]; /* by policy, once asked for */
};

struct exchange {
    struct auth_cyrus_exchange x;

    /* the thread's, while it runs */
    sasl_callback_t callbacks[2];
    char *mechanism, *client, *server;
    unsigned policy;
    bool has_begun, has_challenge;
    struct strbuf login;
};

static int on_library_note(void *context, int level, const char *text)
{
    struct cyrus *c = context;
    return auth_cyrus_add_note(c->problems, level, text);
}

static void set_log(sasl_callback_t callbacks[2], int (*fn)(void *, int, const char *), void *ctx)
{
    auth_cyrus_set_log(&callbacks[0], fn, ctx);
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
    auth_cyrus_prepare();
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

static void cyrus_start(void *impl, struct loop *loop, struct work_pool *pool)
{
    (void)pool;
    struct cyrus *c = impl;
    auth_cyrus_start(&c->shared, loop);
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

static int new_connection(struct cyrus *c, const char *server, const char *client, unsigned policy,
                          const sasl_callback_t *callbacks, sasl_conn_t **ret)
{
    int result =
        sasl_server_new(c->service, c->hostname, c->realm, server, client, callbacks, 0, ret);
    if (result == SASL_OK)
        auth_cyrus_set_policy(*ret, policy);
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

static void get_login(struct exchange *e)
{
    const void *name = NULL;
    if (sasl_getprop(e->x.conn, SASL_USERNAME, &name) == SASL_OK && name)
        text_add_printable(&e->login, slice_of(name));
}

static void exchange_run(struct auth_cyrus_exchange *x)
{
    struct exchange *e = (struct exchange *)x;
    struct cyrus *c = (struct cyrus *)x->c;
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    const char *out = NULL;
    unsigned length = 0;
    e->has_challenge = false;
    if (!e->has_begun && (x->result = new_connection(c, e->server, e->client, e->policy,
                                                     e->callbacks, &x->conn)) != SASL_OK)
        return;
    if (x->has_input && !auth_cyrus_decode(x, &in))
        return;
    if (!e->has_begun)
        x->result = sasl_server_start(x->conn, e->mechanism, x->has_input ? in.s : NULL,
                                      (unsigned)in.len, &out, &length);
    else
        x->result = sasl_server_step(x->conn, in.s, (unsigned)in.len, &out, &length);
    explicit_bzero(in.s, in.len); /* a password may be in it */
    e->has_begun = true;
    e->has_challenge = x->result == SASL_CONTINUE;
    if (e->has_challenge)
        text_base64_encode((struct slice){out ? out : "", out ? length : 0}, &x->text);
    else
        get_login(e);
}

static bool is_temporary(int result)
{
    return result == SASL_FAIL || result == SASL_NOMEM || result == SASL_TRYAGAIN ||
           result == SASL_UNAVAIL || result == SASL_NOTINIT || result == SASL_CONFIGERR;
}

static void exchange_deliver(struct auth_cyrus_exchange *x)
{
    struct exchange *e = (struct exchange *)x;
    struct auth_step step = {.status = AUTH_OK, .text = "", .notes = x->notes.s};
    if (e->has_challenge) {
        step.status = AUTH_MORE;
        step.text = x->text.s;
        auth_cyrus_tell_more(x, &step);
        return;
    }
    if (x->result == SASL_OK && e->login.len > 0 && e->login.len <= AUTH_LOGIN_MAX) {
        step.login = e->login.s;
    } else if (x->result == SASL_OK) {
        step.status = AUTH_FAILED;
        step.text = "cannot look up the authenticated SASL username";
    } else {
        /* who does not exist is nobody's business */
        int result = x->result == SASL_NOUSER ? SASL_BADAUTH : x->result;
        step.status = is_temporary(x->result) ? AUTH_BROKEN : AUTH_FAILED;
        step.text = sasl_errstring(result, NULL, NULL);
        step.login = e->login.len ? e->login.s : NULL;
    }
    auth_cyrus_tell_end(x, &step);
}

static void exchange_free(struct auth_cyrus_exchange *x)
{
    struct exchange *e = (struct exchange *)x;
    strbuf_done(&e->login);
    free(e->mechanism);
    free(e->client);
    free(e->server);
    free(e);
}

static const struct auth_cyrus_side server_side = {exchange_run, exchange_deliver, exchange_free};

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
    struct exchange *e = xzalloc(sizeof *e);
    auth_cyrus_exchange_init(&e->x, &c->shared, &server_side);
    set_log(e->callbacks, auth_cyrus_on_note, e);
    e->mechanism = xstrdup(mechanism);
    e->client = endpoint(peer->client_address, peer->client_port);
    e->server = endpoint(peer->server_address, peer->server_port);
    e->policy = policy;
    strbuf_init(&e->login, SIZE_MAX / 4);
    auth_cyrus_submit(&e->x, initial);
    return &e->x.base;
}

static void cyrus_close(void *impl)
{
    struct cyrus *c = impl;
    auth_cyrus_stop(&c->shared);
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

/* No property of forward secrecy: it has no mechanism of it that a server could offer. */
const struct auth_driver auth_cyrus_driver = {
    .name = "cyrus",
    .policies = AUTH_CYRUS_POLICIES,
    .open = cyrus_open,
    .start = cyrus_start,
    .close = cyrus_close,
    .is_ready = cyrus_is_ready,
    .prepare = cyrus_prepare,
    .mechanisms = cyrus_mechanisms,
    .begin = cyrus_begin,
    .respond = auth_cyrus_respond,
    .cancel = auth_cyrus_cancel,
};
