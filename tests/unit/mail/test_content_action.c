#include "unit/cm.h"

#include "mail/content_action.h"

static bool run(void *call)
{
    (void)call;
    return true;
}

static const struct content_action actions[] = {
    {"INFO", true, NULL, CONTENT_KEEP, NULL},
    {"IGNORE", false, NULL, CONTENT_DROP, NULL},
    {"PREPEND", true, "PREPEND action without text in %s map", CONTENT_KEEP, run},
    {"WARN", true, NULL, CONTENT_KEEP, NULL},
    {0},
};

static void values_of_tables(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *value; int action; const char *text, *complaint; } rows[] = {
        {"INFO",            0,  "",      NULL},
        {"info a text",     0,  "a text", NULL},
        {"Ignore\t",        1,  "",      NULL},
        {"  WARN \t x  y",  3,  "x  y",  NULL},
        {"PREPEND X: y",    2,  "X: y",  NULL},
        {"PREPEND",         2,  NULL,    "PREPEND action without text in t map"},
        {"PREPEND \t ",     2,  NULL,    "PREPEND action without text in t map"},
        {"PREPENDX y",      -1, NULL,    "unknown command in t map: PREPENDX y"},
        {"%s%n",            -1, NULL,    "unknown command in t map: %s%n"},
        {"",                -1, NULL,    NULL},
        {" \t",             -1, NULL,    NULL},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct content_order order;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].value);
        bool is_order =
            content_action_parse(actions, rows[i].value, "t", "unknown command", &order, &err);
        assert_int_equal(is_order, rows[i].text != NULL);
        if (is_order) {
            assert_ptr_equal(order.action, &actions[rows[i].action]);
            assert_string_equal(order.text, rows[i].text);
        } else if (rows[i].complaint) {
            assert_string_equal(err.reason, rows[i].complaint);
        } else {
            assert_int_equal(err.kind, ERR_NONE);
        }
    }
}

static void words_of_log_lines(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf word = STRBUF_ANY;
    content_action_word(&actions[2], &word);
    assert_string_equal(word.s, "prepend");
    content_action_word(&actions[3], &word);
    assert_string_equal(word.s, "warning");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_tables),
        cmocka_unit_test(words_of_log_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
