/* The rows of proxymap_params.def as a table. */
#include "proxymap/proxymap_params.h"

#define PARAM_OWNER proxymap
#define PARAM_FILE  "proxymap/proxymap_params.def"
#include "config/param_rows.h"
