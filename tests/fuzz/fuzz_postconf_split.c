/* Any line of master.cf: read, written by postconf's rules, and read again, it is the same entry.
 */
#include "tools/postconf/postconf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = {(const char *)data, size};
    struct postconf pc = {.program = "postconf"};
    CLEANUP(postconf_services_done) struct postconf_service first = {0}, second = {0};
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY, text_again = STRBUF_ANY;
    bool ok, again;
    for (size_t i = 0; i < size; i++)
        if (data[i] == '\0')
            return 0; /* no file that is read has one */
    if (!postconf_split(&pc, line, &first, &ok) || !ok)
        return 0;
    postconf_master_format(&pc, &first, true, &text);
    if (!postconf_split(&pc, strbuf_slice(&text), &second, &again))
        abort();
    postconf_master_format(&pc, &second, true, &text_again);
    if (again && !slice_same(strbuf_slice(&text), strbuf_slice(&text_again)))
        abort();
    return 0;
}
