/*
 * local_steps: the ways a local recipient can be delivered, in the order of local_recipient.c.
 *
 * A step that returns bool says whether it took care of the recipient. Whoever takes care reports
 * with local_report.h, adds items, or both.
 */
#ifndef LOCAL_STEPS_H
#define LOCAL_STEPS_H

#include "local/local_state.h"

struct config;

/* Items (local_item_fn): a recipient, from the start or from the user on; TEXT is unused. */
void local_recipient(struct local_delivery *d, const struct local_context *ctx, const char *text);
void local_recipient_user(struct local_delivery *d, const struct local_context *ctx,
                          const char *text);
/* Has the message been delivered to this recipient before (Delivered-To)? Then it is settled. */
bool local_loop_found(struct local_delivery *d, const struct local_context *ctx);

/* Is CTX an alias that its own expansion led back to? Then it is settled. */
bool local_alias_loop(struct local_delivery *d, const struct local_context *ctx);
bool local_alias(struct local_delivery *d, const struct local_context *ctx);
bool local_forward(struct local_delivery *d, const struct local_context *ctx,
                   const struct local_user *user);
/* mailbox_transport, fallback_transport and their tables */
bool local_transport_mailbox(struct local_delivery *d, const struct local_context *ctx);
bool local_transport_fallback(struct local_delivery *d, const struct local_context *ctx);
void local_mailbox(struct local_delivery *d, const struct local_context *ctx,
                   const struct local_user *user);
void local_unknown(struct local_delivery *d, const struct local_context *ctx);

/* Items: what alias values and such list. */
void local_command(struct local_delivery *d, const struct local_context *ctx, const char *command);
void local_file(struct local_delivery *d, const struct local_context *ctx, const char *path);
void local_include(struct local_delivery *d, const struct local_context *ctx, const char *path);
void local_address(struct local_delivery *d, const struct local_context *ctx, const char *address);
/* A user's mailbox_command; the same but for rights and header. */
void local_command_mailbox(struct local_delivery *d, const struct local_context *ctx,
                           const struct local_user *user, const char *command);

/* Send ADDRESS (complete) on in a new message. */
void local_indirect(struct local_delivery *d, const struct local_context *ctx, const char *address);
void local_indirect_finish(struct local_delivery *d);

void local_biff(const char *user, int64_t offset);
/* How mbox files are locked, from the parameters. */
struct mailbox_lock_policy local_lock_policy(void);

/* One value list into items, in order. FROM is the context the items are for. Returns how many. */
size_t local_expand(struct local_delivery *d, const struct local_context *from, struct slice list,
                    struct local_items *items);

bool local_alias_start(struct err *err);
bool local_transport_start(struct err *err);
bool local_mailbox_start(struct err *err);
bool local_address_start(struct config *cfg, struct err *err);
bool local_alias_has_changed(void);
bool local_transport_has_changed(void);
bool local_mailbox_has_changed(void);
bool local_address_has_changed(void);

#endif
