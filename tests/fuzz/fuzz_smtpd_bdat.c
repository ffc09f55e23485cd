/* BDAT: commands and chunks in one stream of bytes, in a transaction whose before-queue filter
 * takes everything and keeps nothing; every answer is made of whole lines. */
#include "tests/unit/smtpd/fixture.h"

#include "io/stream.h"
#include "smtpd/smtpd_proxy_private.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 32 * 1024, TURNS_MAX = 10000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static bool is_closed;

static bool is_there(struct smtpd_session *s, uint32_t slot)
{
    return smtpd_slot_owner(&fixture_server, slot) == s;
}

static void on_input(void *owner, struct stream *stream)
{
    (void)stream;
    smtpd_session_read(owner);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)owner;
    (void)stream;
    (void)err;
    is_closed = true;
}

static void on_room(void *owner, struct stream *stream)
{
    (void)owner;
    stream_poke(stream);
}

static void on_timeout(void *owner, struct stream *stream)
{
    on_closed(owner, stream, NULL);
}

static const struct stream_events events = {on_input, on_closed, on_timeout, on_room};

static void begin_transaction(struct smtpd_session *s)
{
    s->tx = smtpd_tx_new("a@far.test");
    s->tx->recipient_count = 1;
    s->tx->first_accepted = s->tx->accepted = "b@here.test";
    s->tx->queue_id = "";
    s->tx->sink = smtpd_sink_open_proxy(s);
    smtpd_sink_proxy(s->tx->sink)->is_dead = true;
    s->phase = SMTPD_PHASE_BDAT;
}

/* What came back has to be lines that begin with a digit. */
static void check_answers(int fd)
{
    static char text[256 * 1024];
    ssize_t got = recv(fd, text, sizeof text, MSG_DONTWAIT);
    if (got <= 0)
        return;
    struct slice in = {text, (size_t)got}, line;
    if (text[got - 1] != '\n')
        abort();
    while (slice_next_line(&in, &line))
        if (line.len < 4 || line.s[0] < '2' || line.s[0] > '5')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 0;
    if (!loop) {
        fixture_open();
        loop = loop_new();
        fixture_server.loop = loop;
        smtpd_params.smtpd_error_sleep_time = 0;
    }
    struct smtpd_session *s = fixture_session();
    uint32_t slot = s->log.session;
    smtpd_slot_set_owner(&fixture_server, slot, s);
    s->stream = stream_new(loop, pair[0], &events, s);
    s->flags |= SMTPD_SESSION_ESMTP;
    begin_transaction(s);
    if (size > 0 && write(pair[1], data, size) != (ssize_t)size)
        abort();
    shutdown(pair[1], SHUT_WR);
    is_closed = false;
    for (int i = 0; i < TURNS_MAX && is_there(s, slot) && !is_closed; i++)
        loop_run_once(loop, false); /* all of the input is there */
    if (is_there(s, slot)) {
        smtpd_slot_set_owner(&fixture_server, slot, NULL);
        smtpd_session_free(s);
    }
    loop_run_once(loop, false);
    check_answers(pair[1]);
    close(pair[1]);
    return 0;
}
