#include "tls/tls_ciphers.h"

#include "base/slice.h"
#include "tls/tls_params.h"

#include <strings.h>

static const char *list_of(const char *grade)
{
    const struct {
        const char *grade, *list;
    } grades[] = {
        {"high", tls_params.tls_high_cipherlist},  {"medium", tls_params.tls_medium_cipherlist},
        {"low", tls_params.tls_medium_cipherlist}, {"export", tls_params.tls_medium_cipherlist},
        {"null", tls_params.tls_null_cipherlist},
    };
    for (size_t i = 0; i < COUNT_OF(grades); i++)
        if (strcasecmp(grades[i].grade, grade) == 0)
            return grades[i].list;
    return NULL;
}

bool tls_ciphers_list(const char *grade, const char *exclude, bool need_certificates,
                      struct strbuf *out, struct err *err)
{
    const char *list = list_of(grade);
    struct slice rest = slice_of(exclude), item;
    if (!list)
        return err_set(err, ERR_CONFIG, "invalid cipher grade: \"%s\"", grade);
    strbuf_set_slice(out, slice_of(list));
    while (slice_next_token(&rest, " \t\r\n,:", &item)) {
        /* an item is one cipher or property; it cannot bring operators of its own */
        if (slice_find(item, '!') != SIZE_MAX || slice_find(item, '-') == 0 ||
            slice_find(item, '+') == 0 || slice_find(item, '@') != SIZE_MAX)
            return err_set(err, ERR_CONFIG,
                           "invalid unquoted character in cipher exclusion \"%.*s\"",
                           SLICE_ARG(item));
        strbuf_addf(out, ":!%.*s", SLICE_ARG(item));
    }
    if (need_certificates)
        strbuf_add_str(out, ":!aNULL");
    return true;
}
