/* Requests about files: descriptors, replies, and the lines that remain in the log. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/session.h"

static struct guard_harness harness;

static void start(void)
{
	harness_start(&harness, "");
	harness_login(&harness);
}

static void start_read_only(void)
{
	harness_start(&harness, "anonymous { root = \"/tmp\" }");
	harness_login(&harness);
}

static void stop(void)
{
	harness_stop(&harness);
}

static const char *real_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/root%s", harness.base, name);
	return path;
}

static struct guard_rep_open open_upload(const char *path, int *fd_out)
{
	const struct guard_req_open ask = {
		.path = path,
		.flags = VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE,
		.mode = UINT32_MAX,
	};
	struct guard_rep_open reply;

	cr_assert_eq(harness_ask_open(&harness, &ask, &reply, fd_out), VFS_OK);
	cr_assert_geq(*fd_out, 0);
	return reply;
}

static enum vfs_status close_handle(uint32_t handle, enum vfs_outcome outcome, uint64_t bytes,
    enum vfs_status reason, struct guard_rep_close *reply)
{
	const struct guard_req_close ask = {
		.handle = handle,
		.outcome = (uint32_t)outcome,
		.bytes = bytes,
		.reason = (uint32_t)reason,
	};

	return harness_ask_close(&harness, &ask, reply, NULL);
}

Test(guard_files, an_upload_is_written_through_the_descriptor_and_published_by_close, .init = start,
    .fini = stop)
{
	struct guard_rep_open opened;
	struct guard_rep_close closed;
	int fd;

	opened = open_upload("/a.txt", &fd);
	cr_expect_str_eq(opened.path, "/a.txt");
	cr_expect_eq(opened.staged, 1);
	cr_expect_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY, "exactly the access asked for");
	cr_assert_eq(write(fd, "hello", 5), 5);
	cr_expect_eq(access(real_path("/a.txt"), F_OK), -1, "not yet");
	cr_expect_eq(close_handle(opened.handle, VFS_CLOSE_COMPLETE, 5, VFS_OK, &closed), VFS_OK);
	cr_expect_eq(access(real_path("/a.txt"), F_OK), 0);
	cr_expect_str_eq(closed.path, "/a.txt");
	cr_expect_eq(closed.size, 5);
	cr_expect(harness_logged(&harness, "path=/a.txt bytes=5 size=5 offset=0 duration_ms="),
	    "%s", harness.log);
	cr_expect(harness_logged(&harness, "result=complete"), "%s", harness.log);
	cr_expect_eq(close_handle(opened.handle, VFS_CLOSE_COMPLETE, 5, VFS_OK, &closed),
	    VFS_BAD_HANDLE, "only once");
	close(fd);
}

Test(guard_files, a_download_counts_what_the_descriptor_moved, .init = start, .fini = stop)
{
	const struct guard_req_open ask = { .path = "/d", .flags = VFS_OPEN_READ };
	const struct guard_req_bye bye = { .reason = GUARD_BYE_QUIT };
	struct guard_rep_open opened;
	char bytes[64];
	int fd = creat(real_path("/d"), 0644);

	cr_assert_eq(write(fd, "0123456789", 10), 10);
	close(fd);
	cr_assert_eq(harness_ask_open(&harness, &ask, &opened, &fd), VFS_OK);
	cr_expect_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_expect_eq(write(fd, "x", 1), -1);
	cr_assert_eq(read(fd, bytes, 7), 7);
	/* The front's word is not asked where there is evidence. */
	cr_expect_eq(close_handle(opened.handle, VFS_CLOSE_COMPLETE, 999, VFS_OK, NULL), VFS_OK);
	close(fd);
	cr_expect(harness_logged(&harness, "path=/d bytes=7 size=10"), "%s", harness.log);
	cr_assert_eq(harness_ask_open(&harness, &ask, &opened, &fd), VFS_OK);
	cr_assert_eq(pread(fd, bytes, 4, 0), 4);
	cr_expect_eq(close_handle(opened.handle, VFS_CLOSE_ABORTED, 4, VFS_OK, NULL), VFS_OK);
	close(fd);
	cr_expect(harness_logged(&harness, "path=/d bytes=4 size=10"), "%s", harness.log);
	cr_expect(harness_logged(&harness, "result=aborted"), "%s", harness.log);
	harness_ask_bye(&harness, &bye, NULL, NULL);
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(harness_logged(&harness, "uploads=0 downloads=1 bytes_in=0 bytes_out=11"), "%s",
	    harness.log);
}

