#include "dns/dns_answer.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

enum { HEADER_SIZE = 12, RECORDS_FEW = 4, LABEL_MAX = 63, WARNINGS_MAX = 4096, TEXT_MAX = 4096 };

const char *dns_type_name(enum dns_type type)
{
    switch (type) {
    case DNS_HOST:
        return "A or AAAA";
    case DNS_A:
        return "A";
    case DNS_NS:
        return "NS";
    case DNS_CNAME:
        return "CNAME";
    case DNS_PTR:
        return "PTR";
    case DNS_MX:
        return "MX";
    case DNS_TXT:
        return "TXT";
    case DNS_AAAA:
        return "AAAA";
    case DNS_SRV:
        return "SRV";
    case DNS_TLSA:
        return "TLSA";
    }
    return "?";
}

void dns_answer_fail(const char *name, enum dns_type type, enum dns_status status,
                     struct dns_answer *ret, struct err *err)
{
    // clang-format off
    static const struct { enum err_kind kind; const char *what, *why; } rows[] = {
        [DNS_NOT_FOUND]  = {ERR_PERM, "Host or domain name not found. Name service error for",
                            "Host not found"},
        [DNS_NO_DATA]    = {ERR_PERM, "Host or domain name not found. Name service error for",
                            "Host found but no data record of requested type"},
        [DNS_INVALID]    = {ERR_PERM, "Name service error for",
                            "Malformed or unexpected name server reply"},
        [DNS_FAILED]     = {ERR_TEMP, "Host or domain name not found. Name service error for",
                            "Host not found, try again"},
        [DNS_DROPPED]    = {ERR_TEMP, "Error looking up", "DNS reply filter drops all results"},
        [DNS_BAD_FILTER] = {ERR_TEMP, "Error looking up", "Invalid DNS reply filter syntax"},
    };
    // clang-format on
    const char *warnings = ret->warnings ? ret->warnings : "";
    const char *notes = ret->notes ? ret->notes : "";
    *ret = (struct dns_answer){.type = type,
                               .name = name,
                               .status = status,
                               .is_secure = ret->is_secure,
                               .ttl = -1,
                               .warnings = warnings,
                               .notes = notes};
    if (status != DNS_FOUND)
        err_set(err, rows[status].kind, "%s name=%s type=%s: %s", rows[status].what, name,
                dns_type_name(type), rows[status].why);
}

static bool is_label(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.s[0] == '-' ||
        label.s[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.s[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && c != '-' && c != '_')
            return false;
    }
    return true;
}

