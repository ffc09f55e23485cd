/*
 * bounce_mail: one report on its way into the queue, through cleanup.
 *
 * Log and original are read as cleanup takes the text: memory does not grow with either.
 */
#ifndef BOUNCE_BOUNCE_MAIL_H
#define BOUNCE_BOUNCE_MAIL_H

#include "bounce/bounce_compose.h"
#include "log/log.h"

struct bounce_mail;

struct bounce_mail_input {
    const struct bounce_subject *subject;
    const struct bounce_notice *notice;
    struct bounce_log *log; /* read from its start; NULL: notice->only, or nothing is known */
    int message_fd;
    int64_t data_offset;
    const struct log_tag *tag;
};

/* OK: stored, under QUEUE_ID. Called once, never from inside bounce_mail_start(); the mail is over
 * then, and freed. */
typedef void (*bounce_mail_fn)(void *owner, bool ok, const char *queue_id, const char *reason);

/* Process-wide: cleanup's client and the templates. Log and exit on bad configuration. */
void bounce_mail_before_jail(struct config *cfg);
void bounce_mail_after_jail(struct config *cfg);
void bounce_mail_stop(void);
/* postconf -b and -t: the texts on standard output. */
void bounce_mail_print_templates(bool is_expanded);

/* What INPUT points at must live until the end. */
struct bounce_mail *bounce_mail_start(const struct bounce_mail_input *input, bounce_mail_fn fn,
                                      void *owner);

#endif
