/*
 * milter_spec: what main.cf says of milters: a list of endpoints, each with settings of its own.
 *
 *     smtpd_milters = inet:localhost:8891, { unix:/run/x, default_action=accept, protocol=6 }
 */
#ifndef MILTER_MILTER_SPEC_H
#define MILTER_MILTER_SPEC_H

#include "base/err.h"
#include "base/strbuf.h"

/* What happens to mail when the milter cannot be asked. */
enum milter_fallback {
    MILTER_FALLBACK_ACCEPT,
    MILTER_FALLBACK_REJECT,
    MILTER_FALLBACK_TEMPFAIL,
    MILTER_FALLBACK_QUARANTINE,
    MILTER_FALLBACK_SHUTDOWN,
    MILTER_FALLBACK_BROKEN, /* the word in main.cf is none of these */
};

struct milter_spec {
    char *name; /* the endpoint as written: "inet:host:port" */
    int64_t connect_ms, command_ms, content_ms;
    enum milter_fallback fallback;
    uint32_t version, events; /* offered: version, and bits of the protocol mask */
};

enum { MILTER_MAX = 32 }; /* milters of one message */

struct milter_specs {
    struct milter_spec *at;
    size_t count;
};

/* The list of parameter TITLE. An empty list is fine. False with ERR (ERR_CONFIG): it makes no
 * sense, and mail must not pass unfiltered. */
bool milter_specs_parse(struct milter_specs *specs, const char *title, const char *text,
                        struct err *err);
void milter_specs_done(struct milter_specs *specs);
/* The word of milter_default_action; MILTER_FALLBACK_BROKEN for others. */
enum milter_fallback milter_fallback_find(struct slice word);

#endif
