#include <criterion/criterion.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/sftp/fxp_codec.h"

static struct fxp_reader reader_of(const void *bytes, size_t n)
{
	return (struct fxp_reader){ .bytes = bytes, .left = n };
}

Test(fxp_codec, numbers_are_in_network_order)
{
	static const uint8_t bytes[] = { 0xfe, 1, 2, 3, 4, 0x80, 0, 0, 0, 0, 0, 0, 5 };
	struct fxp_reader reader = reader_of(bytes, sizeof(bytes));

	cr_assert_eq(fxp_get_u8(&reader), 0xfe);
	cr_assert_eq(fxp_get_u32(&reader), 0x01020304u);
	cr_assert_eq(fxp_get_u64(&reader), 0x8000000000000005u);
	cr_assert(!reader.failed && reader.left == 0);
}

Test(fxp_codec, what_is_not_there_is_zero_and_failed_for_good)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct fxp_reader reader = reader_of(bytes, sizeof(bytes));

	cr_assert_eq(fxp_get_u32(&reader), 0);
	cr_assert(reader.failed);
	cr_assert_eq(fxp_get_u8(&reader), 0, "a byte was there, but the packet is broken");
	cr_assert_eq(fxp_get_string(&reader).length, 0);
	cr_assert_not_null(fxp_get_string(&reader).bytes);
}

Test(fxp_codec, a_string_longer_than_the_packet_fails)
{
	static const uint8_t longest[] = { 0xff, 0xff, 0xff, 0xff, 'a' };
	static const uint8_t by_one[] = { 0, 0, 0, 2, 'a' };
	struct fxp_reader reader = reader_of(longest, sizeof(longest));

	cr_assert_eq(fxp_get_string(&reader).length, 0);
	cr_assert(reader.failed);
	reader = reader_of(by_one, sizeof(by_one));
	cr_assert_eq(fxp_get_string(&reader).length, 0);
	cr_assert(reader.failed);
}

Test(fxp_codec, a_text_with_a_nul_or_too_long_is_refused_without_breaking_the_packet)
{
	static uint8_t bytes[4 + VFS_PATH_MAX + 4] = { 0, 0, 0, 3, 'a', 0, 'b', 7 };
	char text[VFS_PATH_MAX];
	struct fxp_reader reader = reader_of(bytes, 8);

	cr_assert_eq(fxp_get_text(&reader, text), VFS_BAD_NAME);
	cr_assert_str_eq(text, "");
	cr_assert_eq(fxp_get_u8(&reader), 7);
	cr_assert(!reader.failed);
	memset(bytes, 'x', sizeof(bytes));
	bytes_put_u32(bytes, VFS_PATH_MAX - 1);
	reader = reader_of(bytes, sizeof(bytes));
	cr_assert_eq(fxp_get_text(&reader, text), VFS_OK);
	cr_assert_eq(strlen(text), VFS_PATH_MAX - 1);
	bytes_put_u32(bytes, VFS_PATH_MAX);
	reader = reader_of(bytes, sizeof(bytes));
	cr_assert_eq(fxp_get_text(&reader, text), VFS_NAME_TOO_LONG);
	cr_assert(!reader.failed);
}

Test(fxp_codec, attributes_are_read_as_their_flags_say)
{
	uint8_t bytes[64];
	struct fxp_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct fxp_reader reader;
	struct fxp_attrs attrs;

	fxp_put_u32(&writer, FXP_ATTR_PERMISSIONS | FXP_ATTR_ACMODTIME | FXP_ATTR_EXTENDED);
	fxp_put_u32(&writer, 0100644);
	fxp_put_u32(&writer, 11);
	fxp_put_u32(&writer, 22);
	fxp_put_u32(&writer, 1);
	fxp_put_text(&writer, "name");
	fxp_put_text(&writer, "data");
	cr_assert(!writer.failed);
	reader = reader_of(bytes, writer.length);
	fxp_get_attrs(&reader, &attrs);
	cr_assert(!reader.failed && reader.left == 0);
	cr_assert(attrs.permissions == 0100644 && attrs.atime == 11 && attrs.mtime == 22);
	cr_assert(attrs.size == 0 && attrs.uid == 0);
	for (size_t n = 0; n < writer.length; n++) {
		reader = reader_of(bytes, n);
		fxp_get_attrs(&reader, &attrs);
		cr_assert(reader.failed, "cut at %zu", n);
	}
}

Test(fxp_codec, four_thousand_million_pairs_of_nothing_end_soon)
{
	static const uint8_t bytes[] = { 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
	struct fxp_reader reader = reader_of(bytes, sizeof(bytes));
	struct fxp_attrs attrs;

	fxp_get_attrs(&reader, &attrs);
	cr_assert(reader.failed);
}

Test(fxp_codec, a_writer_never_passes_its_end)
{
	uint8_t bytes[8] = { 0 };
	struct fxp_writer writer = { .bytes = bytes, .size = 6 };

	fxp_put_u32(&writer, 1);
	fxp_put_u32(&writer, 0x01010101);
	cr_assert(writer.failed);
	cr_assert_eq(writer.length, 4);
	cr_assert_eq(bytes[4], 0);
	fxp_put_u8(&writer, 9);
	cr_assert_eq(bytes[4], 0, "after a failure nothing is written");
}

Test(fxp_codec, all_of_a_file_is_told_with_the_bits_of_its_kind)
{
	static const struct {
		uint32_t kind;
		uint32_t type;
	} kinds[] = {
		{ VFS_KIND_FILE, 0100000 },
		{ VFS_KIND_DIR, 0040000 },
		{ VFS_KIND_LINK, 0120000 },
		{ VFS_KIND_OTHER, 0140000 },
		{ 77, 0140000 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vfs_attr attr = {
			.size = 1ull << 40,
			.uid = 1,
			.gid = 2,
			.mode = 04755,
			.kind = kinds[i].kind,
			.atime = -5,
			.mtime = 1ll << 40,
		};
		uint8_t bytes[FXP_ATTRS_BYTES];
		struct fxp_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
		struct fxp_reader reader;
		struct fxp_attrs told;

		fxp_put_attr(&writer, &attr);
		cr_assert(!writer.failed && writer.length == FXP_ATTRS_BYTES);
		reader = reader_of(bytes, sizeof(bytes));
		fxp_get_attrs(&reader, &told);
		cr_assert(!reader.failed && reader.left == 0);
		cr_assert_eq(told.permissions, kinds[i].type | 04755);
		cr_assert(told.size == 1ull << 40 && told.uid == 1 && told.gid == 2);
		cr_assert(told.atime == 0 && told.mtime == UINT32_MAX, "cut to 32 bits");
	}
}
