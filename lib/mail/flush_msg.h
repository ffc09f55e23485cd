/*
 * flush_msg: which deferred mail there is for a site, and delivering it now: the protocol of
 * public/flush. One question, one FLUSH_STATUS answer; questions may follow each other on a
 * connection and are answered in order.
 */
#ifndef MAIL_FLUSH_MSG_H
#define MAIL_FLUSH_MSG_H

#include "ipc/msg.h"

enum flush_kind {
    FLUSH_ADD = 0x701, /* flush_request: this message waits for that site */
    FLUSH_SEND_SITE,   /* flush_request: deliver what waits for the site */
    FLUSH_SEND_FILE,   /* flush_request: deliver this message */
    FLUSH_REFRESH,     /* no body: do SEND_SITE for lists that were not read for long */
    FLUSH_PURGE,       /* no body: the same for all */
    FLUSH_STATUS,      /* flush_status */
};

enum flush_result {
    FLUSH_OK,
    FLUSH_FAILED,     /* try again later */
    FLUSH_BAD,        /* no queue id, no site name */
    FLUSH_INELIGIBLE, /* fast_flush_domains does not list the site */
};

/* The field that a kind does not need is "". */
#define FLUSH_REQUEST_FIELDS(F) F(TEXT, site) F(TEXT, queue_id)
MSG_DECLARE(flush_request, FLUSH_REQUEST_FIELDS)

#define FLUSH_STATUS_FIELDS(F) F(INT, result)
MSG_DECLARE(flush_status, FLUSH_STATUS_FIELDS)

enum { FLUSH_SITE_MAX = 255 };

/* A domain name, or an address literal in brackets. */
bool flush_site_is_valid(struct slice site);

#endif