Test(guard_files, an_upload_that_failed_is_logged_with_its_reason, .init = start, .fini = stop)
{
	struct guard_rep_open opened;
	int fd;

	opened = open_upload("/big", &fd);
	cr_assert_eq(write(fd, "part", 4), 4);
	cr_expect_eq(close_handle(opened.handle, VFS_CLOSE_FAILED, 4, VFS_NO_SPACE, NULL), VFS_OK);
	close(fd);
	cr_expect(
	    harness_logged(&harness, "result=failed reason=No space left"), "%s", harness.log);
	cr_expect_eq(access(real_path("/big"), F_OK), -1);
}

/* One line of the log, of a download that ended so; what the front has said about its connection before, and at its end. */
static const char *download_line(
    const char *name, enum vfs_outcome outcome, const struct guard_req_secured *said, const char *algorithms)
{
	const struct guard_req_open ask = { .path = name, .flags = VFS_OPEN_READ };
	struct guard_rep_open opened;
	struct guard_req_close end;
	static char line[1024];
	char start[256];
	const char *found;
	int fd = creat(real_path(name), 0644);

	close(fd);
	cr_assert_eq(harness_ask_open(&harness, &ask, &opened, &fd), VFS_OK);
	close(fd);
	if (said != NULL)
		cr_assert_eq(harness_ask_secured(&harness, said, NULL, NULL), VFS_OK);
	end = (struct guard_req_close){
		.handle = opened.handle,
		.outcome = (uint32_t)outcome,
		.reason = outcome == VFS_CLOSE_COMPLETE ? VFS_OK : VFS_UNREACHABLE,
		.algorithms = algorithms,
	};
	cr_assert_eq(harness_ask_close(&harness, &end, NULL, NULL), VFS_OK);
	snprintf(start, sizeof(start), "path=%s ", name);
	cr_assert(harness_logged(&harness, start), "%s", harness.log);
	pthread_mutex_lock(&harness.lock);
	found = strstr(harness.log, start);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(found, "\n"), found);
	pthread_mutex_unlock(&harness.lock);
	return line;
}

Test(guard_files, a_transfer_tells_of_the_connection_that_carried_it, .init = start, .fini = stop)
{
	const struct guard_req_secured control = { .algorithms = "CONTROL", .matter = GUARD_MATTER_CONNECTION };
	const char *line;

	cr_assert_eq(harness_ask_secured(&harness, &control, NULL, NULL), VFS_OK);
	line = download_line("/protected", VFS_CLOSE_COMPLETE, NULL, "DATA");
	cr_expect_not_null(strstr(line, "algorithms=DATA"), "%s", line);
	line = download_line("/clear", VFS_CLOSE_COMPLETE, NULL, NULL);
	cr_expect_null(strstr(line, "algorithms="), "%s", line);
}

static void list(const char *path)
{
	struct guard_rep_opendir opened;
	struct guard_rep_readdir entries;

	cr_assert_eq(harness_ask_opendir(&harness, &(struct guard_req_opendir){ .path = path }, &opened, NULL), VFS_OK);
	do
		cr_assert_eq(harness_ask_readdir(&harness, &(struct guard_req_readdir){ .handle = opened.handle }, &entries,
		                 NULL),
		    VFS_OK);
	while (!entries.end);
	cr_assert_eq(close_handle(opened.handle, VFS_CLOSE_COMPLETE, 0, VFS_OK, NULL), VFS_OK);
}

Test(guard_files, listings_tell_of_what_carries_them_until_something_else_does, .init = start, .fini = stop)
{
	const struct guard_req_secured control = { .algorithms = "CONTROL", .matter = GUARD_MATTER_CONNECTION };
	const struct guard_req_secured data = { .algorithms = "DATA", .matter = GUARD_MATTER_DATA };
	unsigned lines = 0;

	cr_assert_eq(harness_ask_secured(&harness, &control, NULL, NULL), VFS_OK);
	cr_assert_eq(harness_ask_secured(&harness, &data, NULL, NULL), VFS_OK);
	list("/");
	list("/");
	download_line("/file", VFS_CLOSE_COMPLETE, NULL, NULL);
	list("/");
	pthread_mutex_lock(&harness.lock);
	for (const char *line = harness.log; (line = strstr(line, "algorithms=DATA")) != NULL; line++)
		lines++;
	pthread_mutex_unlock(&harness.lock);
	cr_expect_eq(lines, 2, "each directory of LIST -R, and not the clear one: %s", harness.log);
	cr_expect_null(strstr(harness.log, "algorithms=CONTROL"));
}

