#include "unit/cm.h"

#include "master/master.h"

#include "log/log.h"

static int warnings;

static void count_warnings(enum log_level level, const char *line)
{
    (void)line;
    warnings += level == LOG_LEVEL_WARN;
}

static struct master_service *build(const char *text, const char *disabled)
{
    struct master_entry *entries = NULL;
    struct err err = ERR_INIT;
    assert_true(master_cf_parse(slice_of(text), "test", &entries, &err));
    struct master_service *table = master_table_build(entries, disabled, 100);
    master_cf_free(entries);
    return table;
}

static void drop(struct master_service *table)
{
    while (table) {
        struct master_service *next = table->next;
        master_service_free(table);
        table = next;
    }
}

static void compare_finds_what_changed(void **unused)
{
    (void)unused;
    static const char base[] = "a unix n - n 60 5 prog -o x=1\n";
    static const struct {
        const char *name, *line;
        enum master_change change;
    } rows[] = {
        {"same", "a unix n - n 60 5 prog -o x=1", MASTER_SAME},
        {"same, other spelling", "a  unix n y n 60 5 prog\n  -o {x=1}", MASTER_SAME},
        {"argument", "a unix n - n 60 5 prog -o x=2", MASTER_CHANGED},
        {"fewer arguments", "a unix n - n 60 5 prog", MASTER_CHANGED},
        {"program", "a unix n - n 60 5 other -o x=1", MASTER_CHANGED},
        {"limit", "a unix n - n 60 - prog -o x=1", MASTER_CHANGED},
        {"wakeup", "a unix n - n 60? 5 prog -o x=1", MASTER_CHANGED},
        {"chroot", "a unix n - y 60 5 prog -o x=1", MASTER_CHANGED},
        {"privilege", "a unix n n n 60 5 prog -o x=1", MASTER_CHANGED},
        {"private", "a unix y - n 60 5 prog -o x=1", MASTER_OTHER_SOCKET},
        {"type", "a pass n - n 60 5 prog -o x=1", MASTER_OTHER_SOCKET},
        {"name", "b unix n - n 60 5 prog -o x=1", MASTER_OTHER_SOCKET},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct master_service *old = build(base, ""), *fresh = build(rows[i].line, "");
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(master_service_compare(old, fresh), rows[i].change);
        if (rows[i].change == MASTER_CHANGED) {
            struct master_service *again = build(rows[i].line, "");
            master_service_adopt(old, fresh);
            assert_int_equal(master_service_compare(old, again), MASTER_SAME);
            drop(again);
        }
        drop(old);
        drop(fresh);
    }
}

static void build_applies_defaults_and_disables(void **unused)
{
    (void)unused;
    static const char text[] = "25 inet n - n - - smtpd\n"
                               "a unix - - n - 0 prog\n"
                               "b unix n - n - - prog\n"
                               "b fifo n - n - - prog\n";
    static const struct {
        const char *name, *disabled;
        bool has_25, has_a, has_b_unix, has_b_fifo;
    } rows[] = {
        {"none", "", true, true, true, true},
        {"a type", "inet", false, true, true, true},
        {"name and type", "b/unix, a/unix", true, false, false, true},
        {"older form", "b.fifo", true, true, true, false},
        {"other things", "x/unix unix/b b", true, true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct master_service *table = build(text, rows[i].disabled);
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(master_table_find(table, "25", SERVICE_INET) != NULL, rows[i].has_25);
        assert_int_equal(master_table_find(table, "a", SERVICE_UNIX) != NULL, rows[i].has_a);
        assert_int_equal(master_table_find(table, "b", SERVICE_UNIX) != NULL, rows[i].has_b_unix);
        assert_int_equal(master_table_find(table, "b", SERVICE_FIFO) != NULL, rows[i].has_b_fifo);
        drop(table);
    }
    struct master_service *table = build(text, "");
    assert_int_equal(master_table_find(table, "25", SERVICE_INET)->max_processes, 100);
    assert_int_equal(master_table_find(table, "a", SERVICE_UNIX)->max_processes, 0);
    assert_string_equal(master_table_find(table, "a", SERVICE_UNIX)->title, "private/a");
    assert_string_equal(master_table_find(table, "b", SERVICE_FIFO)->title, "public/b");
    drop(table);
}

static void last_of_two_entries_counts(void **unused)
{
    (void)unused;
    log_hook = count_warnings;
    struct master_service *table = build("a unix - - n - 1 one\nb unix - - n - - prog\n"
                                         "a unix - - n - 2 two\n",
                                         "");
    log_hook = NULL;
    assert_int_equal(warnings, 1);
    assert_string_equal(master_table_find(table, "a", SERVICE_UNIX)->program, "two");
    assert_non_null(master_table_find(table, "b", SERVICE_UNIX));
    drop(table);
}

static void command_line_says_all(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *line;
        bool stress, is_root;
        const char *expected;
    } rows[] = {
        {"unix, root", "a unix - - y - 0 prog -o x=1", false, true,
         "prog -n a -t unix -s 0 -m 0 -u -c -o x=1"},
        {"unix, not root", "a unix - - y - 1 prog", false, false,
         "prog -n a -t unix -s 0 -m 1 -l 1"},
        {"privileged", "l unix - n n - - local", false, true,
         "local -n l -t unix -s 0 -m 100 -l 100"},
        {"inet under stress", "25 inet n - n - 7 smtpd -v", true, true,
         "smtpd -n 25 -t inet -s 0 -m 7 -l 7 -u -o stress=yes -v"},
        {"pipe", "p unix - n n - - pipe flags=R user=me argv=/bin/x -y", false, false,
         "pipe -n p -t unix -s 0 -m 100 -l 100 flags=R user=me argv=/bin/x -y"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(argv_done) struct argv argv = ARGV_INIT;
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct master_service *table = build(rows[i].line, "");
        print_message("  row: %s\n", rows[i].name);
        master_args_build(table, rows[i].stress, 0, false, rows[i].is_root, &argv);
        for (size_t k = 0; k < argv.count; k++)
            strbuf_addf(&text, "%s%s", k ? " " : "", argv.at[k]);
        assert_string_equal(text.s, rows[i].expected);
        drop(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_finds_what_changed),
        cmocka_unit_test(build_applies_defaults_and_disables),
        cmocka_unit_test(last_of_two_entries_counts),
        cmocka_unit_test(command_line_says_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
