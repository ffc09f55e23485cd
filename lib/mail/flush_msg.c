/* The tables behind the messages of flush. */
#include "mail/flush_msg.h"

#include "mail/address.h"

#define MSG_SELF flush_request
MSG_DEFINE(flush_request, FLUSH_REQUEST_FIELDS)
#undef MSG_SELF
#define MSG_SELF flush_status
MSG_DEFINE(flush_status, FLUSH_STATUS_FIELDS)
#undef MSG_SELF

bool flush_site_is_valid(struct slice site)
{
    if (site.len == 0 || site.len > FLUSH_SITE_MAX)
        return false;
    return site.s[0] == '[' ? address_is_literal(site)
                            : address_is_hostname(site) && !address_is_numeric(site);
}
