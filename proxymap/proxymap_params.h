/* proxymap_params: the parameters of proxymap(8). */
#ifndef PROXYMAP_PROXYMAP_PARAMS_H
#define PROXYMAP_PROXYMAP_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER proxymap
#define PARAM_FILE  "proxymap/proxymap_params.def"
#include "config/param_struct.h"

#endif
