#include "mail/queue_id.h"

#include "config/common_params.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *name, *id;
    long sec, usec;
    unsigned long long inode;
    bool is_long;
} made[] = {
    {"short", "A8BB0AA8026", 1795295455, 0xA8BB0, 0xAA8026, false},
    {"short, small numbers", "0000A1", 0, 10, 1, false},
    {"long", "4jX4cb3Wx7z1dD8j", 1795295455, 497387, 11174341, true},
    {"long, small numbers", "0000010001z0", 1, 1, 0, true},
};

static void ids_are_made_and_read(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
        struct timeval when = {made[i].sec, made[i].usec};
        ino_t inode = 1234567;
        print_message("  row: %s\n", made[i].name);
        queue_id_make(&when, (ino_t)made[i].inode, made[i].is_long, &id);
        assert_string_equal(id.s, made[i].id);
        assert_int_equal(queue_id_is_long(strbuf_slice(&id)), made[i].is_long);
        assert_true(queue_id_inode(strbuf_slice(&id), &inode));
        assert_int_equal(inode, made[i].inode);
        assert_true(queue_id_is_valid(strbuf_slice(&id)));
    }
}

static void bad_ids_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *id;
        bool is_valid, has_inode;
    } rows[] = {
        {"", false, false},
        {"../x", false, false},
        {"A.B", false, false},
        {"A8BB0", true, false},
        {"a8bb0aa8026", true, false},
        {"A8BB0AA802G", true, false},
        {"4jX4cb3Wx7z", true, false},
        {"4jA4cb3Wx7z1dD8j", true, false},
        {"A8BB01234567890ABCDEF0", true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ino_t inode;
        print_message("  row: %s\n", rows[i].id);
        assert_int_equal(queue_id_is_valid(slice_of(rows[i].id)), rows[i].is_valid);
        assert_int_equal(queue_id_inode(slice_of(rows[i].id), &inode), rows[i].has_inode);
    }
    CLEANUP(strbuf_done) struct strbuf huge = STRBUF_ANY;
    strbuf_add_fill(&huge, 'A', 256);
    assert_false(queue_id_is_valid(strbuf_slice(&huge)));
    assert_true(queue_id_is_valid(slice_first(strbuf_slice(&huge), 255)));
}

static void paths_follow_the_hash_parameters(void **unused)
{
    (void)unused;
    static const struct {
        const char *queue, *id;
        int64_t depth;
        const char *path;
    } rows[] = {
        {"deferred", "E80E4AA8173", 1, "deferred/E/E80E4AA8173"},
        {"deferred", "E80E4AA8173", 3, "deferred/E/8/0/E80E4AA8173"},
        {"incoming", "E80E4AA8173", 1, "incoming/E80E4AA8173"},
        {"defer", "4jX4cb3Wx7z1dD8j", 2, "defer/7/9/4jX4cb3Wx7z1dD8j"},
        {"defer", "AB", 3, "defer/A/B/_/AB"},
    };
    common_params.hash_queue_names = "deferred, defer";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        common_params.hash_queue_depth = rows[i].depth;
        strbuf_set(&path, "old");
        queue_path(&path, rows[i].queue, rows[i].id);
        assert_string_equal(path.s, rows[i].path);
    }
}

static void moving_makes_directories(void **unused)
{
    (void)unused;
    char dir[] = "/tmp/test_queue_id.XXXXXX";
    common_params.hash_queue_names = "deferred";
    common_params.hash_queue_depth = 2;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("active", 0700), 0);
    assert_false(queue_move("AB123F", "active", "deferred"));
    int fd = open("active/AB123F", O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_true(queue_move("AB123F", "active", "deferred"));
    assert_int_equal(access("deferred/A/B/AB123F", F_OK), 0);
    assert_true(queue_move("AB123F", "deferred", "active"));

    assert_int_equal(unlink("active/AB123F"), 0);
    assert_int_equal(rmdir("deferred/A/B"), 0);
    assert_int_equal(rmdir("deferred/A"), 0);
    assert_int_equal(rmdir("deferred"), 0);
    assert_int_equal(rmdir("active"), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void queue_names(void **unused)
{
    (void)unused;
    assert_true(queue_name_is_valid("hold"));
    assert_false(queue_name_is_valid("private"));
    assert_false(queue_name_is_valid("../hold"));
    assert_false(queue_name_is_valid(""));
    assert_false(queue_name_is_valid(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_made_and_read),
        cmocka_unit_test(bad_ids_are_refused),
        cmocka_unit_test(paths_follow_the_hash_parameters),
        cmocka_unit_test(moving_makes_directories),
        cmocka_unit_test(queue_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
