/*
 * bounce_template: the words of the reports: built in, or from bounce_template_file (bounce(5)).
 *
 * A template that cannot be used is warned of and left out: the built-in one speaks instead, since
 * a report must go out whatever the file looks like.
 */
#ifndef BOUNCE_BOUNCE_TEMPLATE_H
#define BOUNCE_BOUNCE_TEMPLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

enum bounce_template_kind {
    BOUNCE_TEMPLATE_FAILURE,
    BOUNCE_TEMPLATE_DELAY,
    BOUNCE_TEMPLATE_SUCCESS,
    BOUNCE_TEMPLATE_VERIFY,
    BOUNCE_TEMPLATES
};

struct bounce_template {
    const char *kind;   /* "failure" */
    const char *origin; /* "[built-in]" or the file */
    const char *charset, *subject, *postmaster_subject;
    const char *from; /* NULL: by header_from_format */
    const char *text; /* lines, each with its LF */
};

typedef void (*bounce_warn_fn)(const char *text);

void bounce_template_builtin(struct bounce_template *ret /* [BOUNCE_TEMPLATES] */);
/* Replace what TEXT, the content of file PATH, defines. False: the file as a whole is refused. */
bool bounce_template_parse(const char *path, struct slice text, struct arena *arena,
                           struct bounce_template *templates, bounce_warn_fn warn, struct err *err);
/* Built-in ones, then those of bounce_template_file when the parameter is set. */
bool bounce_template_load(struct config *cfg, struct arena *arena,
                          struct bounce_template *templates, bounce_warn_fn warn, struct err *err);
/* The text with $name expanded. False: $name of no parameter or bad syntax; OUT has the built-in
 * text then only when the caller asks for it. */
bool bounce_template_expand(const struct config *cfg, const struct bounce_template *t,
                            struct strbuf *out, bounce_warn_fn warn, struct err *err);

/* xn-- labels of a domain name as UTF-8; what does not decode stays (RFC 3492). */
void bounce_idn_to_utf8(struct slice domain, struct strbuf *out);

#endif
