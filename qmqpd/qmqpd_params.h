/* qmqpd_params: the parameters of qmqpd; filled at start, then read-only. */
#ifndef QMQPD_QMQPD_PARAMS_H
#define QMQPD_QMQPD_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER qmqpd
#define PARAM_FILE  "qmqpd/qmqpd_params.def"
#include "config/param_struct.h"

#endif
