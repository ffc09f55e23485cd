/* Cyrus SASL, the client's side. */
#include "base/text.h"
#include "base/xmem.h"
#include "sasl/auth_challenge.h"
#include "sasl/auth_client.h"
#include "sasl/auth_cyrus_exchange.h"

#include <stdlib.h>
#include <string.h>

enum { CALLBACKS = 5, STEPS_MAX = 50 };

struct cyrus_client {
    struct auth_cyrus shared;
    char *service;
    bool sends_authzid;
    sasl_callback_t callbacks[2];
    struct strbuf *problems; /* while the library starts */
};

struct exchange {
    struct auth_cyrus_exchange x;
    sasl_callback_t callbacks[CALLBACKS];
    char *server, *user, *mechanisms;
    sasl_secret_t *password;
    unsigned policy;
    bool sends_authzid;

    /* the thread's, while it runs */
    bool has_begun;
    unsigned steps;
    bool is_good, has_response; /* of this step; not good: ERR, else the result says why */
    const char *mechanism;      /* the library's own */
    struct err err;
};

/* --- what the library asks ------------------------------------------------------------------ */

static int on_library_note(void *context, int level, const char *text)
{
    struct cyrus_client *c = context;
    return auth_cyrus_add_note(c->problems, level, text);
}

static int on_name(void *context, int id, const char **ret, unsigned *ret_len)
{
    struct exchange *e = context;
    if (id == SASL_CB_USER) /* to act for somebody: nobody else than ourselves */
        *ret = e->sends_authzid ? e->user : "";
    else if (id == SASL_CB_AUTHNAME)
        *ret = e->user;
    else
        return SASL_BADPARAM;
    if (ret_len)
        *ret_len = (unsigned)strlen(*ret);
    return SASL_OK;
}

static int on_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **ret)
{
    struct exchange *e = context;
    if (!conn || id != SASL_CB_PASS)
        return SASL_BADPARAM;
    *ret = e->password;
    return SASL_OK;
}

static void set_callbacks(struct exchange *e)
{
    int (*name)(void) = (int (*)(void))(void (*)(void))on_name;
    int (*password)(void) = (int (*)(void))(void (*)(void))on_password;
    size_t count = 0;
    auth_cyrus_set_log(&e->callbacks[count++], auth_cyrus_on_note, e);
    e->callbacks[count++] = (sasl_callback_t){SASL_CB_USER, name, e};
    e->callbacks[count++] = (sasl_callback_t){SASL_CB_AUTHNAME, name, e};
    e->callbacks[count++] = (sasl_callback_t){SASL_CB_PASS, password, e};
    e->callbacks[count] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
}

/* --- the process ---------------------------------------------------------------------------- */

static void cyrus_close(void *impl)
{
    struct cyrus_client *c = impl;
    auth_cyrus_stop(&c->shared);
    sasl_client_done();
    free(c->service);
    free(c);
}

static void *cyrus_open(const struct auth_client_settings *settings, struct strbuf *problems,
                        struct err *err)
{
    struct cyrus_client *c = xzalloc(sizeof *c);
    c->service = xstrdup(settings->service);
    c->sends_authzid = settings->sends_authzid;
    c->problems = problems;
    auth_cyrus_set_log(&c->callbacks[0], on_library_note, c);
    c->callbacks[1] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
    auth_cyrus_prepare();
    int result = sasl_client_init(c->callbacks);
    c->problems = NULL;
    if (result == SASL_OK)
        return c;
    err_set(err, ERR_CONFIG, "SASL library initialization: %s", sasl_errstring(result, NULL, NULL));
    cyrus_close(c);
    return NULL;
}

static void cyrus_start(void *impl, struct loop *loop)
{
    struct cyrus_client *c = impl;
    auth_cyrus_start(&c->shared, loop);
}

/* --- one exchange --------------------------------------------------------------------------- */

static void take_output(struct exchange *e, const char *out, unsigned length)
{
    struct auth_cyrus_exchange *x = &e->x;
    e->is_good = x->result == SASL_OK || x->result == SASL_CONTINUE;
    e->has_response = e->is_good && out && length > 0;
    if (e->has_response)
        text_base64_encode((struct slice){out, length}, &x->text);
}

