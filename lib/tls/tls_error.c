#include "tls/tls_error.h"

#include <openssl/err.h>

void tls_error_take(struct strbuf *out)
{
    const char *file, *data;
    int line, flags;
    unsigned long code;
    while ((code = ERR_get_error_all(&file, &line, NULL, &data, &flags)) != 0) {
        char text[256];
        ERR_error_string_n(code, text, sizeof text);
        strbuf_addf(out, "TLS library problem: %s:%s:%d:", text, file, line);
        if (data && (flags & ERR_TXT_STRING) && data[0])
            strbuf_addf(out, "%s:", data);
        strbuf_add_char(out, '\n');
    }
}
