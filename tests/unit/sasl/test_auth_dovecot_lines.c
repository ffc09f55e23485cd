/* What Dovecot's server may say, and what is made of it. */
#include "unit/cm.h"

#include "sasl/auth_dovecot_lines.h"
#include "sasl/auth_server.h"

static void greetings(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        bool good, done;
        size_t count;
        const char *reason;
    } rows[] = {
        {"usual", "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\nSPID\t7\nDONE\n", true, true,
         2, ""},
        {"old minor", "VERSION\t1\t0\nMECH\tPLAIN\nDONE\n", true, true, 1, ""},
        {"not yet", "VERSION\t1\t2\nMECH\tPLAIN\n", true, false, 1, ""},
        {"no version", "MECH\tPLAIN\nDONE\n", false, false, 1, "SASL: Protocol version error"},
        {"other version", "VERSION\t2\t0\n", false, false, 0,
         "SASL: Protocol version mismatch (2 vs. 1)"},
        {"version of no number", "VERSION\tx\t0\n", false, false, 0,
         "SASL: Protocol version error"},
        {"version alone", "VERSION\n", false, false, 0, "SASL: Protocol version error"},
        {"the master's socket", "VERSION\t1\t2\nSPID\n", false, false, 0,
         "SASL: Connected to wrong auth socket (auth-master instead of auth-client)"},
        {"unknown lines", "\nFOO\tbar\nVERSION\t1\t2\nCOOKIE\tab\nDONE\n", true, true, 0, ""},
        {"names that are none",
         "VERSION\t1\t2\nMECH\nMECH\t\nMECH\tA B\nMECH\tplain\nMECH\tA\rB\n"
         "MECH\tABCDEFGHIJKLMNOPQRSTU\nDONE\n",
         true, true, 0, ""},
        {"the longest name", "VERSION\t1\t2\nMECH\tABCDEFGHIJKLMNOPQRST\nDONE\n", true, true, 1,
         ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        struct auth_dovecot_hello hello = {0};
        struct err err = ERR_INIT;
        struct slice rest = slice_of(rows[i].text), line;
        bool good = true;
        while (good && slice_next_line(&rest, &line))
            good = auth_dovecot_hello_line(&hello, line, &err);
        assert_int_equal(good, rows[i].good);
        assert_int_equal(hello.is_done, rows[i].done);
        assert_int_equal(hello.count, rows[i].count);
        assert_string_equal(err.reason, rows[i].reason);
    }
}

static void a_list_is_bounded(void **state)
{
    (void)state;
    struct auth_dovecot_hello hello = {0};
    struct err err = ERR_INIT;
    for (int i = 0; i < 1000; i++)
        assert_true(auth_dovecot_hello_line(&hello, slice_of("MECH\tPLAIN"), &err));
    assert_int_equal(hello.count, AUTH_DOVECOT_MECHS_MAX);
}

