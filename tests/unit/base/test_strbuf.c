#include "unit/cm.h"

#include "base/arena.h"
#include "base/argv.h"
#include "base/err.h"

static void keeps_its_maximum(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf b = STRBUF_INIT(5);
    strbuf_add_str(&b, "abc");
    assert_false(b.overflow);
    strbuf_add_str(&b, "defg");
    assert_true(b.overflow);
    assert_strbuf(b, "abcde");
    assert_null(strbuf_room(&b, 1));
    strbuf_reset(&b);
    assert_false(b.overflow);
    assert_string_equal(b.s, "");
}

static void formats_beyond_its_small_buffer(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf b = STRBUF_ANY;
    strbuf_addf(&b, "%0*d", 1000, 7);
    assert_int_equal(b.len, 1000);
    assert_int_equal(b.s[999], '7');
}

static void edits_in_place(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf b = STRBUF_ANY;
    strbuf_set(&b, "Hello World");
    strbuf_insert(&b, 5, slice_of(","));
    assert_strbuf(b, "Hello, World");
    strbuf_remove_front(&b, 7);
    assert_strbuf(b, "World");
    strbuf_lower(&b);
    assert_strbuf(b, "world");
    strbuf_truncate(&b, 2);
    assert_strbuf(b, "wo");
    strbuf_remove_front(&b, 99);
    assert_strbuf(b, "");
}

static void arena_hands_out_much_and_little(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    char *big = arena_zalloc(arena, 100000);
    char *text = arena_printf(arena, "%s-%d", "x", 5);
    big[99999] = 1;
    assert_string_equal(text, "x-5");
    assert_true(arena_size(arena) >= 100004);
    arena_reset(arena);
    assert_int_equal(arena_size(arena), 0);
    assert_string_equal(arena_strdup(arena, "again"), "again");
}

static void argv_is_null_terminated(void **unused)
{
    (void)unused;
    CLEANUP(argv_done) struct argv list = ARGV_INIT;
    argv_add_items(&list, "a, b c");
    argv_addf(&list, "%d", 4);
    assert_int_equal(list.count, 4);
    assert_null(list.at[4]);
    assert_true(argv_has(&list, "4"));
    argv_truncate(&list, 1);
    assert_null(list.at[1]);
    assert_false(argv_has(&list, "b"));
}

static void errors_carry_their_reason(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    assert_false(err_set(&err, ERR_TEMP, "open %s", "x"));
    assert_false(err_prefix(&err, "table"));
    assert_string_equal(err.reason, "table: open x");
    assert_int_equal(err.kind, ERR_TEMP);
    assert_false(err_set(NULL, ERR_PERM, "nobody listens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_its_maximum),
        cmocka_unit_test(formats_beyond_its_small_buffer),
        cmocka_unit_test(edits_in_place),
        cmocka_unit_test(arena_hands_out_much_and_little),
        cmocka_unit_test(argv_is_null_terminated),
        cmocka_unit_test(errors_carry_their_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
