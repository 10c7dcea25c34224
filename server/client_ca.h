/*
 * Whom a configuration lets certify TLS clients.
 *
 * Nursery, whose guards inherit it, and start_check.c.
 */
#ifndef SERVER_CLIENT_CA_H
#define SERVER_CLIENT_CA_H

#include <stdbool.h>

#include "auth/auth_certificate.h"
#include "conf/conf.h"

/* Does a listener ask for certificates, and is there somebody to issue them? */
bool client_ca_is_wanted(const struct conf *conf);
/* The caller's (auth_certificate_ca_free); NULL with a line for the administrator, which is "" after a success. */
struct auth_certificate_ca *client_ca_load(const struct conf *conf, char message[CONF_MESSAGE_BYTES]);

#endif
