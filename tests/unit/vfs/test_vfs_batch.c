/*
 * Batches: what is packed is unpacked, and nothing that is malformed gets through.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vfs/vfs_batch.h"

static uint8_t bytes[VFS_BATCH_MAX_BYTES];

static struct vfs_entry entry_of(const char *name, const char *target)
{
	return (struct vfs_entry) {
		.attr = {
			.size = UINT64_MAX, .inode = 7, .device = 8, .mtime = -1, .atime = INT64_MAX,
			.mtime_nsec = 999999999, .mode = 07777, .kind = VFS_KIND_LINK, .nlink = 3,
			.uid = 4, .gid = 5, .rights = 0x3fff,
		},
		.name = name,
		.name_length = strlen(name),
		.target = target,
	};
}

static size_t pack_one(const char *name, const char *target)
{
	struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
	struct vfs_entry entry = entry_of(name, target);

	cr_assert(vfs_batch_append(&writer, &entry));
	return writer.length;
}

static int unpack(size_t n)
{
	/* A copy on the heap, so that a sanitizer sees a read beyond its end. */
	uint8_t *copy = malloc(n > 0 ? n : 1);
	struct vfs_batch_reader reader = { .bytes = copy, .left = n };
	struct vfs_entry entry;
	int result;

	cr_assert_not_null(copy);
	memcpy(copy, bytes, n);
	do
		result = vfs_batch_next(&reader, &entry);
	while (result == 1);
	free(copy);
	return result;
}

Test(vfs_batch, gives_back_what_was_appended)
{
	static const char *const names[] = { "a", "\x01\xff\n", "name with blanks", "..." };
	struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
	struct vfs_batch_reader reader = { .bytes = bytes };
	struct vfs_entry out;

	for (size_t i = 0; i < 4; i++) {
		struct vfs_entry entry = entry_of(names[i], i % 2 ? "../target" : "");

		cr_assert(vfs_batch_append(&writer, &entry));
	}
	reader.left = writer.length;
	for (size_t i = 0; i < 4; i++) {
		struct vfs_entry entry = entry_of(names[i], "");

		cr_assert_eq(vfs_batch_next(&reader, &out), 1);
		cr_assert_str_eq(out.name, names[i]);
		cr_assert_eq(out.name_length, strlen(names[i]));
		cr_assert_str_eq(out.target, i % 2 ? "../target" : "");
		cr_assert_eq(memcmp(&out.attr, &entry.attr, sizeof entry.attr), 0);
	}
	cr_assert_eq(vfs_batch_next(&reader, &out), 0);
}

Test(vfs_batch, says_when_an_entry_does_not_fit_and_stays_whole)
{
	struct vfs_batch_writer writer = { .bytes = bytes, .size = 1000 };
	struct vfs_entry entry = entry_of("some-name", "");
	unsigned count = 0;

	while (vfs_batch_append(&writer, &entry))
		count++;
	cr_assert_gt(count, 5);
	cr_assert_leq(writer.length, 1000);
	cr_assert_eq(unpack(writer.length), 0);
}

Test(vfs_batch, holds_the_longest_name_and_target)
{
	char name[VFS_NAME_MAX + 1];
	char target[VFS_PATH_MAX];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memset(target, 't', sizeof target - 1);
	target[sizeof target - 1] = '\0';
	cr_assert_eq(unpack(pack_one(name, target)), 0);
}

Test(vfs_batch, refuses_every_truncation)
{
	size_t n = pack_one("name", "target");

	for (size_t cut = 1; cut < n; cut++)
		cr_assert_eq(unpack(cut), -1, "cut at %zu", cut);
}

Test(vfs_batch, survives_every_single_byte_change)
{
	size_t n = pack_one("name", "target");

	for (size_t i = 0; i < n; i++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t kept = bytes[i];
			int result;

			bytes[i] = (uint8_t)value;
			result = unpack(n);
			cr_assert(result == 0 || result == -1);
			bytes[i] = kept;
		}
}

Test(vfs_batch, refuses_names_that_are_no_names)
{
	static const char *const bad[] = { ".", "..", "a/b", "/" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_eq(unpack(pack_one(bad[i], "")), -1, "%s", bad[i]);
}
