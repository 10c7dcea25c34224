/*
 * THE list of messages between the keeper of private keys and those who need a signature.
 *
 * The keeper is reached as the clerk is: through a door, a SOCK_SEQPACKET pair whose receiving end it reads.
 * A client sends `attach` through the door together with one end of a new pair, and speaks over the other.
 *
 * K(name, number, from, fd, why); fields as KEEPER_MSG_name, F(kind, field, bound) as in wire.h.
 *   from  CLIENT (a nursery or a guard) or KEEPER
 * A request has an id other than 0; its answer repeats it and carries an enum vfs_status in the header.  A message
 * that is unknown, malformed, surplus or too early ends that connection, which is logged by nobody but the client.
 *
 * A private key never leaves the keeper, in no message.
 */
#ifndef SERVER_KEEPER_MESSAGES_H
#define SERVER_KEEPER_MESSAGES_H

#include <stdio.h>

#include "server/wire.h"

#define KEEPER_KEYS_MAX 64u		/* private keys of one generation, SSH and TLS together */
#define KEEPER_DATA_MAX_BYTES 1024u	/* what one signature may be over: the longest is TLS 1.2 with X25519 or P-521 */
#define KEEPER_SIGNATURE_MAX_BYTES 4096u
#define KEEPER_PUBLIC_MAX_BYTES 8192u
#define KEEPER_TITLE_MAX 4096u

/* What a key is for; a key of one use never signs for the other. */
enum keeper_use { KEEPER_USE_SSH, KEEPER_USE_TLS, KEEPER_USE_COUNT };

/* Shapes of what may be signed, checked by the guard and again by the keeper. */
enum keeper_shape {
	KEEPER_SHAPE_SSH,	/* an exchange hash: 20, 32, 48 or 64 bytes (RFC 4253 8) */
	KEEPER_SHAPE_TLS12,	/* client_random, server_random, ServerECDHParams of a named curve (RFC 8422 5.4) */
	KEEPER_SHAPE_TLS13,	/* 64 spaces, "TLS 1.3, server CertificateVerify", NUL, a hash (RFC 8446 4.4.3) */
	KEEPER_SHAPE_COUNT,
};

enum keeper_digest {
	KEEPER_DIGEST_NONE,	/* Ed25519 */
	KEEPER_DIGEST_SHA1,	/* only SSH, only where the profile `legacy` is used */
	KEEPER_DIGEST_SHA256,
	KEEPER_DIGEST_SHA384,
	KEEPER_DIGEST_SHA512,
	KEEPER_DIGEST_COUNT,
};

/* clang-format off */
#define KEEPER_MESSAGES(K)										\
	K(attach,	1, CLIENT, CONNECTION, "First message, through the door: talk to me here.")		\
	K(list,		2, CLIENT, NONE, "The public half of key number `key`, please; NOT_FOUND after the last.") \
	K(sign,		3, CLIENT, NONE, "Sign this; a guard has checked that it is its own connection's handshake.") \
	K(listed,	4, KEEPER, NONE, "Answer to list.")							\
	K(signed,	5, KEEPER, NONE, "Answer to sign.")

#define KEEPER_MSG_attach(F)	F(str, role, 32)
#define KEEPER_MSG_list(F)	F(u32, key, 0)
#define KEEPER_MSG_sign(F)	F(u32, key, KEEPER_KEYS_MAX - 1) F(u32, shape, KEEPER_SHAPE_COUNT - 1) F(u32, digest, KEEPER_DIGEST_COUNT - 1) \
				F(u32, pss, 1) F(blob, data, KEEPER_DATA_MAX_BYTES)
/* title: the key's file.  public: SubjectPublicKeyInfo in DER, for both uses. */
#define KEEPER_MSG_listed(F)	F(u32, use, KEEPER_USE_COUNT - 1) F(str, title, KEEPER_TITLE_MAX) F(blob, public_key, KEEPER_PUBLIC_MAX_BYTES)
#define KEEPER_MSG_signed(F)	F(blob, signature, KEEPER_SIGNATURE_MAX_BYTES)
/* clang-format on */

enum keeper_message_from { KEEPER_FROM_CLIENT, KEEPER_FROM_KEEPER };

#define KEEPER_NUMBER(name, number, from, fd, why) KEEPER_MESSAGE_##name = (number),
enum keeper_message_number { KEEPER_MESSAGES(KEEPER_NUMBER) };

#define KEEPER_STRUCT(name, number, from, fd, why)                                                 \
	struct keeper_msg_##name {                                                                 \
		char nothing;                                                                      \
		KEEPER_MSG_##name(WIRE_STRUCT_FIELD)                                               \
	};
KEEPER_MESSAGES(KEEPER_STRUCT)

/* keeper_put_sign, keeper_get_sign ... (keeper_wire.c) */
#define KEEPER_CODEC_PROTOTYPES(name, number, from, fd, why)                                       \
	void keeper_put_##name(struct wire_writer *, const struct keeper_msg_##name *);            \
	void keeper_get_##name(struct wire_reader *, struct keeper_msg_##name *);
KEEPER_MESSAGES(KEEPER_CODEC_PROTOTYPES)

/* Print docs/KEEPER-PROTOCOL.md (Markdown) from the tables. */
void keeper_messages_print(FILE *out);

#endif
