/* Questions to flush(8): deferring programs tell it, ETRN asks it. */
#include "mail/flush_client.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/address.h"

#include <utlist.h>

struct flush_call {
    struct flush_client *client;
    struct call *call;
    flush_fn fn; /* NULL: nobody waits */
    void *owner;
    struct flush_call *prev, *next;
};

struct flush_client {
    struct client *client;
    struct match_list *eligible;
    struct flush_call *calls;
    char *last_site,
        *last_id; /* told last: a message with many recipients in a domain tells once */
};

enum { FLUSH_IDLE_MAX = 1, FLUSH_IDLE_MS = 5000 };

struct flush_client *flush_client_new(struct loop *loop, const char *path, int64_t timeout_ms,
                                      struct match_list *eligible)
{
    struct flush_client *c = xzalloc(sizeof *c);
    struct client_options options = {.path = path,
                                     .timeout_ms = timeout_ms,
                                     .max_idle = FLUSH_IDLE_MAX,
                                     .max_idle_ms = FLUSH_IDLE_MS,
                                     .max_age_ms = common_params.ipc_ttl * 1000};
    c->client = client_new(loop, &options);
    c->eligible = eligible;
    return c;
}

static void call_free(struct flush_call *call)
{
    DL_DELETE(call->client->calls, call);
    free(call);
}

void flush_client_free(struct flush_client *c)
{
    if (!c)
        return;
    struct flush_call *call, *next;
    DL_FOREACH_SAFE (c->calls, call, next)
        flush_call_cancel(call);
    client_free(c->client);
    free(c->last_site);
    free(c->last_id);
    free(c);
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct flush_call *call = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("flush_client");
    struct flush_status status = {.result = FLUSH_FAILED};
    struct err why = err ? *err : (struct err)ERR_INIT;
    if (body.s && kind != FLUSH_STATUS)
        err_set(&why, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    else if (body.s)
        msg_decode(&flush_status_type, body, arena, &status, &why);
    bool is_known = status.result >= FLUSH_OK && status.result <= FLUSH_INELIGIBLE;
    enum flush_result result =
        why.kind == ERR_NONE && is_known ? (enum flush_result)status.result : FLUSH_FAILED;
    flush_fn fn = call->fn;
    void *fn_owner = call->owner;
    call_free(call);
    if (fn)
        fn(fn_owner, result, &why);
}

static struct flush_call *ask(struct flush_client *c, enum flush_kind kind,
                              const struct flush_request *request, flush_fn fn, void *owner)
{
    struct flush_call *call = xzalloc(sizeof *call);
    *call = (struct flush_call){.client = c, .fn = fn, .owner = owner};
    DL_APPEND(c->calls, call);
    call->call =
        client_call(c->client, (uint16_t)kind, &flush_request_type, request, on_answer, call);
    return call;
}

static void set_text(char **text, const char *to)
{
    free(*text);
    *text = xstrdup(to);
}

void flush_client_add(struct flush_client *c, const char *recipient, const char *queue_id)
{
    CLEANUP(strbuf_done) struct strbuf site = STRBUF_INIT(FLUSH_SITE_MAX);
    struct slice local, domain;
    struct err err = ERR_INIT;
    if (!c->eligible || !address_split(slice_of(recipient), &local, &domain))
        return;
    strbuf_set_slice(&site, domain);
    strbuf_lower(&site);
    if (site.overflow || !flush_site_is_valid(strbuf_slice(&site)))
        return;
    if (c->last_site && strcmp(c->last_site, site.s) == 0 && strcmp(c->last_id, queue_id) == 0)
        return;
    /* a list that cannot be asked: flush looks again itself */
    if (match_list_find(c->eligible, site.s, &err) == MAP_NOT_FOUND)
        return;
    set_text(&c->last_site, site.s);
    set_text(&c->last_id, queue_id);
    struct flush_request request = {.site = site.s, .queue_id = queue_id};
    ask(c, FLUSH_ADD, &request, NULL, NULL);
}

struct flush_call *flush_client_send_site(struct flush_client *c, const char *site, flush_fn fn,
                                          void *owner)
{
    struct flush_request request = {.site = site};
    return ask(c, FLUSH_SEND_SITE, &request, fn, owner);
}

void flush_call_cancel(struct flush_call *call)
{
    if (!call)
        return;
    call_cancel(call->call);
    call_free(call);
}
