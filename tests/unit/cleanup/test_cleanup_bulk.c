/* Taken many at once, body lines leave the same queue file as one by one. */
#include "unit/cm.h"

#include "cleanup/cleanup_message.h"
#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_tables.h"
#include "config/common_params.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LINES = 9000, FRAME = 64 * 1024 };

static uint32_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* In a multipart/mixed with the boundary "b". */
static struct cleanup_message *new_message(void)
{
    struct arena *arena = arena_new("test");
    struct cleanup_message *m = arena_zalloc(arena, sizeof *m);
    m->arena = arena;
    m->flags = CLEANUP_FLAG_FILTER;
    m->fd = memfd_create("queue file", MFD_CLOEXEC);
    strbuf_init(&m->out, SIZE_MAX / 4);
    strbuf_init(&m->header, 10000);
    strbuf_init(&m->line, 10000);
    envelope_blank(&m->env);
    m->phase = CLEANUP_PHASE_CONTENT;
    cleanup_content_start(m);
    mime_feed(m->mime, slice_of("Content-Type: multipart/mixed; boundary=b"));
    mime_feed(m->mime, SLICE_EMPTY);
    m->header_is_over = true;
    return m;
}

static void free_message(struct cleanup_message *m)
{
    close(m->fd);
    cleanup_message_free((m->fd = -1, m));
}

static char *written(const struct cleanup_message *m, size_t *ret_len)
{
    size_t len = (size_t)m->written;
    char *all = malloc(len + m->out.len + 1);
    assert_non_null(all);
    assert_int_equal(pread(m->fd, all, len, 0), (ssize_t)len);
    memcpy(all + len, m->out.s, m->out.len);
    *ret_len = len + m->out.len;
    return all;
}

static void one_by_one(struct cleanup_message *m, struct slice records)
{
    int type;
    struct slice data;
    size_t size;
    for (; records.len > 0; records = slice_from(records, size)) {
        assert_int_equal(record_peek(records, &type, &data, &size), RECORD_READY);
        cleanup_message_record(m, type, data);
    }
}

/* As cleanup_session.c does it with a frame. Gives the number of records taken one by one. */
static size_t many_at_once(struct cleanup_message *m, struct slice frame)
{
    int type;
    struct slice data;
    size_t size, alone = 0;
    bool may_hold_line_end = cleanup_bulk_may_hold_line_end(frame);
    for (; frame.len > 0; frame = slice_from(frame, size)) {
        size = cleanup_bulk_take(m, frame, may_hold_line_end);
        if (size > 0)
            continue;
        assert_int_equal(record_peek(frame, &type, &data, &size), RECORD_READY);
        cleanup_message_record(m, type, data);
        alone++;
    }
    return alone;
}

/* Lines of all kinds: lengths around where the length takes another byte, boundaries, headers of
 * parts, stray line ends, lines in pieces, 8-bit text. */
static void add_line(struct strbuf *out, unsigned rare)
{
    static const char *const special[] = {"--b",
                                          "--b--",
                                          "--bcd",
                                          "--",
                                          "-",
                                          "",
                                          "--b\r",
                                          "a\rb",
                                          "x\ny",
                                          "\r",
                                          "\xe9t\xe9",
                                          "Content-Type: text/plain",
                                          "Content-Type: message/rfc822",
                                          " folded",
                                          "From x"};
    static const size_t lengths[] = {0, 1, 10, 13, 76, 126, 127, 128, 129, 998, 2048, 16383, 16384};
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (any(rare) == 0) {
        strbuf_add_str(&line, special[any(COUNT_OF(special))]);
    } else {
        strbuf_add_fill(&line, (char)('a' + any(26)),
                        any(20) ? any(100) : lengths[any(COUNT_OF(lengths))]);
    }
    record_add(out, any(20) ? REC_LINE : REC_LINE_PART, strbuf_slice(&line));
}

static void same_file_either_way(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        unsigned rare; /* one line of so many is special */
        bool replaces_line_ends, is_strict;
        int64_t size_limit;
    } rows[] = {
        {"few special lines", 200, true, false, 0},
        {"many special lines", 3, true, false, 0},
        {"line ends stay", 10, false, false, 0},
        {"strict 8-bit rules", 500, true, true, 0},
        {"over the size limit", 200, true, false, 200000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf records = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].name);
        cleanup_params.cleanup_replace_stray_cr_lf = rows[i].replaces_line_ends;
        common_params.strict_8bitmime_body = rows[i].is_strict;
        common_params.message_size_limit = rows[i].size_limit;
        seed = (uint32_t)i;
        struct cleanup_message *slow = new_message(), *fast = new_message();
        size_t alone = 0, expected_len, got_len, count = 0;
        while (count < LINES) {
            strbuf_reset(&records);
            while (records.len < FRAME && count++ < LINES)
                add_line(&records, rows[i].rare);
            one_by_one(slow, strbuf_slice(&records));
            alone += many_at_once(fast, strbuf_slice(&records));
        }
        if (rows[i].rare >= 200 && !rows[i].is_strict && !rows[i].size_limit)
            assert_true(alone < LINES / 10);
        char *expected = written(slow, &expected_len), *got = written(fast, &got_len);
        assert_int_equal(got_len, expected_len);
        assert_memory_equal(got, expected, got_len);
        assert_int_equal(fast->status, slow->status);
        assert_int_equal(fast->in_long_line, slow->in_long_line);
        assert_int_equal(mime_in_header(fast->mime), mime_in_header(slow->mime));
        if (rows[i].size_limit)
            assert_int_equal(fast->status, CLEANUP_STAT_SIZE);
        free(expected);
        free(got);
        free_message(slow);
        free_message(fast);
    }
}

static void odd_records_are_not_taken(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *bytes;
        size_t len, taken;
    } rows[] = {
        {"a line", "N\1x", 3, 3},
        {"the length written longer than needed", "N\x81\0x", 4, 0},
        {"cut off", "N\5abc", 5, 0},
        {"a line and one cut off", "N\1xN\5abc", 8, 3},
        {"no line", "X\0", 2, 0},
        {"a line, then the end of content", "N\1xX\0", 5, 3},
        {"length in three bytes", "N\x80\x80\1", 4, 0},
        {"nothing", "", 0, 0},
    };
    struct cleanup_message *m = new_message();
    common_params.message_size_limit = 0;
    common_params.strict_8bitmime_body = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        struct slice in = {rows[i].bytes, rows[i].len};
        assert_int_equal(cleanup_bulk_take(m, in, false), rows[i].taken);
    }
    m->status = CLEANUP_STAT_CONTENT;
    assert_int_equal(cleanup_bulk_take(m, (struct slice){"N\1x", 3}, false), 0);
    m->status = 0;
    m->phase = CLEANUP_PHASE_ENVELOPE;
    assert_int_equal(cleanup_bulk_take(m, (struct slice){"N\1x", 3}, false), 0);
    free_message(m);
}

static int set_up(void **unused)
{
    (void)unused;
    common_params.mime_nesting_limit = 100;
    common_params.mime_boundary_length_limit = 2048;
    common_params.header_size_limit = 102400;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_file_either_way),
        cmocka_unit_test(odd_records_are_not_taken),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
