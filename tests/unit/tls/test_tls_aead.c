#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/tls/tls_aead.h"
#include "server/tls/tls_limits.h"

#define AES_128_GCM_ID 0x1301

/* RFC 8448 3: "Simple 1-RTT Handshake", the application traffic secrets and what was sent under them. */
static const uint8_t client_secret[32] = { 0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a,
	0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52, 0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00, 0x87, 0xf7, 0x92,
	0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5 };
static const uint8_t server_secret[32] = { 0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47,
	0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32, 0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a, 0x4b, 0x4f,
	0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43 };
static const uint8_t client_record[72] = { 0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54, 0xb6,
	0x2c, 0x94, 0xd0, 0xaf, 0xfa, 0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea, 0x42, 0xf9,
	0x14, 0xaa, 0x66, 0xbc, 0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b, 0x39, 0x5b, 0xd5,
	0x4a, 0x9a, 0x20, 0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70,
	0x14, 0xbd, 0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4 };
/* The server's second record, behind a ticket. */
static const uint8_t server_record[72] = { 0x17, 0x03, 0x03, 0x00, 0x43, 0x2e, 0x93, 0x7e, 0x11, 0xef,
	0x4a, 0xc7, 0x40, 0xe5, 0x38, 0xad, 0x36, 0x00, 0x5f, 0xc4, 0xa4, 0x69, 0x32, 0xfc, 0x32, 0x25,
	0xd0, 0x5f, 0x82, 0xaa, 0x1b, 0x36, 0xe3, 0x0e, 0xfa, 0xf9, 0x7d, 0x90, 0xe6, 0xdf, 0xfc, 0x60,
	0x2d, 0xcb, 0x50, 0x1a, 0x59, 0xa8, 0xfc, 0xc4, 0x9c, 0x4b, 0xf2, 0xe5, 0xf0, 0xa2, 0x1c, 0x00,
	0x47, 0xc2, 0xab, 0xf3, 0x32, 0x54, 0x0d, 0xd0, 0x32, 0xe1, 0x67, 0xc2, 0x95, 0x5d };
/* The client's close_notify, right behind its data. */
static const uint8_t client_alert[24] = { 0x17, 0x03, 0x03, 0x00, 0x13, 0xc9, 0x87, 0x27, 0x60, 0x65,
	0x56, 0x66, 0xb7, 0x4d, 0x7f, 0xf1, 0x15, 0x3e, 0xfd, 0x6d, 0xb6, 0xd0, 0xb0, 0xe3 };

static uint8_t payload[50]; /* 00 01 ... 31 in both directions */

static struct tls_aead *make(uint16_t id, const uint8_t *secret, size_t secret_bytes, enum aead_use use)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = SSL_new(ctx);
	const uint8_t wire[2] = { (uint8_t)(id >> 8), (uint8_t)id };
	struct tls_aead *aead = tls_aead_new(SSL_CIPHER_find(ssl, wire), secret, secret_bytes, use);

	SSL_free(ssl);
	SSL_CTX_free(ctx);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)i;
	return aead;
}

Test(tls_aead, seals_as_rfc_8448_does)
{
	struct tls_aead *client = make(AES_128_GCM_ID, client_secret, 32, AEAD_SEAL);
	struct tls_aead *server = make(AES_128_GCM_ID, server_secret, 32, AEAD_SEAL);
	const uint8_t close_notify[2] = { 1, 0 };
	uint8_t out[128];

	cr_assert(tls_aead_seal(client, SSL3_RT_APPLICATION_DATA, payload, sizeof(payload), out));
	cr_expect_arr_eq(out, client_record, sizeof(client_record));
	cr_assert(tls_aead_seal(client, SSL3_RT_ALERT, close_notify, sizeof(close_notify), out));
	cr_expect_arr_eq(out, client_alert, sizeof(client_alert));
	cr_expect_eq(tls_aead_count(client), 2);
	cr_assert(tls_aead_seal(server, SSL3_RT_HANDSHAKE, payload, 1, out));
	cr_assert(tls_aead_seal(server, SSL3_RT_APPLICATION_DATA, payload, sizeof(payload), out));
	cr_expect_arr_eq(out, server_record, sizeof(server_record));
	tls_aead_free(&client);
	tls_aead_free(&server);
	cr_expect_null(client);
}

