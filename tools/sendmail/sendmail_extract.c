#include "sendmail/sendmail_extract.h"

#include "config/common_params.h"
#include "mail/address.h"
#include "mail/header.h"

static void add_address(void *ctx, struct slice internal)
{
    if (internal.len > 0)
        argv_add_slice(ctx, internal);
}

static void finish_header(struct sendmail_extract *e)
{
    struct slice name, value;
    if (e->header.len > 0 && header_parse(strbuf_slice(&e->header), &name, &value)) {
        const struct header_info *info = header_find(name);
        if (info->flags & HEADER_IS_EXTRACT)
            address_each_as_written(value, (size_t)common_params.header_address_token_limit,
                                    add_address,
                                    info->flags & HEADER_IS_RESENT ? &e->resent : &e->plain);
    }
    strbuf_reset(&e->header);
}

void sendmail_extract_line(struct sendmail_extract *e, struct slice line)
{
    if (e->in_body)
        return;
    bool continues = line.len > 0 && (line.s[0] == ' ' || line.s[0] == '\t');
    if (continues && e->header.len > 0) {
        strbuf_add_char(&e->header, '\n');
        strbuf_add_slice(&e->header, line);
        return;
    }
    struct slice name, value;
    finish_header(e);
    if (!header_parse(line, &name, &value)) {
        e->in_body = true; /* an empty line, or text where headers should be */
        return;
    }
    strbuf_add_slice(&e->header, line);
}

const struct argv *sendmail_extract_end(struct sendmail_extract *e)
{
    finish_header(e);
    return e->resent.count > 0 ? &e->resent : &e->plain;
}

void sendmail_extract_done(struct sendmail_extract *e)
{
    strbuf_done(&e->header);
    argv_done(&e->plain);
    argv_done(&e->resent);
}
