/* psc_access: postscreen_access_list: clients that are let in or kept out without tests. */
#ifndef POSTSCREEN_PSC_ACCESS_H
#define POSTSCREEN_PSC_ACCESS_H

#include "base/strbuf.h"

enum psc_verdict { PSC_NO_VERDICT, PSC_ALLOW, PSC_DENY };

struct psc_access;

/* MYNETWORKS: the value of that parameter, for permit_mynetworks. PROBLEMS: lines to be logged. */
struct psc_access *psc_access_new(const char *list, const char *mynetworks,
                                  struct strbuf *problems);
void psc_access_free(struct psc_access *access);
bool psc_access_has_changed(struct psc_access *access);
/* ADDRESS is numeric. What cannot be understood or asked ends the list without a verdict: the
 * client is tested. PROBLEMS: lines to be logged. */
enum psc_verdict psc_access_find(struct psc_access *access, const char *address,
                                 struct strbuf *problems);

#endif
