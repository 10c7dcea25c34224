#include "server/key_openssh.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/random.h"
#include "server/base/secret.h"
#include "server/key_build.h"

#define BEGIN_LINE "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END_LINE   "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC      "openssh-key-v1" /* with its NUL */

#define BLOB_MAX_BYTES   16384u /* RSA with 16,384 bits takes 9,400 */
#define TEXT_MAX_BYTES   32768u
#define NUMBER_MAX_BYTES 2048u
#define LINE_CHARACTERS  70u
#define PAD_BYTES        8u /* the block of the cipher "none" */

/* One row a kind of key. */
struct kind {
	const char *type;
	int id;            /* EVP_PKEY_* */
	const char *group; /* OpenSSL's name of the curve; NULL: none */
	const char *curve; /* SSH's (RFC 5656 10.1) */
};
static const struct kind kinds[] = {
	{ "ssh-ed25519", EVP_PKEY_ED25519, NULL, NULL },
	{ "ecdsa-sha2-nistp256", EVP_PKEY_EC, "prime256v1", "nistp256" },
	{ "ecdsa-sha2-nistp384", EVP_PKEY_EC, "secp384r1", "nistp384" },
	{ "ecdsa-sha2-nistp521", EVP_PKEY_EC, "secp521r1", "nistp521" },
	{ "ssh-rsa", EVP_PKEY_RSA, NULL, NULL },
};

static const struct kind *kind_of(EVP_PKEY *key)
{
	char group[64] = "";

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_get_base_id(key) == kinds[i].id &&
		    (kinds[i].group == NULL || strcmp(kinds[i].group, group) == 0))
			return &kinds[i];
	return NULL;
}

const char *key_openssh_type(EVP_PKEY *key)
{
	const struct kind *kind = kind_of(key);

	return kind != NULL ? kind->type : NULL;
}

/* --- writing: SSH's data types (RFC 4251 5) ------------------------------------------------- */

struct writer {
	uint8_t *bytes;
	size_t size;
	size_t length;
	bool failed; /* sticky */
};

static void put_bytes(struct writer *writer, const void *bytes, size_t n)
{
	if (writer->failed || n > writer->size - writer->length) {
		writer->failed = true;
		return;
	}
	memcpy(writer->bytes + writer->length, bytes, n);
	writer->length += n;
}

static void put_u32(struct writer *writer, uint32_t value)
{
	uint8_t bytes[4];

	bytes_put_u32(bytes, value);
	put_bytes(writer, bytes, sizeof(bytes));
}

static void put_string(struct writer *writer, const void *bytes, size_t n)
{
	put_u32(writer, (uint32_t)n);
	put_bytes(writer, bytes, n);
}

static void put_text(struct writer *writer, const char *text)
{
	put_string(writer, text, strlen(text));
}

/* A number of the key as mpint. */
static void put_number(struct writer *writer, EVP_PKEY *key, const char *name)
{
	uint8_t bytes[NUMBER_MAX_BYTES + 1] = { 0 };
	BIGNUM *number = NULL;
	size_t sign;
	int length;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1 ||
	    BN_num_bytes(number) > (int)NUMBER_MAX_BYTES) {
		writer->failed = true;
	} else {
		length = BN_bn2bin(number, bytes + 1);
		/* A first bit that is set would make it negative. */
		sign = length > 0 && (bytes[1] & 0x80) != 0 ? 1 : 0;
		put_string(writer, bytes + 1 - sign, (size_t)length + sign);
	}
	secret_wipe(bytes, sizeof(bytes));
	BN_clear_free(number);
}

static void put_point(struct writer *writer, EVP_PKEY *key)
{
	uint8_t point[256] = { 0 };
	size_t length = 0;

	if (EVP_PKEY_get_octet_string_param(
	        key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length) != 1 ||
	    point[0] != POINT_CONVERSION_UNCOMPRESSED)
		writer->failed = true;
	else
		put_string(writer, point, length);
}

static void put_ed25519_public(struct writer *writer, EVP_PKEY *key)
{
	uint8_t bytes[KEY_BUILD_ED25519_BYTES];
	size_t length = sizeof(bytes);

	if (EVP_PKEY_get_raw_public_key(key, bytes, &length) != 1)
		writer->failed = true;
	else
		put_string(writer, bytes, length);
}

