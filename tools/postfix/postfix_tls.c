/* postfix tls: keys and certificates for the SMTP server, and settings to begin with. */
#include "config/common_params.h"
#include "config/config.h"
#include "config/known_params.h"
#include "log/log.h"
#include "postfix/postfix.h"
#include "postfix/postfix_openssl.h"
#include "postfix/postfix_params.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct algorithm {
    const char *name, *bits, *prefix; /* of file names */
    const char *certificate, *key;    /* parameters */
} algorithms[] = {
    {"rsa", "2048", "", "smtpd_tls_cert_file", "smtpd_tls_key_file"},
    {"ecdsa", "prime256v1", "ec", "smtpd_tls_eccert_file", "smtpd_tls_eckey_file"},
};

static const struct algorithm *find_algorithm(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static void get(const struct postfix *postfix, const char *name, struct strbuf *ret)
{
    struct err err = ERR_INIT;
    for (const struct param_row *row = known_param_rows; row->name; row++)
        if (strcmp(param_name(row), name) == 0 &&
            !config_get_text(postfix->config, name, row->default_text, ret, &err))
            log_fatal("%s", err.reason);
}

/* --- defaults ------------------------------------------------------------------------------- */

static bool is_tls_setting(const char *name, const char *program)
{
    size_t len = strlen(program);
    if (strncmp(name, program, len) != 0 || name[len] != '_')
        return false;
    const char *rest = name + len + 1;
    return strncmp(rest, "tls_", 4) == 0 || strcmp(rest, "use_tls") == 0 ||
           strcmp(rest, "enforce_tls") == 0;
}

static bool all_default(const struct postfix *postfix, const char *program)
{
    for (const struct param_row *row = known_param_rows; row->name; row++) {
        const char *set = config_set_value(postfix->config, param_name(row));
        if (set && is_tls_setting(param_name(row), program) && strcmp(set, row->default_text) != 0)
            return false;
    }
    return true;
}

static int all_default_client(const struct postfix *postfix, char **args)
{
    (void)args;
    return all_default(postfix, "smtp") ? 0 : 1;
}

static int all_default_server(const struct postfix *postfix, char **args)
{
    (void)args;
    return all_default(postfix, "smtpd") ? 0 : 1;
}

/* --- settings ------------------------------------------------------------------------------- */

static void edit(const struct postfix *postfix, const struct argv *settings)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    argv_addf(&argv, "%s/postconf", common_params.command_directory);
    argv_add(&argv, "-c");
    argv_add(&argv, postfix->dir);
    argv_add(&argv, "-e");
    for (size_t i = 0; i < settings->count; i++)
        argv_add(&argv, settings->at[i]);
    if (postfix_run(&argv) != 0)
        log_fatal("main.cf was not changed");
}

static void say_reload(void)
{
    log_info(NULL, "The settings count from the next \"postfix reload\" on.");
}

static void add_source(struct argv *settings, const char *source)
{
    bool has_kind = strncmp(source, "dev:", 4) == 0 || strncmp(source, "egd:", 4) == 0;
    if (source[0])
        argv_addf(settings, "tls_random_source = %s%s", has_kind ? "" : "dev:", source);
}

/* PROGRAM: smtp or smtpd. */
static void add_usual(struct argv *settings, const char *program)
{
    argv_addf(settings, "%s_tls_security_level = may", program);
    argv_addf(settings, "%s_tls_loglevel = 1", program);
}

static void say_usual(const char *side, const char *program)
{
    CLEANUP(argv_done) struct argv usual = ARGV_INIT;
    log_info(NULL, "The %s has TLS settings already; nothing was changed. Usual ones are", side);
    add_usual(&usual, program);
    for (size_t i = 0; i < usual.count; i++)
        log_info(NULL, "  %s", usual.at[i]);
}

struct options {
    const char *source, *algorithm, *bits, *host, *key;
};

/* The arguments behind the options. */
static char **take_options(char **args, const char *letters, struct options *ret)
{
    *ret = (struct options){.source = "", .algorithm = "rsa", .host = "", .key = ""};
    for (; args[0] && args[0][0] == '-'; args += 2) {
        char letter = args[0][1];
        if (!letter || args[0][2] || !strchr(letters, letter) || !args[1])
            log_fatal("postfix tls: bad option %s, or no value behind it", args[0]);
        if (letter == 'r')
            ret->source = args[1];
        else if (letter == 'a')
            ret->algorithm = args[1];
        else if (letter == 'b')
            ret->bits = args[1];
        else if (letter == 'h')
            ret->host = args[1];
        else
            ret->key = args[1];
    }
    return args;
}

static int enable_client(const struct postfix *postfix, char **args)
{
    CLEANUP(argv_done) struct argv settings = ARGV_INIT;
    struct options options;
    take_options(args, "r", &options);
    if (!all_default(postfix, "smtp")) {
        say_usual("client", "smtp");
        return 0;
    }
    add_usual(&settings, "smtp");
    argv_addf(&settings, "%s_tls_session_cache_database = btree:${data_directory}/smtp_scache",
              "smtp");
    add_source(&settings, options.source);
    edit(postfix, &settings);
    log_info(NULL, "The SMTP client is set to use TLS where servers offer it.");
    say_reload();
    return 0;
}

