/* local_textfile: reading a small file that a user (or the administrator) wrote. */
#ifndef LOCAL_TEXTFILE_H
#define LOCAL_TEXTFILE_H

#include "base/strbuf.h"
#include "delivery/user_rights.h"

enum { LOCAL_TEXTFILE_MAX = 16 * 1024 * 1024 };

enum local_textfile {
    LOCAL_TEXTFILE_OK,
    LOCAL_TEXTFILE_NONE,    /* there is none */
    LOCAL_TEXTFILE_REFUSED, /* there is one that must not be used; err */
    LOCAL_TEXTFILE_FAILED,  /* try again later; err */
};
/* With the user's rights. Refused: what is not a regular file, is world-writable, or is owned by
 * neither the user nor root; unless FOLLOW, a symbolic link in the last component. */
enum local_textfile local_textfile_read(const char *path, const struct user_rights *rights,
                                        bool follow, struct strbuf *ret_text, struct err *err);

#endif
