/* postfix_openssl: keys, certificates, requests and TLSA records by the command openssl(1). */
#ifndef POSTFIX_POSTFIX_OPENSSL_H
#define POSTFIX_POSTFIX_OPENSSL_H

#include "base/argv.h"
#include "base/strbuf.h"

/* Each is fatal when openssl fails; it has said why. */

/* ALGORITHM: "rsa" or "ecdsa"; BITS: a number, or the name of a curve. FILE must not be there. */
void postfix_openssl_key(const char *algorithm, const char *bits, const char *file);
/* Self-signed, for HOSTS, the first of which is the common name. */
void postfix_openssl_certificate(const char *key, const struct argv *hosts, const char *file);
/* Is there a key, a certificate, in FILE? And are they each other's? */
bool postfix_openssl_has_key(const char *file);
bool postfix_openssl_match(const char *certificate, const char *key);
/* "rsa", "ecdsa" or "": the kind of key. */
const char *postfix_openssl_algorithm(const char *key);
void postfix_openssl_print_request(const char *key, const struct argv *hosts);
/* SHA-256 of the public key, in hexadecimal. */
void postfix_openssl_key_digest(const char *key, struct strbuf *ret);

#endif
