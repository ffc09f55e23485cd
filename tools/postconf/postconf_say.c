#include "postconf.h"

#include <stdarg.h>

static void say(const struct postconf *pc, const char *kind, const char *fmt, va_list ap)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    (void)fflush(stdout);
    strbuf_vaddf(&text, fmt, ap);
    for (size_t i = 0; i < text.len;
         i++) /* what is said of a broken file must not harm a terminal */
        if ((unsigned char)text.s[i] < ' ' || (unsigned char)text.s[i] > '~')
            text.s[i] = '?';
    (void)fprintf(stderr, "%s: %s: %s\n", pc->program, kind, text.s);
}

void postconf_warn(const struct postconf *pc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(pc, "warning", fmt, ap);
    va_end(ap);
}

void postconf_fatal(const struct postconf *pc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(pc, "fatal", fmt, ap);
    va_end(ap);
    exit(1);
}
