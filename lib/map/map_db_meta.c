/* map_db_meta: see the header. */
#include "map/map_db_meta.h"

#include <byteswap.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hash, btree and other tables begin alike; numbers are in the order of the machine that made the
 * file. */
struct meta {
    uint32_t log[2], number, magic, version, page_size, types, free, last_page;
};
enum { MAGIC_BTREE = 0x053162, MAGIC_HASH = 0x061561 };

static bool is_magic(uint32_t number)
{
    return number == MAGIC_BTREE || number == MAGIC_HASH;
}

bool map_db_meta_is_whole(int fd)
{
    struct meta meta;
    struct stat st;
    if (pread(fd, &meta, sizeof meta, 0) != sizeof meta || fstat(fd, &st) < 0)
        return true;
    bool is_swapped = is_magic(bswap_32(meta.magic));
    if (!is_swapped && !is_magic(meta.magic))
        return true;
    uint64_t page_size = is_swapped ? bswap_32(meta.page_size) : meta.page_size;
    uint64_t last = is_swapped ? bswap_32(meta.last_page) : meta.last_page;
    return (uint64_t)st.st_size >= (last + 1) * page_size;
}
