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

/* Every line of a message passes here, at every hop, and most have less than 128 bytes. */
static inline void record_add(struct strbuf *out, int type, struct slice data)
{
    char *room = data.len < 128 ? strbuf_room(out, data.len + 2) : NULL;
    if (!room) {
        record_add_any(out, type, data);
        return;
    }
    room[0] = (char)type;
    room[1] = (char)data.len;
    if (data.len > 0)
        memcpy(room + 2, data.s, data.len);
    strbuf_grew(out, data.len + 2);
}

static inline enum record_status record_peek(struct slice in, int *ret_type, struct slice *ret_data,
                                             size_t *ret_size)
{
    if (in.len < 2 || (unsigned char)in.s[1] > 0x7f || in.len - 2 < (unsigned char)in.s[1])
        return record_peek_any(in, ret_type, ret_data, ret_size);
    size_t len = (unsigned char)in.s[1];
    *ret_type = (unsigned char)in.s[0];
    *ret_data = (struct slice){in.s + 2, len};
    *ret_size = len + 2;
    return RECORD_READY;
}

#endif
