#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "auth/auth_keys.h"
#include "proofs.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* As ssh-keygen wrote and printed them. */
static const struct {
	const char *line, *fingerprint;
} samples[] = {
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKRr+o4qeb8bHgE12lbb2SerTHJSl2GVYB1cA8c9WtOL tes"
	  "t ed25519 256",
	    "SHA256:nt4VAxJDQfCy+ABjorl2uqhXR80Ms8qtKXQgbcFtrq0" },
	{ "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMwseLKp3vA1"
	  "fXtD6JS0omYeHwcfHOl9M7sGy3fxVE13VEbsNUl3BK4FKdFfk75iOB6g8uEqG2NEl51Oe9Z9/xE= test ec"
	  "dsa 256",
	    "SHA256:GfyVL/QxYZxef5NuMQeyB6JjiCbW8m8ECXpdFRkOwzU" },
	{ "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBPb0HonKHVHv"
	  "b3aHFlYLIt+n1vi1PdP7IzPRByikbiyS66cB3DPv7d8reVfT6SyhwCyF+jSV0VzGGpA09wQulF/+MVl1vsvK"
	  "Ttk57gP7ej2YLfbk4CLNyUC3UqXTT6TzBQ== test ecdsa 384",
	    "SHA256:El7WmAmjjZg++G9SO0IZFXMgnTY1n0mhJq6HJtRKghk" },
	{ "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACB4YS3UBbe"
	  "jmeQZT/sZaYv14nRWrz67HlfJWF03lFZxm+vfvMUIcgpPiezltlXP0emF4wulp3PDjAEWwGsVcQkegFPEhBp"
	  "NQH2Zpe47P+Rqo3fY0j+BPK/bKIwU3QJLjd/GFk0Xy2goqT97RxsY02fTfvfPveHM21bzw/lc/2sYGJl9Q=="
	  " test ecdsa 521",
	    "SHA256:s/A/Dfe+Lsos0Qwj38eI80UuDg96IJCTnKhgWT1I1NM" },
	{ "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC+hf1LmdxO32LO5JsxJyGxaT+Mc32XzoRrHMy3EP88+PlQ"
	  "thxRcMoyWid/kcEvwT1xukWtcNEvNogdOJl7nWedLaqgCebUawMSSoCAG4fHsK2CpBLq8sXlfCSKQiwtNbLc"
	  "BwsUVtRnfSNZbJFwzlH05r3oqoXC4zuv1QlOypxHSy6b10q4egqzYrVICBoa4FdIXeB/+V3Z3QrrH2D1ng1c"
	  "1iZ1GjxAgIsOkvuKLFhy5q67iBGZM4+AmO6JliduDIt9Z94ZCcUkw0RKt54PCftMIORG+gjG8hkKPSQUsZgd"
	  "m3SSbTHBGsyQBwobiYvFxyVRjgHkwVgkifh5UwZs0ZZL test rsa 2048",
	    "SHA256:pDP0rhD47T8f5PRp1R+fXqDM/bWztMz5MAIZq1zEo1o" },
	{ "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDzNEmSZxO59QeMj10t1k3m/UZBstYcLRrIMi62UNVmz9DT"
	  "XLUaYFI0GuqgpWZCqzq7aS+gccoht9RUVaqw5GsNacHcVPIh+wTrhHoLdiOwUDcc5TIsYw/bscWQNNLY8yyK"
	  "ddGaThY13dFiEIFiqqusSEeDBT0mQ/6NFgzAO+MqZQ== test rsa 1024",
	    "SHA256:lIgIPEdX//LXZhCPP/idAFimbZ5Txl4mgmbHuUrtovI" },
};
enum { ED25519, P256, P384, P521, RSA2048, RSA1024 };

