/* dns_ace: internationalized domain names as DNS has them (RFC 5890, UTS #46). */
#ifndef DNS_DNS_ACE_H
#define DNS_DNS_ACE_H

#include "base/strbuf.h"

/* Append NAME with its labels in UTF-8 as xn-- ones, by the rules that
 * enable_idna2003_compatibility says. False, with nothing appended, when it is no such name. */
bool dns_ace(const char *name, struct strbuf *out);

#endif
