/*
 * What libssh asks of libcrypto anew for every packet, kept ready.
 *
 * Front only.  For each packet libssh wants some random bytes as padding, and, where the cipher does not authenticate
 * by itself, a context for the HMAC, which libcrypto takes longer to look up and set up than to hash a small packet.
 * So the executable defines RAND_bytes(3), EVP_PKEY_new_mac_key(3) and EVP_DigestSignInit(3) itself.  Between
 * ssh_libcrypto_open and _close, short requests for random bytes are served from a stock that libcrypto's generator has
 * filled, each byte once; and an HMAC whose key was seen before starts as a copy of one set up before.  Otherwise, and
 * in every process that opened nothing, they are libcrypto's functions.
 *
 * Nothing here makes or checks a signature: EVP_DigestSign is key_wrapper.h's.  The stock and the keys are the
 * process's only state here, since the callers are libraries, and bring none; the process must neither fork nor have
 * threads while they are open.
 */
#ifndef SERVER_SFTP_SSH_LIBCRYPTO_H
#define SERVER_SFTP_SSH_LIBCRYPTO_H

/* From now on things are kept ready; twice is once. */
void ssh_libcrypto_open(void);
/* Erase what is kept. */
void ssh_libcrypto_close(void);

/* How often libcrypto itself had to be asked since ssh_libcrypto_open: for the tests. */
struct ssh_libcrypto_counts {
	unsigned random_fills;
	unsigned mac_set_ups;
};
struct ssh_libcrypto_counts ssh_libcrypto_counts(void);

#endif
