/*
 * cleanup_milter: the mail filters of a message: they hear its content when it is complete, and
 * change it in the queue file before it becomes mail.
 *
 * Nothing is committed yet while they are asked: a process that dies here leaves a file of mode
 * 0600 and a client that was told nothing.
 */
#ifndef CLEANUP_CLEANUP_MILTER_H
#define CLEANUP_CLEANUP_MILTER_H

#include "cleanup/cleanup_message.h"
#include "config/config.h"
#include "milter/milter.h"

struct cleanup_milters;
struct cleanup_filtering;

void cleanup_milter_open(struct config *cfg); /* before the jail; bad settings are fatal */
void cleanup_milter_start(struct loop *loop); /* after it */
void cleanup_milter_close(void);
const struct milter_specs *cleanup_milter_specs(void); /* non_smtpd_milters */
/* Are there non_smtpd_milters for mail with these flags? */
bool cleanup_milter_is_local(int64_t flags);

typedef void (*cleanup_filtered_fn)(void *owner, struct cleanup_message *m);
/* Ask the filters about M, which is complete: those of smtpd, whose connections FDS are taken over,
 * or (FROM_SMTPD NULL) non_smtpd_milters. Faults, HOLD and DISCARD are in M when DONE is called,
 * never from inside this call. */
struct cleanup_filtering *cleanup_milter_filter(struct cleanup_message *m,
                                                const struct cleanup_milters *from_smtpd,
                                                const int *fds, size_t fd_count,
                                                cleanup_filtered_fn done, void *owner);
/* Before DONE: cut the conversations off. NULL is fine. */
void cleanup_filtering_free(struct cleanup_filtering *f);

/* cleanup_edit.c: one change. NULL, or why it cannot be made. */
const char *cleanup_edit(struct cleanup_message *m, const struct milter_edit *edit);
/* The end of one filter's changes. */
void cleanup_edit_end(struct cleanup_message *m);
/* cleanup_edit_header.c */
void cleanup_edit_header(struct cleanup_message *m, const struct milter_edit *edit);
/* cleanup_edit_rcpt.c */
void cleanup_edit_sender(struct cleanup_message *m, const struct milter_edit *edit);
void cleanup_edit_add_rcpt(struct cleanup_message *m, const struct milter_edit *edit);
void cleanup_edit_delete_rcpt(struct cleanup_message *m, const struct milter_edit *edit);

/* "milter-reject: END-OF-MESSAGE from origin: TEXT; from=<..> to=<..> proto=.. helo=<..>" */
void cleanup_milter_log(const struct cleanup_message *m, const char *action, int command,
                        const char *text);

#endif
