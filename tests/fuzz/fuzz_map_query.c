/* fuzz_map_query: "template LF value LF key": a query never holds a quote that its callback did not
 * let through, and a template that is valid always expands within bounds. */
#include "map/map_query.h"

static void drop_quotes(void *ctx, struct slice text, struct strbuf *out)
{
    (void)ctx;
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] != '\'')
            strbuf_add_char(out, text.s[i]);
}

static size_t count_quotes(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\'';
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, line;
    struct strbuf parts[3];
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(1 << 20);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        strbuf_init(&parts[i], SIZE_MAX / 4);
        if (slice_next_line(&in, &line) && !slice_has_nul(line))
            strbuf_add_slice(&parts[i], line);
    }
    bool is_valid = map_query_template_is_valid(parts[0].s);
    bool ok =
        is_valid && map_query_expand(parts[0].s, parts[1].s, parts[2].s, drop_quotes, NULL, &out);
    if (!ok && out.len > 0)
        abort();
    if (count_quotes(out.s) > count_quotes(parts[0].s))
        abort();
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        strbuf_done(&parts[i]);
    return 0;
}
