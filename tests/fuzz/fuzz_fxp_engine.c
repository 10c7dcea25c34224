/*
 * The SFTP engine against any bytes of a client, in pieces of any length, with a guard that serves a small directory.
 *
 * Handles cannot be guessed, so the eight bytes %HANDLE% stand for the one given out last.
 */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/sftp/fxp_reply.h"
#include "tests/unit/sftp/vfs_guard.h"

#define MAGIC "%HANDLE%"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static char directory[] = "/tmp/fuzz-fxp-XXXXXX";
static struct vfs_guard guard;
static struct guard_client *client;
static uint8_t last_handle[FXP_HANDLE_BYTES];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void stop_guard(void)
{
	guard_client_free(&client);
	vfs_guard_stop(&guard);
	vfs_free(&guard.vfs);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void start_guard(void)
{
	static const struct rlimit small = { .rlim_cur = 1u << 20, .rlim_max = 1u << 20 };
	static struct conf_mount policy = { .access = CONF_RIGHTS_FULL, .file_mode = 0600, .dir_mode = 0700 };
	struct vfs_mount_source root = { .mount = &policy };

	/* Sparse files of any length are allowed to clients, but a copy of one would never end here. */
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &small) != 0 || mkdtemp(directory) == NULL)
		abort();
	atexit(stop_guard);
	root.dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	client = vfs_guard_start(&guard, vfs_new("fuzz", &root, 1));
}

/* Work until there is nothing more to do; replies are looked at for handles. */
static void settle(struct ssh_service *service)
{
	const uint8_t *bytes;
	size_t n = 1;

	fxp_service.settle(service);
	for (bool more = true; more || n > 0;) {
		more = fxp_service.work(service);
		bytes = fxp_service.output(service, &n);
		for (size_t i = 0; i + 21 <= n; i++)
			if (memcmp(bytes + i, "\0\0\0\x11\x66", 5) == 0)
				memcpy(last_handle, bytes + i + 13, sizeof(last_handle));
		fxp_service.sent(service, n);
	}
}

static void put_handles(uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i + sizeof(last_handle) <= n; i++)
		if (memcmp(bytes + i, MAGIC, sizeof(last_handle)) == 0)
			memcpy(bytes + i, last_handle, sizeof(last_handle));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct ssh_service_start start = { .user = "fuzz", .start_dir = "/" };
	const struct guard_req_stat last = { .path = "/" };
	struct ssh_service *service;
	uint8_t piece[256];

	if (client == NULL)
		start_guard();
	start.guard = client;
	service = fxp_service.start(&start);
	while (length > 1) {
		size_t n = bytes[0] < length - 1 ? bytes[0] : length - 1;

		memcpy(piece, bytes + 1, n);
		put_handles(piece, n);
		if (!fxp_service.take(service, piece, n))
			break;
		settle(service);
		bytes += n + 1;
		length -= n + 1;
	}
	fxp_service.free(&service);
	/* Some files are closed without an answer: when this is answered they are. */
	(void)guard_client_stat(client, &last, NULL, NULL);
	return 0;
}
