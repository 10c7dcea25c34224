/* The generated half of keeper_messages.h: an encoder and a decoder for each row, and the document. */
#include "server/keeper_messages.h"

#include <inttypes.h>

#define KEEPER_CODECS(name, number, from, fd, why)                                                 \
	void keeper_put_##name(struct wire_writer *writer, const struct keeper_msg_##name *message) \
	{                                                                                         \
		(void)writer;                                                                     \
		(void)message;                                                                    \
		KEEPER_MSG_##name(WIRE_ENCODE_FIELD)                                               \
	}                                                                                         \
	void keeper_get_##name(struct wire_reader *reader, struct keeper_msg_##name *message)       \
	{                                                                                         \
		(void)reader;                                                                     \
		message->nothing = 0;                                                             \
		KEEPER_MSG_##name(WIRE_DECODE_FIELD)                                               \
	}
KEEPER_MESSAGES(KEEPER_CODECS)

/* --- the document --------------------------------------------------------------------------- */

struct field_row {
	const char *kind; /* NULL at the end */
	const char *name;
	uint64_t max;
};
#define FIELD_ROW(kind_, name_, max_) { .kind = #kind_, .name = #name_, .max = (max_) },
#define FIELDS(name, number, from, fd, why)                                                        \
	static const struct field_row fields_##name[] = { KEEPER_MSG_##name(FIELD_ROW){ .kind = NULL } };
KEEPER_MESSAGES(FIELDS)

static void print_fields(FILE *out, const struct field_row *field)
{
	const char *separator = "";

	if (field->kind == NULL)
		fputs("-", out);
	for (; field->kind != NULL; field++, separator = ", ") {
		fprintf(out, "%s`%s` %s", separator, field->name, field->kind);
		if (field->max != 0)
			fprintf(out, " <= %" PRIu64, field->max);
	}
}

void keeper_messages_print(FILE *out)
{
	static const char *const from_names[] = {
		[KEEPER_FROM_CLIENT] = "nursery or guard",
		[KEEPER_FROM_KEEPER] = "keeper",
	};

	fputs("# Keeper protocol\n\n"
	      "<!-- generated from server/keeper_messages.h by tables-print; make check compares -->\n\n"
	      "The keeper of private keys has a door, the receiving end of an AF_UNIX SOCK_SEQPACKET\n"
	      "pair; a generation's nursery and its guards hold the other end. Who wants a signature\n"
	      "sends `attach` through the door, with one end of a pair of its own, and speaks over the\n"
	      "other. Framing and field kinds are those of GUARD-PROTOCOL.md.\n\n"
	      "- A request has an id other than 0; the answer repeats it. Fields follow only when its\n"
	      "  status is OK.\n"
	      "- A message that is malformed, unknown, from the wrong side or carries a descriptor that\n"
	      "  its row does not know of ends that connection. Nothing is logged here: the guard logs\n"
	      "  what its session did not get.\n"
	      "- `sign` is refused (FORBIDDEN) unless `data` has exactly the form of the handshake that\n"
	      "  `shape` names, the key belongs to that protocol, and `digest` and `pss` go with the key\n"
	      "  (server/key_shapes.c). The guard has checked the same, and that it is its own\n"
	      "  connection's turn.\n"
	      "- No message holds a private key.\n\n"
	      "| no. | name | from | descriptor | fields | why |\n|---|---|---|---|---|---|\n",
	    out);
#define PRINT_ROW(name, number, from, fd, why)                                                     \
	fprintf(out, "| %d | `" #name "` | %s | %s | ", (number), from_names[KEEPER_FROM_##from],  \
	    #fd[0] == 'C' ? "the client's end" : "-");                                            \
	print_fields(out, fields_##name);                                                          \
	fprintf(out, " | %s |\n", (why));
	KEEPER_MESSAGES(PRINT_ROW)
	fprintf(out,
	    "\n| `use` | | `shape` | | `digest` | |\n|---|---|---|---|---|---|\n"
	    "| %d | SSH | %d | exchange hash of SSH (RFC 4253 8) | %d | none (Ed25519) |\n"
	    "| %d | TLS | %d | ServerKeyExchange of TLS 1.2 (RFC 8422 5.4) | %d | SHA-1 (SSH, profile `legacy`) |\n"
	    "| | | %d | CertificateVerify of TLS 1.3 (RFC 8446 4.4.3) | %d | SHA-256 |\n"
	    "| | | | | %d | SHA-384 |\n| | | | | %d | SHA-512 |\n",
	    KEEPER_USE_SSH, KEEPER_SHAPE_SSH, KEEPER_DIGEST_NONE, KEEPER_USE_TLS, KEEPER_SHAPE_TLS12,
	    KEEPER_DIGEST_SHA1, KEEPER_SHAPE_TLS13, KEEPER_DIGEST_SHA256, KEEPER_DIGEST_SHA384,
	    KEEPER_DIGEST_SHA512);
}
