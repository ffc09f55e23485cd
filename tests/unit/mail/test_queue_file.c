#include "mail/queue_file.h"

#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int file_of(const struct strbuf *bytes)
{
    char path[] = "/tmp/test_queue_file.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, bytes->s, bytes->len), bytes->len);
    return fd;
}

static void add_recipient(struct strbuf *out, const char *address)
{
    record_add_attribute(out, "dsn_orig_rcpt", "rfc822;orig@x");
    record_add(out, REC_ORIGINAL, slice_of("orig@x"));
    record_add(out, REC_RECIPIENT, slice_of(address));
}

/* COUNT recipients r0@x, r1@x, ... and two lines; then, in the extracted segment, last@x. */
static void make_file(struct strbuf *out, int count, bool size_is_true)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    record_addf(out, REC_SIZE, "%95s", "");
    record_addf(out, REC_TIME, "1795295455 12");
    record_add_attribute(out, "create_time", "1795295456");
    record_add_attribute(out, "unknown_name", "x");
    record_add(out, REC_SENDER, slice_of("s@x"));
    record_addf(out, REC_WARN, "%15d", 99);
    for (int i = 0; i < count; i++) {
        char address[32];
        snprintf(address, sizeof address, "r%d@x", i);
        add_recipient(out, address);
    }
    record_add(out, REC_MESSAGE, SLICE_EMPTY);
    size_t data_offset = out->len;
    record_add(&content, REC_LINE, slice_of("Subject: x"));
    record_add(&content, REC_LINE_PART, slice_of("long"));
    record_add(&content, REC_PADDING, slice_of("   "));
    record_add(&content, REC_LINE, slice_of("er"));
    strbuf_add_slice(out, strbuf_slice(&content));
    record_add(out, REC_EXTRACTED, SLICE_EMPTY);
    record_add_attribute(out, "encoding", "8bit");
    add_recipient(out, "last@x");
    record_add(out, REC_END, SLICE_EMPTY);

    char size[96];
    size_t claimed = size_is_true ? content.len : content.len + 3;
    snprintf(size, sizeof size, "%15zu %15zu %15d %15d %15zu %15d", claimed, data_offset, count + 1,
             4, claimed, 2);
    for (size_t i = 0; i < 95; i++)
        out->s[2 + i] = size[i];
}

static bool read_all(int fd, struct arena *arena, struct envelope_read *how, struct envelope *env,
                     struct err *err)
{
    *err = (struct err)ERR_INIT;
    return queue_file_read_envelope(fd, arena, how, env, err);
}

static void envelope_is_read(void **unused)
{
    (void)unused;
    for (int size_is_true = 0; size_is_true < 2; size_is_true++) {
        CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
        make_file(&bytes, 3, size_is_true);
        int fd = file_of(&bytes);
        struct arena *arena = arena_new("test");
        struct envelope_read how = {0};
        struct envelope env;
        struct err err;
        assert_true(read_all(fd, arena, &how, &env, &err));
        assert_string_equal(env.sender, "s@x");
        assert_int_equal(env.arrival_s, 1795295455);
        assert_int_equal(env.arrival_us, 12);
        assert_int_equal(env.create_s, 1795295456);
        assert_int_equal(env.warn_at_s, 99);
        assert_int_equal(env.recipient_count, 4);
        assert_int_equal(env.hints, 4);
        assert_int_equal(env.smtputf8, 2);
        assert_string_equal(env.encoding, "8bit");
        assert_string_equal(env.redirect, "");
        assert_int_equal(env.recipients_count, 4);
        assert_string_equal(env.recipients[0].address, "r0@x");
        assert_string_equal(env.recipients[0].orig_address, "orig@x");
        assert_string_equal(env.recipients[0].dsn_orcpt, "rfc822;orig@x");
        assert_string_equal(env.recipients[3].address, "last@x");
        assert_int_equal(bytes.s[env.recipients[3].offset], 'R');
        assert_int_equal(how.next_offset, 0);
        arena_free(arena);
        close(fd);
    }
}

static void recipients_are_read_in_parts(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
    make_file(&bytes, 6, true);
    int fd = file_of(&bytes);
    struct arena *arena = arena_new("test");
    struct envelope_read how = {.recipient_limit = 3};
    static const char *const expected[] = {"r0@x", "r1@x", "r2@x",  "r3@x",
                                           "r4@x", "r5@x", "last@x"};
    size_t seen = 0;
    struct err err;
    do {
        struct envelope env;
        assert_true(read_all(fd, arena, &how, &env, &err));
        assert_true(env.recipients_count <= 3);
        for (size_t i = 0; i < env.recipients_count; i++) {
            assert_string_equal(env.recipients[i].address, expected[seen++]);
            assert_string_equal(env.recipients[i].orig_address, "orig@x");
        }
        how.from_offset = how.next_offset;
    } while (how.from_offset > 0);
    assert_int_equal(seen, COUNT_OF(expected));
    arena_free(arena);
    close(fd);
}