Test(tls_aead, tells_the_keys_of_rfc_8448_and_how_many_records_they_have_made)
{
	static const uint8_t key[16] = { 0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef, 0xc2, 0x6b, 0xb9, 0xf2,
		0xac, 0x92, 0xe3, 0x56 };
	static const uint8_t iv[12] = { 0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84 };
	struct tls_aead *server = make(AES_128_GCM_ID, server_secret, 32, AEAD_SEAL);
	struct tls_aead_keys keys;
	uint8_t out[128];

	cr_assert(tls_aead_seal(server, SSL3_RT_HANDSHAKE, payload, 1, out));
	cr_assert(tls_aead_tell_keys(server, &keys));
	cr_expect_eq(keys.suite, AES_128_GCM_ID);
	cr_assert_eq(keys.key_bytes, sizeof(key));
	cr_expect_arr_eq(keys.key, key, sizeof(key));
	cr_expect_arr_eq(keys.iv, iv, sizeof(iv));
	cr_expect_eq(keys.count, 1);
	cr_assert(tls_aead_update(server));
	cr_assert(tls_aead_tell_keys(server, &keys));
	cr_expect_arr_neq(keys.key, key, sizeof(key));
	cr_expect_eq(keys.count, 0);
	tls_aead_free(&server);
}

Test(tls_aead, opens_as_rfc_8448_does)
{
	struct tls_aead *aead = make(AES_128_GCM_ID, client_secret, 32, AEAD_OPEN);
	uint8_t record[sizeof(client_record)];
	uint8_t type;
	size_t n;

	memcpy(record, client_record, sizeof(record));
	cr_assert_eq(tls_aead_open(aead, record, sizeof(record), &n, &type), TLS_AEAD_OPENED);
	cr_expect_eq(type, SSL3_RT_APPLICATION_DATA);
	cr_assert_eq(n, sizeof(payload));
	cr_expect_arr_eq(record + TLS_AEAD_HEADER_BYTES, payload, n);
	memcpy(record, client_alert, sizeof(client_alert));
	cr_assert_eq(tls_aead_open(aead, record, sizeof(client_alert), &n, &type), TLS_AEAD_OPENED);
	cr_expect_eq(type, SSL3_RT_ALERT);
	cr_expect_eq(n, 2);
	tls_aead_free(&aead);
}