static const char certificate_line[] =
    "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAA"
    "AIO4fBw5DmakPytc++GVzY2qybsuBaurvtgfzopV0OfhIAAAAIKRr+o4qeb8bHgE12lbb2SerTHJSl2GVYB1"
    "cA8c9WtOLAAAAAAAAAAAAAAABAAAAAmlkAAAACQAAAAVhbGljZQAAAAAAAAAA//////////8AAAAAAAAAggA"
    "AABVwZXJtaXQtWDExLWZvcndhcmRpbmcAAAAAAAAAF3Blcm1pdC1hZ2VudC1mb3J3YXJkaW5nAAAAAAAAABZ"
    "wZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJtaXQtcHR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwA"
    "AAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACCAoatlPa5+pnOwV/t2DgTkC1tBdqAktdRRb92ImtB1oAA"
    "AAFMAAAALc3NoLWVkMjU1MTkAAABAgFtnGHeSH/cZPHWcr3cObxuv2TUFaNVG0y+vnPKgnBdjLws4LfT+X7Z"
    "vxtw4nUyIbJTGBG7Y9FpKLRGjZYXmBQ== a@b";

static struct auth_keys_line parsed;
static struct netaddr peer;

static const char *read_line(const char *line)
{
	return auth_keys_read(&parsed, line, strlen(line));
}

Test(auth_keys, lines_and_fingerprints_are_those_of_ssh_keygen)
{
	char fingerprint[AUTH_KEY_FINGERPRINT_BYTES];

	for (size_t i = 0; i < COUNT(samples); i++) {
		const char *wrong = read_line(samples[i].line);

		cr_assert_null(wrong, "%s: %s", samples[i].line, wrong);
		cr_assert(auth_key_fingerprint(parsed.key.blob, fingerprint));
		cr_expect_str_eq(fingerprint, samples[i].fingerprint);
		cr_expect_eq(parsed.options.length, 0);
		cr_expect_eq(strncmp((const char *)parsed.comment.bytes, "test ", 5), 0);
	}
	cr_assert_null(read_line(samples[RSA2048].line));
	cr_expect_eq(parsed.key.bits, 2048);
	cr_assert_null(read_line(samples[RSA1024].line));
	cr_expect_eq(parsed.key.bits, 1024);
}

Test(auth_keys, every_type_that_is_made_is_read)
{
	static struct proof_key key;
	char line[4096];

	for (size_t i = 0; i < auth_key_type_count; i++) {
		proof_key_make(&key, auth_key_types[i].name, 2048);
		proof_key_line(&key, "", line);
		cr_expect_null(read_line(line), "%s", line);
		cr_expect_str_eq(parsed.key.type->name, auth_key_types[i].name);
		cr_expect_eq(parsed.key.application.length > 0, auth_key_types[i].security_key);
		proof_key_free(&key);
	}
}

/* A blob of that type with these further fields; a length of 0 is no field. */
struct spoilt {
	const char *type;
	struct {
		const void *bytes;
		size_t length;
	} fields[3];
	size_t surplus;
};

static void encode(const struct spoilt *spoilt, char line[4096])
{
	struct proof_key key = { .type = spoilt->type };

	proof_put_text(&key.blob, spoilt->type);
	for (size_t i = 0; i < COUNT(spoilt->fields); i++)
		if (spoilt->fields[i].length > 0)
			proof_put_string(
			    &key.blob, spoilt->fields[i].bytes, spoilt->fields[i].length);
	for (size_t i = 0; i < spoilt->surplus; i++)
		proof_put_byte(&key.blob, 0);
	proof_key_line(&key, "", line);
}

