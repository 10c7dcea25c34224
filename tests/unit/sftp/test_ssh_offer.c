#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "server/sftp/ssh_offer.h"

static struct ssh_offer offer;

static void set_up(void)
{
	ssh_offer_init(&offer);
}

static void tear_down(void)
{
	ssh_offer_clear(&offer);
}

TestSuite(ssh_offer, .init = set_up, .fini = tear_down);

static const char *const lists[10] = { "kex-a,kex-b", "host-a", "cipher-a,aes128-gcm@openssh.com", "cipher-a", "mac-a",
	"mac-b", "none", "none", "", "" };

/* An identification line and a KEXINIT with these lists; the length. */
static size_t build(uint8_t *out, const char *line, uint8_t type)
{
	size_t at = strlen(line);
	size_t packet = at;
	uint32_t number;

	memcpy(out, line, at);
	at += 4;
	out[at++] = 4; /* padding */
	out[at++] = type;
	memset(out + at, 7, 16);
	at += 16;
	for (size_t i = 0; i < 10; i++) {
		number = htonl((uint32_t)strlen(lists[i]));
		memcpy(out + at, &number, 4);
		memcpy(out + at + 4, lists[i], strlen(lists[i]));
		at += 4 + strlen(lists[i]);
	}
	memset(out + at, 0, 9);
	at += 9;
	number = htonl((uint32_t)(at - packet - 4));
	memcpy(out + packet, &number, 4);
	return at;
}

static void assert_read(void)
{
	cr_assert(ssh_offer_is_read(&offer));
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++)
		cr_assert_str_eq(offer.lists[i], lists[i]);
}

Test(ssh_offer, reads_all_lists_from_one_piece)
{
	uint8_t bytes[1024];

	ssh_offer_feed(&offer, bytes, build(bytes, "SSH-2.0-x\r\n", 20));
	assert_read();
}

Test(ssh_offer, reads_byte_by_byte_and_ignores_what_follows)
{
	uint8_t bytes[1024];
	size_t length = build(bytes, "SSH-2.0-x\n", 20);

	for (size_t i = 0; i < length; i++)
		ssh_offer_feed(&offer, bytes + i, 1);
	assert_read();
	ssh_offer_feed(&offer, bytes, length);
	assert_read();
}

Test(ssh_offer, what_is_no_offer_yields_none)
{
	uint8_t bytes[1024];
	uint8_t flood[4096];
	size_t length = build(bytes, "SSH-2.0-x\r\n", 21);

	ssh_offer_feed(&offer, bytes, length);
	cr_assert_not(ssh_offer_is_read(&offer));
	ssh_offer_clear(&offer);
	ssh_offer_init(&offer);
	memset(flood, 'a', sizeof(flood));
	for (int i = 0; i < 100; i++)
		ssh_offer_feed(&offer, flood, sizeof(flood));
	cr_assert_not(ssh_offer_is_read(&offer));
	cr_assert_eq(buf_length(&offer.bytes), 0);
}

Test(ssh_offer, lengths_that_lie_are_refused)
{
	uint8_t bytes[1024];
	const size_t line = strlen("SSH-2.0-x\r\n");

	/* Each length field in turn says more than there is. */
	for (size_t place = line; place < line + 60; place++) {
		size_t length = build(bytes, "SSH-2.0-x\r\n", 20);

		bytes[place] ^= 0x80;
		ssh_offer_clear(&offer);
		ssh_offer_init(&offer);
		ssh_offer_feed(&offer, bytes, length);
		for (size_t i = 0; i < SSH_OFFER_LISTS; i++)
			cr_assert(offer.lists[i] == NULL || ssh_offer_is_read(&offer));
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
