/*
 * The same requests to this engine and to OpenSSH's sftp-server, where that is installed: the same kinds of answers.
 *
 * Known differences, which are not among the steps: a CLOSE of no handle and a READ of one that is only for writing are
 * NO_SUCH_FILE there, a SETSTAT of nothing at all succeeds for a name that does not exist, FSTAT does not know handles
 * of directories, unknown requests get no answer, malformed ones end the session, and what is uploaded shows before
 * CLOSE.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/bytes.h"
#include "server/base/io.h"
#include "tests/unit/sftp/fxp_harness.h"

#define SFTP_SERVER "/usr/lib/openssh/sftp-server"

/* format: a b strings, x u64, y u32, 0 u32 of 0, h the handle given out last. */
struct step {
	unsigned type;
	const char *format;
	const char *a;
	const char *b;
	uint64_t x;
	unsigned y;
};

#define EXT FXP_REQUEST_extended
static const struct step steps[] = {
	{ FXP_REQUEST_stat, "a", "none", "", 0, 0 },
	{ FXP_REQUEST_lstat, "a", "none", "", 0, 0 },
	{ FXP_REQUEST_open, "ay0", "none", "", 0, F_READ },
	{ FXP_REQUEST_open, "ay0", "none/f", "", 0, F_NEW },
	{ FXP_REQUEST_open, "ay0", "f", "", 0, F_READ | F_NEW | F_EXCL },
	{ FXP_REQUEST_write, "hxb", "", "0123456789", 0, 0 },
	{ FXP_REQUEST_read, "hxy", "", "", 0, 10 },
	{ FXP_REQUEST_fstat, "h", "", "", 0, 0 },
	{ FXP_REQUEST_close, "h", "", "", 0, 0 },
	{ FXP_REQUEST_read, "hxy", "", "", 0, 10 },
	{ FXP_REQUEST_write, "hxb", "", "x", 0, 0 },
	{ FXP_REQUEST_fstat, "h", "", "", 0, 0 },
	{ FXP_REQUEST_readdir, "h", "", "", 0, 0 },
	{ FXP_REQUEST_stat, "a", "f", "", 0, 0 },
	{ FXP_REQUEST_open, "ay0", "f", "", 0, F_NEW | F_EXCL },
	{ FXP_REQUEST_open, "ay0", "f", "", 0, F_READ | F_WRITE },
	{ FXP_REQUEST_read, "hxy", "", "", 0, 4 },
	{ FXP_REQUEST_read, "hxy", "", "", 8, 400000 },
	{ FXP_REQUEST_read, "hxy", "", "", 10, 1 },
	{ FXP_REQUEST_read, "hxy", "", "", 0, 0 },
	{ FXP_REQUEST_write, "hxb", "", "abc", 20, 0 },
	{ FXP_REQUEST_read, "hxy", "", "", 0, 100 },
	{ FXP_REQUEST_fsetstat, "hyx", "", "", 5, FXP_ATTR_SIZE },
	{ FXP_REQUEST_fstat, "h", "", "", 0, 0 },
	{ FXP_REQUEST_readdir, "h", "", "", 0, 0 },
	{ EXT, "ah", "fsync@openssh.com", "", 0, 0 },
	{ EXT, "ah", "fstatvfs@openssh.com", "", 0, 0 },
	{ FXP_REQUEST_close, "h", "", "", 0, 0 },
	{ FXP_REQUEST_open, "ay0", "f", "", 0, F_WRITE | F_APPEND },
	{ FXP_REQUEST_write, "hxb", "", "end", 0, 0 },
	{ FXP_REQUEST_close, "h", "", "", 0, 0 },
	{ FXP_REQUEST_stat, "a", "f", "", 0, 0 },
	{ FXP_REQUEST_setstat, "ayy", "f", "", 0, FXP_ATTR_PERMISSIONS },
	{ FXP_REQUEST_setstat, "ay", "f", "", 0, 0 },
	{ FXP_REQUEST_opendir, "a", "none", "", 0, 0 },
	{ FXP_REQUEST_opendir, "a", "f", "", 0, 0 },
	{ FXP_REQUEST_mkdir, "a0", "d", "", 0, 0 },
	{ FXP_REQUEST_mkdir, "a0", "d", "", 0, 0 },
	{ FXP_REQUEST_mkdir, "a0", "none/d", "", 0, 0 },
	{ FXP_REQUEST_opendir, "a", "d", "", 0, 0 },
	{ FXP_REQUEST_read, "hxy", "", "", 0, 10 },
	{ FXP_REQUEST_close, "h", "", "", 0, 0 },
	{ FXP_REQUEST_rmdir, "a", "f", "", 0, 0 },
	{ FXP_REQUEST_remove, "a", "d", "", 0, 0 },
	{ FXP_REQUEST_remove, "a", "none", "", 0, 0 },
	{ FXP_REQUEST_rmdir, "a", "none", "", 0, 0 },
	{ FXP_REQUEST_symlink, "ab", "f", "link", 0, 0 },
	{ FXP_REQUEST_symlink, "ab", "f", "link", 0, 0 },
	{ FXP_REQUEST_readlink, "a", "link", "", 0, 0 },
	{ FXP_REQUEST_readlink, "a", "none", "", 0, 0 },
	{ FXP_REQUEST_lstat, "a", "link", "", 0, 0 },
	{ FXP_REQUEST_stat, "a", "link", "", 0, 0 },
	{ FXP_REQUEST_rename, "ab", "none", "x", 0, 0 },
	{ FXP_REQUEST_rename, "ab", "f", "link", 0, 0 },
	{ FXP_REQUEST_rename, "ab", "f", "g", 0, 0 },
	{ FXP_REQUEST_rename, "ab", "d", "d2", 0, 0 },
	{ FXP_REQUEST_stat, "a", "link", "", 0, 0 },
	{ EXT, "abb", "hardlink@openssh.com", "g", 0, 0 },
	{ EXT, "a", "unknown@openssh.com", "", 0, 0 },
	{ EXT, "ab", "statvfs@openssh.com", ".", 0, 0 },
	{ EXT, "a", "limits@openssh.com", "", 0, 0 },
	{ FXP_REQUEST_rmdir, "a", "d2", "", 0, 0 },
	{ FXP_REQUEST_remove, "a", "link", "", 0, 0 },
	{ FXP_REQUEST_remove, "a", "g", "", 0, 0 },
};

