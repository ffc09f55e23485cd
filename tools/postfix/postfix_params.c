/* The rows of postfix_params.def as a table. */
#include "postfix/postfix_params.h"

#define PARAM_OWNER postfix
#define PARAM_FILE  "postfix/postfix_params.def"
#include "config/param_rows.h"
