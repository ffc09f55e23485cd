/* tls_loglevel: how much of TLS with one peer is logged. */
#ifndef TLS_TLS_LOGLEVEL_H
#define TLS_TLS_LOGLEVEL_H

#include "map/maps.h"

/* What MAPS have for the peer's NAME, the parents of it, its ADDRESS and the networks that is in;
 * NAME NULL: not known.
 * OTHERWISE where they have nothing. TITLE: the parameter; PROBLEMS gets lines to be logged. */
int tls_loglevel_find(struct maps *maps, const char *title, const char *name, const char *address,
                      int otherwise, struct strbuf *problems);

#endif
