/* cleanup_tables: the lookup tables and lists of this process, opened before the jail. */
#ifndef CLEANUP_CLEANUP_TABLES_H
#define CLEANUP_CLEANUP_TABLES_H

#include "base/argv.h"
#include "config/config.h"
#include "mail/local_domains.h"
#include "mail/rewrite.h"
#include "map/maps.h"

/* of addresses: what *_classes name */
enum cleanup_class {
    CLEANUP_ENVELOPE_SENDER = 1 << 0,
    CLEANUP_ENVELOPE_RECIPIENT = 1 << 1,
    CLEANUP_HEADER_SENDER = 1 << 2,
    CLEANUP_HEADER_RECIPIENT = 1 << 3,
};

/* non_empty_end_of_header_action */
enum cleanup_broken_header {
    CLEANUP_BROKEN_HEADER_FIX,
    CLEANUP_BROKEN_HEADER_TELL,
    CLEANUP_BROKEN_HEADER_REJECT,
};

struct cleanup_tables {
    struct maps *canonical, *sender_canonical, *recipient_canonical, *virtual_alias;
    struct maps *sender_bcc, *recipient_bcc;
    struct maps *header_checks, *mime_header_checks, *nested_header_checks, *body_checks;
    struct maps *milter_header_checks;
    struct local_domains *local_domains;
    unsigned canonical_classes, sender_canonical_classes, recipient_canonical_classes;
    unsigned masquerade_classes;
    struct argv masquerade_domains, masquerade_exceptions, drop_headers;
    bool propagate_canonical, propagate_virtual;
    struct strbuf strip_characters, reject_characters; /* escapes decoded */
    struct rewrite_rules rules;
    enum cleanup_broken_header broken_header;
};

extern struct cleanup_tables cleanup_tables;

void cleanup_tables_open(void); /* exits with a log line when main.cf is wrong */
bool cleanup_tables_have_changed(void);
void cleanup_tables_close(void);

#endif
