/* Any bytes as what a mail filter says: taken apart without a look beyond their end. */
#include "milter/milter_wire.h"

#include "esmtp/esmtp_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static bool is_within(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.s >= whole.s && part.s + part.len <= whole.s + whole.len);
}

static void check_packet(int letter, struct slice data)
{
    struct milter_terms terms;
    struct milter_edit edit;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(64 * 1024), wire = STRBUF_ANY;
    if (milter_parse_terms(data, &terms, &err)) {
        expect(terms.strange_stage == 0 || terms.strange_stage >= MILTER_STAGES);
        for (int i = 0; i < MILTER_STAGES; i++)
            expect(is_within(terms.macros[i], data) && !slice_has_nul(terms.macros[i]));
    } else {
        expect(err.kind == ERR_TEMP);
    }
    if (milter_parse_edit(letter, data, &edit)) {
        expect(is_within(edit.name, data) && is_within(edit.value, data));
        expect(!slice_has_nul(edit.name));
        expect(letter == MILTER_REPLACE_BODY || !slice_has_nul(edit.value));
    }
    if (milter_parse_reply(data, &text)) { /* one that a client can be given */
        int code = esmtp_reply_code(text.s);
        expect(code >= 400 && code <= 599);
        esmtp_reply_format(text.s, false, NULL, &wire);
        expect(wire.len >= 2 && slice_ends(strbuf_slice(&wire), "\r\n"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size}, packet;
    int letter;
    size_t used;
    while (milter_packet_next(in, &letter, &packet, &used) == MILTER_PACKET_READY) {
        expect(used > 4 && used <= in.len && packet.len + 5 == used);
        check_packet(letter, packet);
        in = slice_from(in, used);
    }
    if (size > 0) /* the same as the inside of one packet */
        check_packet(data[0], slice_from((struct slice){(const char *)data, size}, 1));
    return 0;
}
