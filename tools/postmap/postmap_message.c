/* postmap_message: see the header. */
#include "tools/postmap/postmap_message.h"

#include "config/common_params.h"
#include "mail/header.h"
#include "mail/mime.h"

struct reading {
    const struct postmap_options *options;
    void (*fn)(void *ctx, const char *key);
    void *ctx;
    struct mime *mime;
    struct strbuf header; /* not fed yet; more lines of it may follow */
};

static void feed_header(struct reading *r)
{
    if (r->header.len == 0)
        return;
    mime_feed(r->mime, strbuf_slice(&r->header));
    if (r->options->wants_headers)
        r->fn(r->ctx, r->header.s);
    strbuf_reset(&r->header);
}

static void read_line(struct reading *r, const char *line, bool *seen_body)
{
    struct slice name, value;
    if (mime_in_header(r->mime)) {
        if (r->header.len > 0 && (*line == ' ' || *line == '\t')) {
            strbuf_addf(&r->header, "\n%s", line);
            return;
        }
        feed_header(r);
        if (header_parse(slice_of(line), &name, &value)) {
            strbuf_set(&r->header, line);
            return;
        }
    }
    mime_feed(r->mime, slice_of(line));
    if (r->options->wants_body) {
        if (!*seen_body && *line) /* the message's headers broke off; as if an empty line did it */
            r->fn(r->ctx, "");
        r->fn(r->ctx, line);
    }
    *seen_body = true;
}

void postmap_message_each_key(const struct postmap_options *options,
                              void (*fn)(void *ctx, const char *key), void *ctx)
{
    struct reading r = {
        .options = options,
        .fn = fn,
        .ctx = ctx,
        .mime = mime_new(&(struct mime_options){
            .is_disabled = !options->wants_mime,
            .nesting_limit = common_params.mime_nesting_limit,
            .boundary_length_limit = common_params.mime_boundary_length_limit,
        }),
    };
    char *line = NULL;
    size_t cap = 0;
    bool seen_body = false;
    strbuf_init(&r.header, SIZE_MAX / 4);
    for (ssize_t len; (len = getline(&line, &cap, stdin)) >= 0;) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = 0;
        read_line(&r, line, &seen_body);
    }
    feed_header(&r);
    free(line);
    strbuf_done(&r.header);
    mime_free(r.mime);
}
