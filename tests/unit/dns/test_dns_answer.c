#include "unit/cm.h"

#include "dns/dns_answer.h"

#include <string.h>

/* A reply built by hand: the question, then records that point back to its name. */
struct packet {
    unsigned char data[1024];
    size_t len;
};

static void put(struct packet *p, const void *data, size_t len)
{
    assert_true(p->len + len <= sizeof p->data);
    memcpy(p->data + p->len, data, len);
    p->len += len;
}

static void put16(struct packet *p, unsigned value)
{
    const unsigned char bytes[] = {(unsigned char)(value >> 8), (unsigned char)value};
    put(p, bytes, sizeof bytes);
}

static void put_name(struct packet *p, const char *name)
{
    struct slice rest = slice_of(name), label;
    while (slice_next_token(&rest, ".", &label)) {
        const unsigned char len = (unsigned char)label.len;
        put(p, &len, 1);
        put(p, label.s, label.len);
    }
    put(p, "", 1);
}

static struct packet reply(unsigned rcode, enum dns_type type)
{
    struct packet p = {.len = 0};
    put16(&p, 1);
    put16(&p, 0x8180U | rcode);
    put16(&p, 1);
    put16(&p, 0);
    put16(&p, 0);
    put16(&p, 0);
    put_name(&p, "example.test");
    put16(&p, type);
    put16(&p, 1);
    return p;
}

static void add_record(struct packet *p, enum dns_type type, const struct packet *data)
{
    p->data[7]++; /* answers */
    put16(p, 0xc00c);
    put16(p, type);
    put16(p, 1);
    put16(p, 0);
    put16(p, 60);
    put16(p, (unsigned)data->len);
    put(p, data->data, data->len);
}

static void add_mx(struct packet *p, unsigned preference, const char *host)
{
    struct packet data = {.len = 0};
    put16(&data, preference);
    put_name(&data, host);
    add_record(p, DNS_MX, &data);
}

static struct dns_answer parse(const struct packet *p, enum dns_type type, struct arena *arena,
                               struct err *err)
{
    struct dns_answer answer;
    dns_answer_parse((struct slice){(const char *)p->data, p->len}, "example.test", type, arena,
                     &answer, err);
    return answer;
}

static void mail_exchangers_come_with_preference(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct packet p = reply(0, DNS_MX);
    add_mx(&p, 20, "b.test");
    add_mx(&p, 10, "a.test");
    struct dns_answer answer = parse(&p, DNS_MX, arena, &err);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_int_equal(answer.count, 2);
    unsigned sum = answer.records[0].preference + answer.records[1].preference;
    assert_int_equal(sum, 30);
    assert_string_equal(answer.records[answer.records[0].preference == 10 ? 0 : 1].text, "a.test");
}

static void services_have_priority_weight_and_port(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct packet p = reply(0, DNS_SRV), data = {.len = 0};
    put16(&data, 1);
    put16(&data, 70);
    put16(&data, 587);
    put_name(&data, "a.test");
    add_record(&p, DNS_SRV, &data);
    struct dns_answer answer = parse(&p, DNS_SRV, arena, &err);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.records[0].preference, 1);
    assert_int_equal(answer.records[0].weight, 70);
    assert_int_equal(answer.records[0].port, 587);
    assert_string_equal(answer.records[0].text, "a.test");
    data.len = 6; /* no name */
    p = reply(0, DNS_SRV);
    add_record(&p, DNS_SRV, &data);
    assert_int_equal(parse(&p, DNS_SRV, arena, &err).status, DNS_FAILED);
}

static void odd_names_are_noted(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *host; size_t count; const char *warning; } rows[] = {
        {"bad!name.test", 0, "malformed domain name in resource data of MX record for example.test: "
                             "bad!name.test\n"},
        {"192.0.2.1",     1, "numeric domain name in resource data of MX record for example.test: "
                             "192.0.2.1\n"},
        {"-x.test",       0, "malformed domain name in resource data of MX record for example.test: "
                             "-x.test\n"},
        {"",              1, ""},
        {"under_score.t", 1, ""},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct err err = ERR_INIT;
        struct packet p = reply(0, DNS_MX);
        print_message("  row: %s\n", rows[i].host);
        add_mx(&p, 10, rows[i].host);
        struct dns_answer answer = parse(&p, DNS_MX, arena, &err);
        assert_int_equal(answer.count, rows[i].count);
        assert_int_equal(answer.status, rows[i].count ? DNS_FOUND : DNS_INVALID);
        assert_string_equal(answer.warnings, rows[i].warning);
    }
}

static void addresses_are_text_and_binary(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct packet p = reply(0, DNS_A), data = {.len = 0};
    put(&data, "\xc0\x00\x02\x07", 4);
    add_record(&p, DNS_A, &data);
    struct dns_answer answer = parse(&p, DNS_A, arena, &err);
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.records[0].text, "192.0.2.7");
    assert_int_equal(answer.records[0].address.ss_family, AF_INET);
}