static void put_public(struct writer *writer, EVP_PKEY *key, const struct kind *kind)
{
	put_text(writer, kind->type);
	if (kind->id == EVP_PKEY_ED25519) {
		put_ed25519_public(writer, key);
	} else if (kind->id == EVP_PKEY_EC) {
		put_text(writer, kind->curve);
		put_point(writer, key);
	} else {
		put_number(writer, key, OSSL_PKEY_PARAM_RSA_E);
		put_number(writer, key, OSSL_PKEY_PARAM_RSA_N);
	}
}

/* The private half of Ed25519 is stored with the public one behind it. */
static void put_ed25519_private(struct writer *writer, EVP_PKEY *key)
{
	uint8_t bytes[2 * KEY_BUILD_ED25519_BYTES];
	size_t length = KEY_BUILD_ED25519_BYTES;

	put_ed25519_public(writer, key);
	if (EVP_PKEY_get_raw_private_key(key, bytes, &length) != 1 ||
	    EVP_PKEY_get_raw_public_key(key, bytes + length, &length) != 1)
		writer->failed = true;
	else
		put_string(writer, bytes, sizeof(bytes));
	secret_wipe(bytes, sizeof(bytes));
}

static void put_private(struct writer *writer, EVP_PKEY *key, const struct kind *kind)
{
	static const char *const rsa_numbers[] = {
		OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1, OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2,
	};

	put_text(writer, kind->type);
	if (kind->id == EVP_PKEY_ED25519) {
		put_ed25519_private(writer, key);
	} else if (kind->id == EVP_PKEY_EC) {
		put_text(writer, kind->curve);
		put_point(writer, key);
		put_number(writer, key, OSSL_PKEY_PARAM_PRIV_KEY);
	} else {
		for (size_t i = 0; i < sizeof(rsa_numbers) / sizeof(rsa_numbers[0]); i++)
			put_number(writer, key, rsa_numbers[i]);
	}
}

/* The part that a passphrase would encrypt. */
static void put_private_part(
    struct writer *writer, EVP_PKEY *key, const struct kind *kind, const char *comment)
{
	uint32_t check;
	uint8_t pad = 0;

	random_bytes(&check, sizeof(check));
	put_u32(writer, check);
	put_u32(writer, check);
	put_private(writer, key, kind);
	put_text(writer, comment);
	while (writer->length % PAD_BYTES != 0 && !writer->failed) {
		pad++;
		put_bytes(writer, &pad, 1);
	}
}

/* Base64 in lines between the marks. */
static char *armour(const uint8_t *bytes, size_t length)
{
	size_t size = sizeof(BEGIN_LINE) + sizeof(END_LINE) + (length + 2) / 3 * 4 * 72 / LINE_CHARACTERS + 16;
	char *encoded = malloc((length + 2) / 3 * 4 + 1);
	char *text = malloc(size);
	struct writer writer = { .bytes = (uint8_t *)text, .size = size };
	size_t total, n;

	if (encoded == NULL || text == NULL) {
		free(encoded);
		free(text);
		return NULL;
	}
	total = (size_t)EVP_EncodeBlock((unsigned char *)encoded, bytes, (int)length);
	put_bytes(&writer, BEGIN_LINE "\n", sizeof(BEGIN_LINE));
	for (size_t i = 0; i < total; i += n) {
		n = total - i < LINE_CHARACTERS ? total - i : LINE_CHARACTERS;
		put_bytes(&writer, encoded + i, n);
		put_bytes(&writer, "\n", 1);
	}
	put_bytes(&writer, END_LINE "\n", sizeof(END_LINE) + 1);
	secret_wipe(encoded, total);
	free(encoded);
	if (writer.failed)
		key_openssh_text_free(&text);
	return text;
}

