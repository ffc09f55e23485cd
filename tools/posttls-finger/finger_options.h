/* finger_options: the command line of posttls-finger(1). */
#ifndef FINGER_OPTIONS_H
#define FINGER_OPTIONS_H

#include "base/argv.h"
#include "base/strbuf.h"

enum finger_level {
    FINGER_NONE,
    FINGER_MAY,
    FINGER_ENCRYPT,
    FINGER_FINGERPRINT,
    FINGER_VERIFY,
    FINGER_SECURE,
    FINGER_DANE, /* FINGER_SECURE, for a host without TLSA records */
    FINGER_DANE_ONLY,
};

/* What TLSA records are worth when the MX record may be forged. */
enum finger_weak_mx { FINGER_WEAK_MAY, FINGER_WEAK_ENCRYPT, FINGER_WEAK_DANE };

enum finger_lookup { FINGER_LOOKUP_DNS = 1, FINGER_LOOKUP_NATIVE = 2 };

struct finger_options {
    enum finger_level level;
    const char *level_name, *destination;
    const char *digest; /* NULL: as main.cf has it */
    const char *CAfile, *CApath, *cert_file, *key_file, *grade, *protocols, *server_name;
    struct strbuf chain_files, anchor_files; /* lists; empty: none */
    struct argv settings;                    /* of -o: "name=value" */
    char **matches;                          /* NULL at the end */
    int family;                              /* AF_UNSPEC: any */
    unsigned lookups;                        /* enum finger_lookup */
    int64_t connect_timeout_ms, command_timeout_ms;
    enum finger_weak_mx weak_mx;
    int64_t delay_s, reconnects; /* DELAY_S 0: no second connection; else RECONNECTS at most */
    bool is_lmtp, is_wrapped, shows_chat, shows_chain, forces_lookup;
    bool is_service, wants_raw_keys; /* IS_SERVICE: SRV records, not those of MX */
    /* what -L asks for; TRACE: the level of tls_session_options, 1 or more, and TRACE_AGAIN that
     * of a second connection */
    bool shows_summary, shows_certificate, shows_match, shows_cache;
    int trace, trace_again;
};

/* Fill *ret_options; what is wrong with the command line is said, and ends the program. The texts
 * are those of ARGV. */
void finger_options_parse(int argc, char **argv, struct finger_options *ret_options);
void finger_options_done(struct finger_options *options);

#endif
