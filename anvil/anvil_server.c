/* One connection: events in, counts out. */
#include "anvil/anvil_server.h"

#include "base/xmem.h"
#include "ipc/chan.h"
#include "log/log.h"

#include <stdlib.h>
#include <string.h>

struct anvil_server {
    struct anvil_table *table;
    struct anvil_peer *peer;
    void (*on_done)(void);
};

static void server_close(struct anvil_server *server, struct chan *chan)
{
    void (*on_done)(void) = server->on_done;
    anvil_peer_free(server->peer);
    chan_free(chan);
    free(server);
    on_done();
}

/* The senders talk to strangers: what they send is checked before it becomes a key. */
static bool event_is_sane(const struct anvil_event *event)
{
    return strlen(event->service) <= ANVIL_TEXT_MAX && strlen(event->address) <= ANVIL_TEXT_MAX &&
           event->address[0];
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    struct anvil_server *server = owner;
    struct anvil_event event;
    struct anvil_counts counts;
    struct err err = ERR_INIT;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("anvil_event");
    if (!msg_decode(&anvil_event_type, body, arena, &event, &err)) {
        log_warn(NULL, "bad request: %s", err.reason);
    } else if (!event_is_sane(&event)) {
        log_warn(NULL, "bad request: service or address is empty or too long");
    } else if (!anvil_table_event(server->table, server->peer, kind, event.service, event.address,
                                  &counts)) {
        log_warn(NULL, "bad request: unknown kind %d", kind);
    } else {
        if (kind != ANVIL_DISCONNECT)
            chan_send(chan, ANVIL_COUNTS, &anvil_counts_type, &counts);
        return;
    }
    server_close(server, chan);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    if (err->kind != ERR_NONE)
        log_warn(NULL, "lost connection with a server process: %s", err->reason);
    server_close(owner, chan);
}

static const struct chan_events server_events = {on_message, on_closed, NULL};

void anvil_server_accept(struct loop *loop, struct anvil_table *table, int fd,
                         void (*on_done)(void))
{
    struct anvil_server *server = xzalloc(sizeof *server);
    server->table = table;
    server->peer = anvil_peer_new(table);
    server->on_done = on_done;
    chan_new(loop, fd, &server_events, server);
}
