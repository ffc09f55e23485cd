/*
 * msg: messages between programs: a list of named, typed fields, declared once for both ends.
 *
 *     #define RESOLVE_REPLY_FIELDS(F) F(TEXT, transport) F(TEXT, nexthop) F(INT, flags)
 *     MSG_DECLARE(resolve_reply, RESOLVE_REPLY_FIELDS)      in a header
 *     #define MSG_SELF resolve_reply                        in one .c file
 *     MSG_DEFINE(resolve_reply, RESOLVE_REPLY_FIELDS)
 *     #undef MSG_SELF
 *
 * gives struct resolve_reply and resolve_reply_type for msg_encode() and msg_decode(). Kinds of
 * field: TEXT  const char *      NULL is sent as ""; never NULL when received; holds no NUL byte
 *     INT   int64_t
 *     BLOB  struct slice      any bytes
 *     LIST  F(LIST, recipients, recipient): struct recipient *recipients; size_t recipients_count
 *
 * Received text lives in the arena (BLOB points into the received frame). A missing, unknown or
 * ill-typed field is an error that names it; every length and count is checked before anything is
 * allocated.
 */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

enum msg_field_kind { MSG_TEXT, MSG_INT, MSG_BLOB, MSG_LIST };

struct msg_type;
struct msg_field {
    const char *name;
    enum msg_field_kind kind;
    size_t offset;
    size_t count_offset;              /* LIST */
    const struct msg_type *item_type; /* LIST */
};
struct msg_type {
    const char *name;
    size_t size;
    size_t field_count;
    const struct msg_field *fields;
};

#define MSG_STRUCT_TEXT(name) const char *name;
#define MSG_STRUCT_INT(name)  int64_t name;
#define MSG_STRUCT_BLOB(name) struct slice name;
#define MSG_STRUCT_LIST(name, type)                                                                \
    struct type *name;                                                                             \
    size_t name##_count;
#define MSG_STRUCT_FIELD(kind, ...) MSG_STRUCT_##kind(__VA_ARGS__)

#define MSG_ROW_TEXT(name) {#name, MSG_TEXT, offsetof(struct MSG_SELF, name), 0, NULL},
#define MSG_ROW_INT(name)  {#name, MSG_INT, offsetof(struct MSG_SELF, name), 0, NULL},
#define MSG_ROW_BLOB(name) {#name, MSG_BLOB, offsetof(struct MSG_SELF, name), 0, NULL},
#define MSG_ROW_LIST(name, type)                                                                   \
    {#name, MSG_LIST, offsetof(struct MSG_SELF, name), offsetof(struct MSG_SELF, name##_count),    \
     &type##_type},
#define MSG_ROW_FIELD(kind, ...) MSG_ROW_##kind(__VA_ARGS__)

#define MSG_DECLARE(msg, FIELDS)                                                                   \
    struct msg {                                                                                   \
        FIELDS(MSG_STRUCT_FIELD)                                                                   \
    };                                                                                             \
    extern const struct msg_type msg##_type;

/* In one .c file, after "#define MSG_SELF msg". */
#define MSG_DEFINE(msg, FIELDS)                                                                    \
    static const struct msg_field msg##_fields[] = {FIELDS(MSG_ROW_FIELD)};                        \
    const struct msg_type msg##_type = {#msg, sizeof(struct msg), COUNT_OF(msg##_fields),          \
                                        msg##_fields};

/* Append the fields of OBJECT to OUT. */
void msg_encode(const struct msg_type *type, const void *object, struct strbuf *out);
/* Fill OBJECT (zeroed first) from BODY. */
bool msg_decode(const struct msg_type *type, struct slice body, struct arena *arena, void *object,
                struct err *err);

/* A frame is: magic byte, version byte, kind (16 bit), length of the body (32 bit), body. */
enum { MSG_MAGIC = 0xA7, MSG_VERSION = 1, MSG_HEADER = 8, MSG_BODY_MAX = 16 * 1024 * 1024 };

/* Append a whole frame; TYPE NULL and OBJECT NULL: an empty body. */
void msg_frame(uint16_t kind, const struct msg_type *type, const void *object, struct strbuf *out);
void msg_frame_raw(uint16_t kind, struct slice body, struct strbuf *out);
/* Only what stands in front of a body, for who writes that himself. */
void msg_frame_head(uint16_t kind, size_t body_len, char head[MSG_HEADER]);

enum msg_frame_status { MSG_FRAME_READY, MSG_FRAME_MORE, MSG_FRAME_BAD };
/* Is there a whole frame at the front of IN? RET_SIZE is its length with header; MORE: that of what
 * is known to come, the header at least. */
enum msg_frame_status msg_frame_next(struct slice in, uint16_t *ret_kind, struct slice *ret_body,
                                     size_t *ret_size);

#endif
