/* match_list: see the header. */
#include "map/match_list.h"

#include "map/map_net.h"
#include "map/map_text.h"

#include "base/argv.h"
#include "base/xmem.h"

enum match_item_kind { ITEM_TEXT, ITEM_NET, ITEM_TABLE, ITEM_BAD };

struct match_item {
    enum match_item_kind kind;
    bool negated;
    char *text; /* the pattern; of a BAD one, what is wrong */
    struct map_net net;
    struct map *map;
};

struct match_list {
    char *title;
    enum match_kind kind;
    unsigned flags;
    struct match_item *items;
    size_t count;
    struct strbuf warnings;
};

enum { FILES_MAX = 1000 };

/* --- making the list -------------------------------------------------------------------------- */

static struct match_item *add_item(struct match_list *list, enum match_item_kind kind, bool negated,
                                   const char *text)
{
    list->items = xrealloc_array(list->items, list->count + 1, sizeof *list->items);
    struct match_item *item = &list->items[list->count++];
    *item = (struct match_item){.kind = kind, .negated = negated, .text = xstrdup(text)};
    return item;
}

static void add_bad(struct match_list *list, bool negated, const char *problem)
{
    add_item(list, ITEM_BAD, negated, problem);
    strbuf_addf(&list->warnings, "%s: %s\n", list->title, problem);
}

static bool is_net(struct slice pattern)
{
    struct map_net net;
    return pattern.s[0] == '[' || slice_find(pattern, '/') != SIZE_MAX ||
           map_net_parse_address(pattern, &net);
}

static void add_pattern(struct match_list *list, struct slice pattern, bool negated)
{
    CLEANUP(xfree_ptr) char *text = slice_dup(pattern);
    bool is_table = pattern.s[0] != '[' && slice_find(pattern, ':') != SIZE_MAX;
    if (is_table) {
        struct match_item *item = add_item(list, ITEM_TABLE, negated, text);
        item->map = map_open(text, MAP_FOLD | MAP_UTF8);
        strbuf_add_str(&list->warnings, map_warnings(item->map));
    } else if (list->kind == MATCH_HOST_ADDRESS && is_net(pattern)) {
        CLEANUP(strbuf_done) struct strbuf problem = STRBUF_INIT(400);
        struct map_net net;
        if (map_net_parse(pattern, &net, &problem))
            add_item(list, ITEM_NET, negated, text)->net = net;
        else
            add_bad(list, negated, problem.s);
    } else {
        add_item(list, ITEM_TEXT, negated, text);
    }
}

static bool take_negation(struct slice *pattern)
{
    bool negated = false;
    for (; pattern->len > 0 && pattern->s[0] == '!'; *pattern = slice_from(*pattern, 1))
        negated = !negated;
    return negated;
}

/* A text being read: the list itself, or a file it names. Files can name files; what is being read
 * is a stack, bounded by FILES_MAX in all. */
struct source {
    char *text;
    struct slice rest;
    bool negated;
    struct source *outer;
};

/* The content of a file with its comments left out. */
static bool read_file(const char *path, struct strbuf *ret_text, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_ANY;
    if (!map_text_read_file(path, &raw, err))
        return false;
    struct slice in = strbuf_slice(&raw), line;
    while (slice_next_line(&in, &line)) {
        if (slice_starts(slice_trim_left(line), "#"))
            continue;
        strbuf_add_slice(ret_text, line);
        strbuf_add_char(ret_text, '\n');
    }
    return true;
}

static struct source *source_push(struct source *outer, char *text, bool negated)
{
    struct source *source = xzalloc(sizeof *source);
    *source = (struct source){text, slice_of(text), negated, outer};
    return source;
}

static struct source *source_pop(struct source *source)
{
    struct source *outer = source->outer;
    free(source->text);
    free(source);
    return outer;
}

static struct source *open_file(struct match_list *list, struct source *source, struct slice name,
                                bool negated)
{
    CLEANUP(xfree_ptr) char *path = slice_dup(name);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (read_file(path, &text, &err))
        return source_push(source, strbuf_take(&text), negated);
    add_bad(list, negated, err.reason);
    return source;
}

/* "# text" behind a pattern was not meant as more patterns: the rest of its line goes. */
static void skip_comment(struct match_list *list, struct source *source, struct slice pattern)
{
    const char *end = source->rest.s + source->rest.len;
    struct slice line = {pattern.s, (size_t)(end - pattern.s)};
    line = slice_first(line, MIN(slice_find(line, '\n'), line.len));
    source->rest = (struct slice){line.s + line.len, (size_t)(end - line.s) - line.len};
    strbuf_addf(&list->warnings, "%s: comment at end of line is not supported: %.*s\n", list->title,
                SLICE_ARG(slice_first(line, 200)));
}

