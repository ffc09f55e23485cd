/* tlsmgr_owned: files that tlsmgr writes lie in directories of the mail owner. */
#ifndef TLSMGR_TLSMGR_OWNED_H
#define TLSMGR_TLSMGR_OWNED_H

#include "base/strbuf.h"

/* PATH, or, with a warning, the file of that name in data_directory when the directory of PATH is
 * not the mail owner's. */
void tlsmgr_owned_path(const char *path, struct strbuf *ret);

#endif
