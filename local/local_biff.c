/* Telling comsat(8) of new mail: one datagram "user@offset", best effort. */
#include "base/strbuf.h"
#include "local/local_steps.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { BIFF_PORT = 512 };

void local_biff(const char *user, int64_t offset)
{
    static int fd = -1; /* of the process */
    if (fd < 0)
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    const struct sockaddr_in comsat = {.sin_family = AF_INET,
                                       .sin_port = htons(BIFF_PORT),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(1024);
    strbuf_addf(&text, "%s@%lld", user, (long long)offset);
    /* nobody may be listening, and nobody waits for it */
    (void)!sendto(fd, text.s, text.len, 0, (const struct sockaddr *)&comsat, sizeof comsat);
}
