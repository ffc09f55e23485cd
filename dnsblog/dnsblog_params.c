/* The rows of dnsblog_params.def as a table. */
#include "dnsblog/dnsblog_params.h"

#define PARAM_OWNER dnsblog
#define PARAM_FILE  "dnsblog/dnsblog_params.def"
#include "config/param_rows.h"