Test(guard_files, a_transfer_whose_connection_failed_says_so, .init = start, .fini = stop)
{
	const struct {
		struct guard_req_secured said;
		const char *reason;
	} rows[] = {
		{ { .failure = "tlsv1 alert unknown ca", .matter = GUARD_MATTER_DATA },
		    "reason=TLS handshake of the data connection failed" },
		{ { .matter = GUARD_MATTER_RESUMPTION_MISSING },
		    "reason=data connection did not resume the TLS session" },
		{ { .matter = GUARD_MATTER_RESUMPTION_ENDED },
		    "reason=data connection did not resume the TLS session" },
		{ { .matter = GUARD_MATTER_TRUNCATED }, "reason=upload ended without TLS's close_notify" },
		{ { .matter = GUARD_MATTER_NO_NEW_KEYS }, "reason=the client asked the kernel for new keys" },
		/* Nothing of it stays for the next one. */
		{ { .algorithms = "DATA", .matter = GUARD_MATTER_DATA }, "reason=Cannot connect" },
	};
	char name[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *line;

		snprintf(name, sizeof(name), "/file%zu", i);
		line = download_line(name, VFS_CLOSE_ABORTED, &rows[i].said, NULL);
		cr_expect_not_null(strstr(line, rows[i].reason), "%s", line);
	}
}

Test(guard_files, a_front_that_vanishes_leaves_no_half_file_and_a_line, .init = start, .fini = stop)
{
	int fd;

	open_upload("/half", &fd);
	cr_assert_eq(write(fd, "part", 4), 4);
	close(fd);
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect_eq(access(real_path("/half"), F_OK), -1);
	cr_expect(harness_logged(&harness, "path=/half bytes=4"), "%s", harness.log);
	cr_expect(harness_logged(&harness, "result=aborted"), "%s", harness.log);
	cr_expect(harness_logged(&harness, "uploads=0 downloads=0 bytes_in=4"), "%s", harness.log);
}

Test(
    guard_files, an_upload_that_may_not_be_is_logged_a_download_is_not, .init = start, .fini = stop)
{
	struct guard_req_open ask = {
		.path = "/no/such/dir/x",
		.flags = VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE,
		.mode = UINT32_MAX,
	};
	int fd;

	cr_expect_eq(harness_ask_open(&harness, &ask, NULL, &fd), VFS_NOT_FOUND);
	cr_expect_eq(fd, -1);
	cr_expect(harness_logged(&harness, "upload session="), "%s", harness.log);
	cr_expect(harness_logged(
	              &harness, "path=/no/such/dir/x bytes=0 result=failed reason=No such file"),
	    "%s", harness.log);
	ask.flags = VFS_OPEN_READ;
	cr_expect_eq(harness_ask_open(&harness, &ask, NULL, &fd), VFS_NOT_FOUND);
	cr_expect_null(strstr(harness.log, "download session="));
}

Test(guard_files, a_directory_never_becomes_a_descriptor, .init = start, .fini = stop)
{
	const struct guard_req_open open_it = { .path = "/", .flags = VFS_OPEN_READ };
	const struct guard_req_opendir ask = { .path = "/" };
	struct guard_rep_opendir reply;
	int fd;

	cr_expect_neq(harness_ask_open(&harness, &open_it, NULL, &fd), VFS_OK);
	cr_expect_eq(fd, -1);
	/* harness_ask asserts that no descriptor comes where none is taken. */
	cr_expect_eq(harness_ask_opendir(&harness, &ask, &reply, NULL), VFS_OK);
}

Test(guard_files, a_listing_comes_in_batches_and_leaves_one_line, .init = start, .fini = stop)
{
	const struct guard_req_opendir ask = { .path = "/" };
	struct guard_req_readdir next = { .flags = 0 };
	struct guard_rep_opendir opened;
	struct guard_rep_readdir batch;
	struct vfs_batch_reader reader;
	struct vfs_entry entry;
	unsigned count = 0;

	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "/f%d", i);
		close(creat(real_path(name), 0644));
	}
	cr_assert_eq(harness_ask_opendir(&harness, &ask, &opened, NULL), VFS_OK);
	next.handle = opened.handle;
	do {
		cr_assert_eq(harness_ask_readdir(&harness, &next, &batch, NULL), VFS_OK);
		reader = (struct vfs_batch_reader){
			.bytes = batch.entries.bytes,
			.left = batch.entries.length,
		};
		while (vfs_batch_next(&reader, &entry) == 1)
			count++;
	} while (batch.end == 0);
	cr_expect_eq(count, 20);
	cr_expect_eq(close_handle(opened.handle, VFS_CLOSE_COMPLETE, 0, VFS_OK, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "list session="), "%s", harness.log);
	cr_expect(harness_logged(&harness, "result=complete"), "%s", harness.log);
}

