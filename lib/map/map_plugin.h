/*
 * map_plugin: table types that are loaded when a table needs them, so that programs do not depend
 * on database libraries.
 *
 * A plugin is a shared object, postfix-TYPE.so, made of lib/map/TYPE/ (cmake: mta_map_plugin). It
 * uses the functions of the program that loads it (cmake/map_plugin.list says which) and offers one
 * symbol, made by MAP_PLUGIN. Which types there are is written in dynamicmaps.cf and in
 * dynamicmaps.cf.d/ of $meta_directory, as in Postfix:
 *
 *     type  file  word  [word]
 *
 * where FILE without a directory is looked for beside the running program's own installation
 * (../lib/postfix or .. from where it is), then in $shlib_directory. The words after the file name
 * functions of Postfix's plugins; ours describe themselves, so the words must be there but say
 * nothing. A type without a line is looked for in postfix-TYPE.so at the same places.
 */
#ifndef MAP_MAP_PLUGIN_H
#define MAP_MAP_PLUGIN_H

#include "base/argv.h"
#include "map/map.h"

struct map_plugin {
    char version[24];                          /* MAP_PLUGIN_VERSION of its build */
    size_t map_size, driver_size;              /* of struct map and struct map_driver there */
    const struct map_driver *const drivers[4]; /* NULL-terminated */
};

#define MAP_PLUGIN_VERSION "valija map plugin 1"
#define MAP_PLUGIN_SYMBOL  "valija_map_plugin"

/* In one file of a plugin: MAP_PLUGIN(&map_ldap) defines what programs look for. */
#define MAP_PLUGIN(...)                                                                            \
    extern const struct map_plugin valija_map_plugin;                                              \
    __attribute__((visibility("default"))) const struct map_plugin valija_map_plugin = {           \
        MAP_PLUGIN_VERSION, sizeof(struct map), sizeof(struct map_driver), {__VA_ARGS__}};

/* Load the driver of TYPE, once; it stays for the life of the process. NULL with ERR set. */
const struct map_driver *map_plugin_find(struct slice type, struct err *err);
/* The types that map_plugin_find() would look for, as dynamicmaps.cf has them or as files lie
 * there: added to RET_TYPES without order. False: dynamicmaps.cf is wrong. */
bool map_plugin_list(struct argv *ret_types, struct err *err);

#endif
