/* tls_sni: certificates by the name that the client asks for (RFC 6066, section 3). */
#ifndef TLS_TLS_SNI_H
#define TLS_TLS_SNI_H

struct ssl_ctx_st;
struct maps;

/* MAPS: tls_server_sni_maps: keys and certificate chains, PEM in base64, by the name or by a parent
 * with a dot in front; they must live as long as CTX. A name that no table has gets what CTX has. A
 * table that cannot be asked, or what it has when that is no chain, ends the handshake. */
void tls_sni_set_up(struct ssl_ctx_st *ctx, struct maps *maps);

#endif
