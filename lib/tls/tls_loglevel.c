#include "tls/tls_loglevel.h"

#include "map/map_host.h"
#include "tls/tls_trace.h"

int tls_loglevel_find(struct maps *maps, const char *title, const char *name, const char *address,
                      int otherwise, struct strbuf *problems)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!maps || maps_is_empty(maps))
        return otherwise;
    enum map_status status =
        name ? map_host_find_name(maps, name, false, &value, &err) : MAP_NOT_FOUND;
    if (status == MAP_NOT_FOUND)
        status = map_host_find_address(maps, address, &value, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        strbuf_addf(problems, "%s\n", err.reason);
    return status == MAP_FOUND ? tls_trace_level(title, value.s, problems) : otherwise;
}
