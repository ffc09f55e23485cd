/* map_drivers: the table types there are, in alphabetical order. */
#include "map/map_drivers.h"
#include "map/map_plugin.h"

static const struct map_driver *const drivers[] = {
    &map_btree,   &map_cidr,     &map_debug,    &map_environ,   &map_fail,
    &map_hash,    &map_inline,   &map_internal, &map_memcache,  &map_pcre,
    &map_pipemap, &map_randmap,  &map_regexp,   &map_socketmap, &map_static,
    &map_tcp,     &map_texthash, &map_unionmap, &map_unix,      NULL,
};

const struct map_driver *const *map_drivers(void)
{
    return drivers;
}

const struct map_driver *map_driver_find(struct slice type, struct err *err)
{
    for (size_t i = 0; drivers[i]; i++)
        if (slice_eq(type, drivers[i]->type))
            return drivers[i];
    return map_plugin_find(type, err);
}
