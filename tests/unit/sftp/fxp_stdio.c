/*
 * The SFTP engine between standard input and output, as OpenSSH's sftp-server runs: `sftp -D "fxp_stdio DIR"`.
 *
 * Engine and VFS without transport and processes: for comparisons with other servers, and for measurements.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/sftp/ssh_service.h"
#include "tests/unit/sftp/vfs_guard.h"

static const struct conf_mount policy = {
	.access = CONF_RIGHTS_FULL,
	.resume_window = 24 * 60 * 60 * 1000,
	.file_mode = 0666,
	.dir_mode = 0777,
	.umask = 022,
};

static void send_output(struct ssh_service *service)
{
	const uint8_t *bytes;
	size_t n;

	while (bytes = fxp_service.output(service, &n), n > 0) {
		if (!io_write_full(STDOUT_FILENO, bytes, n))
			err(1, "write");
		fxp_service.sent(service, n);
	}
}

static void serve(struct ssh_service *service)
{
	static uint8_t bytes[256u << 10];
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	bool more = false;
	int status;

	while (!fxp_service.ended(service, &status)) {
		int ready = poll(&input, 1, more ? 0 : fxp_service.wait_ms(service));

		if (ready > 0) {
			ssize_t n = io_read(STDIN_FILENO, bytes, sizeof(bytes));

			if (n <= 0)
				fxp_service.take_end(service);
			else if (!fxp_service.take(service, bytes, (size_t)n))
				errx(1, "protocol error");
		}
		fxp_service.settle(service);
		more = fxp_service.work(service);
		send_output(service);
	}
}

int main(int argc, char **argv)
{
	struct vfs_mount_source root = { .mount = &policy };
	struct ssh_service_start start = { .user = "tester", .start_dir = "/", .rights = CONF_RIGHTS_FULL };
	struct vfs_guard guard = { .wall_fd = -1 };
	struct ssh_service *service;
	struct vfs *vfs;

	if (argc != 2)
		errx(2, "usage: fxp_stdio DIRECTORY");
	root.dir_fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root.dir_fd < 0)
		err(1, "%s", argv[1]);
	vfs = vfs_new(start.user, &root, 1);
	start.uid = geteuid();
	start.guard = vfs != NULL ? vfs_guard_start(&guard, vfs) : NULL;
	service = start.guard != NULL ? fxp_service.start(&start) : NULL;
	if (service == NULL)
		errx(1, "no memory");
	serve(service);
	fxp_service.free(&service);
	guard_client_free(&start.guard);
	vfs_guard_stop(&guard);
	vfs_free(&vfs);
	return 0;
}
