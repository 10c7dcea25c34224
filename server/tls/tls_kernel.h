/*
 * Records that the kernel makes (kTLS): a file goes into the socket with sendfile(2), and is encrypted on its way.
 *
 * Front only, for downloads, through tls_records.c and tls_stream.c.  One direction alone: what a client sends is never
 * parsed by the kernel.  The keys cannot be had back, and kernels before 6.14 take no others; so whoever has handed them
 * over must not have them any more.
 */
#ifndef TLS_KERNEL_H
#define TLS_KERNEL_H

#include <linux/tls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/tls/tls_aead.h"

/* What setsockopt(TLS_TX) is told. */
union tls_kernel_info {
	struct tls_crypto_info head;
	struct tls12_crypto_info_aes_gcm_128 aes_128;
	struct tls12_crypto_info_aes_gcm_256 aes_256;
#ifdef TLS_CIPHER_CHACHA20_POLY1305
	struct tls12_crypto_info_chacha20_poly1305 chacha;
#endif
};

enum tls_kernel_answer {
	TLS_KERNEL_SEALS,   /* what is written to the socket from now on becomes records */
	TLS_KERNEL_NOT_NOW, /* not of this connection */
	TLS_KERNEL_NEVER,   /* no such module, no such suite, or not allowed: need not be asked again */
};

/* The caller wipes it.  Its bytes, or 0: a suite that the kernel's headers do not have. */
size_t tls_kernel_describe(const struct tls_aead_keys *keys, union tls_kernel_info *out);
/* Hand the keys of a connected TCP socket over.  Unless the kernel seals, the socket is as it was. */
enum tls_kernel_answer tls_kernel_take(int fd, const struct tls_aead_keys *keys);

/*
 * One record that is not payload.  False with errno, and nothing was sent: EAGAIN until TCP has room for it and all that
 * waits before it, which poll(2)'s POLLOUT tells.  Where there is none the kernel keeps records to itself, says that they
 * are sent, and drops them when the socket is closed; so this also tells when closing is safe.
 */
bool tls_kernel_send_record(int fd, uint8_t type, const uint8_t *bytes, size_t n);

#endif
