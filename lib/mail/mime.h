/*
 * mime: where in the MIME structure of a message a line is.
 *
 * Feed the message line by line, without line ends. While mime_in_header() says so, gather
 * continuation lines (leading blank or tab) and feed the whole header at once, its lines separated
 * by LF; otherwise feed one line. Faults are collected; the caller decides which of them matter
 * (strict_7bit_headers, strict_8bitmime_body, strict_mime_encoding_domain, mime_nesting_limit).
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/strbuf.h"

enum mime_place {
    MIME_PRIMARY_HEADER,
    MIME_PART_HEADER,   /* of a part of a multipart (mime_header_checks) */
    MIME_NESTED_HEADER, /* of a message/rfc822 inside (nested_header_checks) */
    MIME_END_OF_HEADER, /* the empty line after headers of any kind */
    MIME_BODY,          /* text, boundaries, and what stands where a header should be */
};

enum mime_fault {
    MIME_FAULT_NESTING = 1 << 0,     /* more multiparts in each other than the limit */
    MIME_FAULT_8BIT_HEADER = 1 << 1, /* 8-bit data in a header */
    MIME_FAULT_8BIT_BODY = 1 << 2,   /* 8-bit data in a part not declared 8bit or binary */
    MIME_FAULT_ENCODING = 1 << 3,    /* message/ or multipart/ that is itself encoded */
};

enum mime_encoding {
    MIME_ENCODING_7BIT, /* also when nothing is said */
    MIME_ENCODING_8BIT,
    MIME_ENCODING_BINARY,
    MIME_ENCODING_QUOTED_PRINTABLE,
    MIME_ENCODING_BASE64,
    MIME_ENCODING_UNKNOWN,
};

struct mime_options {
    bool is_disabled;              /* disable_mime_input_processing: one header, one body */
    int64_t nesting_limit;         /* mime_nesting_limit */
    int64_t boundary_length_limit; /* mime_boundary_length_limit */
};

/* What the headers of the current part said so far. Look before feeding the line that ends the
 * headers: after it, a nested message begins with nothing said. */
struct mime_part {
    enum mime_encoding encoding;
    bool is_multipart, is_message; /* message: one whose content has headers again */
};

struct mime;

struct mime *mime_new(const struct mime_options *options);
void mime_free(struct mime *m);
void mime_free_ptr(struct mime **m);

bool mime_in_header(const struct mime *m);
/* A body line where a header should be ends the headers without an empty line: then the answer is
 * MIME_BODY and mime_headers_broke_off() is true for this one line. */
enum mime_place mime_feed(struct mime *m, struct slice line);
bool mime_headers_broke_off(const struct mime *m);
/* More of the body line fed last. */
void mime_feed_more(struct mime *m, struct slice text);

unsigned mime_faults(const struct mime *m); /* enum mime_fault, all so far */
const char *mime_fault_text(enum mime_fault fault);
const char *mime_encoding_name(enum mime_encoding encoding);
const struct mime_part *mime_part(const struct mime *m);

#endif
