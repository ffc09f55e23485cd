/*
 * auth_dovecot_lines: what Dovecot's authentication server says, a line at a time: its greeting and
 * its answers (protocol 1.x, fields separated by tabs). Pure functions; nothing they are given is
 * trusted.
 */
#ifndef SASL_AUTH_DOVECOT_LINES_H
#define SASL_AUTH_DOVECOT_LINES_H

#include "base/err.h"
#include "base/strbuf.h"

enum { AUTH_DOVECOT_LINE_MAX = 32 * 1024, AUTH_DOVECOT_MECHS_MAX = 64, AUTH_MECH_NAME_MAX = 20 };

struct auth_dovecot_mech {
    char name[AUTH_MECH_NAME_MAX + 1];
    unsigned properties; /* enum auth_dovecot_property */
};

enum auth_dovecot_property {
    AUTH_DOVECOT_PLAINTEXT = 1 << 0,
    AUTH_DOVECOT_ACTIVE = 1 << 1,
    AUTH_DOVECOT_DICTIONARY = 1 << 2,
    AUTH_DOVECOT_ANONYMOUS = 1 << 3,
    AUTH_DOVECOT_FORWARD_SECRECY = 1 << 4,
    AUTH_DOVECOT_MUTUAL = 1 << 5,
    AUTH_DOVECOT_PRIVATE = 1 << 6,
};

/* The greeting as far as it has come. Zeroed: nothing yet. */
struct auth_dovecot_hello {
    bool is_versioned, is_done;
    size_t count;
    struct auth_dovecot_mech mechs[AUTH_DOVECOT_MECHS_MAX];
};

/* Take one line of the greeting. False: this is no server to talk to. */
bool auth_dovecot_hello_line(struct auth_dovecot_hello *hello, struct slice line, struct err *err);
/* Does that mechanism fit POLICY (enum auth_policy), and is it for clients? */
bool auth_dovecot_mech_fits(const struct auth_dovecot_mech *mech, unsigned policy);

enum auth_dovecot_verb {
    AUTH_DOVECOT_OTHER,
    AUTH_DOVECOT_CONT,
    AUTH_DOVECOT_OK,
    AUTH_DOVECOT_FAIL
};

/* Texts point into the line; s NULL: not given. Escapes are still in them. */
struct auth_dovecot_answer {
    enum auth_dovecot_verb verb;
    uint32_t id;
    struct slice challenge; /* of CONT */
    struct slice user, reason, code;
    bool is_temporary;
};

/* False: an answer whose id cannot be read. Lines of other kinds are AUTH_DOVECOT_OTHER. */
bool auth_dovecot_answer_parse(struct slice line, struct auth_dovecot_answer *ret);
/* The text of a field without its escapes, made printable. False: cut after MAX bytes. */
bool auth_dovecot_text(struct slice field, size_t max, struct strbuf *out);
/* A field of ours. */
void auth_dovecot_add_field(struct strbuf *out, const char *name, const char *value);

#endif
