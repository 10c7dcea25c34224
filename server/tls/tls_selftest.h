/*
 * Handshakes in memory, at the start of a nursery.
 *
 * They prove, for each certificate, that OpenSSL asks key_wrapper.h for the signature (an OpenSSL that does not would
 * sign with a dummy, and every client would be turned away), and they leave everything loaded that a handshake, its
 * resumption and its ciphers need: a front can open nothing.  Nursery only.
 */
#ifndef TLS_SELFTEST_H
#define TLS_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

struct tls_contexts;

/* False with a message for the administrator. */
bool tls_selftest_run(const struct tls_contexts *contexts, char *message, size_t message_bytes);

#endif
