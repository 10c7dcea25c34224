/*
 * From a root guard that knows who has logged in to a guard that is that user, for good.
 *
 * First everything that needs root is fetched (accounts, groups, directories, names), then the way
 * back is closed: credentials and chroot (become_user.c), Landlock, the tighter filter.  A step
 * that fails after the change began ends the process; the front sees the end of file.
 */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "server/base/proctitle.h"
#include "server/base/text.h"
#include "server/become_user.h"
#include "server/guard_private.h"
#include "server/sandbox.h"

#define GROUPS_FIRST_GUESS 64
#define GROUPS_MAX         1024 /* what become_user.c can prove */

/* Rights with which nothing is ever written. */
#define RIGHTS_OF_READERS (RIGHT_list | RIGHT_read | RIGHT_own)

static bool fail(struct guard_entry *entry, const char *cause, const char *cure)
{
	text_copy(entry->cause, sizeof(entry->cause), cause);
	text_copy(entry->cure, sizeof(entry->cure), cure);
	return false;
}

/* --- accounts ----------------------------------------------------------------------------- */

/* Group 0 opens root's files as surely as user 0 does. */
static void drop_group_zero(struct guard_entry *entry)
{
	size_t kept = 0;

	for (size_t i = 0; i < entry->group_count; i++) {
		if (entry->groups[i] != 0)
			entry->groups[kept++] = entry->groups[i];
	}
	entry->group_count = kept;
}

/* Supplementary groups of a named account; a number has none. */
static bool find_groups(struct guard_entry *entry, const char *account)
{
	int count = GROUPS_FIRST_GUESS;
	uint64_t number;

	if (text_parse_u64(account, &number))
		return true;
	for (;;) {
		int room = count;
		uint32_t *groups = realloc(entry->groups, (size_t)room * sizeof(*groups));

		if (groups == NULL)
			return fail(entry, "out of memory", "");
		entry->groups = groups;
		if (getgrouplist(account, entry->gid, groups, &count) >= 0)
			break;
		if (count <= room)
			count = room * 2; /* some name services do not say how many there are */
		if (count > GROUPS_MAX)
			return fail(
			    entry, "files_user is in too many groups", "use another account");
	}
	entry->group_count = (size_t)count;
	drop_group_zero(entry);
	return true;
}

static bool find_account(struct guard_entry *entry)
{
	const struct conf_user *user = entry->user;
	char cause[CONF_MESSAGE_BYTES];

	if (!conf_account_resolve(user->files_user, user->files_group, &entry->uid, &entry->gid)) {
		text_format(cause, sizeof(cause),
		    "no such account: files_user = \"%s\", files_group = \"%s\"", user->files_user,
		    user->files_group);
		return fail(
		    entry, cause, "make the account, or correct files_user and files_group");
	}
	if (entry->uid == 0 || entry->gid == 0)
		return fail(entry, "files_user or files_group is root",
		    "give the user an account and a group other than root");
	return find_groups(entry, user->files_user);
}

/* --- directories -------------------------------------------------------------------------- */

static bool open_source(
    struct guard_entry *entry, const struct conf_mount *mount, const char *option, bool trust_links)
{
	int fd = guard_root_open(mount->source, trust_links);
	const int error = errno;
	char cause[CONF_MESSAGE_BYTES];
	char cure[CONF_MESSAGE_BYTES];

	if (fd < 0) {
		text_format(cause, sizeof(cause), "%s of %s is %s: %s", option, mount->title,
		    mount->source, strerror(error));
		if (error == ELOOP)
			text_format(cure, sizeof(cure),
			    "name the directory itself, or let root own every symbolic link in %s",
			    mount->source);
		else if (error == EACCES)
			text_format(cure, sizeof(cure),
			    "let the server's account enter %s, or correct %s", mount->source,
			    option);
		else
			text_format(cure, sizeof(cure), "make the directory %s, or correct %s",
			    mount->source, option);
		return fail(entry, cause, cure);
	}
	entry->sources[entry->source_count].mount = mount;
	entry->sources[entry->source_count].dir_fd = fd;
	entry->source_count++;
	return true;
}

