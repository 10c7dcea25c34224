#include "server/sftp/fxp_check.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/sftp/fxp_close.h"
#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_reply.h"

/* As FXP_CHECK_ALGORITHMS tells them (a test compares), and what OpenSSL calls them. */
static const struct {
	const char *name;
	const char *provider;
} algorithms[] = {
	{ "md5", "MD5" },
	{ "sha1", "SHA1" },
	{ "sha256", "SHA2-256" },
	{ "sha384", "SHA2-384" },
	{ "sha512", "SHA2-512" },
};

struct fxp_check {
	const char *name; /* of the algorithm */
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
	uint32_t guard; /* the guard's handle, if we opened the file ourselves; 0 */
	int own_fd;	/* then its descriptor; -1 */
	int fd;
	uint64_t offset;
	uint64_t left;	     /* UINT64_MAX: to the end */
	uint32_t block_size; /* 0: one checksum of it all */
	uint32_t in_block;   /* bytes of the present block so far */
	bool computed;	     /* only room for the reply is missing */
	bool prefixed;	     /* the reply begins with the name of the extension */
	size_t sums_length;
	uint8_t sums[FXP_CHECK_MAX_BYTES];
	uint8_t bytes[FXP_CHECK_READ_BYTES];
};

/* --- life ----------------------------------------------------------------------------------- */

static void end(struct fxp *fxp)
{
	struct fxp_check *check = fxp->job.check;
	struct guard_req_close ask = { .outcome = VFS_CLOSE_COMPLETE };

	fxp->job = (struct fxp_job){ .running = false };
	if (check == NULL)
		return;
	io_close(&check->own_fd);
	if (check->guard != 0) {
		ask.handle = check->guard;
		fxp_close_soon(fxp, &ask);
	}
	EVP_MD_CTX_free(check->context);
	EVP_MD_free(check->algorithm);
	free(check);
}

void fxp_check_abandon(struct fxp *fxp)
{
	if (fxp->job.check != NULL)
		end(fxp);
}

/* The client's list in its order; the first that we have. */
static void choose_algorithm(struct fxp_check *check, struct fxp_string list)
{
	const char *at = (const char *)list.bytes;
	size_t left = list.length;

	while (left > 0 && check->name == NULL) {
		const char *comma = memchr(at, ',', left);
		size_t n = comma != NULL ? (size_t)(comma - at) : left;

		for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
			if (strlen(algorithms[i].name) == n && memcmp(algorithms[i].name, at, n) == 0) {
				check->name = algorithms[i].name;
				check->algorithm = EVP_MD_fetch(NULL, algorithms[i].provider, NULL);
			}
		}
		left -= comma != NULL ? n + 1 : n;
		at += comma != NULL ? n + 1 : n;
	}
}

/* Arguments behind the file: algorithms, start, length, block size.  VFS_OK, with a cut packet too. */
static enum vfs_status begin(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_check *check = calloc(1, sizeof(*check));
	struct fxp_string list = fxp_get_string(&request->body);

	if (check == NULL)
		return VFS_NO_MEMORY;
	fxp->job = (struct fxp_job){ .running = true, .check = check };
	check->own_fd = -1;
	check->fd = -1;
	check->offset = fxp_get_u64(&request->body);
	check->left = fxp_get_u64(&request->body);
	check->block_size = fxp_get_u32(&request->body);
	if (check->left == 0)
		check->left = UINT64_MAX;
	if (check->offset > INT64_MAX || (check->block_size != 0 && check->block_size < FXP_CHECK_BLOCK_MIN))
		return VFS_INVALID;
	choose_algorithm(check, list);
	if (check->algorithm == NULL)
		return VFS_UNSUPPORTED;
	check->context = EVP_MD_CTX_new();
	if (check->context == NULL || EVP_DigestInit_ex2(check->context, check->algorithm, NULL) != 1)
		return VFS_NO_MEMORY;
	return VFS_OK;
}

/* --- computing ------------------------------------------------------------------------------ */

/* A block, or all of it, has been read. */
static enum vfs_status end_block(struct fxp_check *check)
{
	unsigned n = 0;

	if (check->sums_length + EVP_MAX_MD_SIZE > sizeof(check->sums))
		return VFS_TOO_BIG;
	if (EVP_DigestFinal_ex(check->context, check->sums + check->sums_length, &n) != 1 ||
	    EVP_DigestInit_ex2(check->context, check->algorithm, NULL) != 1)
		return VFS_FAILED;
	check->sums_length += n;
	check->in_block = 0;
	return VFS_OK;
}

