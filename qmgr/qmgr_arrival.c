/* New mail: cleanup names the message and hands its envelope on, so its file is not read to
 * schedule it. */
#include "base/xmem.h"
#include "mail/qmgr_msg.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"

#include <string.h>

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)owner;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "notice of new mail: %s", err->reason);
    chan_free(chan);
    service_client_done();
}

/* ARENA is taken. */
static void take_arrival(struct arena *arena, const struct qmgr_arrived *arrived)
{
    bool is_ours = arrived->has_envelope && arrived->envelopes_count == 1 &&
                   arrived->envelopes[0].recipients_count <= QMGR_ARRIVED_RECIPIENTS;
    enum qmgr_feed feed;
    if (is_ours) {
        feed = qmgr_active_feed_fresh(arrived->queue_id, arena, arrived->envelopes);
    } else {
        feed = qmgr_active_feed_file(QUEUE_INCOMING, arrived->queue_id, false);
        arena_free(arena);
    }
    if (feed == FEED_FULL) /* the scan waits for room */
        qmgr_scan_incoming(false);
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    if (kind == QMGR_MISSED) {
        qmgr_scan_incoming(false);
        return;
    }
    struct arena *arena = arena_new("qmgr_message");
    struct qmgr_arrived arrived;
    struct err err = ERR_INIT;
    if (kind != QMGR_ARRIVED)
        err_set(&err, ERR_TEMP, "unexpected message of kind %u", (unsigned)kind);
    else if (msg_decode(&qmgr_arrived_type, body, arena, &arrived, &err) &&
             (strlen(arrived.queue_id) > QUEUE_ID_MAX ||
              !queue_id_is_valid(slice_of(arrived.queue_id))))
        err_set(&err, ERR_TEMP, "bad queue id");
    if (err.kind == ERR_NONE) {
        take_arrival(arena, &arrived);
        return;
    }
    arena_free(arena);
    on_closed(owner, chan, &err);
}

static const struct chan_events chan_events = {on_message, on_closed, NULL};

void qmgr_arrival_on_connect(int fd)
{
    chan_new(service_loop(), fd, &chan_events, NULL);
}

/* Letters of qmgr(8). A and F come first, however they are mixed; repeated ones count once. */
void qmgr_arrival_on_trigger(struct slice letters)
{
    static bool incoming_at_once, deferred_at_once; /* A holds for the next scan of each */
    bool at_once = slice_find(letters, 'A') != SIZE_MAX;
    incoming_at_once |= at_once;
    deferred_at_once |= at_once;
    if (slice_find(letters, 'F') != SIZE_MAX)
        qmgr_transport_unthrottle_all();
    if (slice_find(letters, 'D') != SIZE_MAX) {
        qmgr_scan_deferred(deferred_at_once);
        deferred_at_once = false;
    }
    if (slice_find(letters, 'I') != SIZE_MAX || slice_find(letters, 'W') != SIZE_MAX) {
        qmgr_scan_incoming(incoming_at_once);
        incoming_at_once = false;
    }
}
