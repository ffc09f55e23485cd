/*
 * map_conf: the settings of one table of a database client: "ldap:/etc/postfix/users.cf", or the
 * older "ldap:users", whose settings are users_server_host, users_timeout, ... in main.cf.
 *
 * The settings are rows as those of main.cf (config/param.h), read into a struct of the driver's.
 * Values in a file are taken as they are; those in main.cf have their $names expanded.
 */
#ifndef MAP_MAP_CONF_H
#define MAP_MAP_CONF_H

#include "config/param.h"

/* Read NAME (what follows "type:"; a file when it begins with / or .) into PARAMS; texts live until
 * params_done(ROWS, PARAMS), which the caller owes also after a failure. The errors name the file
 * or the parameter of main.cf. */
bool map_conf_load(const char *name, const struct param_row *rows, void *params, struct err *err);

#endif
