/* fuzz_address: header address lists and SMTP paths. */
#include "mail/address.h"

static bool same(void *ctx, struct slice address, bool has_domain, struct strbuf *out)
{
    (void)ctx;
    (void)has_domain;
    strbuf_add_slice(out, address);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, rest;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(4096);
    if (address_parse_path(in, false, &out, &rest, NULL) && out.len + rest.len > size + 1)
        abort(); /* an unfinished literal gets one byte, its bracket */
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    address_rewrite_list(in, 3, 100, same, NULL, &list);
    return 0;
}
