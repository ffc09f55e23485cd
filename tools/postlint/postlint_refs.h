/*
 * postlint_refs: the parameters that a value refers to: by $name, or as settings of a table
 * ("ldap:NAME" reads NAME_server_host).
 */
#ifndef POSTLINT_POSTLINT_REFS_H
#define POSTLINT_POSTLINT_REFS_H

#include "base/argv.h"

/* Add to REFS what TEXT refers to; a table's settings as "NAME_*". */
void postlint_refs_add(struct argv *refs, struct slice text);
/* When all are added, before the first question. */
void postlint_refs_sort(struct argv *refs);
bool postlint_refs_has(const struct argv *refs, const char *name);

#endif
