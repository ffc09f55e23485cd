/* queue_id: the names of queue files, and where they are kept. */
#ifndef MAIL_QUEUE_ID_H
#define MAIL_QUEUE_ID_H

#include "base/strbuf.h"

#include <sys/time.h>
#include <sys/types.h>

#define QUEUE_MAILDROP "maildrop"
#define QUEUE_INCOMING "incoming"
#define QUEUE_ACTIVE   "active"
#define QUEUE_DEFERRED "deferred"
#define QUEUE_HOLD     "hold"
#define QUEUE_CORRUPT  "corrupt"

enum { QUEUE_ID_MAX = 63 };

/* Letters and digits only, at most 255 bytes (command lines), QUEUE_ID_MAX for our own. */
bool queue_id_is_valid(struct slice id);
bool queue_name_is_valid(const char *queue);
/* Short: microseconds (5 hex digits) and inode (hex). Long: base 52 time, z, base 51 inode. */
void queue_id_make(const struct timeval *when, ino_t inode, bool is_long, struct strbuf *out);
bool queue_id_is_long(struct slice id);
/* Inode number in the id; false when the id is not well formed. */
bool queue_id_inode(struct slice id, ino_t *ret);

/* "deferred/E/E80E4AA8173"; hashing by the parameters hash_queue_names and hash_queue_depth. Like
 * queue_id_make(), replaces what OUT held. */
void queue_path(struct strbuf *out, const char *queue, const char *id);
/* mkdir -p for the hashed directories of that path. */
bool queue_path_make_dirs(const char *path);
/* Rename between queues; makes the directories when they are missing. False with errno. */
bool queue_move(const char *id, const char *from, const char *to);

#endif