Test(guard_files, changes_of_names_are_done_and_logged, .init = start, .fini = stop)
{
	const struct guard_req_mkdir make = { .path = "/dir", .mode = UINT32_MAX };
	const struct guard_req_rename move = { .from = "/dir", .to = "/other" };
	const struct guard_req_symlink point = { .target = "other", .path = "/link" };
	const struct guard_req_readlink read_it = { .path = "/link" };
	const struct guard_req_remove drop = { .path = "/link" };
	const struct guard_req_rmdir away = { .path = "/other" };
	const struct guard_req_stat look = { .path = "/other" };
	const struct guard_req_chdir enter = { .path = "/other" };
	const struct guard_req_statvfs space = { .path = "/" };
	const struct guard_req_setattr mode = {
		.path = "/other",
		.change = { .fields = VFS_SET_MODE, .mode = 0700 },
	};
	struct guard_rep_readlink link;
	struct guard_rep_statvfs room;
	struct guard_rep_stat attr;

	cr_expect_eq(harness_ask_mkdir(&harness, &make, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "mkdir session="));
	cr_expect_eq(harness_ask_rename(&harness, &move, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "path=/dir to=/other"), "%s", harness.log);
	cr_expect_eq(harness_ask_symlink(&harness, &point, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "path=/link to=other"), "%s", harness.log);
	cr_expect_eq(harness_ask_readlink(&harness, &read_it, &link, NULL), VFS_OK);
	cr_expect_str_eq(link.target, "other");
	cr_expect_eq(harness_ask_remove(&harness, &drop, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "delete session="));
	cr_expect_eq(harness_ask_setattr(&harness, &mode, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "setattr session="));
	cr_expect_eq(harness_ask_stat(&harness, &look, &attr, NULL), VFS_OK);
	cr_expect_eq(attr.attr.kind, VFS_KIND_DIR);
	cr_expect_eq(harness_ask_chdir(&harness, &enter, NULL, NULL), VFS_OK);
	cr_expect_eq(harness_ask_statvfs(&harness, &space, &room, NULL), VFS_OK);
	cr_expect_gt(room.blocks, 0);
	cr_expect_eq(harness_ask_rmdir(&harness, &away, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "rmdir session="));
	cr_expect_eq(harness_ask_rmdir(&harness, &away, NULL, NULL), VFS_NOT_FOUND);
}

Test(guard_files, a_copy_inside_the_server_is_one_line_and_no_transfer, .init = start, .fini = stop)
{
	const struct guard_req_open ask = { .path = "/from", .flags = VFS_OPEN_READ };
	struct guard_req_copy copy = { .length = UINT64_MAX };
	struct guard_rep_open from, to;
	struct guard_rep_copy step;
	int fd = creat(real_path("/from"), 0644);
	int from_fd, to_fd;

	cr_assert_eq(write(fd, "abcdef", 6), 6);
	close(fd);
	cr_assert_eq(harness_ask_open(&harness, &ask, &from, &from_fd), VFS_OK);
	to = open_upload("/to", &to_fd);
	copy.from = from.handle;
	copy.to = to.handle;
	do {
		cr_assert_eq(harness_ask_copy(&harness, &copy, &step, NULL), VFS_OK);
		copy.from_offset += step.copied;
		copy.to_offset += step.copied;
	} while (step.copied > 0);
	cr_expect_eq(close_handle(from.handle, VFS_CLOSE_COMPLETE, 0, VFS_OK, NULL), VFS_OK);
	cr_expect_eq(close_handle(to.handle, VFS_CLOSE_COMPLETE, 0, VFS_OK, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "path=/from to=/to bytes=6 size=6"), "%s", harness.log);
	cr_expect_null(strstr(harness.log, "download session="));
	cr_expect_null(strstr(harness.log, "upload session="));
	close(from_fd);
	close(to_fd);
}

Test(guard_files, the_processs_own_walls_stand, .init = start_read_only, .fini = stop)
{
	char path[64];
	char line[256];
	int no_new_privs = -1, seccomp = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", harness.guard);
	status = fopen(path, "re");
	cr_assert_not_null(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		sscanf(line, "NoNewPrivs: %d", &no_new_privs);
		sscanf(line, "Seccomp: %d", &seccomp);
	}
	fclose(status);
	cr_expect_eq(no_new_privs, 1);
	cr_expect_eq(seccomp, 2);
}
