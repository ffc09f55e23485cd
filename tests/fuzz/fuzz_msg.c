/* Messages between programs: frames out of a stream, then bodies of every kind that one kind of
 * process reads from another. */
#include "mail/bounce_msg.h"
#include "mail/cleanup_msg.h"
#include "mail/delivery_msg.h"
#include "mail/qmgr_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static union {
    struct cleanup_open a;
    struct cleanup_done b;
    struct qmgr_arrived c;
    struct delivery_request d;
    struct delivery_report e;
    struct bounce_append f;
    struct bounce_one g;
} object;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct msg_type *const types[] = {
        &cleanup_open_type,    &cleanup_done_type,  &qmgr_arrived_type, &delivery_request_type,
        &delivery_report_type, &bounce_append_type, &bounce_one_type,
    };
    struct slice in = {(const char *)data, size}, body;
    uint16_t kind;
    size_t used;
    while (msg_frame_next(in, &kind, &body, &used) == MSG_FRAME_READY) {
        struct arena *arena = arena_new("fuzz");
        const struct msg_type *type = types[kind % COUNT_OF(types)];
        if (used > in.len || body.len > used)
            abort();
        if (msg_decode(type, body, arena, &object, NULL)) {
            /* what was understood must say the same again */
            CLEANUP(strbuf_done) struct strbuf again = STRBUF_ANY;
            msg_encode(type, &object, &again);
            if (!slice_same(strbuf_slice(&again), body))
                abort();
        }
        arena_free(arena);
        in = slice_from(in, used);
    }
    return 0;
}
