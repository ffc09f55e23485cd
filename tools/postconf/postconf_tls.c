/* What the TLS library is and can do. */
#include "postconf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <stdio.h>

static bool print_algorithms(void)
{
    static const struct {
        const char *shown, *name;
    } algorithms[] = {{"dsa", "DSA"}, {"ecdsa", "EC"}, {"rsa", "RSA"}};
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        EVP_PKEY_CTX *there = EVP_PKEY_CTX_new_from_name(NULL, algorithms[i].name, NULL);
        if (there)
            puts(algorithms[i].shown);
        EVP_PKEY_CTX_free(there);
    }
    return true;
}

bool postconf_tls_show(const struct postconf *pc, const char *what)
{
    if (strcmp(what, "compile-version") == 0)
        return puts(OPENSSL_VERSION_TEXT) >= 0;
    if (strcmp(what, "run-version") == 0)
        return puts(OpenSSL_version(OPENSSL_VERSION)) >= 0;
    if (strcmp(what, "public-key-algorithms") == 0)
        return print_algorithms();
    postconf_warn(pc, "unknown 'postconf -T' mode: %s", what);
    return false;
}