static void done_recipients_are_left_out(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
    make_file(&bytes, 2, true);
    int fd = file_of(&bytes);
    struct arena *arena = arena_new("test");
    struct envelope_read how = {0};
    struct envelope env;
    struct err err;
    assert_true(read_all(fd, arena, &how, &env, &err));
    assert_true(queue_file_mark_done(fd, (off_t)env.recipients[0].offset, &err));
    assert_true(queue_file_mark_done(fd, (off_t)env.recipients[0].offset, &err));
    assert_false(queue_file_mark_done(fd, (off_t)env.recipients[0].offset + 1, &err));
    assert_int_equal(err.kind, ERR_PERM);
    assert_true(queue_file_clear_warning(fd, (off_t)env.warn_offset, &err));
    assert_false(queue_file_clear_warning(fd, (off_t)env.warn_offset - 1, &err));
    assert_true(read_all(fd, arena, &how, &env, &err));
    assert_int_equal(env.recipients_count, 2);
    assert_string_equal(env.recipients[0].address, "r1@x");
    assert_int_equal(env.warn_at_s, 0);
    assert_true(env.warn_offset > 0);
    arena_free(arena);
    close(fd);
}

static bool collect(void *ctx, struct slice piece, bool ends_line)
{
    strbuf_add_slice(ctx, piece);
    if (ends_line)
        strbuf_add_char(ctx, '\n');
    return true;
}

static void content_is_lines(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY, text = STRBUF_ANY;
    make_file(&bytes, 1, true);
    int fd = file_of(&bytes);
    struct arena *arena = arena_new("test");
    struct envelope_read how = {0};
    struct envelope env;
    struct err err;
    assert_true(read_all(fd, arena, &how, &env, &err));
    assert_true(queue_file_each_line(fd, (off_t)env.data_offset, collect, &text, &err));
    assert_string_equal(text.s, "Subject: x\nlonger\n");
    arena_free(arena);
    close(fd);
}

static void taken_records_are_not_read_again(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
    record_add(&bytes, REC_LINE, slice_of("one"));
    record_add(&bytes, REC_LINE, slice_of("two"));
    record_add(&bytes, REC_LINE, slice_of("three"));
    int fd = file_of(&bytes), type;
    struct slice data;
    struct err err = ERR_INIT;
    struct queue_reader *r = queue_reader_new(fd);
    assert_int_equal(queue_reader_window(r).len, 0); /* nothing was read yet */
    assert_int_equal(queue_reader_next(r, &type, &data, NULL, &err), QUEUE_READ_OK);
    struct slice window = queue_reader_window(r);
    assert_int_equal(window.len, 5 + 7);
    assert_memory_equal(window.s + 2, "two", 3);
    queue_reader_skip(r, 5, 1);
    assert_int_equal(queue_reader_next(r, &type, &data, NULL, &err), QUEUE_READ_OK);
    assert_memory_equal(data.s, "three", data.len);
    assert_int_equal(queue_reader_next(r, &type, &data, NULL, &err), QUEUE_READ_END);
    queue_reader_free(r);
    close(fd);
}

static void pointers_are_followed_and_circles_end(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
    struct arena *arena = arena_new("test");
    struct envelope_read how = {0};
    struct envelope env;
    struct err err;
    record_addf(&bytes, REC_TIME, "1 1");
    record_addf(&bytes, REC_POINTER, "%15d", 0); /* unused */
    size_t pointer = bytes.len;
    record_addf(&bytes, REC_POINTER, "%15d", 0);
    record_add(&bytes, REC_MESSAGE, SLICE_EMPTY);
    record_add(&bytes, REC_EXTRACTED, SLICE_EMPTY);
    record_add(&bytes, REC_END, SLICE_EMPTY);
    size_t appended = bytes.len;
    record_add(&bytes, REC_SENDER, slice_of("new@x"));
    record_addf(&bytes, REC_POINTER, "%15zu", pointer + 17);

    int fd = file_of(&bytes);
    assert_false(read_all(fd, arena, &how, &env, &err)); /* no sender */
    assert_int_equal(err.kind, ERR_PERM);
    char text[32];
    snprintf(text, sizeof text, "p\x0f%15zu", appended);
    assert_int_equal(pwrite(fd, text, 17, (off_t)pointer), 17);
    assert_true(read_all(fd, arena, &how, &env, &err));
    assert_string_equal(env.sender, "new@x");

    snprintf(text, sizeof text, "p\x0f%15zu", pointer);
    assert_int_equal(pwrite(fd, text, 17, (off_t)pointer), 17);
    assert_false(read_all(fd, arena, &how, &env, &err));
    assert_int_equal(err.kind, ERR_PERM);
    snprintf(text, sizeof text, "p\x0f%15d", 99999);
    assert_int_equal(pwrite(fd, text, 17, (off_t)pointer), 17);
    assert_false(read_all(fd, arena, &how, &env, &err));
    close(fd);
    arena_free(arena);
}

/* However short a file is cut, it is refused and nothing else happens. */
static void cut_files_are_corrupt(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
    make_file(&bytes, 2, true);
    for (size_t len = 0; len < bytes.len; len++) {
        int fd = file_of(&bytes);
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        struct arena *arena = arena_new("test");
        struct envelope_read how = {0};
        struct envelope env;
        struct err err;
        assert_false(read_all(fd, arena, &how, &env, &err));
        assert_int_equal(err.kind, ERR_PERM);
        arena_free(arena);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelope_is_read),
        cmocka_unit_test(recipients_are_read_in_parts),
        cmocka_unit_test(done_recipients_are_left_out),
        cmocka_unit_test(content_is_lines),
        cmocka_unit_test(taken_records_are_not_read_again),
        cmocka_unit_test(pointers_are_followed_and_circles_end),
        cmocka_unit_test(cut_files_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
