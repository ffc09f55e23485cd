/* A server's reply: bounded memory, and a code in range whenever there is a reply. */
#include "esmtp/esmtp_reply_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct esmtp_reply reply;
    struct slice in = {(const char *)data, size};
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    esmtp_reply_init(&reply);
    while (esmtp_reply_parse(&reply, &in) == ESMTP_REPLY_READY) {
        if (reply.code < 200 || reply.code > 599 || reply.text.len > ESMTP_REPLY_TEXT_MAX)
            abort();
        esmtp_reply_one_line(&reply, &text);
        esmtp_reply_reset(&reply);
    }
    esmtp_reply_done(&reply);
    return 0;
}
