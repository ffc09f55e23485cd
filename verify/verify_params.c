/* The rows of verify_params.def as a table. */
#include "verify/verify_params.h"

#define PARAM_OWNER verify
#define PARAM_FILE  "verify/verify_params.def"
#include "config/param_rows.h"
