#include "mail/rewrite_client.h"

#include "base/xmem.h"
#include "ipc/client.h"
#include "mail/rewrite_msg.h"

#include <stdlib.h>
#include <utlist.h>

#define MSG_SELF rewrite_question
MSG_DEFINE(rewrite_question, REWRITE_QUESTION_FIELDS)
#undef MSG_SELF
#define MSG_SELF rewrite_reply
MSG_DEFINE(rewrite_reply, REWRITE_REPLY_FIELDS)
#undef MSG_SELF
#define MSG_SELF resolve_question
MSG_DEFINE(resolve_question, RESOLVE_QUESTION_FIELDS)
#undef MSG_SELF
#define MSG_SELF resolve_answer
MSG_DEFINE(resolve_answer, RESOLVE_ANSWER_FIELDS)
#undef MSG_SELF

enum { MAX_IDLE = 4, MAX_IDLE_MS = 5000 };

struct rewrite_client {
    struct client *client;
    struct rewrite_call *calls;
};

struct rewrite_call {
    struct rewrite_client *client;
    struct call *call;
    rewrite_client_fn on_rewritten;
    resolve_client_fn on_resolved;
    void *owner;
    struct rewrite_call *prev, *next;
};

struct rewrite_client *rewrite_client_new(struct loop *loop, const char *path, int64_t timeout_ms)
{
    struct rewrite_client *client = xzalloc(sizeof *client);
    const struct client_options options = {
        .path = path, .timeout_ms = timeout_ms, .max_idle = MAX_IDLE, .max_idle_ms = MAX_IDLE_MS};
    client->client = client_new(loop, &options);
    return client;
}

static void call_free(struct rewrite_call *call)
{
    DL_DELETE(call->client->calls, call);
    free(call);
}

void rewrite_client_cancel(struct rewrite_call *call)
{
    if (!call)
        return;
    call_cancel(call->call);
    call_free(call);
}

void rewrite_client_free(struct rewrite_client *client)
{
    if (!client)
        return;
    struct rewrite_call *call, *next;
    DL_FOREACH_SAFE (client->calls, call, next)
        rewrite_client_cancel(call);
    client_free(client->client);
    free(client);
}

static void on_rewritten(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct rewrite_call call = *(struct rewrite_call *)owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("rewrite_reply");
    struct rewrite_reply reply;
    struct err why = ERR_INIT;
    call_free(owner);
    if (!body.s)
        call.on_rewritten(call.owner, NULL, err);
    else if (kind != REWRITE_ADDRESS_REPLY ||
             !msg_decode(&rewrite_reply_type, body, arena, &reply, &why)) {
        if (why.kind == ERR_NONE)
            err_set(&why, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
        why.kind = ERR_TEMP;
        call.on_rewritten(call.owner, NULL, &why);
    } else {
        call.on_rewritten(call.owner, reply.address, NULL);
    }
}

static bool read_answer(uint16_t kind, struct slice body, struct arena *arena,
                        struct resolve_reply *ret, struct err *err)
{
    struct resolve_answer answer;
    if (kind != REWRITE_RESOLVE_REPLY)
        return err_set(err, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    if (!msg_decode(&resolve_answer_type, body, arena, &answer, err))
        return false;
    if (!answer.ok)
        return err_set(err, ERR_TEMP, "%s", answer.reason);
    *ret = (struct resolve_reply){.transport = answer.transport,
                                  .nexthop = answer.nexthop,
                                  .recipient = answer.recipient,
                                  .address_class = (enum resolve_class)answer.address_class,
                                  .flags = (unsigned)answer.flags};
    return true;
}

static void on_resolved(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct rewrite_call call = *(struct rewrite_call *)owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("resolve_answer");
    struct resolve_reply reply;
    struct err why = ERR_INIT;
    call_free(owner);
    if (!body.s) {
        call.on_resolved(call.owner, NULL, err);
    } else if (!read_answer(kind, body, arena, &reply, &why)) {
        why.kind = ERR_TEMP; /* whatever it was: not to be taken for 'no such user' */
        call.on_resolved(call.owner, NULL, &why);
    } else {
        call.on_resolved(call.owner, &reply, NULL);
    }
}

static struct rewrite_call *call_new(struct rewrite_client *client, void *owner)
{
    struct rewrite_call *call = xzalloc(sizeof *call);
    call->client = client;
    call->owner = owner;
    DL_APPEND(client->calls, call);
    return call;
}

struct rewrite_call *rewrite_client_rewrite(struct rewrite_client *client,
                                            enum rewrite_context context, const char *address,
                                            rewrite_client_fn fn, void *owner)
{
    struct rewrite_call *call = call_new(client, owner);
    const struct rewrite_question question = {.context = context, .address = address};
    call->on_rewritten = fn;
    call->call = client_call(client->client, REWRITE_ADDRESS, &rewrite_question_type, &question,
                             on_rewritten, call);
    return call;
}

struct rewrite_call *rewrite_client_resolve(struct rewrite_client *client, enum resolve_use use,
                                            const char *sender, const char *address,
                                            resolve_client_fn fn, void *owner)
{
    struct rewrite_call *call = call_new(client, owner);
    const struct resolve_question question = {.sender = sender, .address = address, .use = use};
    call->on_resolved = fn;
    call->call = client_call(client->client, REWRITE_RESOLVE, &resolve_question_type, &question,
                             on_resolved, call);
    return call;
}
