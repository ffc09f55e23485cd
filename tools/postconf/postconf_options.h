/* postconf_options: the command line: which options there are and which go together. */
#ifndef POSTCONF_POSTCONF_OPTIONS_H
#define POSTCONF_POSTCONF_OPTIONS_H

#include "postconf.h"

struct options {
    bool given[128]; /* by option letter */
    char mode;       /* what it is about: a A b E F l m M P t T, or p for main.cf */
    char edit;       /* e, X, # or 0; name=value arguments mean e */
    const char *dir; /* -c, or NULL */
    const char *tls; /* argument of -T */
    char **args;     /* behind the options */
};

/* Fill O and what PC has of options; mistakes end the program. */
void options_parse(struct postconf *pc, struct options *o, int argc, char **argv);

#endif
