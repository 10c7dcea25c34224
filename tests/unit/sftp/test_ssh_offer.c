#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "server/sftp/ssh_offer.h"

static struct ssh_offer offer;

static void set_up(void)
{
	offer = (struct ssh_offer){ 0 };
}

static void tear_down(void)
{
	ssh_offer_clear(&offer);
}

TestSuite(ssh_offer, .init = set_up, .fini = tear_down);

static const char *const lists[10] = { "kex-a,kex-b", "host-a", "cipher-a,aes128-gcm@openssh.com", "cipher-a", "mac-a",
	"mac-b", "none", "none", "", "" };

/* The payload of a KEXINIT with these lists; its length. */
static size_t build(uint8_t *out, uint8_t type, const char *methods)
{
	size_t at = 0;

	out[at++] = type;
	memset(out + at, 7, 16);
	at += 16;
	for (size_t i = 0; i < 10; i++) {
		const char *list = i == 0 ? methods : lists[i];
		uint32_t number = htonl((uint32_t)strlen(list));

		memcpy(out + at, &number, 4);
		memcpy(out + at + 4, list, strlen(list));
		at += 4 + strlen(list);
	}
	memset(out + at, 0, 5);
	return at + 5;
}

Test(ssh_offer, reads_all_lists_and_the_marks_of_strictness)
{
	uint8_t bytes[1024];

	cr_assert(ssh_offer_parse(&offer, bytes, build(bytes, 20, lists[0])));
	cr_assert(ssh_offer_is_read(&offer));
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++)
		cr_assert_str_eq(offer.lists[i], lists[i]);
	cr_assert(!offer.strict_client && !offer.strict_server);
	cr_assert(ssh_offer_parse(&offer, bytes, build(bytes, 20, "kex-a,kex-strict-c-v00@openssh.com")));
	cr_assert(offer.strict_client && !offer.strict_server);
	cr_assert(ssh_offer_parse(&offer, bytes, build(bytes, 20, "kex-strict-s-v00@openssh.com,kex-a")));
	cr_assert(!offer.strict_client && offer.strict_server);
	cr_assert(ssh_offer_parse(&offer, bytes, build(bytes, 20, "kex-a,kex-strict-c-v00@openssh.community")));
	cr_assert(!offer.strict_client && !offer.strict_server);
}

Test(ssh_offer, what_is_no_offer_yields_none)
{
	uint8_t bytes[1024];
	size_t length = build(bytes, 20, lists[0]);

	/* Every length that is too short for six lists; the four others and the flag are not looked at. */
	for (size_t n = 0; n < length - 5 - 2 * 4 - 2 * 8; n++) {
		cr_assert_not(ssh_offer_parse(&offer, bytes, n), "%zu", n);
		cr_assert_not(ssh_offer_is_read(&offer));
	}
	cr_assert_not(ssh_offer_parse(&offer, bytes, build(bytes, 21, lists[0])));
}

Test(ssh_offer, lengths_that_lie_are_refused)
{
	uint8_t bytes[1024];

	/* The first byte of each length in turn says more than there is. */
	for (size_t i = 0, place = 17; i < SSH_OFFER_LISTS; place += 4 + strlen(lists[i]), i++) {
		size_t length = build(bytes, 20, lists[0]);

		bytes[place] ^= 0x80;
		cr_assert_not(ssh_offer_parse(&offer, bytes, length));
		cr_assert_not(ssh_offer_is_read(&offer));
	}
}

