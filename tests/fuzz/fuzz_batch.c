/*
 * Directory batches as the front reads them: what is accepted can be packed again, byte for byte.
 */
#include <stdlib.h>
#include <string.h>

#include "vfs/vfs_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[VFS_BATCH_MAX_BYTES];
	struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
	struct vfs_batch_reader reader = { .bytes = data, .left = size };
	struct vfs_entry entry;
	int result = 0;

	if (size > sizeof bytes)
		return 0;
	while ((result = vfs_batch_next(&reader, &entry)) == 1)
		if (!vfs_batch_append(&writer, &entry))
			abort();
	if (memcmp(bytes, data, writer.length) != 0 || (result == 0) != (writer.length == size))
		abort();
	return 0;
}
