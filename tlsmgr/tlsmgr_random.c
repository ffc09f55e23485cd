#include "tlsmgr/tlsmgr_random.h"

#include "base/strbuf.h"
#include "io/fd.h"
#include "log/log.h"
#include "tlsmgr/tlsmgr_owned.h"
#include "tlsmgr/tlsmgr_params.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE = 1024, SOURCE_MAX = 255 };

static int source_fd = -1, file_fd = -1;
static bool source_is_file;
static struct timer *reseed_timer, *save_timer;

static void mix_from(int fd, size_t size, const char *what)
{
    unsigned char data[FILE_SIZE];
    ssize_t len = fd < 0 ? 0 : read(fd, data, MIN(size, sizeof data));
    if (len > 0)
        RAND_add(data, (int)len, 0);
    else if (len < 0)
        log_warn(NULL, "cannot read %s: %s", what, strerror(errno));
    OPENSSL_cleanse(data, sizeof data);
}

static void reseed(void)
{
    if (source_is_file && lseek(source_fd, 0, SEEK_SET) < 0)
        return;
    mix_from(source_fd, (size_t)MIN(tlsmgr_params.tls_random_bytes, (int64_t)SOURCE_MAX),
             "tls_random_source");
}

void tlsmgr_random_open_source(void)
{
    struct slice source = slice_of(tlsmgr_params.tls_random_source);
    struct stat st;
    if (source.len == 0)
        return;
    if (slice_starts(source, "egd:")) {
        log_warn(NULL,
                 "tls_random_source = %s: OpenSSL knows no EGD any more; the system's "
                 "randomness is used",
                 source.s);
        return;
    }
    const char *path = slice_starts(source, "dev:") ? source.s + 4 : source.s;
    source_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (source_fd < 0)
        log_warn(NULL, "cannot open entropy device %s: %s", source.s, strerror(errno));
    else
        source_is_file = fstat(source_fd, &st) == 0 && S_ISREG(st.st_mode);
}

void tlsmgr_random_open_file(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    if (!tlsmgr_params.tls_random_exchange_name[0])
        return;
    tlsmgr_owned_path(tlsmgr_params.tls_random_exchange_name, &path);
    file_fd = open(path.s, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (file_fd < 0)
        log_warn(NULL, "cannot open PRNG exchange file %s: %s", path.s, strerror(errno));
    mix_from(file_fd, FILE_SIZE, "PRNG exchange file");
}

/* Losing it loses nothing but what it would have added. */
void tlsmgr_random_save(void)
{
    unsigned char data[FILE_SIZE];
    if (file_fd < 0 || RAND_bytes(data, sizeof data) != 1)
        return;
    if (!fd_pwrite_all(file_fd, data, sizeof data, 0))
        log_warn(NULL, "cannot write PRNG exchange file: %s", strerror(errno));
    OPENSSL_cleanse(data, sizeof data);
}

static void on_save(void *owner)
{
    (void)owner;
    tlsmgr_random_save();
    timer_start(save_timer, tlsmgr_params.tls_random_prng_update_period * 1000);
}

/* After a time that nobody can tell. */
static void on_reseed(void *owner)
{
    unsigned char byte = 0;
    (void)owner;
    reseed();
    RAND_bytes(&byte, 1);
    timer_start(reseed_timer,
                MAX(tlsmgr_params.tls_random_reseed_period * 1000 * (byte + 1) / 256, (int64_t)1));
}

void tlsmgr_random_start(struct loop *loop)
{
    reseed_timer = timer_new(loop, on_reseed, NULL);
    save_timer = timer_new(loop, on_save, NULL);
    on_reseed(NULL);
    on_save(NULL);
}
