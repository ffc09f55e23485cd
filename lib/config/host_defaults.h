/*
 * host_defaults: defaults that depend on the host and on the process.
 *
 * myhostname and mydomain come from the system's host name, mynetworks from the network interfaces,
 * process_name and process_id from the process.
 */
#ifndef CONFIG_HOST_DEFAULTS_H
#define CONFIG_HOST_DEFAULTS_H

#include "config/config.h"

bool host_defaults_set(struct config *cfg, struct err *err);

/* The parts of it. Names are computed by set_names; set_networks needs them, because
 * inet_interfaces may hold $myhostname. */
void host_defaults_set_names(struct config *cfg);
bool host_defaults_set_networks(struct config *cfg, struct err *err);

/* The three answers of set_names for a host called HOST_NAME; SET_* are what main.cf says or NULL.
 * For tests. */
void host_defaults_names(const char *host_name, const char *set_myhostname,
                         const char *set_mydomain, struct strbuf *myhostname,
                         struct strbuf *mydomain);

/* When *MYORIGIN is a file name (it begins with "/"), put the first line of the file there. */
bool host_defaults_read_origin(const char **myorigin, struct err *err);

#endif
