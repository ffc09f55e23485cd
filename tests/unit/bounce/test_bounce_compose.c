#include "unit/cm.h"

#include "bounce/bounce_compose.h"
#include "config/common_params.h"

static int setup(void **unused)
{
    (void)unused;
    common_params.myhostname = "mail.example.test";
    common_params.mail_name = "Postfix";
    common_params.header_from_format = "standard";
    return 0;
}

static const struct {
    const char *name, *line, *wrapped;
} lines[] = {
    {"short", "<a@b>: no", "<a@b>: no\n"},
    {"79 columns",
     "<x@fail.test> (expanded from <al@here.test>): User unknown; a text that is long enough to",
     "<x@fail.test> (expanded from <al@here.test>): User unknown; a text that is long\n"
     "    enough to\n"},
    {"continuation is 79 wide, too",
     "<u@gone.test>: host 127.0.0.1[127.0.0.1] said: 550-5.1.1 no such user here 550 5.1.1 really, "
     "and this is <u@?> a long reply that has to be folded somewhere (in reply to RCPT TO command)",
     "<u@gone.test>: host 127.0.0.1[127.0.0.1] said: 550-5.1.1 no such user here 550\n"
     "    5.1.1 really, and this is <u@?> a long reply that has to be folded\n"
     "    somewhere (in reply to RCPT TO command)\n"},
};

static void long_lines_are_wrapped(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        ROW(lines[i].name);
        bounce_compose_wrap(&out, slice_of(lines[i].line));
        assert_strbuf(out, lines[i].wrapped);
    }
}

static const struct {
    int64_t notify, mask;
    bool wants;
} wants[] = {
    {0, DSN_NOTIFY_FAILURE, true},
    {0, DSN_NOTIFY_DELAY, true},
    {0, 0, true},
    {DSN_NOTIFY_NEVER, DSN_NOTIFY_FAILURE, false},
    {DSN_NOTIFY_NEVER, 0, true}, /* a postmaster's copy */
    {DSN_NOTIFY_SUCCESS, DSN_NOTIFY_FAILURE, false},
    {DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY, DSN_NOTIFY_DELAY, true},
    {DSN_NOTIFY_FAILURE, DSN_NOTIFY_DELAY, false},
};

static void notify_decides_who_is_listed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(wants); i++) {
        struct bounce_notice notice = {.notify_mask = wants[i].mask};
        struct bounce_log_entry entry = {.rcpt = {.dsn_notify = wants[i].notify}};
        print_message("  row: %zu\n", i);
        assert_int_equal(bounce_compose_wants(&notice, &entry), wants[i].wants);
    }
}

static const struct {
    const char *name;
    bool is_utf8;
    struct bounce_log_entry entry;
    const char *text;
} groups[] = {
    {"by SMTP",
     false,
     {{.address = "u@gone.test", .orig_address = "", .dsn_orcpt = "rfc822;u@gone.test"},
      {"5.1.1", "failed", "host x said: 550 no", "smtp", "550 no", "dns", "mx.test"}},
     "\nFinal-Recipient: rfc822; u@gone.test\nOriginal-Recipient: rfc822;u@gone.test\n"
     "Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.test\nDiagnostic-Code: smtp; 550 no\n"},
    {"local part with a blank",
     false,
     {{.address = "a b@x.test", .orig_address = "", .dsn_orcpt = ""},
      {"5.0.0", "failed", "no", "", "", "", ""}},
     "\nFinal-Recipient: rfc822; \"a b\"@x.test\nAction: failed\nStatus: 5.0.0\n"
     "Diagnostic-Code: X-Postfix; no\n"},
    {"UTF-8",
     true,
     {{.address = "\xc3\xbc@x.test", .orig_address = "", .dsn_orcpt = ""},
      {"5.0.0", "failed", "no", "", "", "", ""}},
     "\nFinal-Recipient: utf-8; \xc3\xbc@x.test\nAction: failed\nStatus: 5.0.0\n"
     "Diagnostic-Code: X-Postfix; no\n"},
};

static void recipient_groups_follow_rfc_3464(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct bounce_subject s = {.is_utf8 = groups[i].is_utf8};
        struct bounce_notice notice = {.kind = BOUNCE_TEMPLATE_FAILURE};
        ROW(groups[i].name);
        bounce_compose_status(&out, &s, &notice, &groups[i].entry);
        assert_strbuf(out, groups[i].text);
    }
}

static void gaps_are_filled(void **unused)
{
    (void)unused;
    const struct bounce_log_entry nothing = {
        .rcpt = {.address = "", .orig_address = "", .dsn_orcpt = ""},
        .status = {"", "", "", "", "", "", ""}};
    struct bounce_notice notice = {.kind = BOUNCE_TEMPLATE_FAILURE};
    struct bounce_log_entry e = bounce_compose_complete(&notice, &nothing);
    assert_string_equal(e.rcpt.address, "(MAILER-DAEMON)");
    assert_string_equal(e.status.reason, "(description unavailable)");
    assert_string_equal(e.status.action, "failed");
    assert_string_equal(e.status.dsn, "5.0.0");
    notice = (struct bounce_notice){.kind = BOUNCE_TEMPLATE_FAILURE, .action = "failed"};
    struct bounce_log_entry delayed = nothing;
    delayed.status.action = "delayed";
    assert_string_equal(bounce_compose_complete(&notice, &delayed).status.action, "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lines_are_wrapped),
        cmocka_unit_test(notify_decides_who_is_listed),
        cmocka_unit_test(recipient_groups_follow_rfc_3464),
        cmocka_unit_test(gaps_are_filled),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
