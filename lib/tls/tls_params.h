/* tls_params: the parameters that all programs with TLS share. */
#ifndef TLS_TLS_PARAMS_H
#define TLS_TLS_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER tls
#define PARAM_FILE  "tls/tls_params.def"
#include "config/param_struct.h"

#endif