Test(ssh_offer, both_sides_agree_on_a_cipher_and_a_mac_for_each_direction)
{
	static const struct {
		const char *ours[4], *theirs[4]; /* ciphers in, out, MACs in, out */
		const char *in[2], *out[2];	 /* NULL: no agreement */
	} rows[] = {
		{ { "a,b", "a,b", "m,n", "m,n" }, { "b,a", "a", "n", "x,m" }, { "b", "n" }, { "a", "m" } },
		{ { "a", "a", "m", "m" }, { "x", "a", "m", "x" }, { NULL, NULL }, { NULL, NULL } },
		{ { "aes128-gcm@openssh.com", "a", "m", "m" }, { "aes128-gcm@openssh.com", "a", "x", "m" },
		    { "aes128-gcm@openssh.com", "" }, { "a", "m" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_offer ours = { 0 };
		struct ssh_offer theirs = { 0 };

		for (size_t j = 0; j < 4; j++) {
			ours.lists[SSH_OFFER_CIPHERS_IN + j] = strdup(rows[i].ours[j]);
			theirs.lists[SSH_OFFER_CIPHERS_IN + j] = strdup(rows[i].theirs[j]);
		}
		for (int inward = 0; inward < 2; inward++) {
			const char *const *want = inward != 0 ? rows[i].in : rows[i].out;
			char cipher[SSH_OFFER_NAME_MAX_BYTES + 1];
			char mac[SSH_OFFER_NAME_MAX_BYTES + 1];
			bool agreed = ssh_offer_agree(&ours, &theirs, inward != 0, cipher, mac);

			cr_assert_eq(agreed, want[0] != NULL, "%zu", i);
			if (agreed) {
				cr_assert_str_eq(cipher, want[0]);
				cr_assert_str_eq(mac, want[1]);
			}
		}
		ssh_offer_clear(&ours);
		ssh_offer_clear(&theirs);
	}
}

Test(ssh_offer, chooses_the_first_of_theirs_that_is_ours)
{
	static const struct {
		const char *ours, *theirs, *chosen;
	} rows[] = {
		{ "a,b,c", "c,b", "c" },
		{ "a,b", "x,b,a", "b" },
		{ "ab", "a,b", NULL },
		{ "a", "ab", NULL },
		{ "", "a", NULL },
		{ "a", "", NULL },
		{ "a", NULL, NULL },
		{ NULL, "a", NULL },
		{ "a", ",,a", "a" },
		{ ",", ",", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = 0;
		const char *found = ssh_offer_choose(rows[i].ours, rows[i].theirs, &length);

		cr_assert_eq(found == NULL, rows[i].chosen == NULL, "%zu", i);
		if (found != NULL)
			cr_assert(length == strlen(rows[i].chosen) &&
			          memcmp(found, rows[i].chosen, length) == 0);
	}
}

Test(ssh_offer, tells_the_first_conflict)
{
	const char *const ours[SSH_OFFER_LISTS] = { "k", "h", "c,aes128-gcm@openssh.com",
		"c,aes128-gcm@openssh.com", "m", "m" };
	static const struct {
		const char *theirs[SSH_OFFER_LISTS];
		const char *conflict;
	} rows[] = {
		{ { "k", "h", "c", "c", "m", "m" }, NULL },
		{ { "x", "x", "x", "x", "x", "x" }, "no common key exchange method" },
		{ { "k", "x", "c", "c", "m", "m" }, "no common host key algorithm" },
		{ { "k", "h", "c", "x", "m", "m" }, "no common cipher" },
		{ { "k", "h", "c", "c", "m", "x" }, "no common MAC" },
		/* A cipher that is its own MAC needs none in common. */
		{ { "k", "h", "aes128-gcm@openssh.com", "aes128-gcm@openssh.com", "x", "x" }, NULL },
		{ { "k", "h", "aes128-gcm@openssh.com", "c", "x", "x" }, "no common MAC" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = ssh_offer_conflict(ours, rows[i].theirs);

		if (rows[i].conflict == NULL)
			cr_assert_null(found, "%zu: %s", i, found);
		else
			cr_assert_str_eq(found, rows[i].conflict);
	}
}

Test(ssh_offer, describes_a_side)
{
	const char *const ours[SSH_OFFER_LISTS] = { "k", "h", "c", "c", "m", "m" };
	const char *const none[SSH_OFFER_LISTS] = { NULL };
	char text[128];

	ssh_offer_describe(ours, text, sizeof(text));
	cr_assert_str_eq(text, "key exchange: k; host keys: h; ciphers: c; MACs: m");
	ssh_offer_describe(none, text, 20);
	cr_assert_lt(strlen(text), 20);
}