bool dns_is_hostname(struct slice name)
{
    bool has_letter = false;
    if (name.len > 0 && name.s[name.len - 1] == '.')
        name.len--;
    if (name.len == 0 || name.len > DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        has_letter |= name.s[i] != '.' && (name.s[i] < '0' || name.s[i] > '9');
    struct slice label, rest;
    while (slice_split(name, '.', &label, &rest)) {
        if (!is_label(label))
            return false;
        name = rest;
    }
    return is_label(name) && has_letter;
}

struct reading {
    struct arena *arena;
    struct dns_answer *answer;
    size_t room; /* in answer->records */
    struct strbuf warnings;
};

static struct dns_record *record_add(struct reading *r)
{
    struct dns_answer *a = r->answer;
    if (a->count >= DNS_RECORDS_MAX)
        return NULL;
    if (a->count == r->room) {
        r->room = MAX((size_t)RECORDS_FEW, r->room * 2);
        struct dns_record *records = arena_alloc(r->arena, r->room * sizeof *records);
        if (a->count > 0)
            memcpy(records, a->records, a->count * sizeof *records);
        a->records = records;
    }
    struct dns_record *record = &a->records[a->count++];
    *record = (struct dns_record){.text = "", .owner = a->name, .data = SLICE_EMPTY};
    return record;
}

/* Is TEXT fit to be the host name of a record? An address where a name belongs is odd but is what
 * some servers say: it is noted and used. */
static bool name_is_usable(struct reading *r, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf shown = STRBUF_INIT(DNS_NAME_MAX);
    for (const char *c = text; *c; c++)
        strbuf_add_char(&shown, *c > ' ' && *c < 127 ? *c : '?');
    struct in_addr in;
    struct in6_addr in6;
    bool is_numeric = inet_pton(AF_INET, text, &in) == 1 || inet_pton(AF_INET6, text, &in6) == 1;
    if (!is_numeric && dns_is_hostname(slice_of(text)))
        return true;
    strbuf_addf(&r->warnings, "%s domain name in resource data of %s record for %s: %s\n",
                is_numeric ? "numeric" : "malformed", dns_type_name(r->answer->type),
                r->answer->name, shown.s);
    return is_numeric;
}

static void add_address(struct reading *r, int family, const void *bytes)
{
    char text[INET6_ADDRSTRLEN];
    struct dns_record *record = record_add(r);
    if (!record)
        return;
    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        memcpy(&in.sin_addr, bytes, sizeof in.sin_addr);
        memcpy(&record->address, &in, sizeof in);
        record->address_len = sizeof in;
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        memcpy(&in6.sin6_addr, bytes, sizeof in6.sin6_addr);
        memcpy(&record->address, &in6, sizeof in6);
        record->address_len = sizeof in6;
    }
    inet_ntop(family, bytes, text, sizeof text);
    record->text = arena_strdup(r->arena, text);
}

/* RFC 6698, section 2.1. What it asks for is not looked at here. */
static bool add_tlsa(struct reading *r, struct slice data)
{
    enum { FIELDS = 3 };
    struct dns_record *record = data.len >= FIELDS ? record_add(r) : NULL;
    if (record)
        record->data = (struct slice){arena_slice_dup(r->arena, data), data.len};
    return data.len >= FIELDS;
}

/* The strings of a TXT record, joined. */
static bool add_text(struct reading *r, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX);
    while (data.len) {
        size_t len = (unsigned char)data.s[0];
        data = slice_from(data, 1);
        if (len > data.len)
            return false;
        for (size_t i = 0; i < len; i++)
            strbuf_add_char(&text, data.s[i] >= ' ' && data.s[i] < 127 ? data.s[i] : '?');
        data = slice_from(data, len);
    }
    struct dns_record *record = record_add(r);
    if (record)
        record->text = arena_strdup(r->arena, text.s);
    return true;
}

static unsigned number16(const char *s)
{
    return (unsigned)(unsigned char)s[0] << 8U | (unsigned char)s[1];
}

/* The name at AT of PACKET; *RET_END is the place after it. NULL: there is none. */
static const char *read_name(struct reading *r, struct slice packet, size_t at, size_t *ret_end)
{
    char *text = NULL;
    long size = 0;
    const unsigned char *data = (const unsigned char *)packet.s;
    if (at >= packet.len ||
        ares_expand_name(data + at, data, (int)packet.len, &text, &size) != ARES_SUCCESS)
        return NULL;
    const char *name = arena_strdup(r->arena, text);
    ares_free_string(text);
    *ret_end = at + (size_t)size;
    return name;
}

/* A record whose data is a name; the root is one in a null MX (RFC 7505) and in the SRV record of a
 * service that is not there (RFC 2782). */
static bool add_name(struct reading *r, struct slice packet, size_t at, unsigned preference)
{
    size_t end;
    const char *name = read_name(r, packet, at, &end);
    if (!name)
        return false;
    bool is_null = !*name && (r->answer->type == DNS_MX || r->answer->type == DNS_SRV);
    struct dns_record *record = is_null || name_is_usable(r, name) ? record_add(r) : NULL;
    if (record) {
        record->preference = preference;
        record->text = name;
    }
    return true;
}

