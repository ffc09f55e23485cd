/* tlsproxy_params: the parameters of tlsproxy; filled at start, then read-only. */
#ifndef TLSPROXY_PARAMS_H
#define TLSPROXY_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER tlsproxy
#define PARAM_FILE  "tlsproxy/tlsproxy_params.def"
#include "config/param_struct.h"

#endif
