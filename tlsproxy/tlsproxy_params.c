/* The rows of tlsproxy_params.def as a table. */
#include "tlsproxy/tlsproxy_params.h"

#define PARAM_OWNER tlsproxy
#define PARAM_FILE  "tlsproxy/tlsproxy_params.def"
#include "config/param_rows.h"