Test(auth_keys, blobs_that_are_no_keys_are_refused)
{
	static const uint8_t zeros[256], ones[256] = { [0 ... 255] = 1 }, fours[65] = { 4 };
	const struct spoilt good = { "ssh-rsa", { { "\3", 1 }, { ones, 256 } }, 0 };
	const struct spoilt rows[] = {
		{ "ssh-ed25519", { { ones, 31 } }, 0 }, { "ssh-ed25519", { { ones, 33 } }, 0 },
		{ "ssh-ed25519", { { NULL, 0 } }, 0 }, { "ssh-ed25519", { { ones, 32 } }, 1 },
		{ "ecdsa-sha2-nistp256", { { "nistp384", 8 }, { fours, 65 } }, 0 },
		{ "ecdsa-sha2-nistp256", { { "nistp256", 8 }, { ones, 65 } },
		    0 }, /* not uncompressed */
		{ "ecdsa-sha2-nistp256", { { "nistp256", 8 }, { fours, 64 } }, 0 },
		{ "sk-ssh-ed25519@openssh.com", { { ones, 32 } }, 0 },
		{ "sk-ssh-ed25519@openssh.com", { { ones, 32 } }, 4 }, /* an empty application */
		{ "ssh-rsa", { { "\1", 1 }, { ones, 256 } }, 0 }, /* all is its own signature */
		{ "ssh-rsa", { { "\2", 1 }, { ones, 256 } }, 0 },
		{ "ssh-rsa", { { ones, 9 }, { ones, 256 } }, 0 }, /* takes minutes */
		{ "ssh-rsa", { { "\3", 1 }, { zeros, 256 } }, 0 },
		{ "ssh-rsa", { { "\3", 1 }, { "\377", 1 } }, 0 }, /* negative */
		{ "ssh-rsa", { { "\3", 1 }, { "\1\4", 2 } }, 0 }, /* even */
	};
	char line[4096];

	encode(&good, line);
	cr_assert_null(read_line(line));
	for (size_t i = 0; i < COUNT(rows); i++) {
		encode(&rows[i], line);
		cr_expect_eq(read_line(line), auth_key_damaged, "row %zu", i);
	}
}

Test(auth_keys, lines_that_are_none_say_what_they_are)
{
	char line[4096], other[4096];
	const char *base64 = samples[ED25519].line + strlen("ssh-ed25519 ");

	snprintf(other, sizeof(other), "ssh-rsa %s", base64);
	cr_expect_not_null(strstr(read_line(other), "another type"));
	snprintf(line, sizeof(line), "ssh-dss %s", base64);
	cr_expect_str_eq(read_line(line), "DSA keys are no longer safe");
	snprintf(line, sizeof(line), "ssh-foo %s", base64);
	cr_expect_str_eq(read_line(line), auth_keys_not_a_line);
	cr_expect_str_eq(read_line("ssh-ed25519"), auth_keys_not_a_line);
	cr_expect_str_eq(read_line("ssh-ed25519 A-B"), auth_key_damaged);
	cr_expect_str_eq(read_line(""), auth_keys_not_a_line);
	cr_expect_str_eq(read_line("from=\"a b"), auth_keys_not_a_line);
	cr_expect_not_null(strstr(read_line(certificate_line), "certificates are not served"));
	snprintf(line, sizeof(line), "cert-authority %s", certificate_line);
	cr_expect_not_null(strstr(read_line(line), "certificates are not served"));
	cr_expect_not_null(auth_keys_read(&parsed, "ssh-ed25519\0", 12));
}

Test(auth_keys, options_stand_before_the_type_with_blanks_only_in_quotes)
{
	char line[4096];

	snprintf(line, sizeof(line), " \t from=\"a b,\\\"c\",restrict \t%s", samples[ED25519].line);
	cr_assert_null(read_line(line));
	cr_expect(auth_blob_is(parsed.options, "from=\"a b,\\\"c\",restrict"));
	cr_expect(auth_blob_is(parsed.comment, "test ed25519 256"));
}

/* --- whose key ----------------------------------------------------------------------------------
 */

/* What becomes of the key of a sample when these lines are tried. */
static struct auth_keys_answer try_lines(int sample, const char *text, unsigned rsa_min_bits)
{
	static struct auth_keys_line asked;
	struct auth_keys_answer answer = { .accepted = false };
	struct auth_keys_ask ask = {
		.key = &asked.key,
		.peer = &peer,
		.now = 1700000000,
		.rsa_min_bits = rsa_min_bits,
	};

	cr_assert(netaddr_parse_ip(&peer, "192.0.2.7"));
	cr_assert_null(auth_keys_read(&asked, samples[sample].line, strlen(samples[sample].line)));
	auth_keys_try_text(&ask, text, strlen(text), "F", &answer);
	return answer;
}

/* One line: the sample with these options. */
static struct auth_keys_answer try_options(int sample, const char *options)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s %s", options, samples[sample].line);
	return try_lines(sample, text, 2048);
}

