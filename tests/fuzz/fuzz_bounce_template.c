/* Any text as a template file: what is used can be written into headers and a text part. */
#include "bounce/bounce_template.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_warning(const char *text)
{
    (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new("fuzz");
    struct bounce_template templates[BOUNCE_TEMPLATES];
    struct err err = ERR_INIT;
    struct slice text = {(const char *)data, size};
    bounce_template_builtin(templates);
    bounce_template_parse("fuzz", text, arena, templates, no_warning, &err);
    for (size_t i = 0; i < BOUNCE_TEMPLATES; i++) {
        const char *subject = templates[i].subject;
        if (!*subject || strpbrk(subject, "\r\n") || strpbrk(templates[i].charset, "\r\n") ||
            !*templates[i].text)
            abort();
    }
    struct strbuf out = STRBUF_ANY;
    bounce_idn_to_utf8(text, &out);
    if (out.len > 4 * size)
        abort();
    strbuf_done(&out);
    arena_free(arena);
    return 0;
}
