/* postmap_rights: work on a user's file with that user's rights, so that root's are of no use to
 * whoever can swap files in the user's directory. */
#ifndef POSTMAP_RIGHTS_H
#define POSTMAP_RIGHTS_H

#include "base/err.h"

#include <sys/stat.h>

/* Take on the owner of FILE when we are root and it is not; to be undone by postmap_rights_back().
 */
bool postmap_rights_of_owner(const struct stat *file, struct err *err);
void postmap_rights_back(void);

#endif
