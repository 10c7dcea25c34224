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

static bool parse_modify(const char *value, size_t n, struct vfs_change *wish)
{
	wish->fields |= VFS_SET_MTIME;
	return ftp_facts_parse_time(value, n, &wish->mtime, &wish->mtime_nsec);
}

static bool parse_unix_mode(const char *value, size_t n, struct vfs_change *wish)
{
	char digits[8];
	unsigned mode;

	if (!text_format(digits, sizeof(digits), "%.*s", (int)n, value) ||
	    !text_parse_mode(digits, &mode))
		return false;
	wish->fields |= VFS_SET_MODE;
	wish->mode = mode;
	return true;
}

/* One "name=value" of MFF, length bytes long.  What is wrong with it; FTP_REPLY_COUNT: nothing. */
static enum ftp_reply_id parse_fact(const char *fact, size_t length, struct vfs_change *wish)
{
	static const struct {
		const char *name;
		bool (*parse)(const char *value, size_t n, struct vfs_change *wish);
	} settable[] = {
		{ "Modify", parse_modify },
		{ "UNIX.mode", parse_unix_mode },
	};
	const char *equals = memchr(fact, '=', length);
	size_t name_length = equals != NULL ? (size_t)(equals - fact) : 0;

	if (name_length == 0)
		return FTP_REPLY_BAD_ARGUMENT;
	for (size_t i = 0; i < sizeof(settable) / sizeof(settable[0]); i++) {
		if (strlen(settable[i].name) != name_length ||
		    strncasecmp(settable[i].name, fact, name_length) != 0)
			continue;
		return settable[i].parse(equals + 1, length - name_length - 1, wish)
		           ? FTP_REPLY_COUNT
		           : FTP_REPLY_BAD_ARGUMENT;
	}
	return FTP_REPLY_NOT_FOR_PARAMETER;
}

/* "fact=value;fact=value; path": the path, and FTP_REPLY_COUNT, or what is wrong with it. */
static enum ftp_reply_id parse_facts(
    const char *argument, struct vfs_change *wish, const char **name_out)
{
	while (*argument != ' ' && *argument != '\0') {
		size_t length = strcspn(argument, "; ");
		enum ftp_reply_id wrong = parse_fact(argument, length, wish);

		if (wrong != FTP_REPLY_COUNT)
			return wrong;
		/* The grammar ends every fact with a semicolon; clients leave out the last. */
		argument += length + (argument[length] == ';');
	}
	*name_out = argument + 1;
	return *argument == ' ' && argument[1] != '\0' && wish->fields != 0
	           ? FTP_REPLY_COUNT
	           : FTP_REPLY_BAD_ARGUMENT;
}

void ftp_cmd_mff(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_change wish = { .fields = 0 };
	const char *name = NULL;
	enum ftp_reply_id wrong = parse_facts(call->argument, &wish, &name);
	char value[VFS_PATH_MAX + 128];
	char stamp[FTP_TIME_BYTES] = "";
	struct vfs_path path;
	enum vfs_status status;

	if (wrong != FTP_REPLY_COUNT) {
		ftp_reply(session, wrong);
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
	struct guard_req_chdir directory;
	struct vfs_path path;
	uint64_t bytes;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, call->argument);

	request = (struct guard_req_statvfs){ .path = path.text };
	directory = (struct guard_req_chdir){ .path = path.text };
	/* statvfs is content with a name whose directory is there. */
	if (status == VFS_OK && call->argument[0] != '\0')
		status = guard_client_chdir(session->guard, &directory, NULL, NULL);
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
