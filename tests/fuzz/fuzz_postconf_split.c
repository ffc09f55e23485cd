/* Any line of master.cf, broken ones above all: what is made of it can be written and read again;
 * without braces it is then the same entry, argument by argument. */
#include "tools/postconf/postconf.h"

#include <stdint.h>

/* Of a setting white space around "=" may go. */
static void check_same(const struct argv *a, const struct argv *b)
{
    bool is_setting = false;
    if (a->count != b->count)
        abort();
    for (size_t i = 0; i < a->count; i++) {
        if (!is_setting && strcmp(a->at[i], b->at[i]) != 0)
            abort();
        is_setting = !is_setting && strcmp(a->at[i], "-o") == 0;
    }
}

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
    postconf_master_format(&pc, &first, &text);
    if (!postconf_split(&pc, strbuf_slice(&text), &second, &again) && is_plain)
        abort();
    if (second.fields.count >= 8 && again && is_plain)
        check_same(&first.fields, &second.fields);
    return 0;
}
