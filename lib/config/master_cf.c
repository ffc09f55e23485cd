#include "config/master_cf.h"

#include "base/num.h"
#include "base/xmem.h"
#include "config/compat_level.h"
#include "config/logical_line.h"

/* where the fields are; master(5) */
enum { NAME, TYPE, PRIVATE, UNPRIVILEGED, CHROOT, WAKEUP, PROCESS_LIMIT, COMMAND };

static const char *const type_names[] = {
    [SERVICE_INET] = "inet", [SERVICE_UNIX] = "unix", [SERVICE_UNIX_DGRAM] = "unix-dgram",
    [SERVICE_FIFO] = "fifo", [SERVICE_PASS] = "pass",
};

const char *service_type_name(enum service_type type)
{
    return type_names[type];
}

static bool bad_field(const char *what, const char *text, struct err *err)
{
    return err_set(err, ERR_CONFIG, "invalid %s field \"%.100s\"", what, text);
}

static bool parse_type(const char *text, enum service_type *ret, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(type_names); i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *ret = (enum service_type)i;
            return true;
        }
    }
    return bad_field("type", text, err);
}

static bool parse_flag(const char *what, const char *text, bool by_default, bool *ret,
                       struct err *err)
{
    if (strcmp(text, "-") == 0)
        *ret = by_default;
    else if (strcmp(text, "y") == 0 || strcmp(text, "n") == 0)
        *ret = text[0] == 'y';
    else
        return bad_field(what, text, err);
    return true;
}

/* "-", or a number of at most INT32_MAX */
static bool parse_count(const char *what, struct slice text, int by_default, int *ret,
                        const char *whole, struct err *err)
{
    uint64_t value;
    if (slice_eq(text, "-")) {
        *ret = by_default;
        return true;
    }
    if (!num_parse_u64(text, 10, &value) || value > INT32_MAX)
        return bad_field(what, whole, err);
    *ret = (int)value;
    return true;
}

static bool parse_wakeup(const char *text, struct master_entry *entry, struct err *err)
{
    struct slice number = slice_of(text);
    if (number.len > 1 && number.s[number.len - 1] == '?') {
        entry->wakeup_if_used = true;
        number.len--;
    }
    if (entry->wakeup_if_used && slice_eq(number, "-"))
        return bad_field("wakeup", text, err);
    return parse_count("wakeup", number, 0, &entry->wakeup_seconds, text, err);
}

static bool parse_command(const char *text, struct master_entry *entry, struct err *err)
{
    if (strchr(text, '/') || text[0] == '.')
        return err_set(err, ERR_CONFIG, "command must be a file in daemon_directory: \"%.100s\"",
                       text);
    entry->program = xstrdup(text);
    return true;
}

static bool parse_fields(char **field, struct master_entry *entry, struct err *err)
{
    entry->name = xstrdup(field[NAME]);
    if (!parse_type(field[TYPE], &entry->type, err))
        return false;
    bool is_inet = entry->type == SERVICE_INET;
    if (is_inet && strcmp(field[PRIVATE], "n") != 0)
        return err_set(err, ERR_CONFIG, "inet service can't be private");
    entry->is_chroot_default = strcmp(field[CHROOT], "-") == 0;
    return parse_flag("private", field[PRIVATE], true, &entry->is_private, err) &&
           parse_flag("unprivileged", field[UNPRIVILEGED], true, &entry->is_unprivileged, err) &&
           parse_flag("chroot", field[CHROOT], false, &entry->is_chroot, err) &&
           parse_wakeup(field[WAKEUP], entry, err) &&
           parse_count("process_limit", slice_of(field[PROCESS_LIMIT]), -1, &entry->max_processes,
                       field[PROCESS_LIMIT], err) &&
           parse_command(field[COMMAND], entry, err);
}

static bool parse_line(const struct logical_line *line, struct master_entry *entry, struct err *err)
{
    CLEANUP(argv_done) struct argv fields = ARGV_INIT;
    struct slice text = strbuf_slice(&line->text);
    int control = logical_line_control(line);
    if (control >= 0)
        return err_set(err, ERR_CONFIG, "control character 0x%02x", (unsigned)control);
    if (!master_cf_split(text, &fields, err) || !parse_fields(fields.at, entry, err))
        return false;
    for (size_t i = COMMAND + 1; i < fields.count; i++)
        argv_add(&entry->args, fields.at[i]);
    return true;
}

/* Only the first line of a file can start so; it continues nothing. */
static bool starts_blank(const struct logical_line *line, const char *file,
                         struct strbuf *ret_warnings)
{
    struct slice text = strbuf_slice(&line->text);
    if (!strchr(SLICE_SPACE, text.s[0]))
        return false;
    if (ret_warnings)
        strbuf_addf(ret_warnings, "%s: logical line must not start with whitespace: \"%.*s\"\n",
                    file, SLICE_ARG(slice_first(text, 100)));
    return true;
}

static bool parse(struct slice text, const char *file, struct master_entry **ret_entries,
                  struct strbuf *ret_warnings, struct err *err)
{
    struct master_entry *entries = NULL, **end = &entries;
    CLEANUP(logical_line_done) struct logical_line line;
    logical_line_init(&line, text);
    while (logical_line_next(&line)) {
        if (starts_blank(&line, file, ret_warnings))
            continue;
        *end = xzalloc(sizeof **end);
        (*end)->line = line.first;
        if (!parse_line(&line, *end, err)) {
            char where[512];
            (void)snprintf(where, sizeof where, "%s: line %d", file, line.first);
            err_prefix(err, where);
            master_cf_free(entries);
            return false;
        }
        end = &(*end)->next;
    }
    *ret_entries = entries;
    return true;
}

bool master_cf_parse(struct slice text, const char *file, struct master_entry **ret_entries,
                     struct err *err)
{
    return parse(text, file, ret_entries, NULL, err);
}

bool master_cf_load_and_warn(const char *file, struct master_entry **ret_entries,
                             struct strbuf *ret_warnings, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    return logical_line_read_file(file, &content, err) &&
           parse(strbuf_slice(&content), file, ret_entries, ret_warnings, err);
}

bool master_cf_load(const char *file, struct master_entry **ret_entries, struct err *err)
{
    return master_cf_load_and_warn(file, ret_entries, NULL, err);
}

void master_cf_free(struct master_entry *entries)
{
    while (entries) {
        struct master_entry *next = entries->next;
        free(entries->name);
        free(entries->program);
        argv_done(&entries->args);
        free(entries);
        entries = next;
    }
}

bool master_entry_is_jailed(const struct master_entry *entry, const char *compatibility_level)
{
    return entry->is_chroot ||
           (entry->is_chroot_default && compat_level_is_below(compatibility_level, "1"));
}
