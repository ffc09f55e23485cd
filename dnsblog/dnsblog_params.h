/* dnsblog_params: the parameters of dnsblog; filled at start, then read-only. */
#ifndef DNSBLOG_PARAMS_H
#define DNSBLOG_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER dnsblog
#define PARAM_FILE  "dnsblog/dnsblog_params.def"
#include "config/param_struct.h"

#endif
