/* The tables behind the messages of lib/mail; their fields are declared in the headers. */
#include "mail/bounce_msg.h"
#include "mail/cleanup_msg.h"
#include "mail/delivery_msg.h"
#include "mail/envelope.h"
#include "mail/qmgr_msg.h"
#include "mail/rewrite_msg.h"

#define MSG_SELF recipient
MSG_DEFINE(recipient, RECIPIENT_FIELDS)
#undef MSG_SELF
#define MSG_SELF envelope
MSG_DEFINE(envelope, ENVELOPE_FIELDS)
#undef MSG_SELF
#define MSG_SELF cleanup_open
MSG_DEFINE(cleanup_open, CLEANUP_OPEN_FIELDS)
#undef MSG_SELF
#define MSG_SELF cleanup_opened
MSG_DEFINE(cleanup_opened, CLEANUP_OPENED_FIELDS)
#undef MSG_SELF
#define MSG_SELF cleanup_macro
MSG_DEFINE(cleanup_macro, CLEANUP_MACRO_FIELDS)
#undef MSG_SELF
#define MSG_SELF cleanup_milter
MSG_DEFINE(cleanup_milter, CLEANUP_MILTER_FIELDS)
#undef MSG_SELF
#define MSG_SELF cleanup_milters
MSG_DEFINE(cleanup_milters, CLEANUP_MILTERS_FIELDS)
#undef MSG_SELF
#define MSG_SELF cleanup_done
MSG_DEFINE(cleanup_done, CLEANUP_DONE_FIELDS)
#undef MSG_SELF
#define MSG_SELF qmgr_arrived
MSG_DEFINE(qmgr_arrived, QMGR_ARRIVED_FIELDS)
#undef MSG_SELF
#define MSG_SELF delivery_request
MSG_DEFINE(delivery_request, DELIVERY_REQUEST_FIELDS)
#undef MSG_SELF
#define MSG_SELF delivery_report
MSG_DEFINE(delivery_report, DELIVERY_REPORT_FIELDS)
#undef MSG_SELF
#define MSG_SELF delivery_status
MSG_DEFINE(delivery_status, DELIVERY_STATUS_FIELDS)
#undef MSG_SELF
#define MSG_SELF bounce_append
MSG_DEFINE(bounce_append, BOUNCE_APPEND_FIELDS)
#undef MSG_SELF
#define MSG_SELF bounce_flush
MSG_DEFINE(bounce_flush, BOUNCE_FLUSH_FIELDS)
#undef MSG_SELF
#define MSG_SELF bounce_one
MSG_DEFINE(bounce_one, BOUNCE_ONE_FIELDS)
#undef MSG_SELF
#define MSG_SELF bounce_status
MSG_DEFINE(bounce_status, BOUNCE_STATUS_FIELDS)
#undef MSG_SELF
#define MSG_SELF rewrite_question
MSG_DEFINE(rewrite_question, REWRITE_QUESTION_FIELDS)
#undef MSG_SELF
#define MSG_SELF rewrite_reply
MSG_DEFINE(rewrite_reply, REWRITE_REPLY_FIELDS)
#undef MSG_SELF
#define MSG_SELF resolve_question
MSG_DEFINE(resolve_question, RESOLVE_QUESTION_FIELDS)
#undef MSG_SELF
#define MSG_SELF resolve_answer
MSG_DEFINE(resolve_answer, RESOLVE_ANSWER_FIELDS)
#undef MSG_SELF
