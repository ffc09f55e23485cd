#include "dns/dns_filter.h"

#include <strings.h>

enum { LINES_MAX = 32768 };

void dns_filter_format(const struct dns_answer *answer, const struct dns_record *record,
                       struct strbuf *out)
{
    bool is_name = answer->type == DNS_MX || answer->type == DNS_NS || answer->type == DNS_PTR ||
                   answer->type == DNS_SRV;
    strbuf_addf(out, "%s. %lu IN %s ", record->owner, (unsigned long)record->ttl,
                dns_type_name(answer->type));
    if (answer->type == DNS_MX)
        strbuf_addf(out, "%u ", record->preference);
    if (answer->type == DNS_SRV)
        strbuf_addf(out, "%u %u %u ", record->preference, record->weight, record->port);
    strbuf_addf(out, "%s%s", record->text, is_name ? "." : "");
}

/* Is this record to be left out (MAP_FOUND)? */
static enum map_status is_unwanted(struct maps *filter, const char *text, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf action = STRBUF_ANY;
    enum map_status status = maps_find(filter, text, MAPS_WHOLE_KEY, &action, err);
    if (status != MAP_FOUND)
        return status;
    struct slice in = slice_of(action.s), word;
    if (slice_next_token(&in, " \t", &word) && slice_eq_nocase(word, "ignore"))
        return MAP_FOUND;
    err_set(err, ERR_CONFIG, "%s: unknown DNS filter action: \"%s\"", maps_title(filter), action.s);
    return MAP_FAILED;
}

/* RFC 7505: it says that there is no mail here, which is no record to choose from. */
static bool is_null_mx(const struct dns_answer *answer)
{
    return answer->type == DNS_MX && answer->count == 1 && !answer->records[0].text[0];
}

static const char *add_line(struct arena *arena, const char *lines, const char *line)
{
    CLEANUP(strbuf_done) struct strbuf all = STRBUF_INIT(LINES_MAX);
    strbuf_addf(&all, "%s%s\n", lines, line);
    return all.overflow ? lines : arena_strdup(arena, all.s);
}

void dns_filter_apply(struct maps *filter, struct dns_answer *answer, struct arena *arena,
                      struct err *err)
{
    if (maps_is_empty(filter) || answer->status != DNS_FOUND || answer->type == DNS_HOST ||
        is_null_mx(answer))
        return;
    CLEANUP(strbuf_done) struct strbuf dropped = STRBUF_INIT(LINES_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < answer->count; i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct err why = ERR_INIT;
        dns_filter_format(answer, &answer->records[i], &text);
        enum map_status status = is_unwanted(filter, text.s, &why);
        if (status == MAP_FAILED) {
            answer->warnings = add_line(arena, answer->warnings, why.reason);
            dns_answer_fail(answer->name, answer->type, DNS_BAD_FILTER, answer, err);
            break;
        }
        if (status == MAP_FOUND)
            strbuf_addf(&dropped, "ignoring DNS RR: %s\n", text.s);
        else
            answer->records[kept++] = answer->records[i];
    }
    answer->notes = arena_strdup(arena, dropped.s);
    if (answer->status != DNS_FOUND)
        return;
    answer->count = kept;
    if (kept == 0)
        dns_answer_fail(answer->name, answer->type, DNS_DROPPED, answer, err);
}
