#include "tlsproxy/tlsproxy_choice.h"

#include "tlsproxy/tlsproxy_params.h"

#include <stddef.h>
#include <string.h>

#define CHOICE(own, general)                                                                       \
    {                                                                                              \
#own, &tlsproxy_params.own, &tlsproxy_params.general, sizeof tlsproxy_params.general       \
    }

static const struct choice {
    const char *name;
    const void *from;
    void *to;
    size_t size;
} choices[] = {
    CHOICE(postscreen_tls_CAfile, tlsproxy_tls_CAfile),
    CHOICE(postscreen_tls_CApath, tlsproxy_tls_CApath),
    CHOICE(postscreen_tls_always_issue_session_ids, tlsproxy_tls_always_issue_session_ids),
    CHOICE(postscreen_tls_ask_ccert, tlsproxy_tls_ask_ccert),
    CHOICE(postscreen_tls_ccert_verifydepth, tlsproxy_tls_ccert_verifydepth),
    CHOICE(postscreen_tls_cert_file, tlsproxy_tls_cert_file),
    CHOICE(postscreen_tls_chain_files, tlsproxy_tls_chain_files),
    CHOICE(postscreen_tls_ciphers, tlsproxy_tls_ciphers),
    CHOICE(postscreen_tls_dcert_file, tlsproxy_tls_dcert_file),
    CHOICE(postscreen_tls_dh1024_param_file, tlsproxy_tls_dh1024_param_file),
    CHOICE(postscreen_tls_dkey_file, tlsproxy_tls_dkey_file),
    CHOICE(postscreen_tls_eccert_file, tlsproxy_tls_eccert_file),
    CHOICE(postscreen_tls_eckey_file, tlsproxy_tls_eckey_file),
    CHOICE(postscreen_tls_enable_rpk, tlsproxy_tls_enable_rpk),
    CHOICE(postscreen_tls_exclude_ciphers, tlsproxy_tls_exclude_ciphers),
    CHOICE(postscreen_tls_key_file, tlsproxy_tls_key_file),
    CHOICE(postscreen_tls_loglevel, tlsproxy_tls_loglevel),
    CHOICE(postscreen_tls_mandatory_ciphers, tlsproxy_tls_mandatory_ciphers),
    CHOICE(postscreen_tls_mandatory_exclude_ciphers, tlsproxy_tls_mandatory_exclude_ciphers),
    CHOICE(postscreen_tls_mandatory_protocols, tlsproxy_tls_mandatory_protocols),
    CHOICE(postscreen_tls_protocols, tlsproxy_tls_protocols),
    CHOICE(postscreen_tls_req_ccert, tlsproxy_tls_req_ccert),
};

void tlsproxy_choice_make(const struct config *cfg)
{
    for (const struct choice *c = choices; c < choices + COUNT_OF(choices); c++)
        if (config_set_value(cfg, c->name))
            memcpy(c->to, c->from, c->size);
}
