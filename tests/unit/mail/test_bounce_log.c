#include "unit/cm.h"

#include "config/common_params.h"
#include "io/fd.h"
#include "mail/bounce_log.h"
#include "mail/queue_id.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test_bounce_log.XXXXXX";

static const struct recipient rcpt = {.offset = 772,
                                      .address = "x@fail.test",
                                      .orig_address = "al@here.test",
                                      .dsn_orcpt = "rfc822;al@here.test",
                                      .dsn_notify = 4};
static const struct delivery_status failed = {
    .dsn = "5.1.1",
    .action = "failed",
    .reason = "host h[192.0.2.1] said: 550 no",
    .diag_type = "smtp",
    .diag_text = "550 no",
    .mta_type = "dns",
    .mta_name = "h",
};
static const char paragraph[] = "\n<x@fail.test>: host h[192.0.2.1] said: 550 no\n"
                                "recipient=x@fail.test\noriginal_recipient=al@here.test\n"
                                "offset=772\ndsn_orig_rcpt=rfc822;al@here.test\nnotify_flags=4\n"
                                "status=5.1.1\naction=failed\ndiag_type=smtp\ndiag_text=550 no\n"
                                "mta_type=dns\nmta_mname=h\nreason=host h[192.0.2.1] said: 550 no\n"
                                "\n";

