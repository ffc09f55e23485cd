/* spawn_command: the command of one client: started with the connection as its standard input,
 * output and errors, watched until it ends. */
#ifndef SPAWN_SPAWN_COMMAND_H
#define SPAWN_SPAWN_COMMAND_H

#include "config/config.h"
#include "spawn/spawn_attributes.h"

/* A must stay. Reads SERVICE_time_limit and export_environment. */
bool spawn_command_setup(const struct config *cfg, const struct spawn_attributes *a,
                         struct err *err);
/* In the loop: look for children that end. */
void spawn_command_watch(void);
void spawn_command_on_connect(int fd);
void spawn_command_done(void);

#endif
