#include "dns/dns_answer.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

enum { RECORDS_FEW = 4, LABEL_MAX = 63, WARNINGS_MAX = 4096, TEXT_MAX = 4096 };

const char *dns_type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_PTR:
        return "PTR";
    case DNS_MX:
        return "MX";
    case DNS_TXT:
        return "TXT";
    case DNS_AAAA:
        return "AAAA";
    }
    return "?";
}

void dns_answer_fail(const char *name, enum dns_type type, enum dns_status status,
                     struct dns_answer *ret, struct err *err)
{
    // clang-format off
    static const struct { enum err_kind kind; const char *prefix, *why; } rows[] = {
        [DNS_NOT_FOUND] = {ERR_PERM, "Host or domain name not found. ", "Host not found"},
        [DNS_NO_DATA]   = {ERR_PERM, "Host or domain name not found. ",
                           "Host found but no data record of requested type"},
        [DNS_INVALID]   = {ERR_PERM, "", "Malformed or unexpected name server reply"},
        [DNS_FAILED]    = {ERR_TEMP, "Host or domain name not found. ",
                           "Host not found, try again"},
    };
    // clang-format on
    const char *warnings = ret->warnings ? ret->warnings : "";
    *ret = (struct dns_answer){.type = type, .name = name, .status = status, .warnings = warnings};
    if (status != DNS_FOUND)
        err_set(err, rows[status].kind, "%sName service error for name=%s type=%s: %s",
                rows[status].prefix, name, dns_type_name(type), rows[status].why);
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
    *record = (struct dns_record){.text = ""};
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

static int read_addresses(struct reading *r, const unsigned char *data, int len)
{
    struct ares_addrttl v4[DNS_RECORDS_MAX];
    struct ares_addr6ttl v6[DNS_RECORDS_MAX];
    int count = DNS_RECORDS_MAX;
    bool is_v4 = r->answer->type == DNS_A;
    int status = is_v4 ? ares_parse_a_reply(data, len, NULL, v4, &count)
                       : ares_parse_aaaa_reply(data, len, NULL, v6, &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; i++) {
        char text[INET6_ADDRSTRLEN];
        struct dns_record *record = record_add(r);
        if (!record)
            break;
        if (is_v4) {
            struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = v4[i].ipaddr};
            memcpy(&record->address, &in, sizeof in);
            record->address_len = sizeof in;
            inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        } else {
            struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
            memcpy(&in6.sin6_addr, &v6[i].ip6addr, sizeof in6.sin6_addr);
            memcpy(&record->address, &in6, sizeof in6);
            record->address_len = sizeof in6;
            inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        }
        record->text = arena_strdup(r->arena, text);
    }
    return status;
}

static int read_mx(struct reading *r, const unsigned char *data, int len)
{
    struct ares_mx_reply *list = NULL;
    int status = ares_parse_mx_reply(data, len, &list);
    for (struct ares_mx_reply *mx = list; mx; mx = mx->next) {
        if (*mx->host && !name_is_usable(r, mx->host))
            continue;
        struct dns_record *record = record_add(r);
        if (!record)
            break;
        record->preference = mx->priority;
        record->text = arena_strdup(r->arena, mx->host);
    }
    ares_free_data(list);
    return status;
}

static int read_ptr(struct reading *r, const unsigned char *data, int len)
{
    struct hostent *host = NULL;
    struct in_addr any = {0};
    int status = ares_parse_ptr_reply(data, len, &any, sizeof any, AF_INET, &host);
    for (char **name = host ? host->h_aliases : NULL; name && *name; name++) {
        struct dns_record *record = name_is_usable(r, *name) ? record_add(r) : NULL;
        if (record)
            record->text = arena_strdup(r->arena, *name);
    }
    ares_free_hostent(host);
    return status;
}

static int read_txt(struct reading *r, const unsigned char *data, int len)
{
    struct ares_txt_ext *list = NULL;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX);
    int status = ares_parse_txt_reply_ext(data, len, &list);
    for (struct ares_txt_ext *txt = list; txt; txt = txt->next) {
        if (txt->record_start)
            strbuf_reset(&text);
        struct slice raw = {(const char *)txt->txt, txt->length};
        for (size_t i = 0; i < raw.len; i++)
            strbuf_add_char(&text, raw.s[i] >= ' ' && raw.s[i] < 127 ? raw.s[i] : '?');
        if (txt->next && !txt->next->record_start)
            continue;
        struct dns_record *record = record_add(r);
        if (!record)
            break;
        record->text = arena_strdup(r->arena, text.s);
    }
    ares_free_data(list);
    return status;
}

/* The response code (RFC 1035, section 4.1.1). */
static enum dns_status packet_status(struct slice packet)
{
    enum { HEADER_SIZE = 12, RCODE_NXDOMAIN = 3 };
    if (packet.len < HEADER_SIZE)
        return DNS_FAILED;
    int rcode = (unsigned char)packet.s[3] & 0x0f;
    return rcode == 0 ? DNS_FOUND : rcode == RCODE_NXDOMAIN ? DNS_NOT_FOUND : DNS_FAILED;
}

void dns_answer_parse(struct slice packet, const char *name, enum dns_type type,
                      struct arena *arena, struct dns_answer *ret, struct err *err)
{
    struct reading r = {.arena = arena, .answer = ret, .warnings = STRBUF_INIT(WARNINGS_MAX)};
    *ret = (struct dns_answer){.type = type, .name = name, .warnings = ""};
    enum dns_status code = packet_status(packet);
    if (code != DNS_FOUND || packet.len > UINT16_MAX) {
        dns_answer_fail(name, type, code == DNS_FOUND ? DNS_FAILED : code, ret, err);
        return;
    }
    const unsigned char *data = (const unsigned char *)packet.s;
    int len = (int)packet.len;
    int status = ARES_ENOTIMP;
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        status = read_addresses(&r, data, len);
        break;
    case DNS_MX:
        status = read_mx(&r, data, len);
        break;
    case DNS_PTR:
        status = read_ptr(&r, data, len);
        break;
    case DNS_TXT:
        status = read_txt(&r, data, len);
        break;
    }
    ret->warnings = arena_strdup(arena, r.warnings.s);
    strbuf_done(&r.warnings);
    bool is_empty = status == ARES_SUCCESS && ret->count == 0;
    if (is_empty && *ret->warnings)
        dns_answer_fail(name, type, DNS_INVALID, ret, err);
    else if (is_empty || status == ARES_ENODATA)
        dns_answer_fail(name, type, DNS_NO_DATA, ret, err);
    else if (status != ARES_SUCCESS) /* a packet that cannot be read says nothing about the name */
        dns_answer_fail(name, type, DNS_FAILED, ret, err);
}
