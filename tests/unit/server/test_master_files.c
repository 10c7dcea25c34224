#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/master_files.h"

/* A configuration in a fresh directory. */
struct place {
	char dir[64];
	struct conf *conf;
	char message[CONF_MESSAGE_BYTES];
};

static void set_up(struct place *place, const char *log_target)
{
	char file[128];
	char text[512];

	snprintf(place->dir, sizeof(place->dir), "/tmp/transom-files-XXXXXX");
	cr_assert_not_null(mkdtemp(place->dir));
	snprintf(file, sizeof(file), "%s/transom.conf", place->dir);
	snprintf(text, sizeof(text),
	    "runtime_dir = \"run\"\nstate_dir = \"state\"\nlog { target = \"%s\" }\n", log_target);
	place->conf = NULL;
	cr_assert_eq(
	    conf_parse(&place->conf, file, text, place->message), CONF_OK, "%s", place->message);
}

static void tear_down(struct place *place)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", place->dir);
	cr_assert_eq(system(command), 0);
	conf_free(&place->conf);
}

static void path_in(const struct place *place, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", place->dir, name);
}

Test(master_files, makes_the_directories_and_opens_the_empty_one)
{
	struct place place;
	struct stat status;
	int empty_fd = -1;
	char path[128];

	set_up(&place, "stderr");
	for (int i = 0; i < 2; i++) { /* made, then found */
		cr_assert(master_files_prepare(place.conf, &empty_fd, place.message), "%s",
		    place.message);
		cr_assert_eq(fstat(empty_fd, &status), 0);
		cr_assert_eq(status.st_mode & 07777, 0555);
		io_close(&empty_fd);
	}
	path_in(&place, "state", path);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0750);
	tear_down(&place);
}

Test(master_files, refuses_directories_that_others_may_write_or_that_are_not_empty)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *complaint;
	} cases[] = {
		{ "run", 0777, "others may write" },
		{ "state", 0770, "others may write" },
		{ "run/empty/x", 0755, "must be empty" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place place;
		int empty_fd = -1;
		char path[128];

		set_up(&place, "stderr");
		cr_assert(master_files_prepare(place.conf, &empty_fd, place.message));
		io_close(&empty_fd);
		path_in(&place, "run/empty", path);
		chmod(path, 0755);
		path_in(&place, cases[i].name, path);
		mkdir(path, cases[i].mode);
		chmod(path, cases[i].mode);
		cr_assert(!master_files_prepare(place.conf, &empty_fd, place.message));
		cr_assert_not_null(strstr(place.message, cases[i].complaint), "%s", place.message);
		cr_assert_eq(empty_fd, -1);
		tear_down(&place);
	}
}

Test(master_files, a_runtime_directory_is_no_symbolic_link)
{
	struct place place;
	int empty_fd = -1;
	char path[128];

	set_up(&place, "stderr");
	path_in(&place, "run", path);
	cr_assert_eq(symlink("/tmp", path), 0);
	cr_assert(!master_files_prepare(place.conf, &empty_fd, place.message));
	cr_assert_not_null(strstr(place.message, "runtime_dir"), "%s", place.message);
	tear_down(&place);
}

Test(master_files, the_log_is_appended_to_beside_the_configuration_and_never_through_a_link)
{
	struct place place;
	enum clerk_log_kind kind;
	struct stat status;
	char path[128];
	int fd = -1;

	set_up(&place, "log");
	umask(022);
	cr_assert(
	    master_files_open_log(place.conf, &fd, &kind, place.message), "%s", place.message);
	cr_assert_eq(kind, CLERK_LOG_PLAIN);
	cr_assert(fcntl(fd, F_GETFL) & O_APPEND);
	path_in(&place, "log", path);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0640);
	io_close(&fd);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	cr_assert(!master_files_open_log(place.conf, &fd, &kind, place.message));
	cr_assert_not_null(strstr(place.message, "log target"), "%s", place.message);
	tear_down(&place);
}

Test(master_files, a_snapshot_holds_name_and_text_and_cannot_be_changed)
{
	char bytes[32] = "";
	int fd = master_files_snapshot("a.conf", "x = 1\n");

	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, bytes, sizeof(bytes), 0), 13);
	cr_assert_str_eq(bytes, "a.conf");
	cr_assert_str_eq(bytes + 7, "x = 1\n");
	cr_assert_lt(pwrite(fd, "y", 1, 0), 0);
	cr_assert_lt(ftruncate(fd, 0), 0);
	io_close(&fd);
}
