#include "ipc/msg.h"

#include <endian.h>

enum { LIST_DEPTH_MAX = 4 };

static void put_u32(struct strbuf *out, uint32_t value)
{
    uint32_t le = htole32(value);
    strbuf_add(out, &le, sizeof le);
}

static void put_field_head(struct strbuf *out, const struct msg_field *field, uint32_t len)
{
    size_t name_len = strlen(field->name);
    strbuf_add_char(out, (char)name_len);
    strbuf_add(out, field->name, name_len);
    strbuf_add_char(out, (char)field->kind);
    put_u32(out, len);
}

static void put_blob(struct strbuf *out, const struct msg_field *field, struct slice data)
{
    put_field_head(out, field, (uint32_t)data.len);
    strbuf_add_slice(out, data);
}

/* The length of what was appended after AT is filled into the four bytes before it. */
static void patch_length(struct strbuf *out, size_t at)
{
    uint32_t le = htole32((uint32_t)(out->len - at));
    memcpy(out->s + at - sizeof le, &le, sizeof le);
}

static void put_list(struct strbuf *out, const struct msg_field *field, const char *object)
{
    const char *items = *(const char *const *)(object + field->offset);
    size_t count = *(const size_t *)(object + field->count_offset);
    put_field_head(out, field, 0);
    size_t at = out->len;
    put_u32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_u32(out, 0);
        size_t item_at = out->len;
        msg_encode(field->item_type, items + i * field->item_type->size, out);
        patch_length(out, item_at);
    }
    patch_length(out, at);
}

void msg_encode(const struct msg_type *type, const void *object, struct strbuf *out)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct msg_field *field = &type->fields[i];
        const char *at = (const char *)object + field->offset;
        uint64_t number;
        switch (field->kind) {
        case MSG_TEXT:
            put_blob(out, field, slice_of(*(const char *const *)at));
            break;
        case MSG_BLOB:
            put_blob(out, field, *(const struct slice *)at);
            break;
        case MSG_INT:
            number = htole64((uint64_t) * (const int64_t *)at);
            put_blob(out, field, (struct slice){(const char *)&number, sizeof number});
            break;
        case MSG_LIST:
            put_list(out, field, object);
            break;
        }
    }
}

static bool take(struct slice *in, size_t len, struct slice *ret)
{
    if (in->len < len)
        return false;
    *ret = slice_first(*in, len);
    *in = slice_from(*in, len);
    return true;
}

static bool take_u32(struct slice *in, uint32_t *ret)
{
    struct slice bytes;
    uint32_t le;
    if (!take(in, sizeof le, &bytes))
        return false;
    memcpy(&le, bytes.s, sizeof le);
    *ret = le32toh(le);
    return true;
}

static bool take_sized(struct slice *in, struct slice *ret)
{
    uint32_t len;
    return take_u32(in, &len) && take(in, len, ret);
}

static bool decode_at(const struct msg_type *type, struct slice body, struct arena *arena,
                      void *object, int depth, struct err *err);

static bool decode_list(const struct msg_field *field, struct slice value, struct arena *arena,
                        char *object, int depth, struct err *err)
{
    const struct msg_type *type = field->item_type;
    uint32_t count;
    /* an item takes at least the four bytes of its length: no count can ask for more than came */
    if (depth >= LIST_DEPTH_MAX || !take_u32(&value, &count) || count > value.len / 4)
        return err_set(err, ERR_TEMP, "bad list in field %s", field->name);
    char *items = arena_zalloc(arena, count * type->size);
    for (uint32_t i = 0; i < count; i++) {
        struct slice item;
        if (!take_sized(&value, &item))
            return err_set(err, ERR_TEMP, "short list in field %s", field->name);
        if (!decode_at(type, item, arena, items + i * type->size, depth + 1, err))
            return false;
    }
    if (value.len > 0)
        return err_set(err, ERR_TEMP, "bytes left over in field %s", field->name);
    *(void **)(object + field->offset) = items;
    *(size_t *)(object + field->count_offset) = count;
    return true;
}

