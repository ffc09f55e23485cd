/*
 * cleanup_map: addresses to what the tables make of them: standard form, canonical form,
 * masquerading, virtual aliases.
 */
#ifndef CLEANUP_CLEANUP_MAP_H
#define CLEANUP_CLEANUP_MAP_H

#include "base/argv.h"
#include "cleanup/cleanup_message.h"
#include "cleanup/cleanup_tables.h"

/* Standard form in CONTEXT, then canonical_maps and masquerading for CLASS when the client asked
 * for mapping. A table that fails puts CLEANUP_STAT_DEFER into the status; the address is then as
 * it was. */
void cleanup_map_address(struct cleanup_message *m, enum rewrite_context context,
                         enum cleanup_class class_bit, struct slice address, struct strbuf *out);
/* The recipients that ADDRESS stands for, at least itself. */
void cleanup_map_virtual(struct cleanup_message *m, const char *address, struct argv *out);
/* One address from a bcc map; false: nothing there. */
bool cleanup_map_bcc(struct cleanup_message *m, struct maps *maps, const char *address,
                     struct strbuf *out);

#endif
