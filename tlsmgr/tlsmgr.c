/*
 * tlsmgr: what processes with TLS have in common: keys of session tickets, caches of sessions, and
 * randomness. They ask when a handshake begins; without an answer they do without.
 */
#include "base/xmem.h"
#include "config/common_params.h"
#include "delivery/user_rights.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "service/service.h"
#include "tls/tls_params.h"
#include "tls/tlsmgr_msg.h"
#include "tlsmgr/tlsmgr_cache.h"
#include "tlsmgr/tlsmgr_keys.h"
#include "tlsmgr/tlsmgr_params.h"
#include "tlsmgr/tlsmgr_random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { LIFETIME_MIN = 120 };

static struct tlsmgr_cache caches[] = {{.name = "smtpd"}, {.name = "smtp"}, {.name = "lmtp"}};
static struct tlsmgr_ring ring;

struct client {
    struct chan *chan;
};

static void client_close(struct client *client)
{
    chan_free(client->chan);
    free(client);
    service_client_done();
}

/* --- questions ------------------------------------------------------------------------------ */

static struct tlsmgr_cache *find_cache(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(caches); i++)
        if (strcmp(caches[i].name, name) == 0)
            return &caches[i];
    return NULL;
}

static bool answer_state(struct chan *chan, struct slice body, struct arena *arena, struct err *err)
{
    struct tlsmgr_ask ask;
    struct tlsmgr_key keys[TLSMGR_KEYS_MAX];
    unsigned char seed[TLSMGR_SEED_MAX];
    if (!msg_decode(&tlsmgr_ask_type, body, arena, &ask, err))
        return false;
    const struct tlsmgr_cache *cache = find_cache(ask.cache);
    if (!cache || ask.seed_size < 0 || ask.seed_size > TLSMGR_SEED_MAX)
        return err_set(err, ERR_PERM, "unknown cache, or too much randomness");
    struct tlsmgr_state state = {
        .has_cache = cache->map != NULL, .lifetime = cache->lifetime_s, .fresh_s = LIFETIME_MIN};
    if (cache == &caches[0] && cache->lifetime_s > 0 &&
        !tlsmgr_keys_state(&ring, cache->lifetime_s, keys, &state))
        log_warn(NULL, "OpenSSL has no random bytes for ticket keys");
    if (RAND_bytes(seed, (int)ask.seed_size) == 1)
        state.seed = (struct slice){(const char *)seed, (size_t)ask.seed_size};
    chan_send(chan, TLSMGR_STATE, &tlsmgr_state_type, &state);
    OPENSSL_cleanse(seed, sizeof seed);
    return true;
}

static bool entry_is_sane(const struct tlsmgr_entry *entry)
{
    size_t len = strlen(entry->id);
    if (len == 0 || len > TLSMGR_ID_MAX || entry->session.len > TLSMGR_SESSION_MAX)
        return false;
    for (const char *at = entry->id; *at; at++)
        if (*at <= ' ' || *at >= 127)
            return false;
    return true;
}

static bool answer_entry(struct chan *chan, enum tlsmgr_kind kind, struct slice body,
                         struct arena *arena, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf session = STRBUF_INIT(TLSMGR_SESSION_MAX);
    struct tlsmgr_entry entry;
    struct tlsmgr_session answer = {.session = SLICE_EMPTY};
    if (!msg_decode(&tlsmgr_entry_type, body, arena, &entry, err))
        return false;
    struct tlsmgr_cache *cache = find_cache(entry.cache);
    if (!cache || !entry_is_sane(&entry))
        return err_set(err, ERR_PERM, "unknown cache, or entry out of bounds");
    if (kind == TLSMGR_FIND)
        answer.is_found = tlsmgr_cache_find(cache, entry.id, &session) && !session.overflow;
    else if (kind == TLSMGR_SAVE)
        tlsmgr_cache_save(cache, entry.id, entry.session);
    else
        tlsmgr_cache_remove(cache, entry.id);
    if (answer.is_found)
        answer.session = strbuf_slice(&session);
    chan_send(chan, TLSMGR_SESSION, &tlsmgr_session_type, &answer);
    return true;
}

