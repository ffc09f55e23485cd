#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/showq_msg.h"
#include "postqueue/postqueue_print.h"

#include <stdlib.h>

static void give(struct postqueue_printer *p, uint16_t kind, const struct msg_type *type,
                 const void *object, bool expected)
{
    struct strbuf body = STRBUF_ANY;
    msg_encode(type, object, &body);
    assert_int_equal(postqueue_print(p, kind, strbuf_slice(&body)), expected);
    strbuf_done(&body);
}

static struct showq_recipient recipients[] = {
    {"a@x.test", "", "one", ""},
    {"b@x.test", "ob@x.test", "one", ""},
    {"c@x.test", "", "", ""},
    {"d@x.test", "", "", "no such user"},
};

static struct showq_message message = {.queue_name = "hold",
                                       .queue_id = "F023EA78024",
                                       .arrival_s = 1795305108,
                                       .size = 2049,
                                       .forced_expire = 1,
                                       .sender = "s@x.test",
                                       .recipients = recipients,
                                       .recipients_count = 2};

static void listing(bool as_json, bool long_ids, const char *expected)
{
    struct showq_more more = {recipients + 2, 2};
    common_params.enable_long_queue_ids = long_ids;
    struct postqueue_printer *p = postqueue_printer_new(as_json);
    give(p, SHOWQ_MESSAGE, &showq_message_type, &message, true);
    give(p, SHOWQ_MORE, &showq_more_type, &more, true);
    postqueue_print_end(p);
    assert_strbuf(*postqueue_printer_output(p), expected);
    postqueue_printer_free(p);
}

static void text_has_columns_marks_and_reasons(void **unused)
{
    (void)unused;
    listing(false, false,
            "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
            "F023EA78024!#    2049 Sat Nov 21 23:51:48  s@x.test\n"
            "                                                                         (one)\n"
            "                                         a@x.test\n"
            "                                         b@x.test\n"
            "                                                          (reason unavailable)\n"
            "                                         c@x.test\n"
            "                                                                (no such user)\n"
            "                                         d@x.test\n\n"
            "-- 2 Kbytes in 1 Request.\n");
}

static void long_ids_have_other_columns(void **unused)
{
    (void)unused;
    listing(false, true,
            "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
            "F023EA78024!#         2049 Sat Nov 21 23:51:48 s@x.test\n"
            "                                                                         (one)\n"
            "                                               a@x.test\n"
            "                                               b@x.test\n"
            "                                                          (reason unavailable)\n"
            "                                               c@x.test\n"
            "                                                                (no such user)\n"
            "                                               d@x.test\n\n"
            "-- 2 Kbytes in 1 Request.\n");
}

static void json_is_a_line_a_message(void **unused)
{
    (void)unused;
    listing(
        true, false,
        "{\"queue_name\": \"hold\", \"queue_id\": \"F023EA78024\", \"arrival_time\": 1795305108, "
        "\"message_size\": 2049, \"forced_expire\": true, \"sender\": \"s@x.test\", "
        "\"recipients\": [{\"address\": \"a@x.test\", \"delay_reason\": \"one\"}, "
        "{\"address\": \"b@x.test\", \"orig_address\": \"ob@x.test\", \"delay_reason\": \"one\"}, "
        "{\"address\": \"c@x.test\"}, "
        "{\"address\": \"d@x.test\", \"bounce_reason\": \"no such user\"}]}\n");
}

static void json_strings_are_escaped(void **unused)
{
    (void)unused;
    static const struct {
        const char *sender, *json;
    } rows[] = {
        {"\"a b\"@x", "\"sender\": \"\\\"a b\\\"@x\""},
        {"a\\b", "\"sender\": \"a\\\\b\""},
        {"t\tx", "\"sender\": \"t\\u0009x\""},
        {"\xc3\xa4@x", "\"sender\": \"\xc3\xa4@x\""},
        {"\xe4@x", "\"sender\": \"?@x\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct showq_message m = message;
        struct postqueue_printer *p = postqueue_printer_new(true);
        ROW(rows[i].json);
        m.sender = rows[i].sender;
        give(p, SHOWQ_MESSAGE, &showq_message_type, &m, true);
        assert_non_null(strstr(postqueue_printer_output(p)->s, rows[i].json));
        postqueue_printer_free(p);
    }
}

static void nothing_is_an_empty_queue(void **unused)
{
    (void)unused;
    struct postqueue_printer *p = postqueue_printer_new(false);
    postqueue_print_end(p);
    assert_strbuf(*postqueue_printer_output(p), "Mail queue is empty\n");
    postqueue_printer_free(p);
}

static void what_does_not_belong_is_refused(void **unused)
{
    (void)unused;
    struct showq_more more = {recipients, 1};
    struct showq_message too_long = message;
    too_long.queue_id = "0123456789012345678901234567890123456789012345678901234567890123456789";
    struct postqueue_printer *p = postqueue_printer_new(false);
    give(p, SHOWQ_MORE, &showq_more_type, &more, false); /* no message was begun */
    give(p, SHOWQ_MESSAGE, &showq_message_type, &too_long, false);
    assert_false(postqueue_print(p, SHOWQ_MESSAGE, slice_of("garbage")));
    postqueue_printer_free(p);
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_columns_marks_and_reasons),
        cmocka_unit_test(long_ids_have_other_columns),
        cmocka_unit_test(json_is_a_line_a_message),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(nothing_is_an_empty_queue),
        cmocka_unit_test(what_does_not_belong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
