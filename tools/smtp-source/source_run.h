/* source_run: sends the messages over parallel sessions of one libevent loop. */
#ifndef SOURCE_RUN_H
#define SOURCE_RUN_H

#include "tools/smtp-source/source_options.h"

/* Returns when everything was sent; a refusal ends the program unless options say otherwise. */
void source_run(const struct source_options *options);

#endif