Test(auth_keys, the_key_itself_counts_and_nothing_else_of_the_line)
{
	char text[8192];

	snprintf(text, sizeof(text), "# %s\n\n  \r\n%s\r\n%s someone else\n", samples[P256].line,
	    samples[P384].line, samples[ED25519].line);
	cr_expect(try_lines(ED25519, text, 2048).accepted);
	cr_expect(try_lines(P384, text, 2048).accepted);
	cr_expect_not(try_lines(P256, text, 2048).accepted, "a comment");
	cr_expect_not(try_lines(P521, text, 2048).accepted);
	cr_expect_str_empty(try_lines(P521, text, 2048).why);
	cr_expect_str_empty(try_lines(P521, text, 2048).spoilt);
}

Test(auth_keys, options_decide_and_say_why)
{
	static const struct {
		const char *options;
		bool accepted;
		const char *why;
	} rows[] = {
		{ "restrict", true, "" },
		{ "RESTRICT,no-pty,No-X11-Forwarding,no-user-rc", true, "" },
		{ "no-port-forwarding,no-agent-forwarding", true, "" },
		{ "from=\"192.0.2.7\"", true, "" },
		{ "from=\"192.0.2.0/24\"", true, "" },
		{ "from=\"192.0.2.*\"", true, "" },
		{ "from=\"10.0.0.1,192.0.2.?\"", true, "" },
		{ "from=\"*,!192.0.3.*\"", true, "" },
		{ "from=\"*,!192.0.2.7\"", false,
		    "from= does not allow the key at address 192.0.2.7" },
		{ "from=\"!192.0.2.0/24,*\"", false, "from= does not allow" },
		{ "from=\"!10.0.0.0/8\"", false,
		    "from= does not allow" }, /* as OpenSSH: only a denial */
		{ "from=\"10.0.0.0/8\"", false, "F, line 1: from= does not allow" },
		{ "from=\"2001:db8::/32\"", false, "from= does not allow" },
		{ "from=\"192.0.2.7/24\"", false,
		    "\"192.0.2.7/24\" has bits set behind its prefix" },
		{ "from=\"192.0.2.0/33\"", false, "neither an address" },
		{ "from=\"*.example.com\"", false, "neither an address" },
		{ "from=\"a.example.com,192.0.2.7\"", false, "neither an address" },
		{ "from=\"192.0.2.7,\"", true, "" },
		{ "from=\",192.0.2.7\"", false, "is empty" },
		{ "from=\"\"", false, "from= is there twice, is empty" },
		{ "from=\"*\",from=\"*\"", false, "from= is there twice" },
		{ "from=*", false, "not quoted" },
		{ "from", false, "option from needs a value" },
		{ "restrict=\"x\"", false, "option restrict takes no value" },
		{ "expiry-time=\"20231115\"", true, "" }, /* now is 20231114221320Z */
		{ "expiry-time=\"20231114Z\"", false, "the key has expired" },
		{ "expiry-time=\"202311142213Z\"", false, "the key has expired" },
		{ "expiry-time=\"20231114221320Z\"", false, "the key has expired" },
		{ "expiry-time=\"20231114221321Z\"", true, "" },
		{ "expiry-time=\"20400101\",expiry-time=\"20200101\"", false,
		    "the key has expired" },
		{ "expiry-time=\"20231301\"", false, "is not YYYYMMDD" },
		{ "expiry-time=\"20230230Z\"", false, "is not YYYYMMDD" },
		{ "expiry-time=\"tomorrow\"", false, "is not YYYYMMDD" },
		{ "cert-authority", false, "cert-authority cannot be kept" },
		{ "command=\"/bin/sh\"", false,
		    "command cannot be kept: no commands are run here" },
		{ "environment=\"A=b\"", false, "option environment is not known" },
		{ "tunnel=\"0\"", false, "option tunnel is not known" },
		{ "restrict,pty", false, "option pty is not known" },
		{ "restrict,", false, "is not followed by another one" },
		{ ",restrict", false, "is not known" },
		{ "no-such-option-and-a-long-one-at-that", false, "is not known" },
		{ "from=\"*\"x", false, "is not followed by another one" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_keys_answer answer = try_options(ED25519, rows[i].options);

		cr_expect_eq(
		    answer.accepted, rows[i].accepted, "%s: %s", rows[i].options, answer.why);
		cr_expect_eq(answer.matched, !rows[i].accepted, "%s", rows[i].options);
		cr_expect_not_null(
		    strstr(answer.why, rows[i].why), "%s: %s", rows[i].options, answer.why);
	}
}

Test(auth_keys, what_a_security_key_must_show_comes_from_its_line)
{
	struct auth_keys_answer answer = try_options(ED25519, "no-touch-required,verify-required");

	cr_expect(answer.accepted && answer.untouched && answer.verify_required);
	answer = try_options(ED25519, "restrict");
	cr_expect(answer.accepted && !answer.untouched && !answer.verify_required);
}

Test(auth_keys, one_good_line_is_enough_and_bad_ones_are_named)
{
	char text[8192];
	struct auth_keys_answer answer;

	snprintf(text, sizeof(text), "nonsense\nfrom=\"10.0.0.1\" %s\nrestrict %s\n",
	    samples[ED25519].line, samples[ED25519].line);
	cr_expect(try_lines(ED25519, text, 2048).accepted);
	snprintf(text, sizeof(text), "agent %s\nnonsense\n", samples[P256].line);
	answer = try_lines(ED25519, text, 2048);
	cr_expect_not(answer.accepted || answer.matched);
	cr_expect_str_eq(answer.spoilt, "F, line 1 does not count: option agent is not known");
	snprintf(text, sizeof(text), "%s\n%s\n", samples[P256].line, certificate_line);
	answer = try_lines(ED25519, text, 2048);
	cr_expect_str_eq(answer.spoilt, "F, line 2 does not count: OpenSSH certificates are not "
	                                "served, only the keys themselves");
}

Test(auth_keys, short_rsa_keys_are_refused_with_their_length)
{
	cr_expect_not_null(strstr(try_lines(RSA1024, samples[RSA1024].line, 2048).why,
	    "the RSA key has 1024 bits, less than 2048"));
	cr_expect(try_lines(RSA1024, samples[RSA1024].line, 1024).accepted);
	cr_expect(try_lines(RSA2048, samples[RSA2048].line, 2048).accepted);
	cr_expect_not(try_lines(RSA2048, samples[RSA2048].line, 2049).accepted);
}

Test(auth_keys, from_knows_ipv6_and_capitals)
{
	struct auth_key_options options;
	char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES];
	static const struct {
		const char *text, *address;
		bool admitted;
	} rows[] = {
		{ "from=\"2001:DB8:0:0::7\"", "2001:db8::7", true },
		{ "from=\"2001:db8::/32,!2001:DB8:1::*\"", "2001:db8:1::7", false },
		{ "from=\"2001:db8::/32,!2001:DB8:1::*\"", "2001:db8:2::7", true },
		{ "from=\"192.0.2.7\"", "::ffff:192.0.2.7", true },
		{ "from=\"*\"", "::1", true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_blob text = { .bytes = (const uint8_t *)rows[i].text,
			.length = strlen(rows[i].text) };

		cr_assert(auth_key_options_parse(&options, text, wrong), "%s", wrong);
		cr_assert(netaddr_parse_ip(&peer, rows[i].address), "%s", rows[i].address);
		cr_expect_eq(
		    auth_key_options_admit(&options, &peer), rows[i].admitted, "row %zu", i);
	}
}

Test(auth_keys, a_list_as_long_as_can_be_is_taken_and_a_longer_one_is_not)
{
	char text[AUTH_KEY_FROM_BYTES + 64];
	size_t length = (size_t)snprintf(text, sizeof(text), "from=\"1.2.3.4");
	struct auth_key_options options;
	char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES];

	while (length < strlen("from=\"") + AUTH_KEY_FROM_BYTES - 1)
		text[length++] = '*';
	text[length] = '"';
	cr_expect(auth_key_options_parse(&options,
	    (struct auth_blob){ .bytes = (const uint8_t *)text, .length = length + 1 }, wrong));
	text[length] = '*';
	text[length + 1] = '"';
	cr_expect_not(auth_key_options_parse(&options,
	    (struct auth_blob){ .bytes = (const uint8_t *)text, .length = length + 2 }, wrong));
}
