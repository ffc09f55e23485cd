/*
 * header: message headers by name.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/slice.h"

// clang-format off
enum header_id {
    HEADER_OTHER,
    HEADER_APPARENTLY_TO, HEADER_BCC, HEADER_CC, HEADER_CONTENT_DESCRIPTION,
    HEADER_CONTENT_DISPOSITION, HEADER_CONTENT_ID, HEADER_CONTENT_LENGTH,
    HEADER_CONTENT_TRANSFER_ENCODING, HEADER_CONTENT_TYPE, HEADER_DATE, HEADER_DELIVERED_TO,
    HEADER_DISPOSITION_NOTIFICATION_TO, HEADER_ERRORS_TO, HEADER_FROM,
    HEADER_MAIL_FOLLOWUP_TO, HEADER_MESSAGE_ID, HEADER_MIME_VERSION, HEADER_RECEIVED, HEADER_REPLY_TO,
    HEADER_RESENT_BCC, HEADER_RESENT_CC, HEADER_RESENT_DATE, HEADER_RESENT_FROM,
    HEADER_RESENT_MESSAGE_ID, HEADER_RESENT_REPLY_TO, HEADER_RESENT_SENDER, HEADER_RESENT_TO,
    HEADER_RETURN_PATH, HEADER_RETURN_RECEIPT_TO, HEADER_SENDER, HEADER_TO,
    HEADER_TLS_REQUIRED, HEADER_REQUIRE_TLS_ESMTP, HEADER_COUNT,
};

// clang-format on

enum header_flags {
    HEADER_IS_SENDER = 1 << 0,    /* holds sender addresses */
    HEADER_IS_RECIPIENT = 1 << 1, /* holds recipient addresses */
    HEADER_IS_EXTRACT = 1 << 2,   /* recipients for sendmail -t */
    HEADER_IS_RESENT = 1 << 3,
    HEADER_IS_MIME = 1 << 4,
};

struct header_info {
    const char *name; /* canonical spelling */
    enum header_id id;
    unsigned flags;
};

/* Is LINE the start of a header ("Name:" or "Name :")? Then its name and its value (after the
 * colon, with leading blanks kept). */
bool header_parse(struct slice line, struct slice *ret_name, struct slice *ret_value);
/* Never NULL: an unknown name gives the row of HEADER_OTHER, whose name is empty. */
const struct header_info *header_find(struct slice name);

#endif
