/*
 * What ssh_cipher.c (which algorithms there are, and the frame of a packet) and ssh_cipher_shapes.c (how its bytes are
 * encrypted and authenticated) share.
 */
#ifndef SERVER_SFTP_SSH_CIPHER_PRIVATE_H
#define SERVER_SFTP_SSH_CIPHER_PRIVATE_H

#include <openssl/evp.h>

#include "server/crypto/aead.h"
#include "server/sftp/ssh_cipher.h"

#define LENGTH_BYTES     4u /* of packet_length */
#define BLOCK_MAX        16u
#define TAG_MAX          64u
#define GCM_IV_BYTES     AEAD_NONCE_BYTES
#define CHACHA_KEY_BYTES 32u
#define CHACHA_STRIDE    64u /* what one step of the key stream is */

enum cipher_kind { GCM, CHACHA, BLOCK };

struct cipher_row {
	const char *name;
	const char *evp; /* NULL: crypto/aead.h has it */
	enum cipher_kind kind;
	uint8_t key_bytes;
	uint8_t iv_bytes;  /* what libcrypto is given together with the key */
	uint8_t block;     /* what padding aligns to */
	uint8_t stride;    /* updates of a multiple of this leave nothing half used in libcrypto */
	uint8_t tag_bytes; /* 0: the MAC's */
};

struct mac_row {
	const char *name;
	const char *digest;
	uint8_t bytes; /* of key and tag alike */
	bool etm;      /* the MAC is of what was encrypted */
};

/* What is encrypted at one go, from one place to another or in its own. */
struct cipher_piece {
	const uint8_t *in;
	uint8_t *out;
	size_t n;
};

/* The payload's beginning, its middle where the caller has it, and its end with the padding. */
struct cipher_plain {
	struct cipher_piece pieces[3];
	size_t count;
};

/* How encryption and authentication go together. */
struct cipher_shape {
	/* Bytes of a packet that are neither encrypted with the payload nor count for its
	 * alignment. */
	size_t clear;
	bool (*read_length)(struct ssh_cipher *c, uint32_t sequence, const uint8_t *head,
	    uint8_t out[LENGTH_BYTES]);
	/* n: bytes before the tag, here and below. */
	bool (*seal)(struct ssh_cipher *c, uint32_t sequence, const struct cipher_plain *plain,
	    uint8_t *wire, size_t n);
	/* In place. */
	bool (*open)(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n);
};

struct ssh_cipher {
	const struct cipher_row *row;
	const struct cipher_shape *shape;
	size_t tag_bytes;
	struct aead *aead;   /* GCM */
	EVP_CIPHER_CTX *evp; /* the others */
	EVP_CIPHER_CTX *length_evp; /* chacha20: of packet_length */
	EVP_MAC_CTX *mac;           /* HMAC with its key, or Poly1305, with one per packet */
	uint8_t iv[GCM_IV_BYTES];   /* GCM: of the next packet */
	/* Of the packet that is being opened: its first block, decrypted to know the length; all
	 * its bytes, or 0. */
	uint8_t first[BLOCK_MAX];
	bool first_known;
	size_t total;
	size_t worked; /* of one that was refused: bytes that were decrypted and authenticated */
	uint64_t blocks;
};

extern const struct cipher_shape cipher_gcm, cipher_chacha, cipher_encrypt_then_mac, cipher_encrypt_and_mac;

/* Does a client that sees when a packet is refused learn something of its plain text (CVE-2008-5161)? */
bool cipher_tells_lengths(const struct ssh_cipher *c);
/* As much work as opening n bytes more of a packet, for nobody. */
void cipher_waste(struct ssh_cipher *c, uint8_t *bytes, size_t n);
/* Does an HMAC without its key begin anew?  Not in OpenSSL before 3.0.3: its HMACs would be wrong. */
bool cipher_hmac_begins_anew(struct ssh_cipher *c);

#endif
