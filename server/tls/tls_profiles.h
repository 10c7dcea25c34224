/*
 * THE table of TLS profiles: what each word of a listener's `algorithms` offers.
 *
 * Nursery, through tls_contexts.c; master and transomctl only check what tls { } says; the unit test walks the table.  No profile has RSA key exchange, finite-field
 * Diffie-Hellman, or anything older than TLS 1.2: the keeper signs handshakes with elliptic curves and does nothing
 * else with a private key.
 */
#ifndef TLS_PROFILES_H
#define TLS_PROFILES_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

#define TLS_PROFILE_COUNT (CONF_ALGORITHMS_LEGACY + 1)

struct tls_profile {
	int min_version;	  /* TLS1_2_VERSION ... ; tls { min_version } may raise it */
	int security_level;	  /* SSL_CTX_set_security_level(3) */
	const char *ciphers;	  /* TLS 1.2, the best first: the server's order counts */
	const char *ciphersuites; /* TLS 1.3 */
	const char *groups;	  /* X25519MLKEM768 comes first where libcrypto has it */
};

/* By enum conf_algorithms. */
extern const struct tls_profile tls_profiles[TLS_PROFILE_COUNT];

/*
 * Apply a profile and what tls { } says instead.  False with a message for the administrator, that names the option
 * which OpenSSL does not understand.
 */
bool tls_profiles_apply(SSL_CTX *ctx, enum conf_algorithms algorithms, const struct conf_tls *tls,
    char *message, size_t message_bytes);

/*
 * Do the lists of tls { } suit every listener that speaks TLS?  Else false, with a message that names the option.  Without
 * lists of its own there is nothing to check, and OpenSSL is not touched.
 */
bool tls_profiles_check(const struct conf *conf, char *message, size_t message_bytes);

#endif