static int setup(void **unused)
{
    (void)unused;
    common_params.hash_queue_names = "deferred, defer";
    common_params.hash_queue_depth = 1;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void a_paragraph_is_as_postfix_writes_it(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    bounce_log_format(&out, &rcpt, &failed, true);
    assert_string_equal(out.s, paragraph);
    strbuf_reset(&out);
    bounce_log_format(&out, &rcpt, &failed, false);
    assert_null(strstr(out.s, "<x@fail.test>"));

    const struct recipient plain = {.address = "a@b", .orig_address = "a@b", .dsn_orcpt = ""};
    const struct delivery_status text = {"4.0.0", "delayed", "two\nlines \x01", "smtp", "",
                                         "",      "h"};
    strbuf_reset(&out);
    bounce_log_format(&out, &plain, &text, true);
    assert_string_equal(out.s, "\n<a@b>: two?lines ?\nrecipient=a@b\nstatus=4.0.0\n"
                               "action=delayed\nreason=two?lines ?\n\n");
}

static void what_is_appended_is_read_back(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct bounce_log_entry e;
    struct stat st;
    bool missing;
    for (int i = 0; i < 2; i++)
        assert_int_equal(bounce_log_append("defer", "E80E4AA8173", slice_of(paragraph), &err),
                         BOUNCE_LOG_OK);
    assert_int_equal(stat("defer/E/E80E4AA8173", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct bounce_log *log = bounce_log_open("defer", "E80E4AA8173", NULL, &err);
    assert_non_null(log);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            assert_true(bounce_log_next(log, &e));
            assert_string_equal(e.rcpt.address, "x@fail.test");
            assert_string_equal(e.rcpt.orig_address, "al@here.test");
            assert_string_equal(e.rcpt.dsn_orcpt, "rfc822;al@here.test");
            assert_int_equal(e.rcpt.offset, 772);
            assert_int_equal(e.rcpt.dsn_notify, 4);
            assert_string_equal(e.status.dsn, "5.1.1");
            assert_string_equal(e.status.action, "failed");
            assert_string_equal(e.status.diag_type, "smtp");
            assert_string_equal(e.status.diag_text, "550 no");
            assert_string_equal(e.status.mta_type, "dns");
            assert_string_equal(e.status.mta_name, "h");
            assert_string_equal(e.status.reason, "host h[192.0.2.1] said: 550 no");
        }
        assert_false(bounce_log_next(log, &e));
        bounce_log_rewind(log);
    }
    bounce_log_close(log);
    assert_true(bounce_log_remove("defer", "E80E4AA8173", &err));
    assert_true(bounce_log_remove("defer", "E80E4AA8173", &err)); /* none is fine */
    assert_null(bounce_log_open("defer", "E80E4AA8173", &missing, &err));
    assert_true(missing);
}

static void a_locked_log_is_busy(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    assert_int_equal(bounce_log_append("bounce", "ABC", slice_of(paragraph), &err), BOUNCE_LOG_OK);
    int fd = open("bounce/ABC", O_RDWR);
    assert_true(fd_lock(fd, true, false));
    assert_int_equal(bounce_log_append("bounce", "ABC", slice_of(paragraph), &err),
                     BOUNCE_LOG_BUSY);
    close(fd);
    assert_int_equal(bounce_log_append("bounce", "ABC", slice_of(paragraph), &err), BOUNCE_LOG_OK);
}

/* What stands in the file, and the recipients that count, one a word. */
static const struct {
    const char *name, *text, *recipients;
    size_t skipped;
} files[] = {
    {"empty", "", "", 0},
    {"only line ends", "\n\n\n\n", "", 0},
    {"one", "\n<a@b>: no\nrecipient=a@b\nreason=no\n\n", "a@b", 0},
    {"no line for old readers", "recipient=a@b\nreason=no\n\n", "a@b", 0},
    {"no end", "\n<a@b>: no\nrecipient=a@b\nreason=no\n", "", 1},
    {"cut in a line", "\n<a@b>: no\nrecipient=a@b\nreas", "", 1},
    {"cut off, then ended", "\nrecipient=a@b\nreas\n(incomplete)\n\n\nrecipient=c@d\n\n", "c@d", 1},
    {"old line holds anything", "\n<a=b>: = x\nrecipient=a=b\n\n", "a=b", 0},
    {"no recipient", "\nreason=x\n\n\nrecipient=\n\nrecipient=a@b\n\n", "a@b", 2},
    {"unknown names", "\nrecipient=a@b\nnew_thing=1\n\n", "a@b", 0},
    {"last one of a name", "\nrecipient=a@b\nrecipient=c@d\n\n", "c@d", 0},
};

static void odd_paragraphs_are_passed_over(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
        struct bounce_log_entry e;
        ROW(files[i].name);
        int fd = open("odd", O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_true(fd_write_all(fd, files[i].text, strlen(files[i].text)));
        lseek(fd, 0, SEEK_SET);
        struct bounce_log *log = bounce_log_open_fd(fd);
        while (bounce_log_next(log, &e))
            strbuf_addf(&got, "%s%s", got.len ? " " : "", e.rcpt.address);
        assert_strbuf(got, files[i].recipients);
        assert_int_equal(bounce_log_skipped(log), files[i].skipped);
        bounce_log_close(log);
    }
}

static void a_torn_paragraph_does_not_spoil_the_next(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    for (size_t len = 1; len < sizeof paragraph - 1; len++) {
        struct bounce_log_entry e;
        CLEANUP(fd_done) int fd = open("bounce/T0", O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_true(fd_write_all(fd, paragraph, len));
        assert_int_equal(bounce_log_append("bounce", "T0", slice_of(paragraph), &err),
                         BOUNCE_LOG_OK);
        struct bounce_log *log = bounce_log_open("bounce", "T0", NULL, &err);
        assert_true(bounce_log_next(log, &e));
        assert_string_equal(e.status.reason, "host h[192.0.2.1] said: 550 no");
        assert_false(bounce_log_next(log, &e));
        bounce_log_close(log);
    }
}

static void long_lines_are_cut(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct bounce_log_entry e;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_add_str(&text, "\nrecipient=a@b\nreason=");
    strbuf_add_fill(&text, 'x', 10 * BOUNCE_LOG_TEXT_MAX);
    strbuf_add_str(&text, "\nstatus=5.0.0\n\n");
    assert_int_equal(bounce_log_append("bounce", "L0", strbuf_slice(&text), &err), BOUNCE_LOG_OK);
    struct bounce_log *log = bounce_log_open("bounce", "L0", NULL, &err);
    assert_true(bounce_log_next(log, &e));
    assert_true(strlen(e.status.reason) <= BOUNCE_LOG_TEXT_MAX);
    assert_string_equal(e.status.dsn, "5.0.0");
    bounce_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paragraph_is_as_postfix_writes_it),
        cmocka_unit_test(what_is_appended_is_read_back),
        cmocka_unit_test(a_locked_log_is_busy),
        cmocka_unit_test(odd_paragraphs_are_passed_over),
        cmocka_unit_test(a_torn_paragraph_does_not_spoil_the_next),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
