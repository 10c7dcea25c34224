/*
 * Bytes that somebody else owns, and the reader of SSH's data types (RFC 4251 5).
 *
 * Guard and transomctl.  Nothing is copied: what is taken points into what it was taken from.
 */
#ifndef AUTH_AUTH_BLOB_H
#define AUTH_AUTH_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth_blob {
	const uint8_t *bytes;
	size_t length;
};

/* Each takes a value off the front of *from; false, with *from unchanged, when it is not all there.
 */
bool auth_blob_take_byte(struct auth_blob *from, uint8_t *out);
bool auth_blob_take_bytes(struct auth_blob *from, size_t length, struct auth_blob *out);
bool auth_blob_take_u24(struct auth_blob *from, uint32_t *out);
bool auth_blob_take_u32(struct auth_blob *from, uint32_t *out);
/* `string`: bytes after their length as u32. */
bool auth_blob_take_string(struct auth_blob *from, struct auth_blob *out);
/* `mpint` that is not negative, without its leading zero; a needlessly long one is refused. */
bool auth_blob_take_number(struct auth_blob *from, struct auth_blob *out);

bool auth_blob_is(struct auth_blob blob, const char *text);
bool auth_blob_same(struct auth_blob a, struct auth_blob b);

#endif
