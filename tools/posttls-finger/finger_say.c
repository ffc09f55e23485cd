#include "tools/posttls-finger/finger_say.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void say(const char *level, const char *fmt, va_list ap)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    strbuf_vaddf(&text, fmt, ap);
    text_add_printable(&clean, strbuf_slice(&text));
    printf("posttls-finger: %s%s\n", level, clean.s);
    fflush(stdout);
}

void finger_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
}

void finger_warn(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("warning: ", fmt, ap);
    va_end(ap);
}

void finger_warn_lines(const char *text)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line))
        finger_warn("%.*s", SLICE_ARG(line));
}

void finger_fatal(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("fatal: ", fmt, ap);
    va_end(ap);
    exit(1);
}
