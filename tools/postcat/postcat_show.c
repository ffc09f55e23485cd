#include "postcat/postcat_show.h"

#include "base/clock.h"
#include "base/num.h"
#include "postcat/postcat_source.h"

enum part { PART_ENVELOPE, PART_HEADER, PART_BODY, PART_EXTRACTED, PART_END };

struct view {
    const struct postcat_options *o;
    const char *name;
    enum part part;
    bool in_line; /* within a line of several records */
};

static void print_prefix(const struct view *v, int type, off_t offset)
{
    if (v->o->file_name)
        printf("%s: ", v->name);
    if (v->o->offsets)
        printf("%9lld ", (long long)offset);
    if (v->o->type_numbers)
        printf("%3d ", type);
}

static void print_mark(const struct view *v, int type, off_t offset, const char *what)
{
    print_prefix(v, type, offset);
    printf("*** %s %s ***\n", what, v->name);
}

static void print_time(const char *label, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice seconds;
    int64_t when;
    if (slice_next_token(&data, " ", &seconds) && num_parse_i64(seconds, &when))
        clock_format_ctime((time_t)when, &text);
    else
        strbuf_set_slice(&text, seconds);
    printf("%s: %s\n", label, text.s);
}

static void print_record(int type, struct slice data)
{
    if (type == REC_TIME || type == REC_WARN)
        print_time(record_type_name(type), slice_trim_left(data));
    else if (type == REC_ATTRIBUTE && slice_starts(data, "create_time="))
        print_time("create_time", slice_from(data, strlen("create_time=")));
    else
        printf("%s: %.*s\n", record_type_name(type), SLICE_ARG(data));
}

/* The first empty line ends the header, as does text that cannot be one. */
static void note_header_end(struct view *v, int type, struct slice data)
{
    if (v->part == PART_HEADER && !v->in_line && type == REC_LINE && data.len == 0)
        v->part = PART_BODY;
}

static void show_text(struct view *v, int type, struct slice data, off_t offset)
{
    note_header_end(v, type, data);
    if (v->part == PART_HEADER ? v->o->header : v->o->body) {
        if (!v->in_line || v->o->verbose)
            print_prefix(v, type, offset);
        if (v->o->verbose)
            printf("%s: ", type == REC_LINE ? "regular_text" : "unterminated_text");
        fwrite(data.s, 1, data.len, stdout);
        if (type == REC_LINE || v->o->verbose)
            putchar('\n');
    }
    v->in_line = type == REC_LINE_PART;
}

static void show_structure(struct view *v, int type, off_t offset)
{
    static const struct {
        int type;
        const char *what;
        enum part part;
    } marks[] = {
        {REC_MESSAGE, "MESSAGE CONTENTS", PART_HEADER},
        {REC_EXTRACTED, "HEADER EXTRACTED", PART_EXTRACTED},
        {REC_END, "MESSAGE FILE END", PART_END},
    };
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (marks[i].type != type)
            continue;
        if (v->o->envelope)
            print_mark(v, type, offset, marks[i].what);
        v->part = marks[i].part;
        v->in_line = false;
    }
}

static void show_record(struct view *v, int type, struct slice data, off_t offset)
{
    bool in_content = v->part == PART_HEADER || v->part == PART_BODY;
    if (type == REC_MESSAGE || type == REC_EXTRACTED || type == REC_END) {
        show_structure(v, type, offset);
    } else if (in_content && (type == REC_LINE || type == REC_LINE_PART)) {
        show_text(v, type, data, offset);
    } else if (type == REC_POINTER || type == REC_PADDING) {
        if (v->o->verbose || v->o->raw_order) {
            print_prefix(v, type, offset);
            printf("%s: %.*s\n", record_type_name(type), SLICE_ARG(data));
        }
    } else if (v->o->envelope) {
        print_prefix(v, type, offset);
        print_record(type, data);
    }
}

bool postcat_show(const struct postcat_options *o, int fd, const char *name, struct err *err)
{
    struct view v = {.o = o, .name = name};
    struct postcat_source *source = postcat_source_new(fd, !o->raw_order, o->from_offset, err);
    if (!source)
        return false;
    int type;
    struct slice data;
    off_t offset;
    bool is_first = true;
    enum queue_read status;
    while ((status = postcat_source_next(source, &type, &data, &offset, err)) == QUEUE_READ_OK) {
        if (is_first && o->from_offset == 0) {
            if (type != REC_SIZE && type != REC_TIME) {
                status = QUEUE_READ_BAD;
                err_set(err, ERR_PERM, "input is not a valid queue file");
                break;
            }
            if (o->envelope)
                printf("*** ENVELOPE RECORDS %s ***\n", name);
        }
        is_first = false;
        show_record(&v, type, data, offset);
        if (v.part == PART_END && !o->raw_order)
            break;
    }
    if (is_first && status != QUEUE_READ_OK)
        err_set(err, ERR_PERM, "input is not a valid queue file");
    else if (status == QUEUE_READ_END && v.part != PART_END)
        err_set(err, ERR_PERM, "file ends before its last record");
    postcat_source_free(source);
    return err->kind == ERR_NONE;
}
