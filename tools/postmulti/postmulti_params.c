/* The rows of postmulti_params.def as a table. */
#include "postmulti/postmulti_params.h"

#define PARAM_OWNER postmulti
#define PARAM_FILE  "postmulti/postmulti_params.def"
#include "config/param_rows.h"
