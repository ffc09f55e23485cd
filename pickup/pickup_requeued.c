#include "pickup/pickup_requeued.h"

#include "mail/record.h"

enum maildrop_verdict pickup_requeued_check(enum maildrop_segment *segment, int type,
                                            struct slice data)
{
    static const struct {
        const char *keep, *skip;
        int last;
    } known[] = {
        [MAILDROP_ENVELOPE] = {"TAFSRVnioM", "CDOWILKp/w<f", REC_MESSAGE},
        [MAILDROP_CONTENT] = {"NLX", "wK", REC_EXTRACTED},
        [MAILDROP_EXTRACTED] = {"ARE", "DOLKIwreP/>p", REC_END},
        [MAILDROP_END] = {"", "", 0},
    };
    /* made anew by this way through the queue */
    static const char *const stale[] = {"log_", "create_time=", NULL};
    if (type <= 0)
        return MAILDROP_REFUSE;
    if (strchr(known[*segment].skip, type))
        return MAILDROP_SKIP;
    if (!strchr(known[*segment].keep, type))
        return MAILDROP_REFUSE;
    if (type == known[*segment].last)
        (*segment)++;
    if (type == REC_ATTRIBUTE)
        for (size_t i = 0; stale[i]; i++)
            if (slice_starts(data, stale[i]))
                return MAILDROP_SKIP;
    return MAILDROP_KEEP;
}