struct match_list *match_list_new(const char *title, const char *patterns, enum match_kind kind,
                                  unsigned flags)
{
    struct match_list *list = xzalloc(sizeof *list);
    list->title = xstrdup(title);
    list->kind = kind;
    list->flags = flags;
    strbuf_init(&list->warnings, (size_t)64 * 1024);

    size_t files = 0;
    struct source *source = source_push(NULL, xstrdup(patterns), false);
    while (source) {
        struct slice pattern;
        if (!slice_next_item(&source->rest, &pattern)) {
            source = source_pop(source);
            continue;
        }
        if (pattern.s[0] == '#') {
            skip_comment(list, source, pattern);
            continue;
        }
        bool negated = take_negation(&pattern) != source->negated;
        if (pattern.len == 0)
            add_bad(list, negated, "pattern is empty after \"!\"");
        else if (pattern.s[0] != '/')
            add_pattern(list, pattern, negated);
        else if (++files > FILES_MAX)
            add_bad(list, negated, "too many files");
        else
            source = open_file(list, source, pattern, negated);
    }
    return list;
}

void match_list_free(struct match_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++) {
        map_close(list->items[i].map);
        free(list->items[i].text);
    }
    strbuf_done(&list->warnings);
    free(list->items);
    free(list->title);
    free(list);
}

const char *match_list_warnings(const struct match_list *list)
{
    return list->warnings.s;
}

bool match_list_has_changed(struct match_list *list)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (list->items[i].map && map_has_changed(list->items[i].map))
            return true;
    return false;
}

/* --- matching --------------------------------------------------------------------------------- */

/* Is NAME below the domain of PATTERN? */
static bool is_subdomain(struct slice name, struct slice pattern)
{
    return name.len > pattern.len && pattern.len > 0 &&
           slice_same_nocase(slice_from(name, name.len - pattern.len), pattern);
}

static bool text_matches(const struct match_list *list, const char *pattern_text, const char *text)
{
    struct slice pattern = slice_of(pattern_text), name = slice_of(text);
    if (slice_same_nocase(name, pattern))
        return true;
    if (list->kind == MATCH_STRING || !is_subdomain(name, pattern))
        return false;
    if (pattern.s[0] == '.')
        return !(list->flags & MATCH_PARENT);
    return (list->flags & MATCH_PARENT) && name.s[name.len - pattern.len - 1] == '.';
}

/* The whole name, then its parents: ".example.com" or "example.com". */
static enum map_status table_find(const struct match_list *list, struct map *map, const char *name,
                                  bool with_parents, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    enum map_status status = map_find(map, name, &value, err);
    with_parents = with_parents && !map->is_pattern;
    while (status == MAP_NOT_FOUND && with_parents && (name = strchr(name, '.')) && name[1]) {
        status = map_find(map, list->flags & MATCH_PARENT ? name + 1 : name, &value, err);
        name++;
    }
    return status;
}

static enum map_status item_find(const struct match_list *list, const struct match_item *item,
                                 const char *text, bool is_address, struct err *err)
{
    struct map_net address;
    switch (item->kind) {
    case ITEM_TEXT:
        return text_matches(list, item->text, text) ? MAP_FOUND : MAP_NOT_FOUND;
    case ITEM_TABLE:
        return table_find(list, item->map, text, list->kind != MATCH_STRING && !is_address, err);
    case ITEM_NET:
        return is_address && map_net_parse_address(slice_of(text), &address) &&
                       map_net_contains(&item->net, &address)
                   ? MAP_FOUND
                   : MAP_NOT_FOUND;
    case ITEM_BAD:
        break;
    }
    err_set(err, ERR_CONFIG, "%s", item->text);
    return MAP_FAILED;
}

static enum map_status list_find(struct match_list *list, const char *name, const char *address,
                                 struct err *err)
{
    for (size_t i = 0; list && i < list->count; i++) {
        const struct match_item *item = &list->items[i];
        enum map_status status = MAP_NOT_FOUND;
        if (name)
            status = item_find(list, item, name, false, err);
        if (status == MAP_NOT_FOUND && address)
            status = item_find(list, item, address, true, err);
        if (status == MAP_FAILED) {
            if (item->kind == ITEM_TABLE)
                err_prefix(err, item->text);
            err_prefix(err, list->title);
            return MAP_FAILED;
        }
        if (status == MAP_FOUND)
            return item->negated ? MAP_NOT_FOUND : MAP_FOUND;
    }
    return MAP_NOT_FOUND;
}

enum map_status match_list_find(struct match_list *list, const char *string, struct err *err)
{
    return list_find(list, string, NULL, err);
}

enum map_status match_list_find_host(struct match_list *list, const char *name, const char *address,
                                     struct err *err)
{
    return list_find(list, name, address, err);
}
