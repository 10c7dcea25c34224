#include <criterion/criterion.h>
#include <string.h>

#include "server/sftp/fxp_codec.h"
#include "server/sftp/ssh_ext_info.h"

#define EXT_INFO 7

static uint8_t payload[2 * SSH_EXT_INFO_MAX_BYTES];
static uint8_t out[SSH_EXT_INFO_MAX_BYTES];

/* Names and values in turn, up to NULL; its length. */
static size_t make(uint8_t *bytes, uint32_t count, const char *const *texts)
{
	struct fxp_writer writer = { .bytes = bytes, .size = sizeof(payload) };

	fxp_put_u8(&writer, EXT_INFO);
	fxp_put_u32(&writer, count);
	for (; *texts != NULL; texts++)
		fxp_put_text(&writer, *texts);
	cr_assert_not(writer.failed);
	return writer.length;
}

static void assert_becomes(const char *const *from, const char *const *to, uint32_t count)
{
	uint8_t wanted[sizeof(payload)];
	size_t n = make(wanted, count, to);

	cr_assert_eq(ssh_ext_info_rewrite(payload, make(payload, count, from), "ssh-ed25519,ssh-rsa", out), n);
	cr_assert_arr_eq(out, wanted, n);
}

Test(ssh_ext_info, names_our_algorithms_and_leaves_all_else)
{
	assert_becomes((const char *[]){ "server-sig-algs", "a-cert-v01@openssh.com,a", NULL },
	    (const char *[]){ "server-sig-algs", "ssh-ed25519,ssh-rsa", NULL }, 1);
	assert_becomes((const char *[]){ "x", "1", "server-sig-algs", "", "server-sig-alg", "y", NULL },
	    (const char *[]){ "x", "1", "server-sig-algs", "ssh-ed25519,ssh-rsa", "server-sig-alg", "y", NULL }, 3);
}

Test(ssh_ext_info, messages_without_it_are_left_alone)
{
	size_t n = make(payload, 1, (const char *[]){ "x", "server-sig-algs", NULL });

	cr_assert_eq(ssh_ext_info_rewrite(payload, n, "a", out), 0);
	cr_assert_eq(ssh_ext_info_rewrite(payload, make(payload, 0, (const char *[]){ NULL }), "a", out), 0);
	n = make(payload, 1, (const char *[]){ "server-sig-algs", "b", NULL });
	payload[0] = EXT_INFO + 1;
	cr_assert_eq(ssh_ext_info_rewrite(payload, n, "a", out), 0);
}

Test(ssh_ext_info, so_are_those_that_are_not_well_formed_or_too_long)
{
	char text[SSH_EXT_INFO_MAX_BYTES];
	size_t n = make(payload, 1, (const char *[]){ "server-sig-algs", "b", NULL });

	for (size_t cut = 0; cut < n; cut++)
		cr_assert_eq(ssh_ext_info_rewrite(payload, cut, "a", out), 0, "%zu bytes", cut);
	cr_assert_eq(ssh_ext_info_rewrite(payload, n + 1, "a", out), 0, "a byte too many");
	cr_assert_gt(ssh_ext_info_rewrite(payload, n, "a", out), 0);
	payload[1] = 0xff;
	cr_assert_eq(ssh_ext_info_rewrite(payload, n, "a", out), 0);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	n = make(payload, 1, (const char *[]){ "server-sig-algs", "b", NULL });
	cr_assert_eq(ssh_ext_info_rewrite(payload, n, text, out), 0);
	n = make(payload, 2, (const char *[]){ "server-sig-algs", "b", "x", text, NULL });
	cr_assert_eq(ssh_ext_info_rewrite(payload, n, "a", out), 0);
}
