/* The algorithms, one by one, against what everybody knows of "abc". */
#include <criterion/criterion.h>
#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_cmd_hash.h"
#include "server/ftp/ftp_digest.h"

static const struct {
	const char *name;
	const char *abc;
	const char *empty;
} vectors[FTP_DIGEST_COUNT] = {
	[FTP_DIGEST_SHA256] = { "SHA-256",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	[FTP_DIGEST_SHA512] = { "SHA-512",
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e" },
	[FTP_DIGEST_SHA1] = { "SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d",
	    "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	[FTP_DIGEST_MD5] = { "MD5", "900150983cd24fb0d6963f7d28e17f72",
	    "d41d8cd98f00b204e9800998ecf8427e" },
	[FTP_DIGEST_CRC32] = { "CRC32", "352441c2", "00000000" },
};

Test(ftp_digest, every_algorithm_computes_what_it_should_in_any_pieces)
{
	for (size_t i = 0; i < FTP_DIGEST_COUNT; i++) {
		struct ftp_digest *digest = ftp_digest_new((enum ftp_digest_index)i);
		char hex[FTP_DIGEST_HEX_BYTES];

		cr_assert_not_null(digest);
		cr_assert(ftp_digest_update(digest, "a", 1));
		cr_assert(ftp_digest_update(digest, "", 0));
		cr_assert(ftp_digest_update(digest, "bc", 2));
		cr_assert(ftp_digest_finish(digest, hex));
		cr_assert_str_eq(hex, vectors[i].abc, "%s", vectors[i].name);
		ftp_digest_free(&digest);
		cr_assert_null(digest);
		digest = ftp_digest_new((enum ftp_digest_index)i);
		cr_assert(ftp_digest_finish(digest, hex));
		cr_assert_str_eq(hex, vectors[i].empty, "%s", vectors[i].name);
		ftp_digest_free(&digest);
	}
}

Test(ftp_digest, algorithms_are_found_by_name_in_any_case_and_by_verb)
{
	for (size_t i = 0; i < FTP_DIGEST_COUNT; i++) {
		cr_assert_str_eq(ftp_digest_rows[i].name, vectors[i].name);
		cr_assert_eq(ftp_digest_find(vectors[i].name), i);
	}
	cr_assert_eq(ftp_digest_find("sha-256"), FTP_DIGEST_SHA256);
	cr_assert_eq(ftp_digest_find("SHA256"), FTP_DIGEST_COUNT);
	cr_assert_eq(ftp_digest_find(""), FTP_DIGEST_COUNT);
	cr_assert_eq(ftp_digest_find_verb("XSHA"), FTP_DIGEST_SHA1);
	cr_assert_eq(ftp_digest_find_verb("HASH"), FTP_DIGEST_COUNT);
}

Test(ftp_digest, every_verb_of_an_algorithm_is_a_command_and_every_such_command_has_one)
{
	size_t verbs = 0;
	size_t commands = 0;

	for (size_t i = 0; i < FTP_DIGEST_COUNT; i++) {
		for (size_t j = 0; j < FTP_DIGEST_VERBS_MAX; j++) {
			const char *verb = ftp_digest_rows[i].verbs[j];
			const struct ftp_command *command;

			if (verb == NULL)
				continue;
			command = ftp_commands_find(verb);
			cr_assert_not_null(command, "%s", verb);
			cr_assert(
			    command->handler == ftp_cmd_checksum || command->handler == ftp_cmd_md5,
			    "%s", verb);
			verbs++;
		}
	}
	for (size_t i = 0; i < ftp_command_count; i++)
		commands += ftp_commands[i].handler == ftp_cmd_checksum ||
		            ftp_commands[i].handler == ftp_cmd_md5;
	cr_assert_eq(verbs, commands);
}

Test(ftp_digest, the_list_marks_the_one_that_is_set)
{
	char list[FTP_DIGEST_LIST_BYTES];

	ftp_digest_list(list, FTP_DIGEST_SHA1);
	cr_assert_str_eq(list, "SHA-256;SHA-512;SHA-1*;MD5;CRC32");
	ftp_digest_list(list, FTP_DIGEST_CRC32);
	cr_assert_str_eq(list, "SHA-256;SHA-512;SHA-1;MD5;CRC32*");
}

Test(ftp_digest, warming_up_can_be_repeated)
{
	ftp_digest_warm_up();
	ftp_digest_warm_up();
}