/* The other server. */
struct peer {
	pid_t pid;
	int to;
	int from;
	struct fxp_name handle;
	uint8_t reply[1u << 19];
};

static void start_peer(struct peer *peer, const char *directory)
{
	int in[2];
	int out[2];

	cr_assert(pipe(in) == 0 && pipe(out) == 0);
	peer->pid = fork();
	if (peer->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		close(out[0]);
		execl(SFTP_SERVER, SFTP_SERVER, "-d", directory, "-u", "022", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	peer->to = in[1];
	peer->from = out[0];
}

static struct fxp_answer ask_peer(struct peer *peer, const uint8_t *bytes, size_t n)
{
	struct fxp_answer answer = { 0 };
	struct fxp_reader head = { .bytes = peer->reply, .left = 4 };
	uint32_t length;

	cr_assert(io_write_full(peer->to, bytes, n));
	cr_assert_eq(io_read_full(peer->from, peer->reply, 4), 4, "the other server has ended");
	length = fxp_get_u32(&head);
	cr_assert_leq(length, sizeof(peer->reply));
	cr_assert_eq(io_read_full(peer->from, peer->reply, length), (ssize_t)length);
	answer.body = (struct fxp_reader){ .bytes = peer->reply, .left = length };
	answer.type = fxp_get_u8(&answer.body);
	answer.id = fxp_get_u32(&answer.body);
	return answer;
}

static size_t build(const struct step *step, uint32_t id, const uint8_t *handle, size_t handle_length, uint8_t out[512])
{
	struct fxp_writer writer = { .bytes = out, .size = 512 };

	fxp_put_u32(&writer, 0);
	fxp_put_u8(&writer, (uint8_t)step->type);
	fxp_put_u32(&writer, id);
	for (const char *field = step->format; *field != '\0'; field++) {
		switch (*field) {
		case 'a':
			fxp_put_text(&writer, step->a);
			break;
		case 'b':
			fxp_put_text(&writer, step->b);
			break;
		case 'x':
			fxp_put_u64(&writer, step->x);
			break;
		case 'y':
			fxp_put_u32(&writer, step->y);
			break;
		case '0':
			fxp_put_u32(&writer, 0);
			break;
		default:
			fxp_put_string(&writer, handle, handle_length);
			break;
		}
	}
	cr_assert(!writer.failed);
	bytes_put_u32(out, (uint32_t)writer.length - 4);
	return writer.length;
}

/* What must be the same of an answer, as text. */
static void describe(struct fxp_answer answer, char *out, size_t size)
{
	struct fxp_string data;
	struct fxp_attrs attrs;

	switch (answer.type) {
	case FXP_REPLY_STATUS:
		snprintf(out, size, "status %u", fxp_get_u32(&answer.body));
		break;
	case FXP_REPLY_DATA:
		data = fxp_get_string(&answer.body);
		snprintf(out, size, "data %.*s", (int)data.length, (const char *)data.bytes);
		break;
	case FXP_REPLY_ATTRS:
		fxp_get_attrs(&answer.body, &attrs);
		/* How long a directory is, is the filesystem's affair. */
		snprintf(out, size, "attrs %o %llu", attrs.permissions,
		    (attrs.permissions & 0040000u) != 0 ? 0ull : (unsigned long long)attrs.size);
		break;
	case FXP_REPLY_NAME:
		(void)fxp_get_u32(&answer.body);
		data = fxp_get_string(&answer.body);
		snprintf(out, size, "name %.*s", (int)data.length, (const char *)data.bytes);
		break;
	default:
		snprintf(out, size, "reply %u", answer.type);
		break;
	}
}

static void note_handle(struct fxp_answer answer, uint8_t *handle, size_t *length)
{
	struct fxp_string string;

	if (answer.type != FXP_REPLY_HANDLE)
		return;
	string = fxp_get_string(&answer.body);
	*length = string.length < 64 ? string.length : 64;
	memcpy(handle, string.bytes, *length);
}

Test(fxp_differential, requests_are_answered_as_openssh_answers_them, .timeout = 20)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_REQUEST_init, 0, 0, 0, 3 };
	static struct peer peer;
	struct fxp_harness harness;
	char directory[600];
	uint8_t handles[2][64];
	size_t lengths[2] = { 0, 0 };
	uint8_t packet[512];
	char ours[512];
	char theirs[512];
	size_t n;

	if (access(SFTP_SERVER, X_OK) != 0)
		cr_skip_test("%s is not installed", SFTP_SERVER);
	fxp_harness_new(&harness);
	harness.tree.mounts[0].file_mode = 0666;
	harness.tree.mounts[0].dir_mode = 0777;
	snprintf(directory, sizeof(directory), "%s/theirs", harness.tree.base);
	cr_assert_eq(mkdirat(harness.tree.base_fd, "theirs", 0755), 0);
	fxp_harness_login(&harness);
	start_peer(&peer, directory);
	cr_assert_eq(ask_peer(&peer, init, sizeof(init)).type, FXP_REPLY_VERSION);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct fxp_answer answer;

		n = build(&steps[i], (uint32_t)i + 1, handles[0], lengths[0], packet);
		cr_assert(fxp_harness_give(&harness, packet, n));
		answer = fxp_harness_next(&harness);
		note_handle(answer, handles[0], &lengths[0]);
		describe(answer, ours, sizeof(ours));
		n = build(&steps[i], (uint32_t)i + 1, handles[1], lengths[1], packet);
		answer = ask_peer(&peer, packet, n);
		note_handle(answer, handles[1], &lengths[1]);
		describe(answer, theirs, sizeof(theirs));
		cr_expect_str_eq(ours, theirs, "step %zu (%u %s %s): %s instead of %s", i, steps[i].type, steps[i].a,
		    steps[i].b, ours, theirs);
	}
	close(peer.to);
	close(peer.from);
	waitpid(peer.pid, NULL, 0);
	fxp_harness_free(&harness);
}
