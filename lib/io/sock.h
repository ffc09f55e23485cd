/* sock: stream sockets: listening, connecting, addresses as text. */
#ifndef IO_SOCK_H
#define IO_SOCK_H

#include "base/err.h"
#include "base/strbuf.h"

#include <sys/socket.h>

/* Unix-domain stream (or datagram) socket at PATH. An old socket is replaced; mode as given. */
int sock_listen_unix(const char *path, int type, mode_t mode, struct err *err);
/* Connect, waiting at most TIMEOUT_MS; blocking descriptor, close-on-exec. -1 with ERR. */
int sock_connect_unix(const char *path, int64_t timeout_ms, struct err *err);
/* How much may be on its way at once; the system may grant less. */
void sock_send_room(int fd, int bytes);
/* Start a non-blocking connect; 0: in progress or done (watch for WRITE, then sock_error).
 */
int sock_connect_unix_start(const char *path, struct err *err);
int sock_connect_start(const struct sockaddr *to, socklen_t to_len, const struct sockaddr *from,
                       socklen_t from_len, struct err *err);
/* The same with buffers of WINDOW bytes; 0: as the system has them. */
int sock_connect_start_window(const struct sockaddr *to, socklen_t to_len,
                              const struct sockaddr *from, socklen_t from_len, int window,
                              struct err *err);
/* The errno that waits on a socket, which forgets it: why a connect failed, or that the peer has
 * reset the connection; 0: none. */
int sock_error(int fd);

/* TCP listener; BACKLOG as inet listen queue. Its connections have buffers of WINDOW bytes, or, at
 * 0, as the system has them. */
int sock_listen_inet(const struct sockaddr *addr, socklen_t len, int backlog, int window,
                     struct err *err);

/* "192.0.2.1", "2001:db8::1" (IPv4-mapped IPv6 as IPv4), "" for a Unix socket; port 0 likewise. */
void sock_address_text(const struct sockaddr *addr, struct strbuf *out);
int sock_address_port(const struct sockaddr *addr);
/* Numeric address and port to sockaddr; false when it is neither IPv4 nor IPv6. */
bool sock_address_parse(const char *host, int port, struct sockaddr_storage *ret,
                        socklen_t *ret_len);

#endif
