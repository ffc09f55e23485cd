#include "unit/cm.h"

#include "tools/smtp-sink/sink_session.h"

static struct sink_options options(void)
{
    return (struct sink_options){.program = "test",
                                 .hostname = "sink.test",
                                 .soft_reply = "450 soft",
                                 .hard_reply = "550 hard",
                                 .start_string = STRBUF_INIT(10)};
}

static void knows_the_verbs(void **unused)
{
    (void)unused;
    static const struct {
        const char *line;
        enum sink_verb verb;
    } rows[] = {
        {"mail FROM:<>", SINK_MAIL}, {"  RCPT", SINK_RCPT},   {"", SINK_VERBS},
        {"MAILX", SINK_VERBS},       {"CONNECT", SINK_VERBS}, {".", SINK_DOT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].line);
        assert_int_equal(sink_session_verb(slice_of(rows[i].line)), rows[i].verb);
    }
}

static void options_change_replies(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        struct sink_rule rule;
        enum sink_next next;
        const char *reply;
    } rows[] = {
        {"usual", {0}, SINK_NEXT_COMMAND, "250 2.0.0 Ok\r\n"},
        {"soft", {.soft = true}, SINK_NEXT_COMMAND, "450 soft\r\n"},
        {"hard wins", {.soft = true, .hard = true}, SINK_NEXT_COMMAND, "550 hard\r\n"},
        {"drop", {.drop = true, .hard = true}, SINK_NEXT_CLOSE, ""},
        {"421", {.shutdown = true}, SINK_NEXT_CLOSE, "421 4.0.0 Server closing connection\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sink_options o = options();
        struct sink_session s;
        ROW(rows[i].name);
        o.rules[SINK_NOOP] = rows[i].rule;
        sink_session_init(&s, &o, "127.0.0.1");
        assert_int_equal(sink_session_command(&s, slice_of("NOOP")), rows[i].next);
        assert_strbuf(s.out, rows[i].reply);
        sink_session_done(&s);
    }
}

static void data_needs_a_recipient(void **unused)
{
    (void)unused;
    struct sink_options o = options();
    struct sink_session s;
    sink_session_init(&s, &o, "127.0.0.1");
    assert_int_equal(sink_session_command(&s, slice_of("DATA")), SINK_NEXT_COMMAND);
    sink_session_command(&s, slice_of("MAIL FROM:<a@b>"));
    sink_session_command(&s, slice_of("RCPT TO:<c@d> NOTIFY=NEVER"));
    assert_string_equal(s.rcpts.at[0], "<c@d> NOTIFY=NEVER");
    assert_int_equal(sink_session_command(&s, slice_of("DATA")), SINK_NEXT_DATA);
    struct slice text = slice_of("x\r\n.\r\n");
    assert_true(sink_session_text(&s, &text));
    strbuf_reset(&s.out);
    assert_int_equal(sink_session_dot(&s), SINK_NEXT_COMMAND);
    assert_strbuf(s.out, "250 2.0.0 Ok\r\n");
    assert_int_equal(s.rcpts.count, 0);
    sink_session_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_verbs),
        cmocka_unit_test(options_change_replies),
        cmocka_unit_test(data_needs_a_recipient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
