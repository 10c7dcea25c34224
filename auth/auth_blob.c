#include "auth/auth_blob.h"

#include <string.h>

bool auth_blob_take_bytes(struct auth_blob *from, size_t length, struct auth_blob *out)
{
	if (from->length < length)
		return false;
	*out = (struct auth_blob){ .bytes = from->bytes, .length = length };
	if (length > 0)
		from->bytes += length;
	from->length -= length;
	return true;
}

bool auth_blob_take_byte(struct auth_blob *from, uint8_t *out)
{
	struct auth_blob byte;

	if (!auth_blob_take_bytes(from, 1, &byte))
		return false;
	*out = byte.bytes[0];
	return true;
}

/* A number of so many bytes in network order. */
static bool take_number(struct auth_blob *from, size_t size, uint32_t *out)
{
	struct auth_blob bytes;
	uint32_t value = 0;

	if (!auth_blob_take_bytes(from, size, &bytes))
		return false;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes.bytes[i];
	*out = value;
	return true;
}

bool auth_blob_take_u24(struct auth_blob *from, uint32_t *out)
{
	return take_number(from, 3, out);
}

bool auth_blob_take_u32(struct auth_blob *from, uint32_t *out)
{
	return take_number(from, 4, out);
}

bool auth_blob_take_string(struct auth_blob *from, struct auth_blob *out)
{
	struct auth_blob rest = *from;
	uint32_t length;

	if (!auth_blob_take_u32(&rest, &length) || !auth_blob_take_bytes(&rest, length, out))
		return false;
	*from = rest;
	return true;
}

bool auth_blob_take_number(struct auth_blob *from, struct auth_blob *out)
{
	struct auth_blob rest = *from;
	struct auth_blob number;

	if (!auth_blob_take_string(&rest, &number) || number.length == 0 ||
	    (number.bytes[0] & 0x80) != 0)
		return false;
	if (number.bytes[0] == 0) {
		if (number.length == 1 || (number.bytes[1] & 0x80) == 0)
			return false;
		number.bytes++;
		number.length--;
	}
	*out = number;
	*from = rest;
	return true;
}

bool auth_blob_is(struct auth_blob blob, const char *text)
{
	return auth_blob_same(
	    blob, (struct auth_blob){ .bytes = (const uint8_t *)text, .length = strlen(text) });
}

bool auth_blob_same(struct auth_blob a, struct auth_blob b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}