char *key_openssh_write(EVP_PKEY *key, const char *comment)
{
	const struct kind *kind = kind_of(key);
	uint8_t *bytes = malloc(2 * BLOB_MAX_BYTES);
	struct writer whole = { .bytes = bytes, .size = BLOB_MAX_BYTES };
	struct writer part;
	char *text = NULL;

	if (kind == NULL || bytes == NULL) {
		free(bytes);
		return NULL;
	}
	part = (struct writer){ .bytes = bytes + BLOB_MAX_BYTES, .size = BLOB_MAX_BYTES };
	put_bytes(&whole, MAGIC, sizeof(MAGIC));
	put_text(&whole, "none"); /* cipher */
	put_text(&whole, "none"); /* key derivation, and its options */
	put_text(&whole, "");
	put_u32(&whole, 1);
	put_public(&part, key, kind);
	put_string(&whole, part.bytes, part.length);
	whole.failed = whole.failed || part.failed;
	part.length = 0;
	put_private_part(&part, key, kind, comment);
	put_string(&whole, part.bytes, part.length);
	if (!whole.failed && !part.failed)
		text = armour(whole.bytes, whole.length);
	secret_wipe(bytes, 2 * BLOB_MAX_BYTES);
	free(bytes);
	return text;
}

void key_openssh_text_free(char **text)
{
	if (*text == NULL)
		return;
	secret_wipe(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

size_t key_openssh_public(EVP_PKEY *key, uint8_t out[KEY_OPENSSH_BLOB_MAX_BYTES])
{
	const struct kind *kind = kind_of(key);
	struct writer writer = { .bytes = out, .size = KEY_OPENSSH_BLOB_MAX_BYTES };

	if (kind == NULL)
		return 0;
	put_public(&writer, key, kind);
	return writer.failed ? 0 : writer.length;
}

bool key_openssh_fingerprint(EVP_PKEY *key, char out[KEY_FINGERPRINT_BYTES])
{
	uint8_t blob[KEY_OPENSSH_BLOB_MAX_BYTES];
	size_t length = key_openssh_public(key, blob);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned hash_length = 0;
	char encoded[EVP_MAX_MD_SIZE * 2];

	if (length == 0 || EVP_Digest(blob, length, hash, &hash_length, EVP_sha256(), NULL) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)encoded, hash, (int)hash_length);
	encoded[strcspn(encoded, "=")] = '\0';
	memcpy(out, "SHA256:", 7);
	memcpy(out + 7, encoded, KEY_FINGERPRINT_BYTES - 8);
	out[KEY_FINGERPRINT_BYTES - 1] = '\0';
	return true;
}

/* --- reading -------------------------------------------------------------------------------- */

struct reader {
	const uint8_t *bytes;
	size_t left;
	bool failed; /* sticky */
};

static uint32_t get_u32(struct reader *reader)
{
	const uint8_t *bytes = reader->bytes;

	if (reader->failed || reader->left < 4) {
		reader->failed = true;
		return 0;
	}
	reader->bytes += 4;
	reader->left -= 4;
	return bytes_get_u32(bytes);
}

static struct key_number get_string(struct reader *reader)
{
	struct key_number out = { .length = get_u32(reader) };

	if (reader->failed || out.length > reader->left) {
		reader->failed = true;
		return (struct key_number){ .bytes = reader->bytes };
	}
	out.bytes = reader->bytes;
	reader->bytes += out.length;
	reader->left -= out.length;
	return out;
}

static bool is_text(struct key_number string, const char *text)
{
	return string.length == strlen(text) && memcmp(string.bytes, text, string.length) == 0;
}

static EVP_PKEY *get_ed25519(struct reader *reader)
{
	struct key_number public_half = get_string(reader);
	struct key_number both = get_string(reader);

	if (reader->failed || public_half.length != KEY_BUILD_ED25519_BYTES ||
	    both.length != 2 * KEY_BUILD_ED25519_BYTES)
		return NULL;
	return key_build_ed25519(public_half.bytes, both.bytes);
}

static EVP_PKEY *get_ecdsa(struct reader *reader, const struct kind *kind)
{
	struct key_number curve = get_string(reader);
	struct key_number point = get_string(reader);
	struct key_number d = get_string(reader);

	if (reader->failed || !is_text(curve, kind->curve))
		return NULL;
	return key_build_ecdsa(kind->group, point.bytes, point.length, d);
}

static EVP_PKEY *get_rsa(struct reader *reader)
{
	struct key_rsa_numbers numbers;

	numbers.n = get_string(reader);
	numbers.e = get_string(reader);
	numbers.d = get_string(reader);
	numbers.iqmp = get_string(reader);
	numbers.p = get_string(reader);
	numbers.q = get_string(reader);
	return reader->failed ? NULL : key_build_rsa(&numbers);
}

/* Padding is 1, 2, 3 ... up to the end. */
static bool is_padding(const struct reader *reader)
{
	for (size_t i = 0; i < reader->left; i++)
		if (reader->bytes[i] != i + 1)
			return false;
	return !reader->failed && reader->left < PAD_BYTES;
}

static EVP_PKEY *get_private_part(struct reader *reader, const char **problem)
{
	const struct kind *kind = NULL;
	struct key_number type;
	EVP_PKEY *key = NULL;
	uint32_t check = get_u32(reader);
	bool fits = get_u32(reader) == check;

	type = get_string(reader);
	for (size_t i = 0; fits && !reader->failed && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is_text(type, kinds[i].type))
			kind = &kinds[i];
	if (kind == NULL) {
		if (fits && !reader->failed)
			*problem = "it is of a kind that is not supported; allowed: Ed25519, ECDSA "
				   "or RSA";
		return NULL;
	}
	if (kind->id == EVP_PKEY_ED25519)
		key = get_ed25519(reader);
	else if (kind->id == EVP_PKEY_EC)
		key = get_ecdsa(reader, kind);
	else
		key = get_rsa(reader);
	get_string(reader); /* comment */
	if (!is_padding(reader)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static EVP_PKEY *get_key(struct reader *reader, const char **problem)
{
	struct key_number cipher;
	struct reader part;

	if (reader->left < sizeof(MAGIC) || memcmp(reader->bytes, MAGIC, sizeof(MAGIC)) != 0)
		return NULL;
	reader->bytes += sizeof(MAGIC);
	reader->left -= sizeof(MAGIC);
	cipher = get_string(reader);
	get_string(reader);
	get_string(reader);
	if (reader->failed)
		return NULL;
	if (!is_text(cipher, "none")) {
		*problem = "it has a passphrase, which nobody is there to type; ssh-keygen -p takes "
			   "it off";
		return NULL;
	}
	if (get_u32(reader) != 1)
		return NULL;
	get_string(reader); /* the public half comes again in the private part */
	cipher = get_string(reader);
	part = (struct reader){ .bytes = cipher.bytes, .left = cipher.length };
	if (reader->failed || reader->left != 0)
		return NULL;
	return get_private_part(&part, problem);
}

/* The base64 between the marks, without its line ends; its length, 0 when there is none. */
static size_t take_base64(const char *text, char *out, size_t size)
{
	const char *end = strstr(text, END_LINE);
	size_t length = 0;

	if (end == NULL)
		return 0;
	for (const char *c = text + sizeof(BEGIN_LINE) - 1; c < end; c++) {
		if (*c == '\n' || *c == '\r')
			continue;
		if (length + 1 >= size)
			return 0;
		out[length++] = *c;
	}
	out[length] = '\0';
	return length;
}

bool key_openssh_is(const char *text)
{
	return strncmp(text, BEGIN_LINE, sizeof(BEGIN_LINE) - 1) == 0;
}

EVP_PKEY *key_openssh_read(const char *text, const char **problem)
{
	char *base64 = calloc(1, TEXT_MAX_BYTES);
	uint8_t *bytes = calloc(1, TEXT_MAX_BYTES);
	struct reader reader = { .bytes = bytes };
	EVP_PKEY *key = NULL;
	size_t length;
	int decoded = -1;

	*problem = "it is damaged";
	if (base64 == NULL || bytes == NULL || !key_openssh_is(text))
		goto out;
	length = take_base64(text, base64, TEXT_MAX_BYTES);
	if (length >= 4)
		decoded = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)length);
	if (decoded < 2)
		goto out;
	/* EVP_DecodeBlock counts what "=" stands for. */
	reader.left = (size_t)decoded - (base64[length - 1] == '=') - (base64[length - 2] == '=');
	key = get_key(&reader, problem);
out:
	if (base64 != NULL)
		secret_wipe(base64, TEXT_MAX_BYTES);
	if (bytes != NULL)
		secret_wipe(bytes, TEXT_MAX_BYTES);
	free(base64);
	free(bytes);
	return key;
}
