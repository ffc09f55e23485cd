/* Whole deliveries against a server that plays a script, in one loop. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "delivery/delivery_internal.h"
#include "io/sock.h"
#include "io/stream.h"
#include "smtp/smtp_cache.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_params.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RCPTS = 2, TURNS_MAX = 2000 };

/* The server: the greeting, then one part of SCRIPT (they are separated by |) for each line, or for
 * each final dot after a 354. An empty part: no reply. "DROP": hang up. */
static struct server {
    struct loop *loop;
    int listener;
    struct watch *watch;
    struct stream *stream;
    struct slice script;
    bool in_data;
    struct strbuf verbs;
} server;

static void server_say(void)
{
    struct slice part, rest;
    if (!slice_split(server.script, '|', &part, &rest)) {
        part = server.script;
        rest = SLICE_EMPTY;
    }
    server.script = rest;
    if (slice_eq(part, "DROP")) {
        stream_free_flush(server.stream);
        server.stream = NULL;
        return;
    }
    server.in_data = slice_starts(part, "354");
    if (part.len > 0) {
        stream_write(server.stream, part);
        stream_write_str(server.stream, "\r\n");
    }
}

static void on_input(void *owner, struct stream *s)
{
    (void)owner;
    struct slice in, line;
    while (server.stream && slice_find(in = stream_input(s), '\n') != SIZE_MAX) {
        size_t size = in.len;
        slice_next_line(&in, &line);
        bool is_command = !server.in_data || slice_eq(line, ".");
        if (is_command)
            strbuf_addf(&server.verbs, "%.*s ", SLICE_ARG(slice_first(line, 4)));
        stream_consume(s, size - in.len);
        if (is_command)
            server_say();
    }
}

static void on_closed(void *owner, struct stream *s, const struct err *err)
{
    (void)owner;
    (void)err;
    stream_free(s);
    server.stream = NULL;
}

static const struct stream_events server_events = {on_input, on_closed, NULL, NULL};

static void on_accept(void *owner, unsigned events)
{
    (void)owner;
    (void)events;
    int fd = accept(server.listener, NULL, NULL);
    if (fd < 0)
        return;
    server.stream = stream_new(server.loop, fd, &server_events, NULL);
    server_say();
}

/* The client's surroundings. */
static struct strbuf log_text;
static bool is_settled;

static void on_log(enum log_level level, const char *line)
{
    (void)level;
    const char *status = strstr(line, "status=");
    if (!status)
        return;
    strbuf_add_str(&log_text, status + strlen("status="));
    strbuf_add_char(&log_text, '\n');
}

static void on_settled(struct delivery_job *job)
{
    (void)job;
    is_settled = true;
}

/* The services bounce and defer are not asked: the outcome is taken for reported. */
static struct call *no_service(enum bounce_service service, const struct bounce_append *question,
                               call_fn fn, void *owner)
{
    (void)service;
    (void)question;
    CLEANUP(strbuf_done) struct strbuf body = STRBUF_ANY;
    const struct bounce_status status = {.ok = 1, .reason = ""};
    const struct err none = ERR_INIT;
    msg_encode(&bounce_status_type, &status, &body);
    fn(owner, BOUNCE_STATUS, strbuf_slice(&body), &none);
    return NULL;
}

static int setup(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    static struct config *cfg; /* for the whole process */
    cfg = config_new("/nonexistent");
    config_set_default(cfg, "myhostname", "client.test");
    config_override(cfg, "inet_interfaces", "127.0.0.1");
    config_override(cfg, "smtp_dns_support_level", "disabled");
    config_override(cfg, "smtp_connection_cache_on_demand", "no");
    config_declare(cfg, smtp_param_rows);
    assert_true(common_params_load(cfg, &err));
    assert_true(params_load(cfg, smtp_param_rows, &smtp_params, &err));
    smtp_client_open(cfg);
    server.loop = loop_new();
    smtp_client_start(server.loop);
    strbuf_init(&log_text, 1 << 20);
    strbuf_init(&server.verbs, 1 << 20);
    log_hook = on_log;
    delivery_ask = no_service;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server.listener = sock_listen_inet((struct sockaddr *)&any, sizeof any, 10, 0, &err);
    assert_true(server.listener >= 0);
    server.watch = watch_new(server.loop, server.listener, WATCH_READ, on_accept, NULL);
    return 0;
}

/* Two recipients, two lines. */
static int queue_file(off_t *ret_data_offset)
{
    CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY;
    char path[] = "/tmp/test_smtp_proto.XXXXXX";
    for (size_t i = 0; i < RCPTS; i++)
        record_add(&file, REC_RECIPIENT, slice_of("x@far.test"));
    record_add(&file, REC_MESSAGE, SLICE_EMPTY);
    *ret_data_offset = (off_t)file.len;
    record_add(&file, REC_LINE, slice_of(".one"));
    record_add(&file, REC_LINE, slice_of("two"));
    record_add(&file, REC_EXTRACTED, SLICE_EMPTY);
    record_add(&file, REC_END, SLICE_EMPTY);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, file.s, file.len), (ssize_t)file.len);
    return fd;
}

