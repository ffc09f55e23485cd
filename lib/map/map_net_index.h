/*
 * map_net_index: which of many networks, the first in their order, contains an address?
 *
 * Networks of one length lie in a hash table together, so that a question costs one probe for each
 * length that occurs, however many networks there are.
 */
#ifndef MAP_MAP_NET_INDEX_H
#define MAP_MAP_NET_INDEX_H

#include "map/map_net.h"

struct map_net_index;

struct map_net_index *map_net_index_new(void);
void map_net_index_free(struct map_net_index *index);
/* NUMBER is larger than those before. NET's bits behind the prefix are zero. */
void map_net_index_add(struct map_net_index *index, const struct map_net *net, size_t number);
/* The lowest number of a network with ADDRESS in it, or SIZE_MAX. */
size_t map_net_index_find(const struct map_net_index *index, const struct map_net *address);

#endif
