/*
 * cleanup_message: one new message on its way into the queue: envelope, content, extracted segment.
 *
 * Every record is checked, completed and appended to the queue file's buffer as it comes; nothing
 * is read back. After the first fault the rest of the message is taken and thrown away, so that the
 * client always reads one answer, after its last record.
 */
#ifndef CLEANUP_CLEANUP_MESSAGE_H
#define CLEANUP_CLEANUP_MESSAGE_H

#include "base/arena.h"
#include "log/log.h"
#include "mail/cleanup_msg.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/record.h"

#include <sys/time.h>

enum cleanup_phase {
    CLEANUP_PHASE_ENVELOPE,
    CLEANUP_PHASE_CONTENT,
    CLEANUP_PHASE_EXTRACTED,
    CLEANUP_PHASE_END,
};

struct cleanup_address_seen;

/* Pointer records of the queue file that edits go through, and what they will need. Offsets in the
 * file; 0: there is none. */
struct cleanup_edits {
    off_t sender, after_sender; /* the S record with the pointer behind it, and what follows */
    off_t recipients;           /* the pointer before M, or at the end of what was added */
    off_t after_recipients;     /* where it leads: M */
    off_t headers;              /* the pointer behind the last header */
    off_t after_headers;
    off_t body;      /* the pointer before the body */
    off_t body_tail; /* the one at the end of the body that replaces it */
    off_t extracted; /* the X record */
    bool has_blank_line, in_line, has_cr;
    bool has_leading_space; /* this filter writes the blank after a header's colon itself */
    int64_t body_size;      /* of the replacement, as records */
    size_t count;
};

struct cleanup_message {
    struct arena *arena;
    struct log_tag log;
    int64_t flags, status;
    const char *reason; /* for the client, with its enhanced status code; NULL: by the status */
    int reason_code;
    enum cleanup_phase phase;

    /* the queue file */
    int fd;
    const char *id, *queue; /* where it is now */
    struct strbuf out;      /* not yet written */
    off_t written,
        writing; /* up to there: the kernel has it; it was told to write it to the disk */
    struct timeval created;

    /* the envelope, as it is handed to qmgr */
    struct envelope env;
    bool has_time, has_sender, has_warn, is_local_context;
    int64_t attribute_count;
    struct recipient next; /* what was said of the recipient to come */
    size_t recipients_kept, recipients_cap;
    const char *last_recipient; /* for log lines */
    struct cleanup_address_seen *seen;
    const char **bcc; /* to be added at the end */
    size_t bcc_count, bcc_cap;
    struct recipient *expanded; /* aliases whose expansion the sender wants reported */
    size_t expanded_count, expanded_cap;

    /* the content */
    struct mime *mime;
    struct mime_downgrade *convert; /* NULL: content stays as it is */
    int converting_type;            /* of the record that is being converted */
    bool converting_rest;           /* it goes on with a line */
    struct strbuf header;           /* the header being gathered, lines separated by LF */
    struct strbuf line;             /* pieces of a long header line */
    bool in_long_line, line_is_body, header_is_over, checks_passed, skip_long_line;
    bool has_fault;        /* refused for its MIME structure */
    uint64_t headers_seen; /* bits of enum header_id */
    bool has_resent, has_message_id_logged, has_destination;
    bool is_past_top; /* a header came that is not the Received: of this system */
    int64_t hops;
    int64_t body_bytes; /* of the part being inspected */
    off_t data_offset;
    const char *filter, *redirect;

    /* mail filters */
    bool has_milters;           /* the file is to have places for their edits */
    struct cleanup_edits edits; /* where those places are */
    const char **heard;         /* recipients as non_smtpd_milters hear them */
    size_t heard_count, heard_cap;
    const char *heard_at; /* the last one they were told of; NULL: none */
};

