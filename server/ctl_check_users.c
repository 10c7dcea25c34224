/* Checks of what sessions need: directories of ours, the files of users, the directories they see. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth_hash.h"
#include "server/base/text.h"
#include "server/ctl_check_private.h"
#include "server/ctl_dir.h"

#define WHAT_BYTES (CONF_USER_NAME_MAX + 64)
#define GROUPS_MAX 256

/* --- directories of ours ------------------------------------------------------------------------ */

/* The part of a path before its last name; "/" for "/x". */
static void parent_of(const char *path, char *out, size_t out_bytes)
{
	char *slash;

	text_copy(out, out_bytes, path);
	slash = strrchr(out, '/');
	if (slash == out)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
}

/* One that the server makes if it is missing, and refuses if it is not its own. */
static void check_own_directory(struct ctl_check *check, const char *what, const char *path)
{
	char parent[CONF_PATH_BYTES];
	struct stat status;

	if (lstat(path, &status) != 0 && errno == ENOENT) {
		parent_of(path, parent, sizeof(parent));
		if (stat(parent, &status) == 0 && S_ISDIR(status.st_mode))
			ctl_check_say(check, CTL_CHECK_OK, what, NULL,
			    "%s is made when the server starts", path);
		else
			ctl_check_say(check, CTL_CHECK_ERROR, what, "make the directory above it",
			    "%s cannot be made: there is no %s", path, parent);
	} else if (lstat(path, &status) != 0) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "let the server's account reach it",
		    "%s: %s", path, strerror(errno));
	} else if (!S_ISDIR(status.st_mode)) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "name a directory",
		    "%s is no directory", path);
	} else if (check->as_root && status.st_uid != 0) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "chown it to root",
		    "%s belongs to account %u, and a server that is started as root refuses it", path,
		    (unsigned)status.st_uid);
	} else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "chmod go-w",
		    "others may write to %s, and the server refuses it", path);
	} else {
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "%s", path);
	}
}

static void check_log(struct ctl_check *check)
{
	const char *target = check->conf->log.target;
	char parent[CONF_PATH_BYTES];
	struct stat status;

	if (target[0] != '/')
		return;
	parent_of(target, parent, sizeof(parent));
	if (stat(parent, &status) != 0 || !S_ISDIR(status.st_mode))
		ctl_check_say(check, CTL_CHECK_ERROR, "log", "make the directory",
		    "%s cannot be opened: there is no directory %s", target, parent);
}

void ctl_check_directories(struct ctl_check *check)
{
	check_own_directory(check, "runtime_dir", check->conf->runtime_dir);
	check_own_directory(check, "state_dir", check->conf->state_dir);
	check_log(check);
}

/* --- what a user sees --------------------------------------------------------------------------- */

/* The account that a session becomes. */
struct account {
	uint32_t uid;
	uint32_t gid;
	gid_t groups[GROUPS_MAX];
	int group_count;
};

static bool find_account(struct account *out, const struct conf_user *user)
{
	const struct passwd *entry;

	if (!conf_account_resolve(user->files_user, user->files_group, &out->uid, &out->gid))
		return false;
	out->group_count = 0;
	entry = getpwnam(user->files_user);
	if (entry != NULL) {
		out->group_count = GROUPS_MAX;
		if (getgrouplist(entry->pw_name, out->gid, out->groups, &out->group_count) < 0)
			out->group_count = 0;
	}
	return true;
}

/* Do the permission bits let the account do this (R_OK, W_OK, X_OK)?  Access lists are not looked at. */
static bool bits_allow(const struct account *account, const struct stat *status, unsigned wanted)
{
	bool in_group = status->st_gid == account->gid;

	if (status->st_uid == account->uid)
		return (((unsigned)status->st_mode >> 6) & wanted) == wanted;
	for (int i = 0; i < account->group_count; i++)
		in_group = in_group || account->groups[i] == status->st_gid;
	return (((unsigned)status->st_mode >> (in_group ? 3 : 0)) & wanted) == wanted;
}

