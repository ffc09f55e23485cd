#include "unit/cm.h"

#include "ipc/msg.h"

#define FRUIT_FIELDS(F) F(TEXT, name) F(INT, weight)
MSG_DECLARE(fruit, FRUIT_FIELDS)
#define MSG_SELF fruit
MSG_DEFINE(fruit, FRUIT_FIELDS)
#undef MSG_SELF

#define BASKET_FIELDS(F) F(TEXT, owner) F(BLOB, raw) F(LIST, fruits, fruit)
MSG_DECLARE(basket, BASKET_FIELDS)
#define MSG_SELF basket
MSG_DEFINE(basket, BASKET_FIELDS)
#undef MSG_SELF

static void encode_example(struct strbuf *out)
{
    struct fruit fruits[] = {{"apple", 100}, {"plum", -1}};
    struct basket basket = {.owner = NULL, .raw = {"a\0b", 3}, .fruits = fruits, .fruits_count = 2};
    msg_encode(&basket_type, &basket, out);
}

static void comes_back_as_it_went(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf body = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct basket got;
    struct err err = ERR_INIT;
    encode_example(&body);
    assert_true(msg_decode(&basket_type, strbuf_slice(&body), arena, &got, &err));
    assert_string_equal(got.owner, "");
    assert_int_equal(got.raw.len, 3);
    assert_int_equal(got.fruits_count, 2);
    assert_string_equal(got.fruits[0].name, "apple");
    assert_int_equal(got.fruits[1].weight, -1);
}

static void every_cut_is_refused(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf body = STRBUF_ANY;
    encode_example(&body);
    for (size_t len = 0; len < body.len; len++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct basket got;
        struct err err = ERR_INIT;
        assert_false(msg_decode(&basket_type, (struct slice){body.s, len}, arena, &got, &err));
        assert_true(err.reason[0] != 0);
    }
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct basket got;
    struct err err = ERR_INIT;
    strbuf_add_char(&body, 'x');
    assert_false(msg_decode(&basket_type, strbuf_slice(&body), arena, &got, &err));
}

static void another_message_is_refused_by_field_name(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf body = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct fruit fruit = {"fig", 1};
    struct basket got;
    struct err err = ERR_INIT;
    msg_encode(&fruit_type, &fruit, &body);
    assert_false(msg_decode(&basket_type, strbuf_slice(&body), arena, &got, &err));
    assert_non_null(strstr(err.reason, "owner"));
}

static void nul_in_text_is_refused(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf body = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct fruit fruit = {"fig", 1}, got;
    struct err err = ERR_INIT;
    msg_encode(&fruit_type, &fruit, &body);
    *(char *)memmem(body.s, body.len, "fig", 3) = 0;
    assert_false(msg_decode(&fruit_type, strbuf_slice(&body), arena, &got, &err));
}

static void frames_are_cut_out_of_a_stream(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    uint16_t kind;
    struct slice body;
    size_t size;
    msg_frame_raw(0x102, slice_of("hello"), &out);
    msg_frame_raw(7, slice_of(""), &out);
    for (size_t len = 0; len < MSG_HEADER + 5; len++)
        assert_int_equal(msg_frame_next((struct slice){out.s, len}, &kind, &body, &size),
                         MSG_FRAME_MORE);
    assert_int_equal(msg_frame_next(strbuf_slice(&out), &kind, &body, &size), MSG_FRAME_READY);
    assert_int_equal(kind, 0x102);
    assert_slice(body, "hello");
    strbuf_remove_front(&out, size);
    assert_int_equal(msg_frame_next(strbuf_slice(&out), &kind, &body, &size), MSG_FRAME_READY);
    assert_int_equal(kind, 7);
    out.s[7] = (char)0xff; /* a length past the maximum */
    assert_int_equal(msg_frame_next(strbuf_slice(&out), &kind, &body, &size), MSG_FRAME_BAD);
    out.s[0] = 'W';
    assert_int_equal(msg_frame_next(strbuf_slice(&out), &kind, &body, &size), MSG_FRAME_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(another_message_is_refused_by_field_name),
        cmocka_unit_test(nul_in_text_is_refused),
        cmocka_unit_test(frames_are_cut_out_of_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
