#include "unit/cm.h"

#include "delivery/command_run.h"
#include "io/fd.h"
#include "mail/record.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static struct mailbox_message message;

static int set_up(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf b = STRBUF_ANY;
    record_add(&b, REC_LINE, slice_of("Subject: x"));
    for (int i = 0; i < 20000; i++) /* more than a pipe holds */
        record_add(&b, REC_LINE, slice_of("0123456789012345678901234567890123456789"));
    record_add(&b, REC_EXTRACTED, SLICE_EMPTY);
    char path[] = "/tmp/test_command_run.XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    message = (struct mailbox_message){.queue_fd = fd, .sender = ""};
    return fd_write_all(fd, b.s, b.len) ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    return close(message.queue_fd);
}

static struct user_rights some_user(void)
{
    const struct passwd *nobody = getuid() == 0 ? getpwnam("nobody") : NULL;
    return nobody ? (struct user_rights){nobody->pw_uid, nobody->pw_gid}
                  : (struct user_rights){getuid(), getgid()};
}

static void run(const char *command, int64_t limit_s, struct strbuf *dsn, struct strbuf *text)
{
    struct argv env = ARGV_INIT;
    argv_add(&env, "PATH=/usr/bin:/bin");
    argv_add(&env, "COLOUR=red");
    struct command_run what = {.program = "test",
                               .command = command,
                               .rights = some_user(),
                               .environment = &env,
                               .time_limit_s = limit_s,
                               .form = MAILBOX_FORM_COMMAND};
    struct command_result result;
    command_result_init(&result);
    command_run(&what, &message, &result);
    if (!command_run_verdict(&result, command, dsn, text)) {
        strbuf_set(dsn, "2");
        strbuf_set_slice(text, strbuf_slice(&result.output));
    }
    command_result_done(&result);
    argv_done(&env);
}

static void end_of_command_is_verdict(void **unused)
{
    (void)unused;
    static const struct {
        const char *command, *dsn, *text;
    } rows[] = {
        {"wc -l", "2", "20003\n"},
        {"echo $COLOUR $HOME", "2", "red\n"},
        {"exit 0", "2", ""}, /* reads nothing */
        {"exit 67", "5.1.1", "user unknown"},
        {"exit 75", "4.3.0", "temporary failure"},
        {"echo a; echo b; exit 64", "5.3.0", "command line usage error. Command output: a b "},
        {"exit 99", "5.3.0", "Command died with status 99: \"exit 99\""},
        {"echo 4.1.9 own text; exit 1", "4.1.9", "own text "},
        {"kill -9 $$", "4.3.0", "Command died with signal 9: \"kill -9 $$\""},
        {"/no/such/command", "4.3.0",
         "temporary failure. Command output: test: fatal: execvp /no/such/command: No such "
         "file or directory "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf dsn = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].command);
        run(rows[i].command, 60, &dsn, &text);
        assert_string_equal(dsn.s, rows[i].dsn);
        assert_string_equal(text.s, rows[i].text);
    }
}

static void time_limit_kills(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf dsn = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    run("sleep 600 & sleep 600", 1, &dsn, &text);
    assert_string_equal(dsn.s, "5.3.0");
    assert_string_equal(text.s, "Command time limit exceeded: \"sleep 600 & sleep 600\"");
}

static void shell_is_used_when_needed(void **unused)
{
    (void)unused;
    static const struct {
        const char *command;
        bool shell;
    } rows[] = {
        {"/bin/cat -n", false}, {"/bin/cat \"x\"", true}, {"cat", true},
        {"exit 1", true},       {"/bin/cat $x", true},    {"", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(command_run_needs_shell(rows[i].command), rows[i].shell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end_of_command_is_verdict),
        cmocka_unit_test(time_limit_kills),
        cmocka_unit_test(shell_is_used_when_needed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
