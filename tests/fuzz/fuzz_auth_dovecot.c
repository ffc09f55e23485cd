/* Dovecot's authentication server: a greeting and answers of any bytes. */
#include "sasl/auth_dovecot_lines.h"
#include "sasl/auth_driver.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Is it fit for a reply and a log line? */
static void check_text(struct slice field, size_t max)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    bool fits = auth_dovecot_text(field, max, &text);
    if (text.len > max || (!fits && field.len <= max))
        abort();
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.s[i] < ' ' || text.s[i] == 127)
            abort();
}

static bool lies_in(struct slice part, struct slice whole)
{
    return !part.s || (part.s >= whole.s && part.s + part.len <= whole.s + whole.len);
}

static void check_answer(struct slice line)
{
    struct auth_dovecot_answer answer;
    if (!auth_dovecot_answer_parse(line, &answer))
        return;
    if (!lies_in(answer.user, line) || !lies_in(answer.reason, line) ||
        !lies_in(answer.code, line) || !lies_in(answer.challenge, line))
        abort();
    if (answer.verb == AUTH_DOVECOT_OTHER && (answer.user.s || answer.challenge.s))
        abort();
    check_text(answer.user, AUTH_LOGIN_MAX);
    check_text(answer.reason, 5);
}

static void check_greeting(const struct auth_dovecot_hello *hello)
{
    if (hello->count > AUTH_DOVECOT_MECHS_MAX || (hello->is_done && !hello->is_versioned))
        abort();
    for (size_t i = 0; i < hello->count; i++)
        if (strlen(hello->mechs[i].name) == 0 || strpbrk(hello->mechs[i].name, " \t\r\n="))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auth_dovecot_hello hello = {0};
    struct err err = ERR_INIT;
    struct slice rest = {(const char *)data, size}, line;
    bool good = true;
    while (slice_split(rest, '\n', &line, &rest)) {
        if (good)
            good = auth_dovecot_hello_line(&hello, line, &err);
        check_answer(line);
    }
    check_greeting(&hello);
    return 0;
}
