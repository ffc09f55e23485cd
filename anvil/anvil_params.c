/* The rows of anvil_params.def as a table. */
#include "anvil/anvil_params.h"

#define PARAM_OWNER anvil
#define PARAM_FILE  "anvil/anvil_params.def"
#include "config/param_rows.h"
