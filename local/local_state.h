/*
 * local_state: one recipient on its way: what it was expanded to, and on whose behalf.
 */
#ifndef LOCAL_STATE_H
#define LOCAL_STATE_H

#include "delivery/delivery.h"
#include "delivery/mailbox_message.h"
#include "delivery/user_rights.h"

struct local_user { /* from the password file */
    const char *name, *home, *shell;
    struct user_rights rights;
};

/* where an address, command or file was read */
enum local_source {
    LOCAL_SOURCE_NONE,
    LOCAL_SOURCE_ALIAS,
    LOCAL_SOURCE_FORWARD,
    LOCAL_SOURCE_INCLUDE,
};

/* One step of the expansion; never changed once it stands. */
struct local_context {
    const struct local_context *parent;
    int level;
    const char *address;    /* the recipient, internal form */
    const char *local_part; /* of it */
    const char *domain;     /* "" when there is none */
    const char *whole_name; /* local part, lower case */
    const char *name;       /* the same without extension */
    const char *extension;  /* NULL: none */
    const char *delimiter;  /* the one in front of the extension; "" */
    const char *delivered_to;
    bool mailbox_only; /* \name: no alias, no .forward */
    bool is_relayed;   /* luser_relay was used */
    /* what gave us this recipient */
    enum local_source source;
    const char *source_name;  /* the alias */
    const char *forward_user; /* whose .forward file we are in; NULL: none */
    bool is_list;     /* an owner- alias was met: the original recipient is not told to members */
    bool is_indirect; /* users get their mail in a new message, see local_recipient.c */
    /* of the alias, .forward or :include: file being expanded */
    const char *owner;                /* sender for what is forwarded; NULL: the message's */
    const struct local_user *user;    /* NULL: none */
    const struct user_rights *rights; /* NULL: default_privs */
};

struct local_item; /* something still to do */
struct local_group;

struct local_delivery {
    struct delivery_job *job;
    struct arena *arena; /* the job's */
    struct recipient *rcpt;
    const struct local_context *top;
    struct local_item *todo;    /* first to be done first */
    struct local_group *groups; /* to be forwarded */
    bool is_expanded;           /* settled by its parts */
    bool is_settled;
    bool is_passed_on; /* another program settles it */
    struct local_seen *seen;
    struct argv *loop_headers; /* Delivered-To: addresses of the message; NULL: not read yet */
};

enum { LOCAL_LEVEL_MAX = 100 };

/* A context for ADDRESS (internal form), otherwise like PARENT (NULL: none). */
struct local_context *local_context_new(struct local_delivery *d,
                                        const struct local_context *parent, const char *address);

/* What is to be done with an item when its turn comes. */
typedef void (*local_item_fn)(struct local_delivery *d, const struct local_context *ctx,
                              const char *text);
struct local_items { /* collected in order, then put in front of what is left to do */
    struct local_item *first, **last;
    size_t count;
};
void local_items_init(struct local_items *items);
void local_items_add(struct local_delivery *d, struct local_items *items, local_item_fn fn,
                     const struct local_context *ctx, const char *text);
void local_items_do_next(struct local_delivery *d, struct local_items *items);
bool local_state_step(struct local_delivery *d); /* do the first item; false: none was left */

/* Was TEXT met before in this delivery? Remembers it, up to duplicate_filter_limit. */
bool local_seen_before(struct local_delivery *d, const char *kind, const char *text);

/* The message as it is delivered for CTX; with a Delivered-To header when WHERE is in
 * prepend_delivered_header. */
struct mailbox_message local_message(const struct local_delivery *d,
                                     const struct local_context *ctx, const char *where);
/* Is WORD in LIST (white space, commas)? */
bool local_list_has(const char *list, const char *word);
bool local_is_trace_only(const struct local_delivery *d);
/* A probe of verify(8): that an alias or a .forward file is there is all it asks. */
bool local_is_mta_probe(const struct local_delivery *d);

#endif
