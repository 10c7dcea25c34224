/* What is left of a root guard after a login: nothing of root. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/guard_private.h"
#include "server/session.h"

#define FILES_UID 64801
#define FILES_GID 64802

static struct guard_harness harness;

static bool start(const char *extra)
{
	if (geteuid() != 0)
		return false;
	harness_start_as_root(&harness, extra);
	return true;
}

#define START(extra)       \
	if (!start(extra)) \
	cr_skip_test("only root can start in root mode")

static const char *real_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", harness.base, name);
	return path;
}

/* The value of a line of /proc/PID/status, blanks squeezed. */
static void expect_status(const char *field, const char *expected)
{
	char path[64], line[512], value[512] = "";
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", harness.guard);
	status = fopen(path, "re");
	cr_assert_not_null(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		char *word, *rest = line;

		if (strncmp(line, field, strlen(field)) != 0 || line[strlen(field)] != ':')
			continue;
		rest = line + strlen(field) + 1;
		while ((word = strtok_r(rest, " \t\n", &rest)) != NULL) {
			if (value[0] != '\0')
				strcat(value, " ");
			strcat(value, word);
		}
	}
	fclose(status);
	cr_expect_str_eq(value, expected, "%s is %s", field, value);
}

static const char *link_of(const char *name)
{
	static char target[256];
	char path[128];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", harness.guard, name);
	length = readlink(path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	return target;
}

Test(guard_enter, before_login_root_can_only_read_and_become_somebody)
{
	START("");
	harness_connect(&harness);
	expect_status("Uid", "0 0 0 0");
	/* CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT */
	expect_status("CapEff", "00000000000400c4");
	expect_status("CapPrm", "00000000000400c4");
	expect_status("CapBnd", "0000000000000000");
	expect_status("NoNewPrivs", "1");
	expect_status("Seccomp", "2");
	harness_stop(&harness);
}

Test(guard_enter, after_login_the_guard_is_the_user_inside_the_root)
{
	const struct guard_req_mkdir make = { .path = "/made", .mode = UINT32_MAX };
	struct stat status;

	START("");
	cr_assert_eq(chown(real_path("/root"), FILES_UID, FILES_GID), 0);
	harness_login(&harness);
	expect_status("Uid", "64801 64801 64801 64801");
	expect_status("Gid", "64802 64802 64802 64802");
	expect_status("Groups", "");
	expect_status("CapEff", "0000000000000000");
	expect_status("CapPrm", "0000000000000000");
	expect_status("CapBnd", "0000000000000000");
	expect_status("NoNewPrivs", "1");
	expect_status("Seccomp", "2");
	expect_status("Seccomp_filters", "2");
	cr_expect_str_eq(link_of("root"), real_path("/root"));
	cr_expect_str_eq(link_of("cwd"), real_path("/root"));
	cr_expect_eq(harness_ask_mkdir(&harness, &make, NULL, NULL), VFS_OK);
	cr_assert_eq(stat(real_path("/root/made"), &status), 0);
	cr_expect_eq(status.st_uid, FILES_UID);
	cr_expect_eq(status.st_gid, FILES_GID);
	harness_stop(&harness);
}

Test(guard_enter, the_answer_of_a_login_tells_what_the_front_may_show)
{
	const struct guard_req_login ask = { .user = "alice", .password = "wonderland" };
	struct guard_rep_login reply;

	START("");
	harness_connect(&harness);
	cr_assert_eq(harness_ask_login(&harness, &ask, &reply, NULL), VFS_OK);
	cr_expect_eq(reply.result, GUARD_LOGIN_OK);
	cr_expect_str_eq(reply.user, "alice");
	cr_expect_str_eq(reply.start_dir, "/");
	cr_expect_eq(reply.rights, CONF_RIGHTS_FULL);
	cr_expect_eq(reply.uid, FILES_UID);
	cr_expect_eq(reply.attempts_left, 6);
	harness_stop(&harness);
}

/* Configuration refuses it already; the guard does not rely on that. */
Test(guard_enter, nobody_becomes_root)
{
	static const struct {
		const char *user, *group, *cause;
	} accounts[] = {
		{ "0", "", "files_user or files_group is root" },
		{ "64801", "0", "files_user or files_group is root" },
		{ "root", "", "files_user or files_group is root" },
		{ "64801", "root", "files_user or files_group is root" },
		{ "no-such-account", "", "no such account: files_user = \"no-such-account\"" },
	};
	struct guard_entry entry;
	struct conf_user *user;
	struct conf *conf;
	char message[CONF_MESSAGE_BYTES];

	cr_assert_eq(
	    conf_parse(&conf, "test.conf", "anonymous { root = \"/tmp\" }", message), CONF_OK);
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
		cr_assert_eq(conf_user_anonymous(&user, conf, "anonymous"), CONF_OK);
		free(user->files_user);
		free(user->files_group);
		user->files_user = strdup(accounts[i].user);
		user->files_group = strdup(accounts[i].group);
		cr_expect_not(guard_entry_prepare(&entry, user, true));
		cr_expect_eq(strncmp(entry.cause, accounts[i].cause, strlen(accounts[i].cause)), 0,
		    "%s", entry.cause);
		cr_expect_str_not_empty(entry.cure);
		guard_entry_clear(&entry);
	}
	conf_free(&conf);
}

