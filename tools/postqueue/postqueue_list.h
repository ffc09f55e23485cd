/* postqueue_list: get the listing from showq(8), or from one of our own when the system is down. */
#ifndef POSTQUEUE_POSTQUEUE_LIST_H
#define POSTQUEUE_POSTQUEUE_LIST_H

#include "base/base.h"

int postqueue_list(bool as_json, int verbose); /* exit status */

#endif
