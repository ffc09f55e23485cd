#include "mail/queue_remove.h"

#include "base/strbuf.h"
#include "config/common_params.h"

#include <limits.h>
#include <unistd.h>

enum { NAMES_MAX = 32 }; /* of one message: its file, those of maildrop, bounce, defer and trace */

/* One rename: a file is in its queue or among the saved, whenever the process dies. */
static bool save(const char *path, const char *id)
{
    CLEANUP(strbuf_done) struct strbuf saved = STRBUF_INIT(PATH_MAX);
    strbuf_addf(&saved, "saved/%s", id);
    for (int i = 0; i < NAMES_MAX && access(saved.s, F_OK) == 0; i++)
        strbuf_add_char(&saved, '+');
    return !saved.overflow && rename(path, saved.s) == 0;
}

bool queue_remove(const char *path, const char *id)
{
    return (common_params.dont_remove && save(path, id)) || unlink(path) == 0;
}
