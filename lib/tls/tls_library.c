#include "tls/tls_library.h"

#include "base/strbuf.h"

#include <openssl/conf.h>
#include <openssl/ssl.h>
#include <string.h>

static bool start_with_file(const char *file, const char *name)
{
    OPENSSL_INIT_SETTINGS *settings = OPENSSL_INIT_new();
    if (!settings)
        return false;
    bool is_default = strcmp(file, "default") == 0;
    bool ok = is_default || OPENSSL_INIT_set_config_filename(settings, file) == 1;
    ok = ok && (!name[0] || OPENSSL_INIT_set_config_appname(settings, name) == 1);
    if (!is_default)
        OPENSSL_INIT_set_config_file_flags(settings, 0); /* mistakes count */
    ok = ok && OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, settings) == 1;
    OPENSSL_INIT_free(settings);
    return ok;
}

bool tls_library_start(const char *file, const char *name, struct err *err)
{
    if (strcmp(file, "none") == 0)
        return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1 ||
               err_set(err, ERR_CONFIG, "OpenSSL does not start: disabling TLS support");
    if (strcmp(file, "default") != 0 && file[0] != '/')
        return err_set(err, ERR_CONFIG,
                       "tls_config_file: bad value \"%s\": need \"default\", \"none\" or a path: "
                       "disabling TLS support",
                       file);
    return start_with_file(file, name) ||
           err_set(err, ERR_CONFIG,
                   "OpenSSL cannot use tls_config_file = %s, tls_config_name = %s: disabling TLS "
                   "support",
                   file, name);
}

const char *tls_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* OpenSSL has them since 3.2, which is newer than what this is made for. */
void tls_library_refuse_keys(const char *name, struct strbuf *problems)
{
    strbuf_addf(problems,
                "%s: raw public keys need OpenSSL 3.2 and this is built for %s; certificates are "
                "used\n",
                name, OPENSSL_VERSION_TEXT);
}
