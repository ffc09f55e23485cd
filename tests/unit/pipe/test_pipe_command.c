/* The attributes of a pipe service, and its command with macros replaced. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "delivery/mailbox_message.h"
#include "pipe/pipe_command.h"

#include <string.h>

enum { WORDS_MAX = 10 };

static void test_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *args[WORDS_MAX];
        const char *wrong; /* NULL: fine */
    } rows[] = {
        {{"user=nobody", "argv=/bin/true"}, NULL},
        {{"user=nobody:mail", "flags=BDFORXhqu.>", "size=10", "argv=x", "user=root"}, NULL},
        {{"user=nobody", "argv="}, NULL},
        {{"argv=/bin/true"}, "missing user= command-line attribute"},
        {{"user=nobody"}, "missing argv= command-line attribute"},
        {{NULL}, "missing user= command-line attribute"},
        {{"user=nobody", "/bin/true"}, "unknown attribute name: /bin/true"},
        {{"user=", "argv=x"}, "get_service_attr: unknown username: "},
        {{"user=nobody:", "argv=x"}, "get_service_attr: unknown group: "},
        {{"user=root", "argv=x"}, "user= command-line attribute specifies root privileges"},
        {{"user=nobody:root", "argv=x"},
         "user= command-line attribute specifies privileged group id"},
        {{"user=nobody", "size=-1", "argv=x"}, "get_service_attr: bad size= value: -1"},
        {{"user=nobody", "flags=y", "argv=x"}, "unknown flag: y (ignored)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pipe_attributes a;
        struct err err = ERR_INIT;
        bool ok = pipe_attributes_parse((char *const *)rows[i].args, "daemon", &a, &err);
        assert_int_equal(ok, rows[i].wrong == NULL);
        if (!ok)
            assert_string_equal(err.reason, rows[i].wrong);
        pipe_attributes_done(&a);
    }
}

static void test_eol(void **state)
{
    (void)state;
    static const struct {
        const char *written, *meant;
    } rows[] = {
        {"eol=\\r\\n", "\r\n"}, {"eol=", ""},     {"eol=\\101\\60x", "A0x"}, {"eol=\\1011", "A1"},
        {"eol=\\\\", "\\"},     {"eol=\\q", "q"}, {"eol=\\", "\\"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *args[] = {"user=nobody", rows[i].written, "argv=x", NULL};
        struct pipe_attributes a;
        struct err err = ERR_INIT;
        assert_true(pipe_attributes_parse((char *const *)args, "daemon", &a, &err));
        assert_int_equal(a.eol.len, strlen(rows[i].meant));
        assert_memory_equal(a.eol.s, rows[i].meant, a.eol.len);
        pipe_attributes_done(&a);
    }
}

static struct recipient rcpt(const char *address, const char *original)
{
    return (struct recipient){
        .address = (char *)address, .orig_address = (char *)original, .dsn_orcpt = (char *)""};
}

static void test_command(void **state)
{
    (void)state;
    static const struct {
        const char *args[WORDS_MAX], *words[WORDS_MAX];
    } rows[] = {
        {{"argv=x", "$recipient"}, {"x", "User+Ext@Far.test", "$user ${size}@far.test"}},
        {{"argv=x", "-r${user}", "$sender"}, {"x", "-rUser", "-r$user ${size}", "a b@x.test"}},
        {{"flags=q", "argv=x", "$recipient", "$sender"},
         {"x", "User+Ext@Far.test", "\"$user ${size}\"@far.test", "\"a b\"@x.test"}},
        {{"flags=hu", "argv=x", "$recipient", "$nexthop"},
         {"x", "user+ext@far.test", "$user ${size}@far.test", "next.test"}},
        {{"flags=hu", "argv=x", "$domain/$extension/$mailbox"},
         {"x", "far.test/ext/user+ext", "far.test//$user ${size}"}},
        {{"argv=x", "$original_recipient", "$$x", ""},
         {"x", "User+Ext@Far.test", "Old@far.test", "$x", ""}},
        {{"argv=x", "$size", "$queue_id", "$client_address", "$sasl_username"},
         {"x", "1234", "ABC", "192.0.2.1", ""}},
    };
    struct recipient recipients[] = {rcpt("User+Ext@Far.test", ""),
                                     rcpt("$user ${size}@far.test", "Old@far.test")};
    struct envelope e;
    envelope_blank(&e);
    e.sender = "a b@x.test";
    e.message_size = 1234;
    e.log_client_address = "192.0.2.1";
    common_params.recipient_delimiter = "+";
    const struct pipe_message m = {.queue_id = "ABC",
                                   .nexthop = "Next.test",
                                   .envelope = &e,
                                   .recipients = recipients,
                                   .recipient_count = 2};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *args[WORDS_MAX + 1] = {"user=nobody"};
        memcpy(args + 1, rows[i].args, sizeof rows[i].args);
        struct pipe_attributes a;
        struct argv words = ARGV_INIT;
        struct err err = ERR_INIT;
        size_t count = 0;
        assert_true(pipe_attributes_parse((char *const *)args, "daemon", &a, &err));
        assert_true(pipe_command_expand(&a, &m, &words, &err));
        for (; count < WORDS_MAX && rows[i].words[count]; count++)
            assert_string_equal(words.at[count], rows[i].words[count]);
        assert_int_equal(words.count, count);
        argv_done(&words);
        pipe_attributes_done(&a);
    }
}

static void test_unknown_macro(void **state)
{
    (void)state;
    const char *args[] = {"user=nobody", "argv=x", "$recipient", "${nosuch}", "$what", NULL};
    struct recipient one = rcpt("a@b", "");
    struct envelope e;
    struct argv words = ARGV_INIT;
    struct err err = ERR_INIT;
    struct pipe_attributes a;
    envelope_blank(&e);
    const struct pipe_message m = {"ID", "next", &e, &one, 1};
    assert_true(pipe_attributes_parse((char *const *)args, "daemon", &a, &err));
    assert_false(pipe_command_expand(&a, &m, &words, &err));
    assert_non_null(strstr(err.reason, "\"nosuch\""));
    argv_done(&words);
    pipe_attributes_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_eol),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_unknown_macro),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
