/* psc_client_count: how many connections each client address has open. */
#ifndef POSTSCREEN_PSC_CLIENT_COUNT_H
#define POSTSCREEN_PSC_CLIENT_COUNT_H

#include "base/base.h"

struct psc_client_count;

struct psc_client_count *psc_client_count_new(void);
void psc_client_count_free(struct psc_client_count *counts);
/* One more; the number with it. */
size_t psc_client_count_add(struct psc_client_count *counts, const char *address);
void psc_client_count_remove(struct psc_client_count *counts, const char *address);

#endif