/* Priority, weight, port, target. */
static bool add_service(struct reading *r, struct slice packet, size_t at, size_t size)
{
    enum { SRV_HEAD = 6, WEIGHT_AT = 2, PORT_AT = 4 };
    const char *data = packet.s + at;
    size_t before = r->answer->count;
    if (size <= SRV_HEAD || !add_name(r, packet, at + SRV_HEAD, number16(data)))
        return false;
    if (r->answer->count > before) {
        r->answer->records[before].weight = number16(data + WEIGHT_AT);
        r->answer->records[before].port = number16(data + PORT_AT);
    }
    return true;
}

/* The data of one record. False: it is not what its type wants. */
static bool read_data(struct reading *r, struct slice packet, size_t at, size_t size)
{
    enum { V4_SIZE = 4, V6_SIZE = 16, MX_HEAD = 2 };
    struct slice data = {packet.s + at, size};
    switch (r->answer->type) {
    case DNS_A:
        if (size == V4_SIZE)
            add_address(r, AF_INET, data.s);
        return size == V4_SIZE;
    case DNS_AAAA:
        if (size == V6_SIZE)
            add_address(r, AF_INET6, data.s);
        return size == V6_SIZE;
    case DNS_TXT:
        return add_text(r, data);
    case DNS_MX:
        return size > MX_HEAD && add_name(r, packet, at + MX_HEAD, number16(data.s));
    case DNS_TLSA:
        return add_tlsa(r, data);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_PTR:
        return add_name(r, packet, at, 0);
    case DNS_SRV:
        return add_service(r, packet, at, size);
    case DNS_HOST:
        break;
    }
    return false;
}

/* Take the next record off the packet at *AT. False: it cannot be read. */
static bool read_record(struct reading *r, struct slice packet, size_t *at)
{
    enum { FIXED_SIZE = 10, TTL_AT = 4, SIZE_AT = 8, CLASS_IN = 1 };
    size_t end;
    const char *owner = read_name(r, packet, *at, &end);
    if (!owner || packet.len - end < FIXED_SIZE)
        return false;
    const char *fixed = packet.s + end;
    size_t size = number16(fixed + SIZE_AT), before = r->answer->count;
    end += FIXED_SIZE;
    if (size > packet.len - end)
        return false;
    *at = end + size;
    if (number16(fixed) != r->answer->type || number16(fixed + 2) != CLASS_IN)
        return true; /* the CNAMEs on the way, signatures */
    if (!read_data(r, packet, end, size))
        return false;
    if (r->answer->count > before) {
        struct dns_record *record = &r->answer->records[before];
        record->owner = owner;
        record->ttl = number16(fixed + TTL_AT) << 16U | number16(fixed + TTL_AT + 2);
    }
    return true;
}

/* The answer section. */
static bool read_records(struct reading *r, struct slice packet)
{
    enum { QUESTION_TAIL = 4, QUESTIONS_AT = 4, ANSWERS_AT = 6 };
    size_t at = HEADER_SIZE;
    for (unsigned left = number16(packet.s + QUESTIONS_AT); left > 0; left--) {
        if (!read_name(r, packet, at, &at) || packet.len - at < QUESTION_TAIL)
            return false;
        at += QUESTION_TAIL;
    }
    for (unsigned left = number16(packet.s + ANSWERS_AT); left > 0; left--)
        if (!read_record(r, packet, &at))
            return false;
    return true;
}

/* The response code (RFC 1035, section 4.1.1). */
static enum dns_status packet_status(struct slice packet)
{
    enum { RCODE_NXDOMAIN = 3 };
    if (packet.len < HEADER_SIZE)
        return DNS_FAILED;
    int rcode = (unsigned char)packet.s[3] & 0x0f;
    return rcode == 0 ? DNS_FOUND : rcode == RCODE_NXDOMAIN ? DNS_NOT_FOUND : DNS_FAILED;
}

