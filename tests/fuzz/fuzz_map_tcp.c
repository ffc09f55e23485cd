/* fuzz_map_tcp: the answer of a tcp_table(5) server. */
#include "tests/fuzz/served.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    enum map_status status = served_find("tcp", served_endpoint(), "a key", data, size, &value);
    if (status != MAP_FAILED && memchr(data, '\n', size) == NULL)
        abort(); /* half a line is no answer */
    if (status == MAP_FOUND && (data[0] != '2' || value.len > size))
        abort();
    if (status == MAP_NOT_FOUND && data[0] != '5')
        abort();
    return 0;
}
