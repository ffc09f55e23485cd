/* Any bytes as a queue file: reading it ends, and what is returned points into the file. */
#include "mail/queue_file.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_line(void *ctx, struct slice piece, bool ends_line)
{
    (void)piece;
    (void)ends_line;
    ++*(size_t *)ctx;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("queue file", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    struct arena *arena = arena_new("fuzz");
    struct envelope_read how = {.recipient_limit = 2};
    struct envelope env;
    size_t lines = 0, turns = 0;
    while (queue_file_read_envelope(fd, arena, &how, &env, NULL)) {
        for (size_t i = 0; i < env.recipients_count; i++)
            if (env.recipients[i].offset < 0 || (size_t)env.recipients[i].offset >= size)
                abort();
        if (how.next_offset == 0 || ++turns > size)
            break;
        how.from_offset = how.next_offset;
    }
    (void)queue_file_each_line(fd, 0, count_line, &lines, NULL);
    if (lines > size)
        abort();
    arena_free(arena);
    close(fd);
    return 0;
}
