/*
 * address: RFC 5321 and RFC 5322 addresses.
 *
 * Two forms: the external one has quotes where RFC 5322 wants them ("a b"@example.com), the
 * internal one has none (a b@example.com) and is what the queue file, tables and log lines use. The
 * last @ of an internal address separates local part and domain.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/err.h"
#include "base/strbuf.h"

/* The address after "MAIL FROM:" or "RCPT TO:" up to where it ends. Accepts <a@b>, a@b,
 * <@r1,@r2:a@b> (route removed), quoted local parts, comments. With STRICT only <path> without
 * comments. REST is what follows (options). False: syntax error. The result is internal; empty for
 * <>. The domain is not judged here: resolve_address() says RESOLVE_BAD_ADDRESS about user@,
 * user@a..b, user@1.2.3.4 and the like, and SMTP refuses those with the same reply. */
bool address_parse_path(struct slice in, bool strict, struct strbuf *ret_address,
                        struct slice *ret_rest, struct err *err);

/* External form to internal form and back. External text may hold comments and routes, which are
 * left out. False: the text is not one address; OUT then has the best guess. */
bool address_to_internal(struct slice external, struct strbuf *out);
void address_to_external(struct slice internal, struct strbuf *out);
/* Must the local part be in quotes in the external form? */
bool address_local_needs_quotes(struct slice local_part);

/* Local part and domain of an internal address; false, RET_DOMAIN empty, when there is no @. */
bool address_split(struct slice internal, struct slice *ret_local, struct slice *ret_domain);

/* SENDER with RECIPIENT in its extension (VERP): owner-list+user=domain@origin. */
void address_add_verp(struct strbuf *out, const char *sender, const char *delimiters,
                      const char *recipient);

/* A header value that is a list of addresses (To, Cc, From, ...): call FN once per address with its
 * internal form; FN puts the replacement, internal, into OUT_ADDRESS or returns false to leave the
 * text of that address alone. Comments, names and groups keep their place. Bounded by
 * header_address_token_limit TOKENS_MAX (0: none): beyond it the rest is copied unparsed.
 * OUT is VALUE itself when nothing changed, else the new value: one blank after the header's colon,
 * ", " between addresses, and line breaks (LF TAB) between them where a line would get long.
 * HAS_DOMAIN: an @ in the address is not only one inside quotes.
 * COLUMN: the length of the header's name and its colon. */
typedef bool (*address_rewrite_fn)(void *ctx, struct slice address, bool has_domain,
                                   struct strbuf *out_address);
void address_rewrite_list(struct slice value, size_t column, size_t tokens_max,
                          address_rewrite_fn fn, void *ctx, struct strbuf *out);
/* The addresses of a header value, internal form, one call each. */
void address_each(struct slice value, size_t tokens_max,
                  void (*fn)(void *ctx, struct slice internal), void *ctx);
/* The same with source routes, and without blanks where words and marks meet (sendmail -t). */
void address_each_as_written(struct slice value, size_t tokens_max,
                             void (*fn)(void *ctx, struct slice internal), void *ctx);

/* Is it a syntactically valid domain name / address literal ([1.2.3.4], [IPv6:...])?
 * As smtpd's reject_invalid_helo_hostname and strict address checks need them. */
bool address_is_hostname(struct slice name);
bool address_is_literal(struct slice literal); /* with the brackets */
bool address_is_numeric(struct slice text);    /* an IPv4 or IPv6 address without brackets */

#endif
