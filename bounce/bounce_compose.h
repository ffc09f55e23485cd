/*
 * bounce_compose: the text of reports: headers, the part for people, the part for programs
 * (RFC 3461, 3462, 3464, 6533), laid out as Postfix does. Lines end in LF.
 */
#ifndef BOUNCE_BOUNCE_COMPOSE_H
#define BOUNCE_BOUNCE_COMPOSE_H

#include "bounce/bounce_template.h"
#include "mail/bounce_log.h"

/* What is reported on. */
struct bounce_subject {
    const char *queue_id;
    const char *sender; /* "": the null sender */
    const char *envid;
    const char *encoding;   /* of the message: "", "7bit", "8bit" */
    const char *message_id; /* for enable_threaded_bounces, else "" */
    int64_t arrival_s;
    bool is_utf8;       /* SMTPUTF8 mail: message/global and friends */
    bool is_requiretls; /* reports are to be as safe on their way as the mail (RFC 8689, section 5)
                         */
};

enum bounce_content { BOUNCE_CONTENT_FULL, BOUNCE_CONTENT_HEADERS };

/* One mail to be sent. */
struct bounce_notice {
    enum bounce_template_kind kind;
    bool to_postmaster;
    const char *sender, *recipient;
    enum bounce_content content;
    int64_t notify_mask;                 /* only recipients who want this; 0: all */
    const char *action;                  /* said of every recipient; NULL: what the log says */
    const struct bounce_log_entry *only; /* the one recipient; NULL: those in the log */
};

/* Does ENTRY belong in the report? */
bool bounce_compose_wants(const struct bounce_notice *notice, const struct bounce_log_entry *entry);
/* The entry with gaps filled and the notice's action. */
struct bounce_log_entry bounce_compose_complete(const struct bounce_notice *notice,
                                                const struct bounce_log_entry *entry);

/* The one line, broken at blanks before column 79, continued with four blanks. */
void bounce_compose_wrap(struct strbuf *out, struct slice line);

/* Up to and with the text of the template. */
void bounce_compose_head(struct strbuf *out, const struct bounce_subject *s,
                         const struct bounce_notice *notice, const struct bounce_template *t,
                         const char *text, const char *boundary);
void bounce_compose_reason(struct strbuf *out, const struct bounce_log_entry *entry);
void bounce_compose_status_head(struct strbuf *out, const struct bounce_subject *s,
                                const char *boundary);
void bounce_compose_status(struct strbuf *out, const struct bounce_subject *s,
                           const struct bounce_notice *notice,
                           const struct bounce_log_entry *entry);
/* Up to the first line of the original. */
void bounce_compose_content_head(struct strbuf *out, const struct bounce_subject *s,
                                 const struct bounce_notice *notice, const char *boundary);

#endif
