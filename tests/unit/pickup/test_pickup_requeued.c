/* What of a submission, and of a re-queued file, is taken on. */
#include "unit/cm.h"

#include "mail/record.h"
#include "pickup/pickup_requeued.h"

enum { KEEP = MAILDROP_KEEP, SKIP = MAILDROP_SKIP, REFUSE = MAILDROP_REFUSE };

struct row {
    int type;
    const char *data;
    int verdict;
};

static void check(const struct row *rows, size_t count,
                  enum maildrop_verdict (*fn)(enum maildrop_segment *, int, struct slice))
{
    enum maildrop_segment segment = MAILDROP_ENVELOPE;
    for (size_t i = 0; i < count; i++) {
        print_message("  row: %c %s\n", rows[i].type, rows[i].data);
        assert_int_equal(fn(&segment, rows[i].type, slice_of(rows[i].data)), rows[i].verdict);
    }
}

static void a_submission_is_not_trusted(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {REC_ATTRIBUTE, "rewrite_context=local", KEEP},
        {REC_ATTRIBUTE, "log_client_name=forged", SKIP},
        {REC_ATTRIBUTE, "sasl_username=forged", SKIP},
        {REC_ATTRIBUTE, "no value", SKIP},
        {REC_SIZE, "0", REFUSE},
        {REC_POINTER, "5", REFUSE},
        {REC_FILTER, "x:y", REFUSE},
        {REC_SENDER, "a", KEEP},
        {REC_RECIPIENT, "b", KEEP},
        {REC_DONE, "b", REFUSE},
        {REC_MESSAGE, "", KEEP},
        {REC_RECIPIENT, "late", REFUSE},
        {REC_LINE, "text", KEEP},
        {REC_LINE_PART, "text", KEEP},
        {REC_EXTRACTED, "", KEEP},
        {REC_LINE, "late", REFUSE},
        {REC_RECIPIENT, "from header", KEEP},
        {REC_END, "", KEEP},
        {REC_RECIPIENT, "after the end", REFUSE},
    };
    check(rows, COUNT_OF(rows), maildrop_check);
}

static void a_requeued_file_loses_its_past(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {REC_SIZE, "sizes", SKIP},
        {REC_ATTRIBUTE, "create_time=1", SKIP},
        {REC_ATTRIBUTE, "log_helo_name=x", SKIP},
        {REC_ATTRIBUTE, "client_name=x", KEEP},
        {REC_SENDER, "a", KEEP},
        {REC_ORIGINAL, "b", SKIP},
        {REC_RECIPIENT, "b", KEEP},
        {REC_DONE, "c", SKIP},
        {REC_WARN, "5", SKIP},
        {REC_MESSAGE, "", KEEP},
        {REC_LINE, "text", KEEP},
        {REC_PADDING, "", SKIP},
        {REC_SENDER, "here?", REFUSE},
        {REC_EXTRACTED, "", KEEP},
        {REC_DONE, "d", SKIP},
        {REC_END, "", KEEP},
    };
    check(rows, COUNT_OF(rows), pickup_requeued_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_submission_is_not_trusted),
        cmocka_unit_test(a_requeued_file_loses_its_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
