/*
 * One direction of SSH's binary packet protocol under one set of keys: how a payload becomes a packet on the wire, and
 * a packet a payload again.
 *
 * Front only; ssh_packets.c counts packets and chooses keys.  RFC 4253 6 (encrypt and MAC), RFC 5647 with OpenSSH's
 * naming (AES-GCM), OpenSSH's PROTOCOL ("-etm@openssh.com", PROTOCOL.chacha20poly1305).  No compression.
 */
#ifndef SERVER_SFTP_SSH_CIPHER_H
#define SERVER_SFTP_SSH_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_CIPHER_KEY_BYTES	   64u		/* the longest: chacha20's two keys, hmac-sha2-512's one */
#define SSH_CIPHER_PACKET_MAX	   (256u << 10) /* packet_length; what is longer is nobody's packet (as OpenSSH) */
#define SSH_CIPHER_OVERHEAD_MAX	   (4u + 1u + 64u + 64u) /* what a packet is longer than its payload, at most */

/* What RFC 4253 7.2 derives for one direction; each is used from its start, as far as the algorithm needs it. */
struct ssh_cipher_keys {
	uint8_t iv[SSH_CIPHER_KEY_BYTES];
	uint8_t key[SSH_CIPHER_KEY_BYTES];
	uint8_t mac[SSH_CIPHER_KEY_BYTES];
};

enum ssh_cipher_use { SSH_CIPHER_SEAL, SSH_CIPHER_OPEN };

struct ssh_cipher;

/*
 * Is this cipher, with this MAC where it needs one, known, and has libcrypto it in working order?  For the self-test:
 * every algorithm on offer must be.  What libcrypto looked for once it finds without a file afterwards.
 */
bool ssh_cipher_is_known(const char *cipher, const char *mac);

/*
 * Of a cipher and a MAC by their names in KEXINIT (the MAC is ignored where the cipher brings its own).  The caller
 * wipes keys.  NULL: unknown, or no memory.
 */
struct ssh_cipher *ssh_cipher_new(
    const char *cipher, const char *mac, const struct ssh_cipher_keys *keys, enum ssh_cipher_use use);
/* Wipes the keys; *c is NULL afterwards. */
void ssh_cipher_free(struct ssh_cipher **c);

/* Bytes of key stream's blocks so far, for the bound of a key's use (RFC 4344 3.2): 16-byte blocks, or 8 for chacha20. */
uint64_t ssh_cipher_blocks(const struct ssh_cipher *c);
/* After how many of those a new key exchange is due. */
uint64_t ssh_cipher_blocks_max(const struct ssh_cipher *c);

/* --- sealing --- */

/* Bytes on the wire of a payload of n bytes. */
size_t ssh_cipher_sealed_bytes(const struct ssh_cipher *c, size_t n);
/*
 * Make a packet of a payload in two parts (head may be empty; body is not moved: wire must not overlap it).  wire has
 * room for ssh_cipher_sealed_bytes(head_bytes + body_bytes).  sequence: RFC 4253 6.4.  False: libcrypto failed, and the
 * session must end.
 */
bool ssh_cipher_seal(struct ssh_cipher *c, uint32_t sequence, const uint8_t *head, size_t head_bytes,
    const uint8_t *body, size_t body_bytes, uint8_t *wire);

/* --- opening --- */

/* How many bytes of a packet must be there before its length can be told: 4, or one block. */
size_t ssh_cipher_head_bytes(const struct ssh_cipher *c);
/*
 * All bytes on the wire of the packet that starts at head (of ssh_cipher_head_bytes bytes).  May be asked again for the
 * same packet.  False: no packet of this protocol starts with this.
 */
bool ssh_cipher_length(struct ssh_cipher *c, uint32_t sequence, const uint8_t *head, size_t *total_out);
/*
 * Open a whole packet in place, after ssh_cipher_length has told its total.  *payload_out points into it.  False: it is
 * not genuine or not well-formed (RFC 4253 6: padding of 4 to 255 bytes, a payload of at least 1), and nothing of it
 * may be used.
 */
bool ssh_cipher_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t total,
    uint8_t **payload_out, size_t *payload_bytes_out);
/*
 * After one of them has said no: may the client notice it, now that n bytes of the packet have come?  Where the length is
 * the plain text of CBC (no -etm MAC), only when the longest packet would have ended, and after the work that opening it
 * takes; else the moment of the end tells what a block that somebody put in is decrypted to (CVE-2008-5161).  False: ask
 * again when more has come, until then no other call for this packet.  What lies at packet is changed.
 */
bool ssh_cipher_may_refuse(struct ssh_cipher *c, uint8_t *packet, size_t n);

#endif
