#include "cleanup/cleanup_tables.h"

#include "cleanup/cleanup_params.h"
#include "config/common_params.h"
#include "log/log.h"

struct cleanup_tables cleanup_tables;

// clang-format off
static const struct { const char *name; unsigned bit; } class_names[] = {
    {"envelope_sender",    CLEANUP_ENVELOPE_SENDER},
    {"envelope_recipient", CLEANUP_ENVELOPE_RECIPIENT},
    {"header_sender",      CLEANUP_HEADER_SENDER},
    {"header_recipient",   CLEANUP_HEADER_RECIPIENT},
};
// clang-format on

static unsigned parse_classes(const char *parameter, const char *text)
{
    unsigned classes = 0;
    struct slice list = slice_of(text), name;
    while (slice_next_item(&list, &name)) {
        unsigned bit = 0;
        for (size_t i = 0; i < COUNT_OF(class_names); i++)
            if (slice_eq_nocase(name, class_names[i].name))
                bit = class_names[i].bit;
        if (!bit)
            log_fatal("unknown %s value \"%.*s\" in \"%s\"", parameter, SLICE_ARG(name), text);
        classes |= bit;
    }
    return classes;
}

static bool list_has(const char *text, const char *word)
{
    struct slice list = slice_of(text), name;
    while (slice_next_item(&list, &name))
        if (slice_eq_nocase(name, word))
            return true;
    return false;
}

/* Characters as in C: \a \b \f \n \r \t \v \\ and \ooo. */
static void parse_characters(const char *parameter, const char *text, struct strbuf *out)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    for (const char *at = text; *at; at++) {
        if (*at != '\\') {
            strbuf_add_char(out, *at);
            continue;
        }
        const char *letter = at[1] ? strchr(letters, at[1]) : NULL;
        if (letter) {
            strbuf_add_char(out, values[letter - letters]);
            at++;
            continue;
        }
        unsigned value = 0, digits = 0;
        while (digits < 3 && at[1] >= '0' && at[1] <= '7') {
            value = value * 8 + (unsigned)(*++at - '0');
            digits++;
        }
        if (digits == 0 || value > 255)
            log_fatal("bad escape in parameter %s: %s", parameter, text);
        strbuf_add_char(out, (char)value);
    }
}

static enum cleanup_broken_header broken_header_action(const char *word)
{
    static const char *const words[] = {
        [CLEANUP_BROKEN_HEADER_FIX] = "fix_quietly",
        [CLEANUP_BROKEN_HEADER_TELL] = "add_header",
        [CLEANUP_BROKEN_HEADER_REJECT] = "reject",
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcasecmp(word, words[i]) == 0)
            return (enum cleanup_broken_header)i;
    log_fatal("bad value of non_empty_end_of_header_action: %s", word);
}

void cleanup_tables_open(void)
{
    struct cleanup_tables *t = &cleanup_tables;
    const struct cleanup_params *p = &cleanup_params;
    struct err err = ERR_INIT;
    t->canonical = maps_open("canonical_maps", common_params.canonical_maps, MAP_FOLD);
    t->sender_canonical =
        maps_open("sender_canonical_maps", common_params.sender_canonical_maps, MAP_FOLD);
    t->recipient_canonical =
        maps_open("recipient_canonical_maps", common_params.recipient_canonical_maps, MAP_FOLD);
    t->virtual_alias = maps_open("virtual_alias_maps", common_params.virtual_alias_maps, MAP_FOLD);
    t->sender_bcc = maps_open("sender_bcc_maps", p->sender_bcc_maps, MAP_FOLD);
    t->recipient_bcc = maps_open("recipient_bcc_maps", p->recipient_bcc_maps, MAP_FOLD);
    /* content is not always UTF-8 */
    t->header_checks = maps_open("header_checks", p->header_checks, MAP_READ);
    t->mime_header_checks = maps_open("mime_header_checks", p->mime_header_checks, MAP_READ);
    t->nested_header_checks = maps_open("nested_header_checks", p->nested_header_checks, MAP_READ);
    t->body_checks = maps_open("body_checks", p->body_checks, MAP_READ);
    t->milter_header_checks = maps_open("milter_header_checks", p->milter_header_checks, MAP_READ);
    t->local_domains = local_domains_new(&err);
    if (!t->local_domains)
        log_fatal("%s", err.reason);
    t->canonical_classes = parse_classes("canonical_classes", p->canonical_classes);
    t->sender_canonical_classes =
        parse_classes("sender_canonical_classes", p->sender_canonical_classes);
    t->recipient_canonical_classes =
        parse_classes("recipient_canonical_classes", p->recipient_canonical_classes);
    t->masquerade_classes = parse_classes("masquerade_classes", p->masquerade_classes);
    argv_add_items(&t->masquerade_domains, p->masquerade_domains);
    argv_add_items(&t->masquerade_exceptions, p->masquerade_exceptions);
    argv_add_items(&t->drop_headers, common_params.message_drop_headers);
    t->propagate_canonical = list_has(common_params.propagate_unmatched_extensions, "canonical");
    t->propagate_virtual = list_has(common_params.propagate_unmatched_extensions, "virtual");
    strbuf_init(&t->strip_characters, 4096);
    strbuf_init(&t->reject_characters, 4096);
    parse_characters("message_strip_characters", p->message_strip_characters, &t->strip_characters);
    t->broken_header = broken_header_action(p->non_empty_end_of_header_action);
    parse_characters("message_reject_characters", p->message_reject_characters,
                     &t->reject_characters);
    t->rules = rewrite_rules_from_params();
}

bool cleanup_tables_have_changed(void)
{
    struct cleanup_tables *t = &cleanup_tables;
    struct maps *const all[] = {t->canonical,     t->sender_canonical,    t->recipient_canonical,
                                t->virtual_alias, t->sender_bcc,          t->recipient_bcc,
                                t->header_checks, t->mime_header_checks,  t->nested_header_checks,
                                t->body_checks,   t->milter_header_checks};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (maps_have_changed(all[i]))
            return true;
    return local_domains_have_changed(t->local_domains);
}

void cleanup_tables_close(void)
{
    struct cleanup_tables *t = &cleanup_tables;
    struct maps *const all[] = {t->canonical,     t->sender_canonical,    t->recipient_canonical,
                                t->virtual_alias, t->sender_bcc,          t->recipient_bcc,
                                t->header_checks, t->mime_header_checks,  t->nested_header_checks,
                                t->body_checks,   t->milter_header_checks};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        maps_close(all[i]);
    local_domains_free(t->local_domains);
    argv_done(&t->masquerade_domains);
    argv_done(&t->masquerade_exceptions);
    argv_done(&t->drop_headers);
    strbuf_done(&t->strip_characters);
    strbuf_done(&t->reject_characters);
    *t = (struct cleanup_tables){0};
}