Test(guard_enter, a_named_account_brings_its_groups_but_never_that_of_root)
{
	struct guard_entry entry;
	struct conf_user *user;
	struct conf *conf;
	char message[CONF_MESSAGE_BYTES];

	if (getpwnam("daemon") == NULL)
		cr_skip_test("there is no account daemon");
	cr_assert_eq(
	    conf_parse(&conf, "test.conf", "anonymous { root = \"/tmp\" }", message), CONF_OK);
	cr_assert_eq(conf_user_anonymous(&user, conf, "anonymous"), CONF_OK);
	free(user->files_user);
	user->files_user = strdup("daemon");
	cr_assert(guard_entry_prepare(&entry, user, true), "%s", entry.cause);
	cr_expect_gt(entry.group_count, 0);
	for (size_t i = 0; i < entry.group_count; i++)
		cr_expect_neq(entry.groups[i], 0);
	cr_expect_eq(entry.source_count, 1);
	guard_entry_clear(&entry);
	conf_free(&conf);
}

Test(guard_enter, a_root_that_a_stranger_redirects_is_refused)
{
	START("");
	cr_assert_eq(rmdir(real_path("/root")), 0);
	cr_assert_eq(symlink("/etc", real_path("/root")), 0);
	cr_assert_eq(lchown(real_path("/root"), FILES_UID, FILES_GID), 0);
	harness_connect(&harness);
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_UNAVAILABLE);
	cr_expect(harness_logged(&harness, "cure=name the directory itself"), "%s", harness.log);
	harness_stop(&harness);
}

Test(guard_enter, mounts_outside_the_root_are_served_and_nothing_else_is)
{
	const struct guard_req_stat inside = { .path = "/shared/file" };
	const struct guard_req_stat outside = { .path = "/shared/../../users.d/alice.conf" };
	FILE *file;

	START("");
	cr_assert_eq(mkdir(real_path("/shared"), 0755), 0);
	close(creat(real_path("/shared/file"), 0644));
	file = fopen(real_path("/users.d/alice.conf"), "ae");
	fprintf(file, "mount \"/shared\" { source = \"%s/shared\"\naccess = \"read-only\" }\n",
	    harness.base);
	fclose(file);
	harness_login(&harness);
	cr_expect_eq(harness_ask_stat(&harness, &inside, NULL, NULL), VFS_OK);
	cr_expect_eq(harness_ask_stat(&harness, &outside, NULL, NULL), VFS_NOT_FOUND);
	harness_stop(&harness);
}

/* Descriptors by what they are: 0, 1, 2 nowhere, the wall, the door, the clerk, the loop, the
 * mount. */
Test(guard_enter, no_descriptor_survives_that_a_session_does_not_need)
{
	char path[64], target[256];
	unsigned sockets = 0, directories = 0;

	START("");
	harness_login(&harness);
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "fd/%d", fd);
		snprintf(target, sizeof(target), "%s", link_of(path));
		if (strncmp(target, "socket:", 7) == 0)
			sockets++;
		else if (strncmp(target, harness.base, strlen(harness.base)) == 0)
			directories++;
		else
			cr_expect(target[0] == '\0' || strcmp(target, "/dev/null") == 0 ||
			              strncmp(target, "anon_inode:", 11) == 0 ||
			              (fd == 2 && strncmp(target, "pipe:", 5) == 0),
			    "descriptor %d is %s", fd, target);
	}
	cr_expect_eq(sockets, 4, "wall, door, clerk, leash: %u", sockets);
	cr_expect_leq(directories, 1, "the root: %u", directories);
	harness_stop(&harness);
}
