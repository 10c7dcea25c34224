/*
 * The certificates of the server, and an SSL_CTX for each of them and each profile that an FTP listener uses.
 *
 * Made by the nursery before it forks; the fronts inherit it, so that none of them opens or parses a file.  Private
 * keys are dummies (key_dummy.h): a signature comes from the keeper, through tls_session.c.  A front changes what it
 * inherited (ticket keys) in its own copy of the memory.
 */
#ifndef TLS_CONTEXTS_H
#define TLS_CONTEXTS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "server/keeper_client.h"

struct tls_contexts;

/* Does an FTP listener have a certificate to use? */
bool tls_contexts_wanted(const struct conf *conf);
/*
 * Read everything and prove with handshakes in memory that signatures take the way of key_wrapper.h (tls_selftest.c).
 * conf and keys are borrowed and outlive it.  NULL with a message for the administrator.
 */
struct tls_contexts *tls_contexts_new(const struct conf *conf, const struct keeper_public_keys *keys,
    char *message, size_t message_bytes);
void tls_contexts_free(struct tls_contexts **contexts);

/* For clients that ask for no name; NULL when no listener uses the profile.  It chooses another by itself when a
 * client asks for the name of one (SNI). */
SSL_CTX *tls_contexts_default(const struct tls_contexts *contexts, enum conf_algorithms algorithms);
BIO_METHOD *tls_contexts_bio_method(const struct tls_contexts *contexts);
/* Which of the keeper's keys is this the public half of?  False when none. */
bool tls_contexts_find_key(
    const struct tls_contexts *contexts, const EVP_PKEY *key, uint32_t *index_out);

/* For tls_selftest.c: number of certificates, and each one's context; title for messages. */
size_t tls_contexts_count(const struct tls_contexts *contexts);
SSL_CTX *tls_contexts_nth(
    const struct tls_contexts *contexts, enum conf_algorithms algorithms, size_t n);
const char *tls_contexts_file(const struct tls_contexts *contexts, size_t n);

#endif