/* NULL with STATUS when the queue file cannot be made. */
struct cleanup_message *cleanup_message_new(int64_t flags, int64_t *ret_status);
/* Removes the queue file unless it was committed. NULL is fine. */
void cleanup_message_free(struct cleanup_message *m);
/* One record from the client. */
void cleanup_message_record(struct cleanup_message *m, int type, struct slice data);
/* Go on processing? Faults that become a bounce do not stop it. */
bool cleanup_message_is_ok(const struct cleanup_message *m);
/* The first reason given stays. */
void cleanup_message_fail(struct cleanup_message *m, int64_t status, const char *reason);
/* "warning: QUEUEID: text" */
void cleanup_message_warn(const struct cleanup_message *m, const char *fmt, ...) PRINTF(2, 3);

/* cleanup_envelope.c */
void cleanup_envelope_record(struct cleanup_message *m, int type, struct slice data);
void cleanup_envelope_end(struct cleanup_message *m); /* before M */
void cleanup_recipient_add(struct cleanup_message *m, const char *original, struct slice address,
                           const struct recipient *about);
/* cleanup_milter.c: a recipient as the client named it, for filters that have not heard of it */
void cleanup_milter_remember(struct cleanup_message *m, const char *address);
/* cleanup_bcc.c */
void cleanup_bcc_remember(struct cleanup_message *m, const char *address);
void cleanup_bcc_sender(struct cleanup_message *m);
void cleanup_bcc_recipient(struct cleanup_message *m, const char *address);
void cleanup_bcc_add_all(struct cleanup_message *m);
/* cleanup_content.c */
void cleanup_content_start(struct cleanup_message *m);
void cleanup_content_record(struct cleanup_message *m, int type, struct slice data);
/* A message that is refused for a fault of its MIME structure: the first fault of each other kind
 * is still logged. */
void cleanup_content_watch(struct cleanup_message *m, int type, struct slice data);
void cleanup_content_end(struct cleanup_message *m);
/* cleanup_bulk.c */
/* Write the body lines at the front of RECORDS that need no look at each; their length in bytes, 0
 * when the first record is none. The second argument is what the other function said of a piece
 * that holds RECORDS. */
size_t cleanup_bulk_take(struct cleanup_message *m, struct slice records, bool may_hold_line_end);
bool cleanup_bulk_may_hold_line_end(struct slice records);
/* cleanup_header.c */
void cleanup_header_primary(struct cleanup_message *m, struct slice header);
void cleanup_header_end(struct cleanup_message *m);
/* What a Content-Transfer-Encoding: header says counts when the envelope said nothing. */
/* A header that is written: does the message need SMTPUTF8 for it? */
void cleanup_header_note_utf8(struct cleanup_message *m, struct slice header);
void cleanup_header_note_encoding(struct cleanup_message *m, struct slice value);
/* cleanup_write.c */
bool cleanup_write_create(struct cleanup_message *m);
void cleanup_write_record(struct cleanup_message *m, int type, struct slice data);
/* Whole records as they are, after cleanup_write_fits(). */
void cleanup_write_raw(struct cleanup_message *m, struct slice records);
bool cleanup_write_fits(const struct cleanup_message *m, size_t content);
void cleanup_write_attribute(struct cleanup_message *m, const char *name, const char *value);
off_t cleanup_write_offset(const struct cleanup_message *m);
/* Text that may hold LF, as lines, long ones in pieces. */
void cleanup_write_text(struct cleanup_message *m, struct slice text);
/* Everything out, with the final size record; false: STATUS says so. */
bool cleanup_write_finish(struct cleanup_message *m);
/* What was written so far, out to the file. */
bool cleanup_write_flush(struct cleanup_message *m);
/* A pointer record to TARGET (0: to what follows) at the end; its offset. */
off_t cleanup_write_pointer(struct cleanup_message *m, off_t target);
/* One over what stands at AT, after a flush. */
bool cleanup_write_pointer_at(struct cleanup_message *m, off_t at, off_t target);
/* A header of the message, with room for a pointer over its first record. */
void cleanup_write_header(struct cleanup_message *m, struct slice text);
void cleanup_write_remove(struct cleanup_message *m);

#endif