static void run_begin(struct exchange *e)
{
    struct auth_cyrus_exchange *x = &e->x;
    const struct cyrus_client *c = (const struct cyrus_client *)x->c;
    const char *out = NULL;
    unsigned length = 0;
    x->result = sasl_client_new(c->service, e->server, NULL, NULL, e->callbacks, 0, &x->conn);
    if (x->result != SASL_OK)
        return;
    auth_cyrus_set_policy(x->conn, e->policy);
    x->result = sasl_client_start(x->conn, e->mechanisms, NULL, &out, &length, &e->mechanism);
    take_output(e, out, length);
}

static void run_step(struct exchange *e)
{
    struct auth_cyrus_exchange *x = &e->x;
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    const char *out = NULL;
    unsigned length = 0;
    if (!auth_cyrus_decode(x, &in) ||
        !auth_challenge_check(e->mechanism, strbuf_slice(&in), &e->err))
        return;
    if (++e->steps > STEPS_MAX) {
        err_set(&e->err, ERR_PERM, "too many challenges");
        return;
    }
    x->result = sasl_client_step(x->conn, in.s, (unsigned)in.len, NULL, &out, &length);
    take_output(e, out, length);
}

static void exchange_run(struct auth_cyrus_exchange *x)
{
    struct exchange *e = (struct exchange *)x;
    e->is_good = e->has_response = false;
    if (e->has_begun)
        run_step(e);
    else
        run_begin(e);
    e->has_begun = true;
}

static void exchange_deliver(struct auth_cyrus_exchange *x)
{
    struct exchange *e = (struct exchange *)x;
    struct auth_step step = {.status = AUTH_MORE, .notes = x->notes.s};
    if (e->is_good) {
        /* a challenge wants an answer, if an empty one; the first response may be left out */
        step.text = e->has_response || e->steps > 0 ? x->text.s : NULL;
        step.mechanism = e->mechanism;
        step.is_complete = x->result == SASL_OK;
        auth_cyrus_tell_more(x, &step);
        return;
    }
    step.status = AUTH_FAILED;
    step.text = e->err.kind != ERR_NONE ? e->err.reason : sasl_errstring(x->result, NULL, NULL);
    auth_cyrus_tell_end(x, &step);
}

static void exchange_free(struct auth_cyrus_exchange *x)
{
    struct exchange *e = (struct exchange *)x;
    explicit_bzero(e->password->data, e->password->len);
    free(e->password);
    free(e->server);
    free(e->user);
    free(e->mechanisms);
    free(e);
}

static const struct auth_cyrus_side client_side = {exchange_run, exchange_deliver, exchange_free};

static sasl_secret_t *secret_of(const char *password)
{
    size_t len = strlen(password);
    sasl_secret_t *secret = xzalloc(sizeof *secret + len); /* one byte of data is in it */
    secret->len = len;
    memcpy(secret->data, password, len);
    return secret;
}

static struct auth_exchange *cyrus_begin(void *impl, const struct auth_client_login *login)
{
    struct cyrus_client *c = impl;
    struct exchange *e = xzalloc(sizeof *e);
    auth_cyrus_exchange_init(&e->x, &c->shared, &client_side);
    set_callbacks(e);
    e->server = xstrdup(login->server);
    e->user = xstrdup(login->user);
    e->password = secret_of(login->password);
    e->mechanisms = xstrdup(login->mechanisms);
    e->policy = login->policy;
    e->sends_authzid = c->sends_authzid;
    auth_cyrus_submit(&e->x, NULL);
    return &e->x.base;
}

const struct auth_client_driver auth_cyrus_client_driver = {
    .name = "cyrus",
    .policies = AUTH_CYRUS_POLICIES | AUTH_FORWARD_SECRECY,
    .open = cyrus_open,
    .start = cyrus_start,
    .close = cyrus_close,
    .begin = cyrus_begin,
    .respond = auth_cyrus_respond,
    .cancel = auth_cyrus_cancel,
};
