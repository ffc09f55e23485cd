#include "dns/dns_ttl.h"

enum {
    HEADER_SIZE = 12,
    QUESTION_FIXED = 4, /* type, class */
    RECORD_FIXED = 10,  /* type, class, ttl, length */
    TYPE_SOA = 6,
    SOA_FIXED = 20, /* five numbers, the last of which counts here */
    POINTER = 0xc0,
};

static unsigned u16_at(struct slice a, size_t at)
{
    return (unsigned)((unsigned char)a.s[at] << 8 | (unsigned char)a.s[at + 1]);
}

static uint32_t u32_at(struct slice a, size_t at)
{
    return (uint32_t)u16_at(a, at) << 16 | u16_at(a, at + 2);
}

/* Past a name, which ends in an empty label or a pointer; false: it does not end. */
static bool skip_name(struct slice *in)
{
    while (in->len > 0) {
        unsigned char length = (unsigned char)in->s[0];
        bool is_pointer = (length & POINTER) == POINTER;
        size_t size = is_pointer ? 2 : (size_t)length + 1;
        if (size > in->len)
            return false;
        *in = slice_from(*in, size);
        if (is_pointer || length == 0)
            return true;
    }
    return false;
}

struct record {
    unsigned type;
    uint32_t ttl;
    struct slice data;
};

static bool next_record(struct slice *in, struct record *ret)
{
    if (!skip_name(in) || in->len < RECORD_FIXED)
        return false;
    size_t length = u16_at(*in, 8);
    if (in->len - RECORD_FIXED < length)
        return false;
    *ret = (struct record){.type = u16_at(*in, 0), .ttl = u32_at(*in, 4)};
    ret->data = slice_first(slice_from(*in, RECORD_FIXED), length);
    *in = slice_from(*in, RECORD_FIXED + length);
    return true;
}

static int64_t shortest(int64_t a, uint32_t b)
{
    return a < 0 || b < a ? b : a;
}

int64_t dns_ttl_of(struct slice packet)
{
    int64_t ttl = -1;
    struct record record;
    if (packet.len < HEADER_SIZE)
        return -1;
    unsigned questions = u16_at(packet, 4), answers = u16_at(packet, 6);
    unsigned authority = u16_at(packet, 8);
    struct slice in = slice_from(packet, HEADER_SIZE);
    for (unsigned i = 0; i < questions; i++) {
        if (!skip_name(&in) || in.len < QUESTION_FIXED)
            return -1;
        in = slice_from(in, QUESTION_FIXED);
    }
    for (unsigned i = 0; i < answers; i++) {
        if (!next_record(&in, &record))
            return -1;
        ttl = shortest(ttl, record.ttl);
    }
    for (unsigned i = 0; i < authority && answers == 0; i++) {
        if (!next_record(&in, &record))
            return -1;
        if (record.type == TYPE_SOA && record.data.len >= SOA_FIXED)
            ttl = shortest(shortest(ttl, record.ttl),
                           u32_at(record.data, record.data.len - sizeof(uint32_t)));
    }
    return ttl;
}
