/* The rows of qmqpd_params.def as a table. */
#include "qmqpd/qmqpd_params.h"

#define PARAM_OWNER qmqpd
#define PARAM_FILE  "qmqpd/qmqpd_params.def"
#include "config/param_rows.h"