static void failures_have_kinds_and_words(void **unused)
{
    (void)unused;
    enum { SERVFAIL = 2, NXDOMAIN = 3, REFUSED = 5 };
    // clang-format off
    static const struct { unsigned rcode; enum dns_status status; enum err_kind kind; const char *why; }
    rows[] = {
        {NXDOMAIN, DNS_NOT_FOUND, ERR_PERM, "Host not found"},
        {0,        DNS_NO_DATA,   ERR_PERM, "Host found but no data record of requested type"},
        {SERVFAIL, DNS_FAILED,    ERR_TEMP, "Host not found, try again"},
        {REFUSED,  DNS_FAILED,    ERR_TEMP, "Host not found, try again"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        CLEANUP(strbuf_done) struct strbuf want = STRBUF_ANY;
        struct err err = ERR_INIT;
        struct packet p = reply(rows[i].rcode, DNS_A);
        struct dns_answer answer = parse(&p, DNS_A, arena, &err);
        strbuf_addf(&want,
                    "Host or domain name not found. Name service error for "
                    "name=example.test type=A: %s",
                    rows[i].why);
        assert_int_equal(answer.status, rows[i].status);
        assert_int_equal(err.kind, rows[i].kind);
        assert_string_equal(err.reason, want.s);
    }
}

static void a_packet_cut_anywhere_is_a_failure_at_worst(void **unused)
{
    (void)unused;
    struct packet p = reply(0, DNS_MX);
    add_mx(&p, 10, "a.test");
    for (size_t len = 0; len < p.len; len++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct err err = ERR_INIT;
        struct packet cut = p;
        cut.len = len;
        struct dns_answer answer = parse(&cut, DNS_MX, arena, &err);
        assert_int_equal(answer.status, DNS_FAILED);
        assert_int_equal(err.kind, ERR_TEMP);
    }
}

static void host_names(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        bool is_valid;
    } rows[] = {{"a.test", true}, {"a.test.", true}, {"A-1.test", true}, {"", false},
                {".", false},     {"a..b", false},   {"a-.test", false}, {"10.0.0.1", false},
                {"1a", true},     {"a b", false},    {"a\n.test", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(dns_is_hostname(slice_of(rows[i].name)), rows[i].is_valid);
    }
}

static void test_other_records(void **state)
{
    (void)state;
    struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct packet p = reply(0, DNS_NS), ns = {.len = 0};
    put_name(&ns, "ns1.example.test");
    add_record(&p, DNS_NS, &ns);
    struct dns_answer answer = parse(&p, DNS_NS, arena, &err);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_string_equal(answer.records[0].text, "ns1.example.test");
    assert_string_equal(answer.records[0].owner, "example.test");
    assert_int_equal(answer.records[0].ttl, 60);

    struct packet q = reply(0, DNS_TXT), txt = {.len = 0};
    put(&txt, "\3one\4 two\0", 10);
    add_record(&q, DNS_TXT, &txt);
    add_record(&q, DNS_A, &ns); /* of another type: not what was asked for */
    answer = parse(&q, DNS_TXT, arena, &err);
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.records[0].text, "one two");

    struct dns_answer *copy = dns_answer_copy(&answer, arena);
    assert_string_equal(copy->records[0].text, "one two");
    assert_ptr_not_equal(copy->records[0].text, answer.records[0].text);

    /* a string that is longer than its record */
    struct packet bad = reply(0, DNS_TXT), cut = {.len = 0};
    put(&cut, "\7cut", 4);
    add_record(&bad, DNS_TXT, &cut);
    assert_int_equal(parse(&bad, DNS_TXT, arena, &err).status, DNS_FAILED);
    arena_free(arena);
}

static void an_answer_tells_whether_it_was_validated(void **state)
{
    (void)state;
    enum { NXDOMAIN = 3, AUTHENTIC_DATA = 0x20 };
    for (unsigned rcode = 0; rcode <= NXDOMAIN; rcode++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct err err = ERR_INIT;
        struct packet p = reply(rcode, DNS_A);
        assert_false(parse(&p, DNS_A, arena, &err).is_secure);
        p.data[3] |= AUTHENTIC_DATA; /* what is not there is validated as well */
        assert_true(parse(&p, DNS_A, arena, &err).is_secure);
    }
}

static void certificates_are_three_numbers_and_data(void **state)
{
    (void)state;
    static const struct {
        const char *name, *data;
        size_t len, count;
        enum dns_status status;
    } rows[] = {{"whole", "\3\1\1\0ab", 6, 1, DNS_FOUND},
                {"no data", "\3\1\1", 3, 1, DNS_FOUND},
                {"cut", "\3\1", 2, 0, DNS_FAILED},
                {"empty", "", 0, 0, DNS_FAILED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct err err = ERR_INIT;
        struct packet p = reply(0, DNS_TLSA), data = {.len = 0};
        print_message("  row: %s\n", rows[i].name);
        put(&data, rows[i].data, rows[i].len);
        add_record(&p, DNS_TLSA, &data);
        struct dns_answer answer = parse(&p, DNS_TLSA, arena, &err);
        assert_int_equal(answer.status, rows[i].status);
        assert_int_equal(answer.count, rows[i].count);
        if (answer.count == 0)
            continue;
        struct dns_answer *copy = dns_answer_copy(&answer, arena);
        assert_int_equal(copy->records[0].data.len, rows[i].len);
        assert_memory_equal(copy->records[0].data.s, rows[i].data, rows[i].len);
    }
}

static void an_alias_is_followed_to_its_record(void **state)
{
    (void)state;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct packet p = reply(0, DNS_CNAME), target = {.len = 0};
    put_name(&target, "real.test");
    add_record(&p, DNS_CNAME, &target);
    assert_string_equal(parse(&p, DNS_CNAME, arena, &err).records[0].text, "real.test");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_exchangers_come_with_preference),
        cmocka_unit_test(services_have_priority_weight_and_port),
        cmocka_unit_test(odd_names_are_noted),
        cmocka_unit_test(addresses_are_text_and_binary),
        cmocka_unit_test(failures_have_kinds_and_words),
        cmocka_unit_test(a_packet_cut_anywhere_is_a_failure_at_worst),
        cmocka_unit_test(host_names),
        cmocka_unit_test(test_other_records),
        cmocka_unit_test(an_answer_tells_whether_it_was_validated),
        cmocka_unit_test(certificates_are_three_numbers_and_data),
        cmocka_unit_test(an_alias_is_followed_to_its_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