static bool check_source(struct ctl_check *check, const char *what, const char *option,
    const char *path, uint32_t access_rights, const struct account *account)
{
	const bool writes = (access_rights & (RIGHT_upload | RIGHT_mkdir)) != 0;
	struct stat status;

	if (stat(path, &status) != 0) {
		ctl_check_say(check, CTL_CHECK_ERROR, what,
		    errno == ENOENT ? "make the directory; the user cannot log in before"
		                    : "let the server reach it; the user cannot log in before",
		    "%s %s: %s", option, path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(status.st_mode)) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "name a directory",
		    "%s %s is no directory", option, path);
		return false;
	}
	if (account == NULL || (bits_allow(account, &status, R_OK | X_OK) &&
	                           (!writes || bits_allow(account, &status, W_OK))))
		return true;
	ctl_check_say(check, CTL_CHECK_WARNING, what, "chown it to files_user, or give the rights otherwise",
	    "%s %s: its permissions do not let account %u read%s", option, path, account->uid,
	    writes ? " and write there, as access says" : " there");
	return false;
}

/* True when there is nothing to say of this user. */
static bool check_user(struct ctl_check *check, const char *what, const struct conf_user *user)
{
	struct account account;
	bool has_account = false;
	bool fine = true;

	if (check->as_root) {
		has_account = find_account(&account, user);
		if (!has_account || account.uid == 0 || account.gid == 0) {
			ctl_check_say(check, CTL_CHECK_ERROR, what,
			    "make the account, or name another: never root",
			    "files_user %s is no account that a session can become", user->files_user);
			fine = false;
		}
	}
	if (user->password[0] != '\0' && strchr("!*", user->password[0]) == NULL &&
	    !auth_hash_usable(user->password)) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "transomctl passwd makes one",
		    "the password is no hash that can be checked");
		fine = false;
	}
	fine = check_source(check, what, "root", user->root, user->access,
	           has_account ? &account : NULL) && fine;
	for (size_t i = 0; i < user->mount_count; i++)
		fine = check_source(check, what, user->mounts[i].title, user->mounts[i].source,
		           user->mounts[i].access, has_account ? &account : NULL) && fine;
	return fine;
}

/* --- all of them -------------------------------------------------------------------------------- */

static void check_files(struct ctl_check *check, const struct ctl_dir *dir)
{
	char **names = NULL;
	size_t count = 0, fine = 0;

	if (!ctl_dir_names(dir, &names, &count)) {
		ctl_check_say(check, CTL_CHECK_ERROR, "users_dir", "let the server read it",
		    "%s cannot be read", check->conf->users_dir);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char message[CONF_MESSAGE_BYTES];
		char what[WHAT_BYTES];
		struct conf_user *user = NULL;

		text_format(what, sizeof(what), "user %s", names[i]);
		if (conf_user_load(&user, check->conf, dir->fd, names[i], message) != CONF_OK)
			ctl_check_say(check, CTL_CHECK_ERROR, what,
			    "mend the file; the user cannot log in before", "%s", message);
		else if (check_user(check, what, user))
			fine++;
		conf_user_free(&user);
	}
	ctl_check_say(check, CTL_CHECK_OK, "users", NULL, "%zu of %zu have what they need", fine, count);
	ctl_dir_free_names(names, count);
}

static void check_users_dir(struct ctl_check *check)
{
	const char *path = check->conf->users_dir;
	struct ctl_dir dir;
	struct stat status;

	if (stat(path, &status) != 0) {
		bool missing = errno == ENOENT;

		ctl_check_say(check, missing ? CTL_CHECK_WARNING : CTL_CHECK_ERROR, "users_dir",
		    missing ? "transomctl user add makes it" : "let the server read it", "%s: %s", path,
		    strerror(errno));
		return;
	}
	if ((status.st_mode & S_IWOTH) != 0)
		ctl_check_say(check, CTL_CHECK_ERROR, "users_dir", "chmod go-rwx",
		    "anybody may write to %s, and so make users", path);
	else if ((status.st_mode & (S_IROTH | S_IXOTH)) != 0)
		ctl_check_say(check, CTL_CHECK_WARNING, "users_dir", "chmod go-rwx",
		    "anybody may look into %s, where the password hashes are", path);
	if (!ctl_dir_open(&dir, check->conf, false)) {
		ctl_check_say(check, CTL_CHECK_ERROR, "users_dir", "let the server read it",
		    "%s cannot be opened", path);
		return;
	}
	check_files(check, &dir);
	ctl_dir_close(&dir);
}

void ctl_check_users(struct ctl_check *check)
{
	struct conf_user *user = NULL;

	check_users_dir(check);
	if (!check->conf->has_anonymous)
		return;
	if (conf_user_anonymous(&user, check->conf, "anonymous") == CONF_OK &&
	    check_user(check, "anonymous", user))
		ctl_check_say(check, CTL_CHECK_OK, "anonymous", NULL, "%s", user->root);
	conf_user_free(&user);
}
