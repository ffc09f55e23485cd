/* Any line of master.cf, broken ones above all: what is made of it can be written and read again,
 * and is then still an entry of eight fields. */
#include "tools/postconf/postconf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = {(const char *)data, size};
    struct postconf pc = {.program = "postconf"};
    CLEANUP(postconf_services_done) struct postconf_service first = {0}, second = {0};
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    bool ok, again, is_plain = slice_find(line, '{') == SIZE_MAX;
    if (slice_has_nul(line))
        return 0; /* no file that is read has one */
    if (!postconf_split(&pc, line, &first, &ok) || !ok)
        return 0;
    postconf_master_format(&pc, &first, true, &text);
    if (!postconf_split(&pc, strbuf_slice(&text), &second, &again) && is_plain)
        abort();
    return 0;
}
