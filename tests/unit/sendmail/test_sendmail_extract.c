#include "unit/cm.h"

#include "config/common_params.h"
#include "sendmail/sendmail_extract.h"

static void finds_recipients(void **unused)
{
    (void)unused;
    common_params.header_address_token_limit = 10240;
    static const struct {
        const char *name, *message, *expected;
    } rows[] = {
        {"three headers in order", "To: a@x\nCc: b@x\nBcc: c@x\n\nTo: not@this\n", "a@x b@x c@x"},
        {"names, comments, groups", "To: A <a@x>, b@x (B), team: c@x, d@x;\n\n", "a@x b@x c@x d@x"},
        {"folded", "To: a@x,\n b@x\n\n", "a@x b@x"},
        {"resent wins", "To: a@x\nResent-To: r@x\n\n", "r@x"},
        {"quoted local part", "To: \"a b\"@x\n\n", "a b@x"},
        {"no header at all", "hello\nTo: a@x\n", ""},
        {"without a body", "To: a@x", "a@x"},
        {"other headers only", "From: a@x\nSubject: To: b@x\n\n", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sendmail_extract e = SENDMAIL_EXTRACT_INIT;
        CLEANUP(strbuf_done) struct strbuf found = STRBUF_ANY;
        struct slice in = slice_of(rows[i].message), line;
        ROW(rows[i].name);
        while (slice_next_line(&in, &line))
            sendmail_extract_line(&e, line);
        const struct argv *list = sendmail_extract_end(&e);
        for (size_t n = 0; n < list->count; n++)
            strbuf_addf(&found, "%s%s", n ? " " : "", list->at[n]);
        assert_strbuf(found, rows[i].expected);
        sendmail_extract_done(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_recipients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
