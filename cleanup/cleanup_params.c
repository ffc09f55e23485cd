/* The rows of cleanup_params.def as a table. */
#include "cleanup/cleanup_params.h"

#define PARAM_OWNER cleanup
#define PARAM_FILE  "cleanup/cleanup_params.def"
#include "config/param_rows.h"
