#include "dns/dns_ace.h"

#include "base/text.h"
#include "config/common_params.h"

#include <unicode/uidna.h>

enum { NAME_MAX_BYTES = 1024 }; /* more than any name has, in UTF-8, too */

bool dns_ace(const char *name, struct strbuf *out)
{
    char ace[NAME_MAX_BYTES];
    struct slice in = slice_of(name);
    UErrorCode error = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    if (in.len > NAME_MAX_BYTES || !text_is_utf8(in))
        return false;
    UIDNA *rules = uidna_openUTS46(common_params.enable_idna2003_compatibility
                                       ? UIDNA_DEFAULT
                                       : UIDNA_NONTRANSITIONAL_TO_ASCII,
                                   &error);
    int32_t len = 0;
    if (U_SUCCESS(error))
        len = uidna_nameToASCII_UTF8(rules, in.s, (int32_t)in.len, ace, sizeof ace, &info, &error);
    uidna_close(rules);
    if (U_FAILURE(error) || info.errors || len <= 0 || len >= NAME_MAX_BYTES)
        return false;
    strbuf_add_slice(out, (struct slice){ace, (size_t)len});
    return true;
}
