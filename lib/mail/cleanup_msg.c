/* What a status of cleanup means to an SMTP client. */
#include "mail/cleanup_msg.h"

/* Worst first: what makes trying again useless comes after what must be tried again. */
// clang-format off
static const struct { int64_t bit; int code; const char *text; } texts[] = {
    {CLEANUP_STAT_BAD,        451, "4.3.0 Error: internal protocol error"},
    {CLEANUP_STAT_ABORTED,    451, "4.3.0 Error: internal protocol error"},
    {CLEANUP_STAT_WRITE,      451, "4.3.0 Error: queue file write error"},
    {CLEANUP_STAT_DEFER,      451, "4.7.1 Error: service unavailable"},
    {CLEANUP_STAT_ALIAS,      451, "4.6.0 Alias expansion error"},
    {CLEANUP_STAT_PROXY,      451, "4.3.0 Error: queue file write error"},
    {CLEANUP_STAT_SIZE,       552, "5.3.4 Error: message file too big"},
    {CLEANUP_STAT_HOPS,       554, "5.4.0 Error: too many hops"},
    {CLEANUP_STAT_CONTENT,    550, "5.7.1 message content rejected"},
    {CLEANUP_STAT_NOPERM,     550, "5.7.1 Error: service denied"},
    {CLEANUP_STAT_RECIPIENTS, 550, "5.1.0 Error: no recipients specified"},
};
// clang-format on

void cleanup_status_text(int64_t status, int *ret_code, const char **ret_text)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (status & texts[i].bit) {
            *ret_code = texts[i].code;
            *ret_text = texts[i].text;
            return;
        }
    }
    if (status) { /* a bit of a newer cleanup */
        *ret_code = 451;
        *ret_text = "4.3.0 Error: internal error";
        return;
    }
    *ret_code = 250;
    *ret_text = "2.0.0 Ok";
}
