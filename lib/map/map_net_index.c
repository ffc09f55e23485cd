/* map_net_index: see the header. */
#include "map/map_net_index.h"

#include "base/xmem.h"

enum { LENGTHS_MAX = 129, FIRST_SIZE = 64 };

struct place {
    struct map_net net; /* size 0: free */
    size_t number;
};

/* The lengths that occur, of one address family. */
struct lengths {
    uint8_t at[LENGTHS_MAX];
    size_t count;
    bool has[LENGTHS_MAX];
};

struct map_net_index {
    struct place *places; /* SIZE of them, a power of two, open addressing */
    size_t count, size;
    struct lengths v4, v6;
};

struct map_net_index *map_net_index_new(void)
{
    struct map_net_index *index = xzalloc(sizeof *index);
    index->size = FIRST_SIZE;
    index->places = xzalloc(index->size * sizeof *index->places);
    return index;
}

void map_net_index_free(struct map_net_index *index)
{
    if (!index)
        return;
    free(index->places);
    free(index);
}

static struct place *find_place(const struct map_net_index *index, const struct map_net *net)
{
    uint64_t hash = 14695981039346656037U ^ net->bits; /* FNV-1a */
    for (size_t i = 0; i < net->size; i++)
        hash = (hash ^ net->bytes[i]) * 1099511628211U;
    size_t at = (size_t)(hash ^ (hash >> 32)) & (index->size - 1);
    for (;; at = (at + 1) & (index->size - 1)) {
        struct place *place = &index->places[at];
        if (place->net.size == 0 || (place->net.size == net->size && place->net.bits == net->bits &&
                                     memcmp(place->net.bytes, net->bytes, net->size) == 0))
            return place;
    }
}

static void grow(struct map_net_index *index)
{
    struct place *old = index->places;
    size_t old_size = index->size;
    index->size *= 2;
    index->places = xzalloc(index->size * sizeof *index->places);
    for (size_t i = 0; i < old_size; i++)
        if (old[i].net.size)
            *find_place(index, &old[i].net) = old[i];
    free(old);
}

void map_net_index_add(struct map_net_index *index, const struct map_net *net, size_t number)
{
    struct lengths *lengths = net->size == 4 ? &index->v4 : &index->v6;
    if (!lengths->has[net->bits]) {
        lengths->has[net->bits] = true;
        lengths->at[lengths->count++] = (uint8_t)net->bits;
    }
    struct place *place = find_place(index, net);
    if (place->net.size)
        return; /* the first one counts */
    *place = (struct place){*net, number};
    if (2 * ++index->count > index->size)
        grow(index);
}

size_t map_net_index_find(const struct map_net_index *index, const struct map_net *address)
{
    const struct lengths *lengths = address->size == 4 ? &index->v4 : &index->v6;
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < lengths->count; i++) {
        struct map_net net = *address;
        map_net_cut(&net, lengths->at[i]);
        const struct place *place = find_place(index, &net);
        if (place->net.size)
            found = MIN(found, place->number);
    }
    return found;
}
