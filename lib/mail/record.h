/*
 * record: the records of queue files and of the cleanup protocol: a type byte, a length in base 128
 * (low bits first, high bit: more follows), and data. See docs/protocol/queue_file.md.
 */
#ifndef MAIL_RECORD_H
#define MAIL_RECORD_H

#include "base/strbuf.h"

// clang-format off
enum record_type {
    REC_SIZE = 'C', REC_TIME = 'T', REC_FULLNAME = 'F', REC_INSPECT = 'I', REC_FILTER = 'L',
    REC_SENDER = 'S', REC_DONE = 'D', REC_RECIPIENT = 'R', REC_ORIGINAL = 'O', REC_CANCELLED = '/',
    REC_WARN = 'W', REC_ATTRIBUTE = 'A', REC_KILLED = 'K', REC_REDIRECT = '>', REC_FLAGS = 'f',
    REC_DELAY = 'd', REC_MILTER_COUNT = 'm', REC_MESSAGE = 'M', REC_LINE = 'N', REC_LINE_PART = 'L',
    REC_PADDING = 'w', REC_EXTRACTED = 'X', REC_RETURN_RECEIPT = 'r', REC_ERRORS_TO = 'e',
    REC_PRIORITY = 'P', REC_POINTER = 'p', REC_VERP = 'V', REC_END = 'E', REC_DSN_RET = '<',
    REC_DSN_ENVID = 'i', REC_DSN_ORCPT = 'o', REC_DSN_NOTIFY = 'n',
};
// clang-format on

enum { RECORD_MAX = 16 * 1024 * 1024 };

static inline void record_add(struct strbuf *out, int type, struct slice data);
void record_addf(struct strbuf *out, int type, const char *fmt, ...) PRINTF(3, 4);
/* name=value */
void record_add_attribute(struct strbuf *out, const char *name, const char *value);

enum record_status { RECORD_READY, RECORD_MORE, RECORD_BAD };
/* Look at the record at the front of IN: type, data, length with header. MORE: IN ends early. */
static inline enum record_status record_peek(struct slice in, int *ret_type, struct slice *ret_data,
                                             size_t *ret_size);
const char *record_type_name(int type); /* as postcat prints it */

enum record_status record_peek_any(struct slice in, int *ret_type, struct slice *ret_data,
                                   size_t *ret_size);

void record_add_any(struct strbuf *out, int type, struct slice data);

/* AT has room for RECORD_HEADER_MAX and DATA; gives the bytes of the record. */
enum { RECORD_HEADER_MAX = 1 + (sizeof(size_t) * 8 + 6) / 7 };
size_t record_put(char *at, int type, struct slice data);

/* Every line of a message passes here, at every hop, and most are no longer than RECORD_SHORT. */
enum { RECORD_SHORT = 127, RECORD_SHORT_HEADER = 2 };
static inline void record_short_header(char *at, int type, size_t len)
{
    at[0] = (char)type;
    at[1] = (char)len;
}

static inline void record_add(struct strbuf *out, int type, struct slice data)
{
    char *room = data.len <= RECORD_SHORT ? strbuf_room(out, RECORD_SHORT_HEADER + data.len) : NULL;
    if (!room) {
        record_add_any(out, type, data);
        return;
    }
    record_short_header(room, type, data.len);
    if (data.len > 0)
        memcpy(room + RECORD_SHORT_HEADER, data.s, data.len);
    strbuf_grew(out, RECORD_SHORT_HEADER + data.len);
}

static inline enum record_status record_peek(struct slice in, int *ret_type, struct slice *ret_data,
                                             size_t *ret_size)
{
    if (in.len < RECORD_SHORT_HEADER || (unsigned char)in.s[1] > RECORD_SHORT ||
        in.len - RECORD_SHORT_HEADER < (unsigned char)in.s[1]) {
        /* the caller's variables stay in registers when a call does not have their addresses */
        int type = 0;
        struct slice data = SLICE_EMPTY;
        size_t size = 0;
        enum record_status status = record_peek_any(in, &type, &data, &size);
        *ret_type = type;
        *ret_data = data;
        *ret_size = size;
        return status;
    }
    size_t len = (unsigned char)in.s[1];
    *ret_type = (unsigned char)in.s[0];
    *ret_data = (struct slice){in.s + RECORD_SHORT_HEADER, len};
    *ret_size = RECORD_SHORT_HEADER + len;
    return RECORD_READY;
}

#endif