/* A view of the user's own options as the mount "/"; every string stays the user's. */
static void view_as_root_mount(struct conf_mount *root, struct conf_user *user)
{
	static char title[] = "/";

	root->title = title;
	root->source = user->root;
#define COPY_OPTION(type, name, fallback, min, max, seen, doc) root->name = user->name;
	CONF_MOUNT_OPTIONS(COPY_OPTION)
#undef COPY_OPTION
}

static bool open_sources(struct guard_entry *entry, bool trust_links)
{
	const struct conf_user *user = entry->user;

	view_as_root_mount(&entry->root, entry->user);
	if (user->mount_count > CONF_MOUNTS_MAX - 1)
		return fail(entry, "too many mounts", "give the user fewer mounts");
	if (!open_source(entry, &entry->root, "root", trust_links))
		return false;
	for (size_t i = 0; i < user->mount_count; i++) {
		if (!open_source(entry, &user->mounts[i], "source", trust_links))
			return false;
	}
	return true;
}

bool guard_entry_prepare(struct guard_entry *entry, struct conf_user *user, bool as_root)
{
	memset(entry, 0, sizeof(*entry));
	entry->user = user;
	if (as_root && !find_account(entry))
		return false;
	return open_sources(entry, !as_root);
}

void guard_entry_clear(struct guard_entry *entry)
{
	for (size_t i = 0; i < entry->source_count; i++)
		io_close(&entry->sources[i].dir_fd);
	free(entry->groups);
	conf_user_free(&entry->user);
	memset(entry, 0, sizeof(*entry));
}

/* --- the step of no return ---------------------------------------------------------------- */

static void become(const struct guard *guard)
{
	const struct guard_entry *entry = &guard->entry;
	struct become_user plan = {
		.role = "guard",
		.as_root = guard->start->as_root,
		.root_dir_fd = guard->start->as_root ? entry->sources[0].dir_fd : -1,
		.uid = entry->uid,
		.gid = entry->gid,
		.groups = entry->groups,
		.group_count = entry->group_count,
	};
	uint64_t held = 0;

	/* What a container or an ordinary user's start did not give cannot be kept. */
	if (os_capabilities_get(&held))
		plan.keep_capabilities = guard_capabilities(guard->conf) & held;
	become_user(&plan);
}

/* The kernel's own word for what the VFS promises: nothing outside the mounts, no writing where
 * nothing may be written.  A kernel without Landlock was let pass, or not, when the server started.
 */
static bool confine(const struct guard *guard)
{
	const struct guard_entry *entry = &guard->entry;
	struct os_landlock_dir dirs[CONF_MOUNTS_MAX];

	for (size_t i = 0; i < entry->source_count; i++) {
		dirs[i].fd = entry->sources[i].dir_fd;
		dirs[i].write =
		    (entry->sources[i].mount->access & ~(conf_access)RIGHTS_OF_READERS) != 0;
	}
	return os_landlock_confine(dirs, entry->source_count, true) >= 0;
}

bool guard_enter(struct guard *guard)
{
	struct guard_entry *entry = &guard->entry;
	char cause[CONF_MESSAGE_BYTES];

	guard_data_resolve_announce(guard);
	endpwent();
	endgrent();
	guard->vfs = vfs_new(entry->user->name, entry->sources, entry->source_count);
	if (guard->vfs == NULL) {
		guard_log_login_failed(guard, entry->user->name, NULL, "out of memory", NULL);
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
		return false;
	}
	io_close(&guard->users_dir_fd);
	become(guard);
	if (!confine(guard)) {
		text_format(cause, sizeof(cause), "Landlock: %s", strerror(errno));
		guard_log_login_failed(guard, entry->user->name, NULL, cause,
		    "report this as a bug of transom, with the version of the kernel");
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
		return false;
	}
	sandbox_enter(SANDBOX_GUARD_USER);
	free(entry->groups);
	entry->groups = NULL;
	guard->user = entry->user;
	/* What reading and checking left behind: a session may idle for hours. */
	malloc_trim(0);
	proctitle_set("transomd: guard %s", guard->user->name);
	return true;
}
