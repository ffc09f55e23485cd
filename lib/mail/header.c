/* header: a table in alphabetical order, searched by halves. */
#include "mail/header.h"

#include <strings.h>

#define SENDER    HEADER_IS_SENDER
#define RECIPIENT HEADER_IS_RECIPIENT
#define EXTRACT   (HEADER_IS_RECIPIENT | HEADER_IS_EXTRACT)
#define RESENT    HEADER_IS_RESENT
#define MIME      HEADER_IS_MIME

// clang-format off
static const struct header_info headers[] = {
    {"Apparently-To",               HEADER_APPARENTLY_TO,               RECIPIENT},
    {"Bcc",                         HEADER_BCC,                         EXTRACT},
    {"Cc",                          HEADER_CC,                          EXTRACT},
    {"Content-Description",         HEADER_CONTENT_DESCRIPTION,         MIME},
    {"Content-Disposition",         HEADER_CONTENT_DISPOSITION,         MIME},
    {"Content-ID",                  HEADER_CONTENT_ID,                  MIME},
    {"Content-Length",              HEADER_CONTENT_LENGTH,              0},
    {"Content-Transfer-Encoding",   HEADER_CONTENT_TRANSFER_ENCODING,   MIME},
    {"Content-Type",                HEADER_CONTENT_TYPE,                MIME},
    {"Date",                        HEADER_DATE,                        0},
    {"Delivered-To",                HEADER_DELIVERED_TO,                0},
    {"Disposition-Notification-To", HEADER_DISPOSITION_NOTIFICATION_TO, SENDER},
    {"Errors-To",                   HEADER_ERRORS_TO,                   SENDER},
    {"From",                        HEADER_FROM,                        SENDER},
    {"Mail-Followup-To",            HEADER_MAIL_FOLLOWUP_TO,            SENDER},
    {"Message-Id",                  HEADER_MESSAGE_ID,                  0},
    {"MIME-Version",                HEADER_MIME_VERSION,                MIME},
    {"Received",                    HEADER_RECEIVED,                    0},
    {"Reply-To",                    HEADER_REPLY_TO,                    SENDER},
    {"Require-TLS-ESMTP",           HEADER_REQUIRE_TLS_ESMTP,           0},
    {"Resent-Bcc",                  HEADER_RESENT_BCC,                  EXTRACT | RESENT},
    {"Resent-Cc",                   HEADER_RESENT_CC,                   EXTRACT | RESENT},
    {"Resent-Date",                 HEADER_RESENT_DATE,                 RESENT},
    {"Resent-From",                 HEADER_RESENT_FROM,                 SENDER | RESENT},
    {"Resent-Message-Id",           HEADER_RESENT_MESSAGE_ID,           RESENT},
    {"Resent-Reply-To",             HEADER_RESENT_REPLY_TO,             RECIPIENT | RESENT},
    {"Resent-Sender",               HEADER_RESENT_SENDER,               SENDER | RESENT},
    {"Resent-To",                   HEADER_RESENT_TO,                   EXTRACT | RESENT},
    {"Return-Path",                 HEADER_RETURN_PATH,                 SENDER},
    {"Return-Receipt-To",           HEADER_RETURN_RECEIPT_TO,           SENDER},
    {"Sender",                      HEADER_SENDER,                      SENDER},
    {"TLS-Required",                HEADER_TLS_REQUIRED,                0},
    {"To",                          HEADER_TO,                          EXTRACT},
};
// clang-format on

static const struct header_info other = {"", HEADER_OTHER, 0};

bool header_parse(struct slice line, struct slice *ret_name, struct slice *ret_value)
{
    size_t i = 0;
    while (i < line.len && line.s[i] > ' ' && line.s[i] < 127 && line.s[i] != ':')
        i++;
    size_t name_length = i;
    while (i < line.len && (line.s[i] == ' ' || line.s[i] == '\t'))
        i++;
    if (name_length == 0 || i == line.len || line.s[i] != ':')
        return false;
    *ret_name = slice_first(line, name_length);
    *ret_value = slice_from(line, i + 1);
    return true;
}

static int compare(struct slice name, const char *row)
{
    size_t length = strlen(row);
    int order = strncasecmp(name.s, row, MIN(name.len, length));
    if (order == 0 && name.len != length)
        order = name.len < length ? -1 : 1;
    return order;
}

const struct header_info *header_find(struct slice name)
{
    size_t low = 0, high = COUNT_OF(headers);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(name, headers[middle].name);
        if (order == 0)
            return &headers[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return &other;
}