/* --- keys and certificates ------------------------------------------------------------------ */

/* They become part of a command's argument and of a certificate. */
static void take_hosts(char **args, struct argv *ret)
{
    for (; *args; args++)
        argv_add(ret, *args);
    if (!ret->count)
        argv_add(ret, common_params.myhostname);
    for (size_t i = 0; i < ret->count; i++)
        if (!ret->at[i][0] || strspn(ret->at[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                                                 "WXYZ0123456789.-_*") != strlen(ret->at[i]))
            log_fatal("not a host name: %s", ret->at[i]);
}

/* A path, relative to the configuration, or the name of an algorithm: the key in use. */
static bool find_key(const struct postfix *postfix, const char *name, struct strbuf *ret)
{
    const struct algorithm *algorithm = find_algorithm(name);
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    if (algorithm)
        get(postfix, algorithm->key, &value);
    else
        strbuf_set(&value, name);
    if (!value.len || strcmp(value.s, "none") == 0)
        return false;
    strbuf_setf(ret, "%s%s%s", value.s[0] == '/' ? "" : postfix->dir, value.s[0] == '/' ? "" : "/",
                value.s);
    return true;
}

static void copy_key(const char *from, const char *to)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    const char *const words[] = {"install", "-m", "600", from, to};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        argv_add(&argv, words[i]);
    if (postfix_run(&argv) != 0)
        log_fatal("cannot copy %s to %s", from, to);
}

struct pair {
    struct strbuf certificate, key;
};

static void pair_done(struct pair *pair)
{
    strbuf_done(&pair->certificate);
    strbuf_done(&pair->key);
}

/* KEEPS: the key that is in use, if there is one, gets the new certificate. */
static void make_pair(const struct postfix *postfix, const struct options *options,
                      const struct argv *hosts, bool keeps, struct pair *ret)
{
    const struct algorithm *algorithm = find_algorithm(options->algorithm);
    CLEANUP(strbuf_done) struct strbuf old = STRBUF_ANY;
    char now[32];
    time_t seconds = time(NULL);
    struct tm tm;
    if (!algorithm)
        log_fatal("unsupported public key algorithm: %s", options->algorithm);
    gmtime_r(&seconds, &tm);
    strftime(now, sizeof now, "%Y%m%d-%H%M%S", &tm);
    strbuf_addf(&ret->key, "%s/%skey-%s.pem", postfix->dir, algorithm->prefix, now);
    strbuf_addf(&ret->certificate, "%s/%scert-%s.pem", postfix->dir, algorithm->prefix, now);
    if (keeps && find_key(postfix, algorithm->name, &old) && postfix_openssl_has_key(old.s))
        copy_key(old.s, ret->key.s);
    else
        postfix_openssl_key(algorithm->name, options->bits ? options->bits : algorithm->bits,
                            ret->key.s);
    postfix_openssl_certificate(ret->key.s, hosts, ret->certificate.s);
}

static void say_next(const struct pair *pair)
{
    log_info(NULL, "A request for a certification authority:");
    log_info(NULL, "  postfix tls output-server-csr -k %s [hostname...]", pair->key.s);
    log_info(NULL, "What comes back, with the intermediate certificates behind it, goes to %s.",
             pair->certificate.s);
    log_info(NULL, "TLSA records; publish them and let old ones expire before the key is used:");
    log_info(NULL, "  postfix tls output-server-tlsa [-h hostname] %s", pair->key.s);
}

static int new_server(const struct postfix *postfix, char **args, bool keeps)
{
    CLEANUP(argv_done) struct argv hosts = ARGV_INIT;
    CLEANUP(pair_done) struct pair pair = {STRBUF_ANY, STRBUF_ANY};
    struct options options;
    take_hosts(take_options(args, "ab", &options), &hosts);
    make_pair(postfix, &options, &hosts, keeps, &pair);
    log_info(NULL, "There is a new key with a certificate that it signed itself. To use them:");
    log_info(NULL, "  postfix tls deploy-server-cert %s %s", pair.certificate.s, pair.key.s);
    say_next(&pair);
    return 0;
}

static int new_server_key(const struct postfix *postfix, char **args)
{
    return new_server(postfix, args, false);
}

static int new_server_cert(const struct postfix *postfix, char **args)
{
    return new_server(postfix, args, true);
}

static void deploy(const struct postfix *postfix, const struct pair *pair, struct argv *settings)
{
    const struct algorithm *algorithm = find_algorithm(postfix_openssl_algorithm(pair->key.s));
    if (!algorithm)
        log_fatal("no RSA or ECDSA private key in %s", pair->key.s);
    if (!postfix_openssl_match(pair->certificate.s, pair->key.s))
        log_fatal("the first certificate in %s is not that of the key in %s", pair->certificate.s,
                  pair->key.s);
    argv_addf(settings, "%s = %s", algorithm->certificate, pair->certificate.s);
    argv_addf(settings, "%s = %s", algorithm->key, pair->key.s);
    edit(postfix, settings);
    say_reload();
}