static void policies(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line;
        unsigned policy;
        bool fits;
    } rows[] = {
        {"anything goes", "MECH\tA\tplaintext\tanonymous", 0, true},
        {"plaintext", "MECH\tA\tplaintext", AUTH_NO_PLAINTEXT, false},
        {"not plaintext", "MECH\tA\tactive", AUTH_NO_PLAINTEXT, true},
        {"active", "MECH\tA\tx\tactive", AUTH_NO_ACTIVE, false},
        {"dictionary", "MECH\tA\tdictionary", AUTH_NO_DICTIONARY, false},
        {"anonymous", "MECH\tA\tanonymous", AUTH_NO_ANONYMOUS, false},
        {"forward secrecy is missing", "MECH\tA", AUTH_FORWARD_SECRECY, false},
        {"forward secrecy", "MECH\tA\tforward-secrecy", AUTH_FORWARD_SECRECY, true},
        {"mutual is missing", "MECH\tA\tforward-secrecy", AUTH_MUTUAL, false},
        {"mutual", "MECH\tA\tmutual-auth", AUTH_MUTUAL | AUTH_NO_PLAINTEXT, true},
        {"private", "MECH\tA\tprivate", 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        struct auth_dovecot_hello hello = {0};
        struct err err = ERR_INIT;
        assert_true(auth_dovecot_hello_line(&hello, slice_of(rows[i].line), &err));
        assert_int_equal(auth_dovecot_mech_fits(&hello.mechs[0], rows[i].policy), rows[i].fits);
    }
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line;
        bool good;
        enum auth_dovecot_verb verb;
        uint32_t id;
        const char *challenge, *user, *reason; /* NULL: not given */
        bool is_temporary;
    } rows[] = {
        {"OK", "OK\t1\tuser=bob\tx=y", true, AUTH_DOVECOT_OK, 1, NULL, "bob", NULL, false},
        {"OK without user", "OK\t1", true, AUTH_DOVECOT_OK, 1, NULL, NULL, NULL, false},
        {"OK with an empty user", "OK\t1\tuser=", true, AUTH_DOVECOT_OK, 1, NULL, "", NULL, false},
        {"user of ==", "OK\t1\tuser=a=b", true, AUTH_DOVECOT_OK, 1, NULL, "a=b", NULL, false},
        {"FAIL", "FAIL\t4294967295\tuser=u\treason=no way\ttemp", true, AUTH_DOVECOT_FAIL,
         UINT32_MAX, NULL, "u", "no way", true},
        {"FAIL by code", "FAIL\t2\tcode=temp_fail", true, AUTH_DOVECOT_FAIL, 2, NULL, NULL, NULL,
         true},
        {"other code", "FAIL\t2\tcode=user_disabled", true, AUTH_DOVECOT_FAIL, 2, NULL, NULL, NULL,
         false},
        {"CONT", "CONT\t3\tabc=", true, AUTH_DOVECOT_CONT, 3, "abc=", NULL, NULL, false},
        {"CONT of nothing", "CONT\t3\t", true, AUTH_DOVECOT_CONT, 3, "", NULL, NULL, false},
        {"CONT cut off", "CONT\t3", true, AUTH_DOVECOT_CONT, 3, NULL, NULL, NULL, false},
        {"other", "PING\tx", true, AUTH_DOVECOT_OTHER, 0, NULL, NULL, NULL, false},
        {"nothing", "", true, AUTH_DOVECOT_OTHER, 0, NULL, NULL, NULL, false},
        {"no id", "OK", false, AUTH_DOVECOT_OK, 0, NULL, NULL, NULL, false},
        {"id of no number", "FAIL\t-1", false, AUTH_DOVECOT_FAIL, 0, NULL, NULL, NULL, false},
        {"id too big", "OK\t4294967296\tuser=x", false, AUTH_DOVECOT_OK, 0, NULL, NULL, NULL,
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        struct auth_dovecot_answer answer;
        assert_int_equal(auth_dovecot_answer_parse(slice_of(rows[i].line), &answer), rows[i].good);
        assert_int_equal(answer.verb, rows[i].verb);
        assert_int_equal(answer.id, rows[i].id);
        assert_int_equal(answer.is_temporary, rows[i].is_temporary);
        const struct {
            struct slice actual;
            const char *wanted;
        } texts[] = {{answer.challenge, rows[i].challenge},
                     {answer.user, rows[i].user},
                     {answer.reason, rows[i].reason}};
        for (size_t j = 0; j < COUNT_OF(texts); j++) {
            assert_int_equal(texts[j].actual.s != NULL, texts[j].wanted != NULL);
            if (texts[j].wanted)
                assert_slice(texts[j].actual, texts[j].wanted);
        }
    }
}

static void texts_are_unescaped_and_printable(void **state)
{
    (void)state;
    static const struct {
        const char *name, *field, *wanted;
        size_t max;
        bool fits;
    } rows[] = {
        {"plain", "abc", "abc", 10, true},
        {"tab", "a\001tb", "a?b", 10, true},
        {"escape", "a\0011b", "a?b", 10, true},
        {"NUL", "a\0010b", "a?b", 10, true},
        {"escape at the end", "a\001", "a?", 10, true},
        {"control", "a\rb\033", "a?b?", 10, true},
        {"UTF-8", "\303\244", "\303\244", 10, true},
        {"not UTF-8", "\344", "?", 10, true},
        {"cut", "abcdef", "abc", 3, false},
        {"cut in a character", "a\303\244", "a?", 2, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].name);
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        assert_int_equal(auth_dovecot_text(slice_of(rows[i].field), rows[i].max, &out),
                         rows[i].fits);
        assert_strbuf(out, rows[i].wanted);
    }
}

static void fields_of_ours_cannot_break_a_line(void **state)
{
    (void)state;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    auth_dovecot_add_field(&out, "service", "a\tb\nc\rd\001e");
    assert_strbuf(out, "\tservice=a\001tb\001nc\001rd\0011e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greetings),
        cmocka_unit_test(a_list_is_bounded),
        cmocka_unit_test(policies),
        cmocka_unit_test(answers),
        cmocka_unit_test(texts_are_unescaped_and_printable),
        cmocka_unit_test(fields_of_ours_cannot_break_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
