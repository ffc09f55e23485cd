#include "map/map_files.h"

#include "base/text.h"
#include "io/fd.h"
#include "map/map_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CONTENT_MAX = 64 * 1024 * 1024 };

bool map_files_encode(struct slice list, struct strbuf *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_INIT(CONTENT_MAX);
    struct slice item;
    for (bool first = true; slice_next_item(&list, &item); first = false) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
        strbuf_add_slice(&path, item);
        CLEANUP(fd_done) int fd = open(path.s, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
            return err_set(err, ERR_CONFIG, "open %s: %s", path.s, strerror(errno));
        if (!first)
            strbuf_add_char(&content, '\n');
        if (!map_text_read_fd(fd, path.s, &content, err))
            return false;
    }
    text_base64_encode(strbuf_slice(&content), ret);
    return true;
}