static int deploy_server_cert(const struct postfix *postfix, char **args)
{
    CLEANUP(pair_done) struct pair pair = {STRBUF_ANY, STRBUF_ANY};
    CLEANUP(argv_done) struct argv settings = ARGV_INIT;
    if (!args[0] || !args[1] || args[2])
        log_fatal("usage: postfix tls deploy-server-cert certfile keyfile");
    strbuf_addf(&pair.certificate, "%s%s%s", args[0][0] == '/' ? "" : postfix->dir,
                args[0][0] == '/' ? "" : "/", args[0]);
    strbuf_addf(&pair.key, "%s%s%s", args[1][0] == '/' ? "" : postfix->dir,
                args[1][0] == '/' ? "" : "/", args[1]);
    deploy(postfix, &pair, &settings);
    return 0;
}

static int enable_server(const struct postfix *postfix, char **args)
{
    CLEANUP(argv_done) struct argv hosts = ARGV_INIT, settings = ARGV_INIT;
    CLEANUP(pair_done) struct pair pair = {STRBUF_ANY, STRBUF_ANY};
    struct options options;
    take_hosts(take_options(args, "rab", &options), &hosts);
    if (!all_default(postfix, "smtpd")) {
        say_usual("server", "smtpd");
        log_info(NULL,
                 "\"postfix tls new-server-cert\" makes a certificate, \"new-server-key\" a key "
                 "as well.");
        return 0;
    }
    make_pair(postfix, &options, &hosts, false, &pair);
    add_usual(&settings, "smtpd");
    argv_add(&settings, "smtpd_tls_received_header = yes");
    add_source(&settings, options.source);
    deploy(postfix, &pair, &settings);
    log_info(NULL, "The SMTP server is set to offer TLS, with a new key and certificate.");
    say_next(&pair);
    return 0;
}

/* --- output --------------------------------------------------------------------------------- */

static int output_server_csr(const struct postfix *postfix, char **args)
{
    CLEANUP(argv_done) struct argv hosts = ARGV_INIT;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    struct options options;
    take_hosts(take_options(args, "k", &options), &hosts);
    if (!find_key(postfix, options.key[0] ? options.key : "rsa", &key))
        log_fatal("no key file is given or configured");
    if (!postfix_openssl_has_key(key.s))
        log_fatal("no private key in %s", key.s);
    postfix_openssl_print_request(key.s, &hosts);
    return 0;
}

static int output_server_tlsa(const struct postfix *postfix, char **args)
{
    static char *both[] = {"rsa", "ecdsa", NULL};
    CLEANUP(argv_done) struct argv hosts = ARGV_INIT;
    struct options options;
    size_t count = 0;
    char *none[] = {NULL};
    args = take_options(args, "h", &options);
    char *given[] = {(char *)(uintptr_t)options.host, NULL};
    take_hosts(options.host[0] ? given : none, &hosts);
    for (char **name = args[0] ? args : both; *name; name++) {
        CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, digest = STRBUF_ANY;
        if (!find_key(postfix, *name, &key))
            continue;
        if (!postfix_openssl_has_key(key.s))
            log_fatal("no private key in %s", key.s);
        postfix_openssl_key_digest(key.s, &digest);
        printf("; %s\n_25._tcp.%s. IN TLSA 3 1 1 %s\n", key.s, hosts.at[0], digest.s);
        count++;
    }
    if (!count)
        log_fatal("no key file is given or configured");
    return 0;
}

int postfix_tls(const struct postfix *postfix)
{
    static const struct {
        const char *name;
        int (*run)(const struct postfix *postfix, char **args);
    } commands[] = {
        {"all-default-client", all_default_client}, {"all-default-server", all_default_server},
        {"enable-client", enable_client},           {"enable-server", enable_server},
        {"new-server-key", new_server_key},         {"new-server-cert", new_server_cert},
        {"deploy-server-cert", deploy_server_cert}, {"output-server-csr", output_server_csr},
        {"output-server-tlsa", output_server_tlsa},
    };
    struct err err = ERR_INIT;
    const char *name = postfix->args[0] ? postfix->args[0] : "";
    if (!params_load(postfix->config, postfix_param_rows, &postfix_params, &err))
        log_fatal("%s", err.reason);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0) {
            int status = commands[i].run(postfix, postfix->args + 1);
            params_done(postfix_param_rows, &postfix_params);
            return status;
        }
    log_error(NULL, "unknown tls command: '%s'", name);
    log_fatal("usage: postfix tls enable-client (or enable-server, new-server-key, "
              "new-server-cert, deploy-server-cert, output-server-csr, output-server-tlsa, "
              "all-default-client, all-default-server)");
}