Test(tls_aead, one_changed_bit_anywhere_is_a_forgery)
{
	uint8_t record[sizeof(client_record)];
	uint8_t type;
	size_t n;

	for (size_t i = 0; i < 8 * sizeof(record); i++) {
		struct tls_aead *aead = make(AES_128_GCM_ID, client_secret, 32, AEAD_OPEN);

		memcpy(record, client_record, sizeof(record));
		record[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_expect_eq(
		    tls_aead_open(aead, record, sizeof(record), &n, &type), TLS_AEAD_FORGED, "bit %zu", i);
		tls_aead_free(&aead);
	}
}

Test(tls_aead, a_record_again_or_out_of_order_is_a_forgery)
{
	struct tls_aead *aead = make(AES_128_GCM_ID, client_secret, 32, AEAD_OPEN);
	uint8_t record[sizeof(client_record)];
	uint8_t type;
	size_t n;

	for (int time = 0; time < 2; time++) {
		memcpy(record, client_record, sizeof(record));
		cr_expect_eq(tls_aead_open(aead, record, sizeof(record), &n, &type),
		    time == 0 ? TLS_AEAD_OPENED : TLS_AEAD_FORGED);
	}
	tls_aead_free(&aead);
	aead = make(AES_128_GCM_ID, client_secret, 32, AEAD_OPEN);
	memcpy(record, client_alert, sizeof(client_alert));
	cr_expect_eq(tls_aead_open(aead, record, sizeof(client_alert), &n, &type), TLS_AEAD_FORGED);
	tls_aead_free(&aead);
}

Test(tls_aead, every_suite_goes_there_and_back_also_under_new_keys)
{
	static const struct {
		uint16_t id;
		size_t secret_bytes;
	} suites[] = { { AES_128_GCM_ID, 32 }, { 0x1302, 48 }, { 0x1303, 32 } };
	static uint8_t in[TLS_RECORD_BYTES], record[TLS_RECORD_BYTES + TLS_AEAD_OVERHEAD_BYTES];
	const size_t sizes[] = { 0, 1, 15, 16, 17, 4095, TLS_RECORD_BYTES };
	uint8_t secret[48] = "a secret that is longer than a digest's bytes";

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t s = 0; s < sizeof(suites) / sizeof(suites[0]); s++) {
		struct tls_aead *seal = make(suites[s].id, secret, suites[s].secret_bytes, AEAD_SEAL);
		struct tls_aead *open = make(suites[s].id, secret, suites[s].secret_bytes, AEAD_OPEN);

		cr_assert_not_null(seal);
		for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
			const size_t bytes = sizes[i / 2];
			uint8_t type;
			size_t n;

			cr_assert(tls_aead_seal(seal, SSL3_RT_APPLICATION_DATA, in, bytes, record));
			cr_assert_eq(tls_aead_open(open, record, bytes + TLS_AEAD_OVERHEAD_BYTES, &n, &type),
			    TLS_AEAD_OPENED);
			cr_expect_eq(type, SSL3_RT_APPLICATION_DATA);
			cr_expect_eq(n, bytes);
			cr_expect_eq(memcmp(in, record + TLS_AEAD_HEADER_BYTES, bytes), 0);
			cr_assert(tls_aead_update(seal));
			cr_assert(tls_aead_update(open));
			cr_expect_eq(tls_aead_count(seal), 0);
		}
		/* The old keys are gone. */
		cr_assert(tls_aead_update(seal));
		cr_assert(tls_aead_seal(seal, SSL3_RT_APPLICATION_DATA, in, 1, record));
		{
			uint8_t type;
			size_t n;

			cr_expect_eq(tls_aead_open(open, record, 1 + TLS_AEAD_OVERHEAD_BYTES, &n, &type),
			    TLS_AEAD_FORGED);
		}
		tls_aead_free(&seal);
		tls_aead_free(&open);
	}
}

Test(tls_aead, padding_is_taken_off_and_nothing_else_is_malformed)
{
	struct tls_aead *seal = make(AES_128_GCM_ID, client_secret, 32, AEAD_SEAL);
	struct tls_aead *open = make(AES_128_GCM_ID, client_secret, 32, AEAD_OPEN);
	uint8_t padded[] = { 'a', 0, 'b', SSL3_RT_APPLICATION_DATA, 0, 0, 0 };
	const uint8_t zeros[4] = { 0 };
	uint8_t record[64], type;
	size_t n;

	cr_assert(tls_aead_seal(seal, 0, padded, sizeof(padded), record));
	cr_expect_eq(tls_aead_open(open, record, sizeof(padded) + TLS_AEAD_OVERHEAD_BYTES, &n, &type),
	    TLS_AEAD_OPENED);
	cr_expect_eq(n, 3);
	cr_expect_eq(type, SSL3_RT_APPLICATION_DATA);
	cr_expect_eq(memcmp(record + TLS_AEAD_HEADER_BYTES, "a\0b", 3), 0);
	cr_assert(tls_aead_seal(seal, 0, zeros, sizeof(zeros), record));
	cr_expect_eq(tls_aead_open(open, record, sizeof(zeros) + TLS_AEAD_OVERHEAD_BYTES, &n, &type),
	    TLS_AEAD_TYPELESS);
	tls_aead_free(&seal);
	tls_aead_free(&open);
}

Test(tls_aead, other_suites_and_secrets_of_other_lengths_are_refused)
{
	cr_expect_null(make(0xc02b, client_secret, 32, AEAD_SEAL)); /* of TLS 1.2 */
	cr_expect_null(make(AES_128_GCM_ID, client_secret, 0, AEAD_SEAL));
	cr_expect_null(make(AES_128_GCM_ID, client_secret, 31, AEAD_OPEN));
}
