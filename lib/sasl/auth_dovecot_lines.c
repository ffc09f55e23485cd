#include "sasl/auth_dovecot_lines.h"

#include "base/num.h"
#include "base/text.h"
#include "sasl/auth_server.h"

#include <string.h>

enum { VERSION_MAJOR = 1 };

static const struct {
    const char *word;
    unsigned bit;
} properties[] = {
    {"plaintext", AUTH_DOVECOT_PLAINTEXT},
    {"active", AUTH_DOVECOT_ACTIVE},
    {"dictionary", AUTH_DOVECOT_DICTIONARY},
    {"anonymous", AUTH_DOVECOT_ANONYMOUS},
    {"forward-secrecy", AUTH_DOVECOT_FORWARD_SECRECY},
    {"mutual-auth", AUTH_DOVECOT_MUTUAL},
    {"private", AUTH_DOVECOT_PRIVATE},
};

/* What each policy forbids, or (MUST) demands. */
static const struct {
    unsigned policy, property;
    bool must;
} rules[] = {
    {AUTH_NO_PLAINTEXT, AUTH_DOVECOT_PLAINTEXT, false},
    {AUTH_NO_ACTIVE, AUTH_DOVECOT_ACTIVE, false},
    {AUTH_NO_DICTIONARY, AUTH_DOVECOT_DICTIONARY, false},
    {AUTH_NO_ANONYMOUS, AUTH_DOVECOT_ANONYMOUS, false},
    {AUTH_FORWARD_SECRECY, AUTH_DOVECOT_FORWARD_SECRECY, true},
    {AUTH_MUTUAL, AUTH_DOVECOT_MUTUAL, true},
};

/* Unlike words, fields may be empty. */
static bool next_field(struct slice *rest, struct slice *ret)
{
    if (!rest->s)
        return false;
    struct slice after;
    if (slice_split(*rest, '\t', ret, &after)) {
        *rest = after;
        return true;
    }
    *ret = *rest;
    *rest = (struct slice){NULL, 0};
    return true;
}

/* RFC 4422, 3.1; it goes into the EHLO reply as it is. */
static bool is_mechanism(struct slice name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (name.len == 0 || name.len > AUTH_MECH_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!memchr(allowed, name.s[i], sizeof allowed - 1))
            return false;
    return true;
}

static void add_mechanism(struct auth_dovecot_hello *hello, struct slice rest)
{
    struct slice field;
    if (!next_field(&rest, &field) || !is_mechanism(field) ||
        hello->count == AUTH_DOVECOT_MECHS_MAX)
        return;
    struct auth_dovecot_mech *mech = &hello->mechs[hello->count++];
    memcpy(mech->name, field.s, field.len);
    mech->name[field.len] = 0;
    mech->properties = 0;
    while (next_field(&rest, &field))
        for (size_t i = 0; i < COUNT_OF(properties); i++)
            if (slice_eq(field, properties[i].word))
                mech->properties |= properties[i].bit;
}

static bool check_version(struct auth_dovecot_hello *hello, struct slice rest, struct err *err)
{
    struct slice major;
    uint64_t number = 0;
    if (!next_field(&rest, &major) || !num_parse_u64(major, 10, &number))
        return err_set(err, ERR_TEMP, "SASL: Protocol version error");
    if (number != VERSION_MAJOR)
        return err_set(err, ERR_TEMP, "SASL: Protocol version mismatch (%llu vs. %d)",
                       (unsigned long long)number, VERSION_MAJOR);
    hello->is_versioned = true;
    return true;
}

bool auth_dovecot_hello_line(struct auth_dovecot_hello *hello, struct slice line, struct err *err)
{
    struct slice rest = line, verb;
    next_field(&rest, &verb);
    if (slice_eq(verb, "VERSION"))
        return check_version(hello, rest, err);
    if (slice_eq(verb, "MECH"))
        add_mechanism(hello, rest);
    else if (slice_eq(verb, "SPID") && (!rest.s || rest.len == 0))
        /* an auth-master socket has none */
        return err_set(err, ERR_TEMP,
                       "SASL: Connected to wrong auth socket (auth-master instead of auth-client)");
    else if (slice_eq(verb, "DONE")) {
        if (!hello->is_versioned)
            return err_set(err, ERR_TEMP, "SASL: Protocol version error");
        hello->is_done = true;
    }
    return true;
}

bool auth_dovecot_mech_fits(const struct auth_dovecot_mech *mech, unsigned policy)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        bool has = mech->properties & rules[i].property;
        if ((policy & rules[i].policy) && has != rules[i].must)
            return false;
    }
    return !(mech->properties & AUTH_DOVECOT_PRIVATE);
}

static void set_parameter(struct auth_dovecot_answer *answer, struct slice field)
{
    struct slice name, value;
    if (slice_eq(field, "temp"))
        answer->is_temporary = true;
    else if (!slice_split(field, '=', &name, &value))
        return;
    else if (slice_eq(name, "user"))
        answer->user = value;
    else if (slice_eq(name, "reason"))
        answer->reason = value;
    else if (slice_eq(name, "code"))
        answer->code = value;
}

bool auth_dovecot_answer_parse(struct slice line, struct auth_dovecot_answer *ret)
{
    static const struct {
        const char *word;
        enum auth_dovecot_verb verb;
    } verbs[] = {{"CONT", AUTH_DOVECOT_CONT}, {"OK", AUTH_DOVECOT_OK}, {"FAIL", AUTH_DOVECOT_FAIL}};
    struct slice rest = line, field;
    uint64_t id;
    *ret = (struct auth_dovecot_answer){.verb = AUTH_DOVECOT_OTHER};
    next_field(&rest, &field);
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (slice_eq(field, verbs[i].word))
            ret->verb = verbs[i].verb;
    if (ret->verb == AUTH_DOVECOT_OTHER)
        return true;
    if (!next_field(&rest, &field) || !num_parse_u64(field, 10, &id) || id > UINT32_MAX)
        return false;
    ret->id = (uint32_t)id;
    if (ret->verb == AUTH_DOVECOT_CONT) {
        if (next_field(&rest, &field))
            ret->challenge = field;
        return true;
    }
    while (next_field(&rest, &field))
        set_parameter(ret, field);
    if (slice_eq(ret->code, "temp_fail"))
        ret->is_temporary = true;
    return true;
}

/* \001 before 0, 1, t, r, n stands for NUL, \001, tab, CR, LF. */
static char unescape(char c)
{
    switch (c) {
    case '0':
        return 0;
    case '1':
        return 1;
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    default:
        return c;
    }
}

bool auth_dovecot_text(struct slice field, size_t max, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf plain = STRBUF_INIT(max);
    for (size_t i = 0; i < field.len; i++) {
        bool escape = field.s[i] == 1 && i + 1 < field.len;
        strbuf_add_char(&plain, escape ? unescape(field.s[++i]) : field.s[i]);
    }
    text_add_printable(out, strbuf_slice(&plain));
    return !plain.overflow;
}

void auth_dovecot_add_field(struct strbuf *out, const char *name, const char *value)
{
    static const struct {
        char from;
        char to;
    } escapes[] = {{'\t', 't'}, {'\r', 'r'}, {'\n', 'n'}, {'\001', '1'}};
    strbuf_addf(out, "\t%s=", name);
    for (; *value; value++) {
        char to = 0;
        for (size_t i = 0; i < COUNT_OF(escapes); i++)
            if (*value == escapes[i].from)
                to = escapes[i].to;
        if (to)
            strbuf_add_char(out, 1);
        strbuf_add_char(out, to ? to : *value);
    }
}
