/* map_host: see the header. */
#include "map/map_host.h"

#include "config/common_params.h"

enum map_status map_host_find_name(struct maps *maps, const char *name, bool bare_parents,
                                   struct strbuf *value, struct err *err)
{
    enum map_status status = maps_find(maps, name, MAPS_WHOLE_KEY, value, err);
    const char *at = name;
    while (status == MAP_NOT_FOUND && (at = strchr(at, '.')) && at[1]) {
        status = maps_find(maps, bare_parents ? at + 1 : at, MAPS_PARTIAL_KEY, value, err);
        at++;
    }
    return status;
}

enum map_status map_host_find_address(struct maps *maps, const char *address, struct strbuf *value,
                                      struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    strbuf_set(&key, address);
    char separator = strchr(address, ':') ? ':' : '.';
    enum map_status status = maps_find(maps, key.s, MAPS_WHOLE_KEY, value, err);
    while (status == MAP_NOT_FOUND) {
        size_t at = slice_rfind(strbuf_slice(&key), separator);
        if (at == SIZE_MAX || at == 0)
            break;
        strbuf_truncate(&key, at);
        status = maps_find(maps, key.s, MAPS_PARTIAL_KEY, value, err);
    }
    return status;
}

bool map_host_parents_match(const char *title)
{
    struct slice rest = slice_of(common_params.parent_domain_matches_subdomains), item;
    while (slice_next_item(&rest, &item))
        if (slice_eq(item, title))
            return true;
    return false;
}
