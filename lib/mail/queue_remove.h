/* queue_remove: queue files that have served, and what dont_remove makes of them. */
#ifndef MAIL_QUEUE_REMOVE_H
#define MAIL_QUEUE_REMOVE_H

#include "base/base.h"

/* Remove PATH, a file of the message ID; with dont_remove keep it as saved/ID, or saved/ID+ and so
 * on where there is one. What cannot be kept is removed all the same, or its mail would be handled
 * again. False with errno. For any thread. */
bool queue_remove(const char *path, const char *id);

#endif
