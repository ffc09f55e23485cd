#include "trivial-rewrite/rewrite_server.h"

#include "base/xmem.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/rewrite_msg.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct rewrite_server {
    const struct rewrite_service *service;
    struct chan *chan;
    struct rewrite_server *prev, *next;
};

static struct rewrite_server *servers;

static void server_close(struct rewrite_server *server)
{
    void (*on_done)(void) = server->service->on_done;
    DL_DELETE(servers, server);
    chan_free(server->chan);
    free(server);
    on_done();
}

/* Those who ask talk to strangers: what they send is not longer than an address may be. */
static bool is_sane(const char *text, struct err *err)
{
    return strlen(text) <= REWRITE_TEXT_MAX || err_set(err, ERR_PERM, "address too long");
}

static bool answer_rewrite(struct rewrite_server *server, struct slice body, struct arena *arena,
                           struct err *err)
{
    struct rewrite_question question;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    if (!msg_decode(&rewrite_question_type, body, arena, &question, err) ||
        !is_sane(question.address, err))
        return false;
    if (question.context != REWRITE_LOCAL && question.context != REWRITE_REMOTE)
        return err_set(err, ERR_PERM, "bad context");
    rewrite_address(&server->service->rules, (enum rewrite_context)question.context,
                    slice_of(question.address), &out);
    const struct rewrite_reply reply = {.address = out.s};
    chan_send(server->chan, REWRITE_ADDRESS_REPLY, &rewrite_reply_type, &reply);
    return true;
}

static bool answer_resolve(struct rewrite_server *server, struct slice body, struct arena *arena,
                           struct err *err)
{
    struct resolve_question question;
    struct resolve_reply reply = {.transport = "", .nexthop = "", .recipient = ""};
    struct err why = ERR_INIT;
    if (!msg_decode(&resolve_question_type, body, arena, &question, err) ||
        !is_sane(question.address, err) || !is_sane(question.sender, err))
        return false;
    if (question.use != RESOLVE_DELIVER && question.use != RESOLVE_VERIFY)
        return err_set(err, ERR_PERM, "bad use");
    bool ok = resolve_address(server->service->resolver, (enum resolve_use)question.use,
                              question.sender, question.address, arena, &reply, &why);
    const char *warnings = resolver_take_warnings(server->service->resolver, arena);
    struct slice rest = slice_of(warnings), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    if (!ok)
        log_warn(NULL, "%s", why.reason);
    struct resolve_answer answer = {
        .ok = ok, .reason = why.reason, .transport = "", .nexthop = "", .recipient = ""};
    if (ok) {
        answer.transport = reply.transport;
        answer.nexthop = reply.nexthop;
        answer.recipient = reply.recipient;
        answer.address_class = reply.address_class;
        answer.flags = reply.flags;
    }
    chan_send(server->chan, REWRITE_RESOLVE_REPLY, &resolve_answer_type, &answer);
    return true;
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct rewrite_server *server = owner;
    struct err err = ERR_INIT;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("rewrite_question");
    bool ok = kind == REWRITE_ADDRESS   ? answer_rewrite(server, body, arena, &err)
              : kind == REWRITE_RESOLVE ? answer_resolve(server, body, arena, &err)
                                        : err_set(&err, ERR_PERM, "unknown kind %u", kind);
    if (ok)
        return;
    log_warn(NULL, "bad request: %s", err.reason);
    server_close(server);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "client connection: %s", err->reason);
    server_close(owner);
}

static const struct chan_events server_events = {.on_message = on_message, .on_closed = on_closed};

void rewrite_server_accept(const struct rewrite_service *service, int fd)
{
    struct rewrite_server *server = xzalloc(sizeof *server);
    server->service = service;
    DL_APPEND(servers, server);
    server->chan = chan_new(service->loop, fd, &server_events, server);
}

void rewrite_server_close_all(void)
{
    while (servers)
        server_close(servers);
}
