/*
 * envelope: what the queue knows of a message: sender, recipients, attributes. Kept in the queue
 * file, handed from cleanup to qmgr and from qmgr to the delivery programs.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "base/arena.h"
#include "ipc/msg.h"

/* sums, as in notify_flags records; 0: the sender said nothing */
enum dsn_notify {
    DSN_NOTIFY_NEVER = 1,
    DSN_NOTIFY_SUCCESS = 2,
    DSN_NOTIFY_FAILURE = 4,
    DSN_NOTIFY_DELAY = 8,
};
enum dsn_ret { DSN_RET_NONE, DSN_RET_FULL = 1, DSN_RET_HDRS = 2 };
enum trace_flags { TRACE_MTA_PROBE = 256, TRACE_USER_PROBE = 512, TRACE_RECORD = 1024 };
/* field 6 of the size record */
enum smtputf8_flags {
    SMTPUTF8_REQUESTED = 1,
    SMTPUTF8_HEADER = 2,
    SMTPUTF8_SENDER = 4,
    SMTPUTF8_RECIPIENT = 8,
};
/* and more of it, which has nothing to do with SMTPUTF8 (RFC 8689) */
enum send_options {
    SEND_OPTION_TLS_NOT_REQUIRED = 1 << 4, /* header TLS-Required: no */
    SEND_OPTION_REQUIRETLS = 1 << 5,
};

// clang-format off
#define RECIPIENT_FIELDS(F)                                                                        \
    F(INT, offset)         /* of the R record in the queue file */                                 \
    F(TEXT, address)                                                                               \
    F(TEXT, orig_address)  /* "" when there is no O record */                                      \
    F(TEXT, dsn_orcpt)     /* type;address, decoded */                                             \
    F(INT, dsn_notify)
// clang-format on
MSG_DECLARE(recipient, RECIPIENT_FIELDS)

// clang-format off
#define ENVELOPE_FIELDS(F)                                                                         \
    F(TEXT, sender)                                                                                \
    F(INT, arrival_s) F(INT, arrival_us)  /* T record */                                           \
    F(INT, create_s)                      /* create_time attribute */                              \
    F(INT, message_size) F(INT, data_offset) F(INT, content_size) F(INT, hints)                    \
    F(INT, smtputf8)                      /* smtputf8_flags, send_options */                         \
    F(INT, warn_offset) F(INT, warn_at_s) /* W record; both 0: none; time 0: it was sent */         \
    F(TEXT, fullname) F(TEXT, encoding) F(TEXT, rewrite_context) F(TEXT, content_filter)           \
    F(TEXT, inspect) F(TEXT, redirect) F(TEXT, verp)                                               \
    F(TEXT, dsn_envid) F(INT, dsn_ret) F(INT, trace_flags)                                         \
    F(TEXT, log_ident) F(TEXT, log_message_origin)                                                 \
    F(TEXT, log_client_name) F(TEXT, log_client_address) F(TEXT, log_client_port)                  \
    F(TEXT, log_helo_name) F(TEXT, log_protocol_name)                                              \
    F(TEXT, client_name) F(TEXT, reverse_client_name) F(TEXT, client_address)                      \
    F(TEXT, client_port) F(TEXT, server_address) F(TEXT, server_port) F(TEXT, helo_name)           \
    F(TEXT, protocol_name) F(INT, client_address_type)                                             \
    F(TEXT, sasl_method) F(TEXT, sasl_username) F(TEXT, sasl_sender)                               \
    F(INT, recipient_count)               /* R and D records, field 3 of the size record */        \
    F(LIST, recipients, recipient)        /* those still to do */
// clang-format on
MSG_DECLARE(envelope, ENVELOPE_FIELDS)

void envelope_blank(struct envelope *env); /* every text empty */
/* An A record of the message (not of one recipient). Unknown names are ignored; false: bad value */
bool envelope_set_attribute(struct envelope *env, struct arena *arena, struct slice name,
                            struct slice value);

#endif
