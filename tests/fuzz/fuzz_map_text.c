/* Any text as a postmap or aliases file: no entry is larger than the file allows. */
#include "map/map_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int format = MAP_TEXT_POSTMAP; format <= MAP_TEXT_ALIASES; format++) {
        struct map_text in;
        struct map_text_entry entry;
        struct map_text_options options = {
            .format = (enum map_text_format)format, .source = "fuzz", .utf8 = size % 2};
        map_text_init(&in, (struct slice){(const char *)data, size});
        map_text_entry_init(&entry);
        while (map_text_next_entry(&in, &options, &entry)) {
            if (entry.key.len == 0 && entry.problem.len == 0)
                abort(); /* a line is an entry, or its problem is told */
            if (entry.key.len + entry.value.len > 2 * size + 2)
                abort(); /* at most one blank a token is added */
        }
        map_text_entry_done(&entry);
        map_text_done(&in);
    }
    return 0;
}
