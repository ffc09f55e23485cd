/* The command dispatcher: any lines; every line has one reply, made of whole lines. */
#include "tests/unit/smtpd/fixture.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_open;
    if (!is_open)
        fixture_open();
    is_open = true;
    struct smtpd_session *s = fixture_session();
    struct slice in = {(const char *)data, size}, line;
    while (!s->reply_closes && s->phase != SMTPD_PHASE_CHUNK && slice_next_line(&in, &line)) {
        strbuf_reset(&s->reply);
        smtpd_session_command(s, line);
        bool whole = s->reply.len >= 5 && s->reply.s[s->reply.len - 1] == '\n';
        if (!whole && s->phase != SMTPD_PHASE_CHUNK)
            abort();
    }
    smtpd_session_free(s);
    return 0;
}
