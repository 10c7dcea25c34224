/*
 * What the checks of `transomctl check` share: the configuration, and how a finding is told.
 */
#ifndef SERVER_CTL_CHECK_PRIVATE_H
#define SERVER_CTL_CHECK_PRIVATE_H

#include <openssl/evp.h>

#include "conf/conf.h"
#include "server/ctl_check.h"
#include "server/keeper_messages.h"

#define CTL_CHECK_TEXT_BYTES 2048

struct ctl_check {
	const struct conf *conf;
	bool as_root;	/* the server will be started as root, as far as can be seen: we are */
	bool json;
	enum ctl_check_status worst;
	unsigned errors;	/* told so far */
};

/* Tell a finding.  what names the thing as the configuration does; cure is NULL with OK, or where the cause says it. */
void ctl_check_say(struct ctl_check *check, enum ctl_check_status level, const char *what, const char *cure,
    const char *cause, ...) __attribute__((format(printf, 5, 6)));

/* An error in the server's own words, "what is wrong; what is allowed": the second is the cure. */
void ctl_check_say_wrong(struct ctl_check *check, const char *what, const char *message);

/* One row of THE list in ctl_check.c. */
typedef void ctl_check_fn(struct ctl_check *check);

ctl_check_fn ctl_check_rules;		/* ctl_check.c */
ctl_check_fn ctl_check_directories;	/* ctl_check_users.c */
ctl_check_fn ctl_check_users;
ctl_check_fn ctl_check_listeners;	/* ctl_check_net.c */
ctl_check_fn ctl_check_passive_ports;
ctl_check_fn ctl_check_public_address;
ctl_check_fn ctl_check_certificates;	/* ctl_check_tls.c */
ctl_check_fn ctl_check_client_authorities;
ctl_check_fn ctl_check_host_keys;	/* ctl_check_keys.c */

/* Does any listener speak it? */
bool ctl_check_has_protocol(const struct conf *conf, int protocol);
/* The private key in a file, if a server takes it; the caller's.  NULL when not, which is told; what as in ctl_check_say. */
EVP_PKEY *ctl_check_key(
    struct ctl_check *check, const char *what, const char *path, enum keeper_use use);

#endif
