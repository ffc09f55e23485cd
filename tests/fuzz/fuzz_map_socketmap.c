/* fuzz_map_socketmap: the answer of a socketmap_table(5) server. */
#include "tests/fuzz/served.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    char name[64];
    snprintf(name, sizeof name, "inet:%s:table", served_endpoint());
    enum map_status status = served_find("socketmap", name, "key", data, size, &value);
    if (status == MAP_FOUND && !memmem(data, size, ":OK ", 4))
        abort();
    if (status == MAP_NOT_FOUND && !memmem(data, size, ":NOTFOUND", 9))
        abort();
    return 0;
}
