/*
 * Two of libcrypto's functions, as libssh and our packets call them: key derivation and random bytes.
 *
 * Front only.  The executable defines EVP_KDF_derive(3) and RAND_bytes(3) itself.
 *
 * Keys: whatever libssh derives from a key exchange (RFC 4253 7.2) is kept here for ssh_packets.c, and libssh is given
 * random bytes in its place.  So libssh talks to ssh_packets.c under keys that nobody else has, and the client's
 * packets can be sealed and opened here without it.
 *
 * Random bytes: padding asks for a few with each packet.  They come from a stock that libcrypto's generator has filled,
 * each byte once; longer requests, which may be keys, never do.
 *
 * The stock and the keys are the process's only state here, since the callers are libraries, and bring none; the
 * process must neither fork nor have threads while they are open.
 */
#ifndef SERVER_SFTP_SSH_LIBCRYPTO_H
#define SERVER_SFTP_SSH_LIBCRYPTO_H

#include <stdbool.h>

#include "server/sftp/ssh_cipher.h"

/* From now on things are kept; twice is once. */
void ssh_libcrypto_open(void);
/* Erase what is kept; from now on they are libcrypto's functions, as in every process that opened nothing. */
void ssh_libcrypto_close(void);

/* May keys be taken from who derives some now?  On after ssh_libcrypto_open; the rehearsal's client needs its own. */
void ssh_libcrypto_take_keys(bool on);

/* One direction's keys of the last key exchange. */
struct ssh_libcrypto_keys {
	struct ssh_cipher_keys wire;	/* what both sides have derived */
	struct ssh_cipher_keys inner;	/* what libssh was given instead */
};
/* Once each: false while libssh has not derived all that a direction needs.  The caller wipes *keys. */
bool ssh_libcrypto_keys(bool client_to_server, struct ssh_libcrypto_keys *keys);

/* How often libcrypto's generator had to be asked since ssh_libcrypto_open: for the tests. */
unsigned ssh_libcrypto_random_fills(void);

#endif