static struct delivery_job *job_new(struct envelope *envelope, struct recipient *rcpts)
{
    struct arena *arena = arena_new("job");
    struct delivery_job *job = arena_zalloc(arena, sizeof *job);
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    off_t data_offset;
    getsockname(server.listener, (struct sockaddr *)&bound, &len);
    job->arena = arena;
    job->fd = queue_file(&data_offset);
    envelope_blank(envelope);
    envelope->sender = "s@here.test";
    envelope->data_offset = data_offset;
    for (size_t i = 0; i < RCPTS; i++)
        rcpts[i] = (struct recipient){.offset = (int64_t)i * 12,
                                      .address = i ? "b@far.test" : "a@far.test",
                                      .orig_address = "",
                                      .dsn_orcpt = ""};
    job->request = (struct delivery_request){.queue_name = "active", .queue_id = "ABC"};
    job->request.nexthop = arena_printf(arena, "[127.0.0.1]:%d", sock_address_port((void *)&bound));
    job->envelope = envelope;
    job->recipients = rcpts;
    job->recipient_count = RCPTS;
    job->state = arena_zalloc(arena, sizeof *job->state);
    job->state->on_settled = on_settled;
    delivery_settle_init(job);
    return job;
}

static void play(const char *script, const char *want_status, const char *want_verbs)
{
    struct envelope envelope;
    struct recipient rcpts[RCPTS];
    struct delivery_job *job = job_new(&envelope, rcpts);
    server.script = slice_of(script);
    server.in_data = is_settled = false;
    strbuf_reset(&server.verbs);
    strbuf_reset(&log_text);
    smtp_delivery_start(job);
    /* until the client is done and has said good-bye, as far as it wants to */
    for (int i = 0; i < TURNS_MAX && (!is_settled || server.stream || smtp_session_first()); i++)
        loop_run_once(server.loop, true);
    assert_true(is_settled);
    assert_string_equal(log_text.s, want_status);
    if (want_verbs) /* else how much was sent by then depends on packets */
        assert_string_equal(server.verbs.s, want_verbs);
    close(job->fd);
    arena_free(job->arena);
}

#define AHEAD "220 x|250-x\r\n250 PIPELINING|"
#define ALONE "220 x|250 x|"
#define SAID(reply, command)                                                                       \
    "(host 127.0.0.1[127.0.0.1] said: " reply " (in reply to " command " command))\n"
#define LOST(doing) "deferred (lost connection with 127.0.0.1[127.0.0.1] while " doing ")\n"
#define DOT         "sending end of data -- message may be sent more than once"

static void scripts(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *name, *script, *status, *verbs; } rows[] = {
        {"all well, sent ahead", AHEAD "250 m|250 a|250 b|354 go|250 done",
         "sent (250 done)\nsent (250 done)\n", "EHLO MAIL RCPT RCPT DATA . QUIT "},
        {"all well, one by one", ALONE "250 m|250 a|250 b|354 go|250 done",
         "sent (250 done)\nsent (250 done)\n", "EHLO MAIL RCPT RCPT DATA . QUIT "},
        {"one recipient refused", AHEAD "250 m|550 no|250 b|354 go|250 done",
         "bounced " SAID("550 no", "RCPT TO") "sent (250 done)\n", "EHLO MAIL RCPT RCPT DATA . QUIT "},
        {"both refused, DATA was sent", AHEAD "250 m|550 no|450 no|554 no|250 rset|221 bye",
         "bounced " SAID("550 no", "RCPT TO") "deferred " SAID("450 no", "RCPT TO"),
         "EHLO MAIL RCPT RCPT DATA RSET QUIT "},
        {"both refused, no DATA", ALONE "250 m|550 no|550 no|250 rset|221 bye",
         "bounced " SAID("550 no", "RCPT TO") "bounced " SAID("550 no", "RCPT TO"),
         "EHLO MAIL RCPT RCPT RSET QUIT "},
        {"both refused, DATA accepted", AHEAD "250 m|550 no|550 no|354 go|250 empty|221 bye",
         "bounced " SAID("550 no", "RCPT TO") "bounced " SAID("550 no", "RCPT TO"),
         "EHLO MAIL RCPT RCPT DATA . QUIT "},
        {"MAIL refused, the rest is read", AHEAD "550 m|503 a|503 b|503 d|250 rset|221 bye",
         "bounced " SAID("550 m", "MAIL FROM") "bounced " SAID("550 m", "MAIL FROM"),
         "EHLO MAIL RCPT RCPT DATA RSET QUIT "},
        {"MAIL refused, alone", ALONE "450 m|221 bye",
         "deferred " SAID("450 m", "MAIL FROM") "deferred " SAID("450 m", "MAIL FROM"), "EHLO MAIL QUIT "},
        {"DATA refused", ALONE "250 m|250 a|250 b|451 d|250 rset|221 bye",
         "deferred " SAID("451 d", "DATA") "deferred " SAID("451 d", "DATA"),
         "EHLO MAIL RCPT RCPT DATA RSET QUIT "},
        {"content refused", AHEAD "250 m|250 a|250 b|354 go|554 5.7.1 spam|221 bye",
         "bounced " SAID("554 5.7.1 spam", "end of DATA") "bounced " SAID("554 5.7.1 spam", "end of DATA"),
         "EHLO MAIL RCPT RCPT DATA . QUIT "},
        {"all replies in one packet", AHEAD "250 m\r\n250 a\r\n250 b\r\n354 go||||250 done",
         "sent (250 done)\nsent (250 done)\n", NULL},
        {"HELO", "220 x|502 what|250 x|250 m|250 a|250 b|354 go|250 done",
         "sent (250 done)\nsent (250 done)\n", "EHLO HELO MAIL RCPT RCPT DATA . QUIT "},
        {"lost at MAIL", AHEAD "DROP", LOST("sending MAIL FROM") LOST("sending MAIL FROM"), NULL},
        {"lost after one RCPT", ALONE "250 m|550 no|DROP",
         "bounced " SAID("550 no", "RCPT TO") LOST("sending RCPT TO"), "EHLO MAIL RCPT RCPT "},
        {"lost at the dot", AHEAD "250 m|250 a|250 b|354 go|DROP", LOST(DOT) LOST(DOT), NULL},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        play(rows[i].script, rows[i].status, rows[i].verbs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scripts)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
