/* map_fold: see the header. */
#include "map/map_fold.h"

#include "base/text.h"

#include <unicode/ucasemap.h>

/* ICU's folding of IN; false: it would not. */
static bool fold_unicode(struct strbuf *out, struct slice in)
{
    /* for letters only; no language has rules of its own here */
    UErrorCode error = U_ZERO_ERROR;
    UCaseMap *map = ucasemap_open("", U_FOLD_CASE_DEFAULT, &error);
    size_t room = 3 * in.len + 1; /* a letter becomes three at most, of two bytes at least */
    char *to = U_SUCCESS(error) && room < INT32_MAX ? strbuf_room(out, room) : NULL;
    int32_t len = 0;
    if (to)
        len = ucasemap_utf8FoldCase(map, to, (int32_t)room, in.s, (int32_t)in.len, &error);
    ucasemap_close(map);
    if (!to || U_FAILURE(error))
        return false;
    strbuf_grew(out, (size_t)len);
    return true;
}

void map_fold(struct strbuf *out, struct slice in, bool utf8)
{
    bool is_unicode = utf8 && !text_is_ascii(in) && text_is_utf8(in);
    if (!is_unicode || !fold_unicode(out, in))
        text_fold_case(out, in);
}