/* The bit AD (RFC 4035, section 3.2.3). */
static bool is_validated(struct slice packet)
{
    enum { FLAGS_AT = 3, AUTHENTIC_DATA = 0x20 };
    return packet.len >= HEADER_SIZE && (unsigned char)packet.s[FLAGS_AT] & AUTHENTIC_DATA;
}

void dns_answer_parse(struct slice packet, const char *name, enum dns_type type,
                      struct arena *arena, struct dns_answer *ret, struct err *err)
{
    struct reading r = {.arena = arena, .answer = ret, .warnings = STRBUF_INIT(WARNINGS_MAX)};
    *ret = (struct dns_answer){.type = type, .name = name, .ttl = -1, .warnings = "", .notes = ""};
    enum dns_status code = packet_status(packet);
    ret->is_secure = is_validated(packet);
    if (code != DNS_FOUND || packet.len > UINT16_MAX) {
        dns_answer_fail(name, type, code == DNS_FOUND ? DNS_FAILED : code, ret, err);
        return;
    }
    bool is_good = read_records(&r, packet);
    ret->warnings = arena_strdup(arena, r.warnings.s);
    strbuf_done(&r.warnings);
    if (!is_good) /* a packet that cannot be read says nothing about the name */
        dns_answer_fail(name, type, DNS_FAILED, ret, err);
    else if (ret->count == 0)
        dns_answer_fail(name, type, *ret->warnings ? DNS_INVALID : DNS_NO_DATA, ret, err);
}

void dns_answer_hosts(const struct ares_addrinfo *list, const char *name, struct arena *arena,
                      struct dns_answer *ret, struct err *err)
{
    struct reading r = {.arena = arena, .answer = ret};
    *ret = (struct dns_answer){.type = DNS_HOST, .name = name, .warnings = "", .notes = ""};
    for (const struct ares_addrinfo_node *at = list->nodes; at; at = at->ai_next) {
        if (at->ai_family == AF_INET)
            add_address(&r, AF_INET, &((const struct sockaddr_in *)at->ai_addr)->sin_addr);
        else if (at->ai_family == AF_INET6)
            add_address(&r, AF_INET6, &((const struct sockaddr_in6 *)at->ai_addr)->sin6_addr);
    }
    if (ret->count == 0)
        dns_answer_fail(name, DNS_HOST, DNS_NO_DATA, ret, err);
}

struct dns_answer *dns_answer_copy(const struct dns_answer *answer, struct arena *arena)
{
    struct dns_answer *copy = arena_alloc(arena, sizeof *copy);
    *copy = *answer;
    copy->name = arena_strdup(arena, answer->name);
    copy->warnings = arena_strdup(arena, answer->warnings);
    copy->notes = arena_strdup(arena, answer->notes);
    copy->records = arena_alloc(arena, MAX(answer->count, (size_t)1) * sizeof *copy->records);
    for (size_t i = 0; i < answer->count; i++) {
        copy->records[i] = answer->records[i];
        copy->records[i].text = arena_strdup(arena, answer->records[i].text);
        copy->records[i].owner = arena_strdup(arena, answer->records[i].owner);
        copy->records[i].data.s = arena_slice_dup(arena, answer->records[i].data);
    }
    return copy;
}

const char *dns_answer_why(const struct dns_answer *answer)
{
    bool is_host = answer->type == DNS_HOST;
    switch (answer->status) {
    case DNS_FOUND:
        break;
    case DNS_NOT_FOUND:
        return is_host ? "Name or service not known" : "Host not found";
    case DNS_NO_DATA:
        return is_host ? "No address associated with hostname"
                       : "Host found but no data record of requested type";
    case DNS_INVALID:
        return "Malformed or unexpected name server reply";
    case DNS_FAILED:
        return is_host ? "Temporary failure in name resolution" : "Host not found, try again";
    case DNS_DROPPED:
        return "DNS reply filter drops all results";
    case DNS_BAD_FILTER:
        return "Invalid DNS reply filter syntax";
    }
    return "";
}
