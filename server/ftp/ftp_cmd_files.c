#include "server/ftp/ftp_cmd_files.h"

#include <string.h>
#include <strings.h>

#include "server/base/text.h"
#include "server/ftp/ftp_session.h"

void ftp_cmd_dele(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_remove request = { .path = call->path.text };

	ftp_reply_status(session, guard_client_remove(session->guard, &request, NULL, NULL));
}

void ftp_cmd_rnfr(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_stat request = { .path = call->path.text, .follow = 0 };
	enum vfs_status status = guard_client_stat(session->guard, &request, NULL, NULL);

	if (status == VFS_OK && !ftp_session_set_text(&session->rename_from, call->path.text))
		status = VFS_NO_MEMORY;
	if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		ftp_reply(session, FTP_REPLY_RENAME_READY);
}

void ftp_cmd_rnto(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_rename request = {
		.from = session->rename_from,
		.to = call->path.text,
		.replace = 1,
	};

	ftp_reply_status(session, guard_client_rename(session->guard, &request, NULL, NULL));
}

/* Attributes, through a link; false when the client has been told why not. */
static bool stat_name(struct ftp_session *session, const char *path, struct guard_rep_stat *found)
{
	struct guard_req_stat request = { .path = path, .follow = 1 };
	enum vfs_status status = guard_client_stat(session->guard, &request, found, NULL);

	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return false;
	}
	return true;
}

void ftp_cmd_size(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_rep_stat found;

	/* RFC 3659 4: the size as transferred, which in ASCII only reading the whole file would
	 * tell. */
	if (session->type == FTP_TYPE_ASCII) {
		ftp_reply(session, FTP_REPLY_SIZE_IN_ASCII);
		return;
	}
	if (!stat_name(session, call->path.text, &found))
		return;
	if (found.attr.kind != VFS_KIND_FILE)
		ftp_reply(session, FTP_REPLY_NOT_PLAIN_FILE);
	else
		ftp_reply_number(session, FTP_REPLY_VALUE, found.attr.size);
}

/* --- times ------------------------------------------------------------------------------------ */

/* Change attributes by name; VFS_OK, or the client has been told. */
static enum vfs_status change(
    struct ftp_session *session, const char *path, const struct vfs_change *wish)
{
	struct guard_req_setattr request = { .path = path, .follow = 1, .change = *wish };
	enum vfs_status status = guard_client_setattr(session->guard, &request, NULL, NULL);

	if (status != VFS_OK)
		ftp_reply_status(session, status);
	return status;
}

/*
 * "YYYYMMDDHHMMSS[.sss] path": the length of the time, 0 when the argument does not start like
 * that. Nothing is said of whether it is a date.
 */
static size_t time_length(const char *argument)
{
	size_t digits = strspn(argument, "0123456789");
	size_t length = strcspn(argument, " ");

	if (digits != 14 || argument[length] != ' ' || argument[length + 1] == '\0')
		return 0;
	return length == 14 || argument[14] == '.' ? length : 0;
}

/* Set the time of MFMT or of MDTM's second form; the reply shows it as the fact it is. */
static void set_time(struct ftp_session *session, const char *argument, size_t length)
{
	struct vfs_change wish = { .fields = VFS_SET_MTIME };
	char stamp[FTP_TIME_BYTES];
	char value[VFS_PATH_MAX + 64];
	struct vfs_path path;
	enum vfs_status status;

	if (length == 0 || !ftp_facts_parse_time(argument, length, &wish.mtime, &wish.mtime_nsec)) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	status = vfs_path_resolve(&path, session->cwd.text, argument + length + 1);
	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	if (change(session, path.text, &wish) != VFS_OK)
		return;
	ftp_facts_format_time(stamp, wish.mtime);
	text_format(value, sizeof(value), "Modify=%s; %s", stamp, path.text);
	ftp_reply_text(session, FTP_REPLY_VALUE, value);
}

void ftp_cmd_mdtm(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_rep_stat found;
	char stamp[FTP_TIME_BYTES];
	size_t length = time_length(call->argument);

	/* Clients older than MFMT set times with MDTM. */
	if (length > 0) {
		set_time(session, call->argument, length);
		return;
	}
	if (!stat_name(session, call->path.text, &found))
		return;
	ftp_facts_format_time(stamp, found.attr.mtime);
	ftp_reply_text(session, FTP_REPLY_VALUE, stamp);
}

void ftp_cmd_mfmt(struct ftp_session *session, struct ftp_call *call)
{
	set_time(session, call->argument, time_length(call->argument));
}

/* One "name=value" of MFF, length bytes long. */
static bool parse_fact(const char *fact, size_t length, struct vfs_change *wish)
{
	static const char modify[] = "modify=";
	static const char mode[] = "UNIX.mode=";
	char digits[8];
	unsigned value;

	if (length > sizeof(modify) - 1 && strncasecmp(fact, modify, sizeof(modify) - 1) == 0) {
		wish->fields |= VFS_SET_MTIME;
		return ftp_facts_parse_time(fact + sizeof(modify) - 1,
		    length - (sizeof(modify) - 1), &wish->mtime, &wish->mtime_nsec);
	}
	if (length <= sizeof(mode) - 1 || strncasecmp(fact, mode, sizeof(mode) - 1) != 0)
		return false;
	if (!text_format(digits, sizeof(digits), "%.*s", (int)(length - (sizeof(mode) - 1)),
	        fact + sizeof(mode) - 1) ||
	    !text_parse_mode(digits, &value))
		return false;
	wish->fields |= VFS_SET_MODE;
	wish->mode = value;
	return true;
}

/* "fact=value;fact=value; path"; the path, or NULL when it is not that. */
static const char *parse_facts(const char *argument, struct vfs_change *wish)
{
	while (*argument != ' ' && *argument != '\0') {
		size_t length = strcspn(argument, "; ");

		if (argument[length] != ';' || !parse_fact(argument, length, wish))
			return NULL;
		argument += length + 1;
	}
	return *argument == ' ' && argument[1] != '\0' && wish->fields != 0 ? argument + 1 : NULL;
}

void ftp_cmd_mff(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_change wish = { .fields = 0 };
	const char *name = parse_facts(call->argument, &wish);
	char value[VFS_PATH_MAX + 128];
	char stamp[FTP_TIME_BYTES] = "";
	struct vfs_path path;
	enum vfs_status status;

	if (name == NULL) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	status = vfs_path_resolve(&path, session->cwd.text, name);
	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	if (change(session, path.text, &wish) != VFS_OK)
		return;
	value[0] = '\0';
	if ((wish.fields & VFS_SET_MTIME) != 0) {
		ftp_facts_format_time(stamp, wish.mtime);
		text_format(value, sizeof(value), "Modify=%s;", stamp);
	}
	if ((wish.fields & VFS_SET_MODE) != 0)
		text_format(value + strlen(value), sizeof(value) - strlen(value), "UNIX.mode=%04o;",
		    wish.mode);
	text_format(value + strlen(value), sizeof(value) - strlen(value), " %s", path.text);
	ftp_reply_text(session, FTP_REPLY_VALUE, value);
}

void ftp_cmd_avbl(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_statvfs request;
	struct guard_rep_statvfs space;
	struct vfs_path path;
	uint64_t bytes;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, call->argument);

	request = (struct guard_req_statvfs){ .path = path.text };
	if (status == VFS_OK)
		status = guard_client_statvfs(session->guard, &request, &space, NULL);
	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	if (__builtin_mul_overflow(space.blocks_available, space.fragment_size, &bytes))
		bytes = UINT64_MAX;
	ftp_reply_number(session, FTP_REPLY_VALUE, bytes);
}
