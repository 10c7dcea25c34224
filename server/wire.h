/*
 * Messages between our own processes: framing, fields, descriptors.
 *
 * One datagram of a SOCK_SEQPACKET socket is one message: a header and the fields of its table row,
 * in the row's order.  Message tables (guard_messages.h, clerk_messages.h, nursery_messages.h) are
 * lists of macros; WIRE_STRUCT, WIRE_ENCODE and WIRE_DECODE below turn a field list into a struct,
 * an encoder and a decoder, so that the two sides cannot disagree.  A decoder accepts a message
 * only when every field is within its bound and nothing is left over.
 *
 * wire_send and wire_receive are the only users of SCM_RIGHTS in the tree.
 */
#ifndef SERVER_WIRE_H
#define SERVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vfs/vfs_types.h"

#define WIRE_MAX_BYTES 65536u

struct wire_header {
	uint16_t type;   /* number of the table row */
	uint16_t kind;   /* enum wire_kind */
	uint32_t id;     /* chosen by the asker, repeated in the reply; 0 in a notice */
	uint32_t status; /* of a reply: enum vfs_status; fields follow only after VFS_OK */
};

enum wire_kind { WIRE_REQUEST = 1, WIRE_REPLY = 2, WIRE_NOTICE = 3 };

/* Bytes inside a message, not NUL-terminated. */
struct wire_blob {
	const uint8_t *bytes;
	size_t length;
};

/* An encoder's state.  failed is sticky: check once, at the end. */
struct wire_writer {
	uint8_t *bytes;
	size_t size;
	size_t length;
	bool failed;
};

/* A decoder's state.  Strings and blobs that it yields point into the message. */
struct wire_reader {
	const uint8_t *bytes;
	size_t left;
	bool failed;
};

void wire_put_header(struct wire_writer *writer, const struct wire_header *header);
void wire_put_u32(struct wire_writer *writer, uint32_t value, uint64_t max);
void wire_put_u64(struct wire_writer *writer, uint64_t value, uint64_t max);
void wire_put_i64(struct wire_writer *writer, int64_t value, uint64_t max);
/* A NULL string is an empty one; a longer one than its bound fails, nothing is ever cut. */
void wire_put_str(struct wire_writer *writer, const char *value, uint64_t max_bytes);
void wire_put_blob(struct wire_writer *writer, struct wire_blob value, uint64_t max_bytes);
void wire_put_attr(struct wire_writer *writer, struct vfs_attr value, uint64_t unused);
void wire_put_change(struct wire_writer *writer, struct vfs_change value, uint64_t unused);

void wire_get_header(struct wire_reader *reader, struct wire_header *out);
void wire_get_u32(struct wire_reader *reader, uint32_t *out, uint64_t max); /* max 0: no bound */
void wire_get_u64(struct wire_reader *reader, uint64_t *out, uint64_t max);
void wire_get_i64(struct wire_reader *reader, int64_t *out, uint64_t unused);
void wire_get_str(
    struct wire_reader *reader, const char **out, uint64_t max_bytes); /* max without NUL */
void wire_get_blob(struct wire_reader *reader, struct wire_blob *out, uint64_t max_bytes);
void wire_get_attr(struct wire_reader *reader, struct vfs_attr *out, uint64_t unused);
void wire_get_change(struct wire_reader *reader, struct vfs_change *out, uint64_t unused);
/* True when nothing failed and every byte was consumed. */
bool wire_done(const struct wire_reader *reader);

/*
 * A secret crosses like a string, but the struct that holds the field must be wiped with the
 * message buffer after the handler: their rows have the flag SECRET.
 */
#define wire_put_secret wire_put_str
#define wire_get_secret wire_get_str

/*
 * Field kinds: C type of each.  Rows are F(kind, name, max).
 *   u32 u64 i64   numbers; max 0 = any value
 *   str secret    text; max bytes without NUL
 *   blob          bytes; max length
 *   attr change   struct vfs_attr, struct vfs_change
 */
#define WIRE_TYPE_u32    uint32_t
#define WIRE_TYPE_u64    uint64_t
#define WIRE_TYPE_i64    int64_t
#define WIRE_TYPE_str    const char *
#define WIRE_TYPE_secret const char *
#define WIRE_TYPE_blob   struct wire_blob
#define WIRE_TYPE_attr   struct vfs_attr
#define WIRE_TYPE_change struct vfs_change

/* Expansions of one field. */
#define WIRE_STRUCT_FIELD(kind, name, max) WIRE_TYPE_##kind name;
#define WIRE_ENCODE_FIELD(kind, name, max) wire_put_##kind(writer, message->name, (max));
#define WIRE_DECODE_FIELD(kind, name, max) wire_get_##kind(reader, &message->name, (max));

/*
 * One datagram out, with a descriptor when fd >= 0 (the caller keeps its own).
 * True; or false with errno (EAGAIN on a full non-blocking socket, EPIPE when the other side is
 * gone).
 */
bool wire_send(int socket_fd, const void *bytes, size_t n, int fd);
/* The same with two descriptors; beside_fd goes only together with fd. */
bool wire_send_both(int socket_fd, const void *bytes, size_t n, int fd, int beside_fd);
/*
 * One datagram in.  Bytes received; 0 when the other side is gone; -1 with errno.  A message cut by
 * the kernel, or with more than one descriptor, is EBADMSG and its descriptors are closed.  *fd_out
 * is the descriptor (close-on-exec) or -1.  pid_out, uid_out may be NULL; they are filled from
 * SCM_CREDENTIALS where the socket has SO_PASSCRED, else set to 0 and UINT32_MAX.
 */
ssize_t wire_receive(int socket_fd, void *bytes, size_t size, int *fd_out);
/*
 * For whoever may be sent two descriptors: *beside_out is the second, or -1; more are EBADMSG.  Without wait: EAGAIN
 * when there is no datagram, whatever the mode of the socket.
 */
ssize_t wire_receive_both(
    int socket_fd, void *bytes, size_t size, bool wait, int *fd_out, int *beside_out);
ssize_t wire_receive_from(
    int socket_fd, void *bytes, size_t size, int *fd_out, pid_t *pid_out, uid_t *uid_out);
/* A connected pair of message sockets, close-on-exec, blocking.  False with errno. */
bool wire_pair(int out[2]);

#endif
