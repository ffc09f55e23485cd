#include "qmgr/qmgr_index.h"

#include "mail/queue_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void items_come_in_the_order_of_their_time(void **unused)
{
    (void)unused;
    struct qmgr_index index = {0};
    char id[QUEUE_ID_MAX + 1];
    int64_t when, last = -1;
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "ID%d", i);
        qmgr_index_add(&index, (i * 7919) % 1000, id);
    }
    for (int i = 0; i < 500; i++) {
        assert_true(qmgr_index_take(&index, 499, &when, id));
        assert_true(when > last);
        int number;
        assert_int_equal(sscanf(id, "ID%d", &number), 1);
        assert_int_equal((number * 7919) % 1000, when); /* the id that belongs to the time */
        last = when;
    }
    assert_false(qmgr_index_take(&index, 499, &when, id)); /* the rest is not due */
    assert_int_equal(index.count, 500);
    qmgr_index_done(&index);
}

static void long_ids_are_kept(void **unused)
{
    (void)unused;
    static const char *const ids[] = {"A1", "12345678901234567890123", "123456789012345678901234",
                                      "4jX4cb3Wx7z1dD8j4jX4cb3Wx7z1dD8j"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct qmgr_index index = {0};
        char id[QUEUE_ID_MAX + 1];
        int64_t when;
        qmgr_index_add(&index, 5, ids[i]);
        qmgr_index_add(&index, 6, ids[i]);
        assert_false(qmgr_index_take(&index, 4, &when, id));
        assert_true(qmgr_index_take(&index, 5, &when, id));
        assert_string_equal(id, ids[i]);
        qmgr_index_done(&index);
    }
}

static void flush_makes_all_due(void **unused)
{
    (void)unused;
    struct qmgr_index index = {0};
    char id[QUEUE_ID_MAX + 1];
    int64_t when;
    qmgr_index_add(&index, 1000, "A1");
    qmgr_index_add(&index, 2000, "B1");
    qmgr_index_all_due(&index);
    qmgr_index_add(&index, 3000, "C1"); /* deferred after the flush */
    assert_true(qmgr_index_take(&index, 10, &when, id));
    assert_int_equal(when, 0);
    assert_true(qmgr_index_take(&index, 10, &when, id));
    assert_false(qmgr_index_take(&index, 10, &when, id));
    qmgr_index_done(&index);
}

static void a_scan_does_not_forget_a_flush(void **unused)
{
    (void)unused;
    struct qmgr_index live = {0}, next = {0};
    char id[QUEUE_ID_MAX + 1];
    int64_t when;
    static const char long_one[] = "4jX4cb3Wx7z1dD8j4jX4cb3Wx7z1dD8j";
    qmgr_index_add(&live, 1000, "A1");
    qmgr_index_add(&live, 1000, long_one);
    qmgr_index_all_due(&live);
    qmgr_index_add(&live, 3000, "C1");
    qmgr_index_copy_flushed(&live, &next);
    qmgr_index_done(&live);
    assert_int_equal(next.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(qmgr_index_take(&next, 10, &when, id));
        assert_int_equal(when, 0);
        assert_true(strcmp(id, "A1") == 0 || strcmp(id, long_one) == 0);
    }
    qmgr_index_done(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_the_order_of_their_time),
        cmocka_unit_test(long_ids_are_kept),
        cmocka_unit_test(flush_makes_all_due),
        cmocka_unit_test(a_scan_does_not_forget_a_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
