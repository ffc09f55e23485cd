/*
 * err: why something failed, and what that means for the mail.
 *
 * A function that can fail returns false (or an enum value) and fills its last argument. The
 * reason is a phrase without a final full stop, ready to be logged or sent to a client.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

enum err_kind {
    ERR_NONE,
    ERR_TEMP,   /* 4xx, try again */
    ERR_PERM,   /* 5xx, bounce */
    ERR_CONFIG, /* tell the operator, treat as temporary */
};

struct err {
    enum err_kind kind;
    char reason[512];
    bool is_repeated; /* the same trouble was reported before: answer it, but log it no more */
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        ERR_NONE, "", false                                                                        \
    }

/* Both return false, so that a caller can write: return err_set(err, ...). ERR may be NULL. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
bool err_prefix(struct err *err, const char *where); /* "where: reason" */

#endif
