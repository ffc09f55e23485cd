#include "config/master_cf.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

static struct master_entry *parse(const char *text)
{
    struct master_entry *entries;
    struct err err = ERR_INIT;
    bool ok = master_cf_parse(slice_of(text), "master.cf", &entries, &err);
    if (!ok)
        print_message("  %s\n", err.reason);
    assert_true(ok);
    return entries;
}

static void entries_are_read(void **unused)
{
    (void)unused;
    struct master_entry *e = parse("# comment\nsmtp inet n - n - - smtpd\n"
                                   "tlsmgr unix - n y 1000? 1 tlsmgr\n\n"
                                   "log unix-dgram n - - 60 0 postlogd -v\n");
    assert_string_equal(e->name, "smtp");
    assert_int_equal(e->type, SERVICE_INET);
    assert_false(e->is_private);
    assert_true(e->is_unprivileged);
    assert_false(e->is_chroot || e->is_chroot_default);
    assert_int_equal(e->wakeup_seconds, 0);
    assert_int_equal(e->max_processes, -1);
    assert_string_equal(e->program, "smtpd");
    assert_int_equal(e->args.count, 0);
    assert_int_equal(e->line, 2);

    const struct master_entry *second = e->next, *third = second->next;
    assert_true(second->is_private && second->is_chroot && second->wakeup_if_used);
    assert_false(second->is_unprivileged);
    assert_int_equal(second->wakeup_seconds, 1000);
    assert_int_equal(second->max_processes, 1);
    assert_int_equal(third->type, SERVICE_UNIX_DGRAM);
    assert_true(third->is_chroot_default && !third->is_chroot);
    assert_false(third->wakeup_if_used);
    assert_int_equal(third->max_processes, 0);
    assert_string_equal(third->args.at[0], "-v");
    assert_int_equal(third->line, 5);
    assert_null(third->next);
    master_cf_free(e);
}

static void arguments_are_split(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *args; /* args joined by | */
    } rows[] = {
        {"-o a=b -v", "-o|a=b|-v|"},
        {"-oa=b", "-o|a=b|"},
        {"-o { a = b c } x", "-o|a=b c|x|"},
        {"-o {a=}", "-o|a=|"},
        {"{ x y } {} {a{b}c}", "x y||a{b}c|"},
        {"\n  -o a=b\n# comment\n\n  -o c=d", "-o|a=b|-o|c=d|"},
        {"argv=a${x} -d", "argv=a${x}|-d|"},
        {"-o -v", "-o|-v|"},
        {"-o{ a = b  c }", "-o|a=b  c|"},
        {"-o { a b = c } -v", "-o|a b = c|-v|"}, /* for the service to refuse */
        {"-o {}", "-o||"},
        {"b{c d}", "b{c|d}|"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY, got = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].text);
        strbuf_addf(&line, "a unix - - - - - pipe %s\n", rows[i].text);
        struct master_entry *e = parse(line.s);
        for (size_t k = 0; k < e->args.count; k++)
            strbuf_addf(&got, "%s|", e->args.at[k]);
        assert_string_equal(got.s, rows[i].args);
        master_cf_free(e);
    }
}

static void mistakes_name_file_and_line(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"smtp\n", "m: line 1: bad field count"},
        {"\n\nsmtp inet n - n - -\n", "m: line 3: bad field count"},
        {"a foo - - n - - x\n", "m: line 1: invalid type field \"foo\""},
        {"a unix q - n - - x\n", "m: line 1: invalid private field \"q\""},
        {"a unix - q n - - x\n", "m: line 1: invalid unprivileged field \"q\""},
        {"a unix - - Q - - x\n", "m: line 1: invalid chroot field \"Q\""},
        {"a unix - - - 10x - x\n", "m: line 1: invalid wakeup field \"10x\""},
        {"a unix - - - 10?? - x\n", "m: line 1: invalid wakeup field \"10??\""},
        {"a unix - - - -? - x\n", "m: line 1: invalid wakeup field \"-?\""},
        {"a unix - - - - -5 x\n", "m: line 1: invalid process_limit field \"-5\""},
        {"a unix - - - - 9999999999 x\n", "m: line 1: invalid process_limit field \"9999999999\""},
        {"a inet - - - - - x\n", "m: line 1: inet service can't be private"},
        {"a unix - - - - - ../x\n",
         "m: line 1: command must be a file in daemon_directory: \"../x\""},
        {"a unix - - - - - x {b\n", "m: line 1: missing '}' in \"{b\""},
        {"a unix - - - - - x {b}c\n", "m: line 1: syntax error after '}' in \"{b}c\""},
        {"\xef\xbb\xbf# c\na\n", "m: line 2: bad field count"},
        {"a unix - - - - - x\x02\n", "m: line 1: control character 0x02"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct master_entry *entries = NULL;
        struct err err = ERR_INIT;
        assert_false(master_cf_parse(slice_of(rows[i].text), "m", &entries, &err));
        assert_string_equal(err.reason, rows[i].reason);
        assert_null(entries);
    }
}

static void a_blank_start_is_passed_over(void **unused)
{
    (void)unused;
    char path[] = "/tmp/test_master_cf.XXXXXX";
    struct master_entry *e = NULL;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf warnings = STRBUF_ANY;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "# \x01 in a comment\n x unix\n - - -\n\na unix - - n - - b\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    bool ok = master_cf_load_and_warn(path, &e, &warnings, &err);
    (void)unlink(path);
    assert_true(ok);
    assert_non_null(
        strstr(warnings.s, ": logical line must not start with whitespace: \" x unix - - -\"\n"));
    assert_string_equal(e->name, "a");
    assert_int_equal(e->line, 5);
    assert_null(e->next);
    master_cf_free(e);
}

static void jail_depends_on_the_level(void **unused)
{
    (void)unused;
    struct master_entry *e = parse("a unix - - - - - x\nb unix - - n - - x\nc unix - - y - - x\n");
    const struct master_entry *by_default = e, *no = e->next, *yes = no->next;
    static const char *const old[] = {"0", "0.9", " 0", "00"};
    static const char *const new[] = {"1", "3.6", "3.11", "9999"};
    for (size_t i = 0; i < COUNT_OF(old); i++) {
        assert_true(master_entry_is_jailed(by_default, old[i]));
        assert_false(master_entry_is_jailed(no, old[i]));
        assert_false(master_entry_is_jailed(by_default, new[i]));
        assert_true(master_entry_is_jailed(yes, new[i]));
    }
    master_cf_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(arguments_are_split),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(a_blank_start_is_passed_over),
        cmocka_unit_test(jail_depends_on_the_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
