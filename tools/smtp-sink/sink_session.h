/*
 * sink_session: the SMTP dialogue of one client, without any input or output of its own.
 *
 * The server hands it lines and data; replies are appended to OUT, which the server sends.
 */
#ifndef SINK_SESSION_H
#define SINK_SESSION_H

#include "base/argv.h"
#include "tools/smtp-sink/sink_data.h"
#include "tools/smtp-sink/sink_dump.h"
#include "tools/smtp-sink/sink_options.h"

enum sink_next {
    SINK_NEXT_COMMAND, /* read on */
    SINK_NEXT_DATA,    /* the text of a message follows */
    SINK_NEXT_CLOSE,   /* send what there is, then disconnect */
};

struct sink_session {
    const struct sink_options *options;
    char *address;            /* for dump files */
    struct strbuf out;        /* replies that wait to be sent */
    struct strbuf helo, mail; /* arguments; helo.len == 0: none was sent */
    bool esmtp, has_mail, quit;
    struct argv rcpts;
    struct sink_data data;
    struct sink_dump *dump;
};

void sink_session_init(struct sink_session *s, const struct sink_options *options,
                       const char *address);
void sink_session_done(struct sink_session *s);
/* The verb of a command line as options name it; SINK_VERBS for an unknown one. */
enum sink_verb sink_session_verb(struct slice line);
/* The greeting. */
enum sink_next sink_session_greet(struct sink_session *s);
enum sink_next sink_session_command(struct sink_session *s, struct slice line);
/* More of a message; true when its end was found. */
bool sink_session_text(struct sink_session *s, struct slice *in);
/* The replies to the end of the message: one, or in LMTP one for each recipient. */
enum sink_next sink_session_dot(struct sink_session *s);

#endif
