/* tlsproxy_choice: a setting of postscreen's own (postscreen_tls_...) comes before that of
 * tlsproxy, whose sessions are all postscreen's. */
#ifndef TLSPROXY_TLSPROXY_CHOICE_H
#define TLSPROXY_TLSPROXY_CHOICE_H

#include "config/config.h"

/* Put those values of postscreen_tls_ parameters that CFG sets in the place of the tlsproxy_tls_
 * ones in tlsproxy_params. */
void tlsproxy_choice_make(const struct config *cfg);

#endif
