#include "tls/tls_params.h"

#define PARAM_OWNER tls
#define PARAM_FILE  "tls/tls_params.def"
#include "config/param_rows.h"