static enum vfs_status add_bytes(struct fxp_check *check, size_t n)
{
	if (EVP_DigestUpdate(check->context, check->bytes, n) != 1)
		return VFS_FAILED;
	check->offset += n;
	if (check->left != UINT64_MAX)
		check->left -= n;
	check->in_block += (uint32_t)n;
	return check->block_size != 0 && check->in_block == check->block_size ? end_block(check) : VFS_OK;
}

/* How much to read at once: never beyond a block. */
static size_t piece(const struct fxp_check *check)
{
	uint64_t n = sizeof(check->bytes);

	if (check->block_size != 0 && n > check->block_size - check->in_block)
		n = check->block_size - check->in_block;
	return n > check->left ? (size_t)check->left : (size_t)n;
}

/* VFS_OK with *over false: there is more to do. */
static enum vfs_status check_step(struct fxp_check *check, bool *over)
{
	size_t budget = FXP_CHECK_STEP_BYTES;
	enum vfs_status status = VFS_OK;

	*over = false;
	while (budget > 0 && status == VFS_OK && !*over) {
		size_t wanted = piece(check);
		ssize_t n = pread(check->fd, check->bytes, wanted, (off_t)check->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return VFS_IO;
		status = add_bytes(check, (size_t)n);
		budget -= (size_t)n < budget ? (size_t)n : budget;
		*over = n == 0 || check->left == 0;
	}
	/* The last block may be short; of an empty range there is one checksum all the same. */
	if (status == VFS_OK && *over && (check->in_block > 0 || check->sums_length == 0))
		status = end_block(check);
	return status;
}

/* --- requests ------------------------------------------------------------------------------- */

static enum fxp_progress reply_sums(struct fxp *fxp, struct fxp_request *request)
{
	const struct fxp_check *check = fxp->job.check;
	struct fxp_writer writer;

	if (!fxp_reply_begin(
		fxp, request->id, FXP_REPLY_EXTENDED, FXP_REPLY_MAX_BYTES + check->sums_length, &writer))
		return FXP_NO_ROOM;
	if (check->prefixed)
		fxp_put_text(&writer, "check-file");
	fxp_put_text(&writer, check->name);
	for (size_t i = 0; i < check->sums_length; i++)
		fxp_put_u8(&writer, check->sums[i]);
	end(fxp);
	return fxp_reply_end(fxp, &writer);
}

static enum fxp_progress refuse(struct fxp *fxp, struct fxp_request *request, enum vfs_status status)
{
	end(fxp);
	return request->body.failed ? fxp_reply_bad_message(fxp, request)
				    : fxp_reply_status(fxp, request, status);
}

static enum fxp_progress go_on(struct fxp *fxp, struct fxp_request *request)
{
	bool over = false;
	enum vfs_status status = check_step(fxp->job.check, &over);

	fxp->moved_ms = fxp->now_ms;
	if (status != VFS_OK)
		return refuse(fxp, request, status);
	if (!over)
		return FXP_MORE;
	fxp->job.check->computed = true;
	return reply_sums(fxp, request);
}

/* Of a file that the client has open.  Clients of "check-file" want to be told that name again, those of the draft not.
 */
static enum fxp_progress check_open(struct fxp *fxp, struct fxp_request *request, bool prefixed)
{
	enum vfs_status status;

	if (fxp->job.running)
		return fxp->job.check->computed ? reply_sums(fxp, request) : go_on(fxp, request);
	status = begin(fxp, request);
	if (request->body.failed || status != VFS_OK)
		return refuse(fxp, request, status);
	if (!request->handle->read)
		return refuse(fxp, request, VFS_PERMISSION);
	fxp->job.check->fd = request->handle->fd;
	fxp->job.check->prefixed = prefixed;
	return go_on(fxp, request);
}

enum fxp_progress fxp_ext_check_file(struct fxp *fxp, struct fxp_request *request)
{
	return check_open(fxp, request, true);
}

enum fxp_progress fxp_ext_check_handle(struct fxp *fxp, struct fxp_request *request)
{
	return check_open(fxp, request, false);
}

enum fxp_progress fxp_ext_check_name(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_open ask = {
		.path = request->path.text,
		.flags = VFS_OPEN_READ | VFS_OPEN_CHECKSUM,
	};
	struct guard_rep_open reply;
	enum vfs_status status;

	if (fxp->job.running)
		return fxp->job.check->computed ? reply_sums(fxp, request) : go_on(fxp, request);
	status = begin(fxp, request);
	if (status == VFS_OK && !request->body.failed)
		status = guard_client_open(fxp->guard, &ask, &reply, &fxp->job.check->own_fd);
	if (request->body.failed || status != VFS_OK)
		return refuse(fxp, request, status);
	fxp->job.check->guard = reply.handle;
	fxp->job.check->fd = fxp->job.check->own_fd;
	return go_on(fxp, request);
}
