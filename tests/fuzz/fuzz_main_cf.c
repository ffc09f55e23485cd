/* main.cf: lines, name = value, expansion of every value among the others. */
#include "config/config.h"
#include "config/logical_line.h"

/* The settings of the fuzzed text; its values refer to each other. */
struct values {
    char *text[256];
    struct slice name[256];
    size_t count;
};

static const char *lookup(void *ctx, struct slice name)
{
    const struct values *values = ctx;
    for (size_t i = 0; i < values->count; i++)
        if (slice_same(values->name[i], name))
            return values->text[i];
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct err err = ERR_INIT;
    struct values values = {0};
    CLEANUP(logical_line_done) struct logical_line line;
    logical_line_init(&line, text);
    if (!logical_line_check(text, "main.cf", &err))
        return 0;
    int before = 0;
    while (values.count < COUNT_OF(values.text) && logical_line_next(&line)) {
        struct slice name, value;
        const char *mistake;
        if (line.first <= before || line.last < line.first)
            abort(); /* lines are counted upwards */
        before = line.last;
        if (!config_split(strbuf_slice(&line.text), &name, &value, &mistake))
            continue;
        values.text[values.count] = slice_dup(value);
        values.name[values.count++] = (struct slice){slice_dup(name), name.len};
    }
    /* 4 of them, because each may take all the steps there are */
    for (size_t i = 0; i < MIN(values.count, (size_t)4); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        if (config_expand_with(lookup, &values, slice_of(values.text[i]), &out, &err) &&
            out.len > CONFIG_VALUE_MAX)
            abort();
    }
    for (size_t i = 0; i < values.count; i++) {
        free(values.text[i]);
        free((char *)(uintptr_t)values.name[i].s);
    }
    return 0;
}