static bool decode_field(const struct msg_field *field, struct slice value, struct arena *arena,
                         char *object, int depth, struct err *err)
{
    uint64_t number;
    switch (field->kind) {
    case MSG_TEXT:
        if (slice_has_nul(value))
            return err_set(err, ERR_TEMP, "NUL byte in field %s", field->name);
        *(const char **)(object + field->offset) = arena_slice_dup(arena, value);
        return true;
    case MSG_BLOB:
        *(struct slice *)(object + field->offset) = value;
        return true;
    case MSG_INT:
        if (value.len != sizeof number)
            return err_set(err, ERR_TEMP, "bad number in field %s", field->name);
        memcpy(&number, value.s, sizeof number);
        *(int64_t *)(object + field->offset) = (int64_t)le64toh(number);
        return true;
    case MSG_LIST:
        return decode_list(field, value, arena, object, depth, err);
    }
    return false;
}

/* Fields come in the order of the declaration: both ends are built from the same one. */
static bool decode_at(const struct msg_type *type, struct slice body, struct arena *arena,
                      void *object, int depth, struct err *err)
{
    memset(object, 0, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct msg_field *field = &type->fields[i];
        struct slice name_len, name, kind, value;
        if (!take(&body, 1, &name_len) || !take(&body, (unsigned char)*name_len.s, &name) ||
            !take(&body, 1, &kind) || !take_sized(&body, &value))
            return err_set(err, ERR_TEMP, "%s message: missing field %s", type->name, field->name);
        if (!slice_eq(name, field->name) || *kind.s != (char)field->kind)
            return err_set(err, ERR_TEMP, "%s message: field %.*s where %s was expected",
                           type->name, SLICE_ARG(name), field->name);
        if (!decode_field(field, value, arena, object, depth, err))
            return err_prefix(err, type->name);
    }
    if (body.len > 0)
        return err_set(err, ERR_TEMP, "%s message: unknown field after the last", type->name);
    return true;
}

bool msg_decode(const struct msg_type *type, struct slice body, struct arena *arena, void *object,
                struct err *err)
{
    return decode_at(type, body, arena, object, 0, err);
}

void msg_frame_head(uint16_t kind, size_t body_len, char head[MSG_HEADER])
{
    const char start[4] = {(char)MSG_MAGIC, MSG_VERSION, (char)kind, (char)(kind >> 8)};
    uint32_t le = htole32((uint32_t)body_len);
    memcpy(head, start, sizeof start);
    memcpy(head + sizeof start, &le, sizeof le);
}

void msg_frame(uint16_t kind, const struct msg_type *type, const void *object, struct strbuf *out)
{
    msg_frame_raw(kind, SLICE_EMPTY, out);
    size_t at = out->len;
    if (type)
        msg_encode(type, object, out);
    patch_length(out, at);
}

void msg_frame_raw(uint16_t kind, struct slice body, struct strbuf *out)
{
    char head[MSG_HEADER];
    msg_frame_head(kind, body.len, head);
    strbuf_add(out, head, sizeof head);
    strbuf_add_slice(out, body);
}

enum msg_frame_status msg_frame_next(struct slice in, uint16_t *ret_kind, struct slice *ret_body,
                                     size_t *ret_size)
{
    const unsigned char *s = (const unsigned char *)in.s;
    if ((in.len > 0 && s[0] != MSG_MAGIC) || (in.len > 1 && s[1] != MSG_VERSION))
        return MSG_FRAME_BAD;
    *ret_size = MSG_HEADER;
    if (in.len < MSG_HEADER)
        return MSG_FRAME_MORE;
    struct slice length = slice_from(in, 4);
    uint32_t len = 0;
    take_u32(&length, &len);
    if (len > MSG_BODY_MAX)
        return MSG_FRAME_BAD;
    *ret_size = MSG_HEADER + (size_t)len;
    if (in.len - MSG_HEADER < len)
        return MSG_FRAME_MORE;
    *ret_kind = (uint16_t)(s[2] | s[3] << 8);
    *ret_body = slice_first(slice_from(in, MSG_HEADER), len);
    return MSG_FRAME_READY;
}
