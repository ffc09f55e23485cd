/* The rows of tlsmgr_params.def as a table. */
#include "tlsmgr/tlsmgr_params.h"

#define PARAM_OWNER tlsmgr
#define PARAM_FILE  "tlsmgr/tlsmgr_params.def"
#include "config/param_rows.h"
