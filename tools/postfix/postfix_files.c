#include "postfix/postfix.h"

#include "base/num.h"

static bool bad_line(struct slice line, struct err *err)
{
    return err_set(err, ERR_CONFIG, "postfix-files: bad line: %.*s", SLICE_ARG(line));
}

/* The next field and what is behind its colon; "" for both at the end. */
static struct slice next_field(struct slice *line)
{
    struct slice field = *line, rest = SLICE_EMPTY;
    if (slice_split(*line, ':', &field, &rest)) {
        *line = rest;
    } else {
        field = *line;
        *line = SLICE_EMPTY;
    }
    return slice_trim(field);
}

static bool parse(struct slice line, struct postfix_file *ret, struct err *err)
{
    struct slice rest = line;
    struct postfix_file file = {.path = next_field(&rest)};
    struct slice type = next_field(&rest);
    file.owner = next_field(&rest);
    file.group = next_field(&rest);
    struct slice mode_text = next_field(&rest), flags = next_field(&rest);
    uint64_t mode = 0;
    if (file.path.len == 0 || type.len != 1 || slice_find(slice_of("dfhlp"), type.s[0]) == SIZE_MAX)
        return bad_line(line, err);
    file.type = type.s[0];
    if (file.type == 'h' || file.type == 'l') {
        file.other = file.owner; /* link entries have their target there */
    } else if (mode_text.len > 0 && !slice_eq(mode_text, "-") &&
               (!num_parse_u64(mode_text, 8, &mode) || mode > 07777)) {
        return bad_line(line, err);
    }
    file.mode = (mode_t)mode;
    file.is_created = slice_find(flags, 'c') != SIZE_MAX;
    file.is_updated = slice_find(flags, 'u') != SIZE_MAX;
    file.is_recursive = slice_find(flags, 'r') != SIZE_MAX;
    file.is_obsolete = slice_find(flags, 'o') != SIZE_MAX;
    *ret = file;
    return true;
}

bool postfix_file_next(struct slice *text, struct postfix_file *ret, struct err *err)
{
    struct slice line;
    while (slice_next_line(text, &line)) {
        line = slice_trim(line);
        if (line.len > 0 && line.s[0] != '#')
            return parse(line, ret, err);
    }
    return false;
}
