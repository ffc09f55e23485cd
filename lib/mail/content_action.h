/*
 * content_action: what tables of header_checks(5) order, such as "WARN text". Each program that
 * looks into content has a table of the actions it knows, and carries them out itself.
 */
#ifndef MAIL_CONTENT_ACTION_H
#define MAIL_CONTENT_ACTION_H

#include "base/err.h"
#include "base/strbuf.h"

/* What becomes of the header or line. */
enum content_verdict { CONTENT_KEEP, CONTENT_DROP, CONTENT_REPLACE };

struct content_action {
    const char *name; /* NULL ends a table of actions */
    bool is_logged;
    const char *when_empty; /* complaint when no text follows, %s in it: the title of the tables;
                               NULL: none need follow */
    enum content_verdict verdict;
    bool (*run)(void *call); /* NULL: nothing to do. False: the text is no good, which was logged */
};

struct content_order {
    const struct content_action *action;
    const char *text; /* what follows the action; in VALUE */
};

/* Take VALUE apart, which the tables called TITLE gave; UNKNOWN ("unknown command") begins the
 * complaint about what is not in ACTIONS. False: there is nothing to do, and ERR, when it is
 * filled, says what is wrong with VALUE. */
bool content_action_parse(const struct content_action *actions, const char *value,
                          const char *title, const char *unknown, struct content_order *ret,
                          struct err *err);
/* "warning", "prepend": how log lines call it. */
void content_action_word(const struct content_action *action, struct strbuf *out);

#endif