static bool answer(struct chan *chan, uint16_t kind, struct slice body, struct arena *arena,
                   struct err *err)
{
    switch (kind) {
    case TLSMGR_ASK_STATE:
        return answer_state(chan, body, arena, err);
    case TLSMGR_FIND:
    case TLSMGR_SAVE:
    case TLSMGR_REMOVE:
        return answer_entry(chan, (enum tlsmgr_kind)kind, body, arena, err);
    default:
        return err_set(err, ERR_PERM, "unknown kind %d", kind);
    }
}

/* The senders talk to strangers. */
static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("tlsmgr");
    struct err err = ERR_INIT;
    if (answer(chan, kind, body, arena, &err))
        return;
    log_warn(NULL, "bad request: %s", err.reason);
    client_close(owner);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "lost connection with a process: %s", err->reason);
    client_close(owner);
}

static void on_connect(int fd)
{
    static const struct chan_events events = {.on_message = on_message, .on_closed = on_closed};
    struct client *client = xzalloc(sizeof *client);
    client->chan = chan_new(service_loop(), fd, &events, client);
}

/* master's wake-ups start the service; there is nothing else to be done for them. */
static void on_trigger(struct slice letters)
{
    (void)letters;
}

/* --- the service ---------------------------------------------------------------------------- */

static void open_caches(void)
{
    const struct {
        const char *database;
        int64_t lifetime;
    } settings[COUNT_OF(caches)] = {
        {tlsmgr_params.smtpd_tls_session_cache_database,
         tlsmgr_params.smtpd_tls_session_cache_timeout},
        {tlsmgr_params.smtp_tls_session_cache_database,
         tlsmgr_params.smtp_tls_session_cache_timeout},
        {tlsmgr_params.lmtp_tls_session_cache_database,
         tlsmgr_params.lmtp_tls_session_cache_timeout},
    };
    caches[0].logs = strcmp(tls_params.smtpd_tls_loglevel, "2") >= 0;
    for (size_t i = 0; i < COUNT_OF(caches); i++) {
        if (settings[i].lifetime <= 0)
            continue;
        caches[i].lifetime_s = MAX(settings[i].lifetime, (int64_t)LIFETIME_MIN);
        tlsmgr_cache_open(&caches[i], settings[i].database);
    }
}

/* Files are the mail owner's business, what it reads of the system is not. */
static void before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    if (!params_load(cfg, tls_param_rows, &tls_params, &err))
        log_fatal("%s", err.reason);
    tlsmgr_random_open_source();
    const struct passwd *owner = getpwnam(common_params.mail_owner);
    struct user_rights rights;
    if (!owner)
        log_fatal("mail_owner: user %s is not known", common_params.mail_owner);
    rights = (struct user_rights){owner->pw_uid, owner->pw_gid};
    bool takes = user_rights_can_change();
    if (takes && !user_rights_take(&rights, &err))
        log_fatal("%s", err.reason);
    tlsmgr_random_open_file();
    open_caches();
    if (takes)
        user_rights_return();
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    tlsmgr_random_start(service_loop());
    for (size_t i = 0; i < COUNT_OF(caches); i++)
        tlsmgr_cache_start(&caches[i], service_loop());
}

/* Whoever is connected asks a successor, who needs the files. */
static bool on_retire(void)
{
    return true;
}

static void stop(void)
{
    tlsmgr_random_save();
    for (size_t i = 0; i < COUNT_OF(caches); i++)
        tlsmgr_cache_close(&caches[i]);
    OPENSSL_cleanse(&ring, sizeof ring);
}

int main(int argc, char **argv)
{
    static const struct service tlsmgr_service = {
        .name = "tlsmgr",
        .model = SERVICE_MANY_CLIENTS,
        .alone = true,
        .never_idle_exit = true,
        .params = tlsmgr_param_rows,
        .params_at = &tlsmgr_params,
        .before_jail = before_jail,
        .after_jail = after_jail,
        .on_connect = on_connect,
        .on_trigger = on_trigger,
        .on_retire = on_retire,
        .on_exit = stop,
    };
    return service_main(&tlsmgr_service, argc, argv);
}
