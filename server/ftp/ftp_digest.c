#include "server/ftp/ftp_digest.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "server/base/text.h"

#define CRC_BYTES 4u

#define DIGEST_ROW(symbol, text, openssl, ...) \
	[FTP_DIGEST_##symbol] = { .name = (text), .provider = (openssl), .verbs = { __VA_ARGS__ } },
const struct ftp_digest_row ftp_digest_rows[FTP_DIGEST_COUNT] = { FTP_DIGESTS(DIGEST_ROW) };

struct ftp_digest {
	EVP_MD_CTX *context; /* NULL: CRC-32 */
	uLong crc;
};

enum ftp_digest_index ftp_digest_find(const char *name)
{
	size_t i = 0;

	while (i < FTP_DIGEST_COUNT && strcasecmp(ftp_digest_rows[i].name, name) != 0)
		i++;
	return (enum ftp_digest_index)i;
}

enum ftp_digest_index ftp_digest_find_verb(const char *verb)
{
	for (size_t i = 0; i < FTP_DIGEST_COUNT; i++) {
		for (size_t j = 0; j < FTP_DIGEST_VERBS_MAX; j++) {
			const char *known = ftp_digest_rows[i].verbs[j];

			if (known != NULL && strcmp(known, verb) == 0)
				return (enum ftp_digest_index)i;
		}
	}
	return FTP_DIGEST_COUNT;
}

void ftp_digest_list(char out[FTP_DIGEST_LIST_BYTES], enum ftp_digest_index set)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < FTP_DIGEST_COUNT; i++) {
		text_format(out + used, FTP_DIGEST_LIST_BYTES - used, "%s%s%s", i > 0 ? ";" : "",
		    ftp_digest_rows[i].name, i == set ? "*" : "");
		used += strlen(out + used);
	}
}

void ftp_digest_warm_up(void)
{
	char hex[FTP_DIGEST_HEX_BYTES];

	for (size_t i = 0; i < FTP_DIGEST_COUNT; i++) {
		struct ftp_digest *digest = ftp_digest_new((enum ftp_digest_index)i);

		/* One that cannot be had here is refused when it is asked for. */
		if (digest != NULL)
			ftp_digest_finish(digest, hex);
		ftp_digest_free(&digest);
	}
}

struct ftp_digest *ftp_digest_new(enum ftp_digest_index index)
{
	const char *provider = ftp_digest_rows[index].provider;
	struct ftp_digest *digest = calloc(1, sizeof(*digest));
	EVP_MD *algorithm = NULL;

	if (digest == NULL || provider == NULL)
		return digest;
	algorithm = EVP_MD_fetch(NULL, provider, NULL);
	digest->context = EVP_MD_CTX_new();
	if (algorithm == NULL || digest->context == NULL ||
	    EVP_DigestInit_ex2(digest->context, algorithm, NULL) != 1) {
		EVP_MD_CTX_free(digest->context);
		free(digest);
		digest = NULL;
	}
	EVP_MD_free(algorithm);
	return digest;
}

bool ftp_digest_update(struct ftp_digest *digest, const void *bytes, size_t n)
{
	if (digest->context != NULL)
		return EVP_DigestUpdate(digest->context, bytes, n) == 1;
	digest->crc = crc32_z(digest->crc, bytes, n);
	return true;
}

bool ftp_digest_finish(struct ftp_digest *digest, char hex_out[FTP_DIGEST_HEX_BYTES])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = CRC_BYTES;

	if (digest->context == NULL) {
		for (unsigned i = 0; i < CRC_BYTES; i++)
			bytes[i] = (unsigned char)(digest->crc >> (8 * (CRC_BYTES - 1 - i)));
	} else if (EVP_DigestFinal_ex(digest->context, bytes, &n) != 1) {
		return false;
	}
	text_hex(hex_out, bytes, n);
	return true;
}

void ftp_digest_free(struct ftp_digest **digest_pointer)
{
	struct ftp_digest *digest = *digest_pointer;

	*digest_pointer = NULL;
	if (digest == NULL)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}
