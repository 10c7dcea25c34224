#include "server/ftp/ftp_cmd_site.h"

#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_cmd_copy.h"
#include "server/ftp/ftp_cmd_dirs.h"
#include "server/ftp/ftp_cmd_rmtree.h"
#include "server/ftp/ftp_dispatch.h"

#define UMASK_MAX 0777u

static void change(struct ftp_session *session, const char *name, const struct vfs_change *wish)
{
	struct vfs_path path;
	struct guard_req_setattr request = { .path = path.text, .follow = 1, .change = *wish };
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, name);

	if (status == VFS_OK)
		status = guard_client_setattr(session->guard, &request, NULL, NULL);
	ftp_reply_status(session, status);
}

/* Cut the first word off; the rest, or NULL when there is none. */
static char *split_word(char *text)
{
	char *space = strchr(text, ' ');

	if (space == NULL || space[1] == '\0')
		return NULL;
	*space = '\0';
	return space + 1;
}

static void site_chmod(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_change wish = { .fields = VFS_SET_MODE };
	char *name = split_word(call->argument);
	unsigned mode;

	if (name == NULL || !text_parse_mode(call->argument, &mode)) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	wish.mode = mode;
	change(session, name, &wish);
}

static void site_umask(struct ftp_session *session, struct ftp_call *call)
{
	char text[16];
	unsigned umask;

	if (call->argument[0] != '\0') {
		if (!text_parse_mode(call->argument, &umask) || umask > UMASK_MAX) {
			ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
			return;
		}
		session->umask = umask;
	}
	if (session->umask == UINT32_MAX)
		text_copy(text, sizeof(text), "the server's");
	else
		text_format(text, sizeof(text), "%03o", session->umask);
	ftp_reply_text(session, FTP_REPLY_UMASK, text);
}

/* "YYYYMMDDhhmm" or "YYYYMMDDhhmmss". */
static bool parse_stamp(const char *text, int64_t *seconds_out)
{
	char full[FTP_TIME_BYTES];
	size_t length = strlen(text);

	if (length != 12 && length != 14)
		return false;
	return text_format(full, sizeof(full), "%s%s", text, length == 12 ? "00" : "") &&
	       ftp_facts_parse_time(full, 14, seconds_out, NULL);
}

/* "path atime mtime ctime UTC", as clients of some older servers send it; names may hold spaces. */
static char *parse_utime_tail(char *argument, struct vfs_change *wish)
{
	char *fields[4];

	for (size_t i = 4; i > 0; i--) {
		char *space = strrchr(argument, ' ');

		if (space == NULL || space == argument)
			return NULL;
		*space = '\0';
		fields[i - 1] = space + 1;
	}
	if (strcmp(fields[3], "UTC") != 0 || !parse_stamp(fields[0], &wish->atime) ||
	    !parse_stamp(fields[1], &wish->mtime))
		return NULL;
	wish->fields = VFS_SET_MTIME | VFS_SET_ATIME;
	return argument;
}

static void site_utime(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_change wish = { .fields = VFS_SET_MTIME };
	char *name = NULL;
	size_t first = strcspn(call->argument, " ");

	if (strspn(call->argument, "0123456789") == first && (first == 12 || first == 14)) {
		name = split_word(call->argument);
		if (name != NULL && !parse_stamp(call->argument, &wish.mtime))
			name = NULL;
	} else {
		name = parse_utime_tail(call->argument, &wish);
	}
	if (name == NULL)
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
	else
		change(session, name, &wish);
}

static void site_symlink(struct ftp_session *session, struct ftp_call *call)
{
	char *name = split_word(call->argument);
	struct vfs_path path;
	struct guard_req_symlink request = { .target = call->argument, .path = path.text };
	enum vfs_status status;

	if (name == NULL) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	status = vfs_path_resolve(&path, session->cwd.text, name);
	if (status == VFS_OK)
		status = guard_client_symlink(session->guard, &request, NULL, NULL);
	ftp_reply_status(session, status);
}

static void site_idle(struct ftp_session *session, struct ftp_call *call)
{
	int64_t most = session->start->conf->ftp.idle_timeout;
	uint64_t seconds;

	if (call->argument[0] != '\0') {
		/* A client may be more modest than the administrator, not less. */
		if (!text_parse_u64(call->argument, &seconds) || seconds == 0 ||
		    seconds > (uint64_t)most / 1000) {
			ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
			return;
		}
		session->idle_timeout_ms = (int64_t)seconds * 1000;
	}
	ftp_reply_number(session, FTP_REPLY_IDLE, (uint64_t)(session->idle_timeout_ms / 1000));
}

static void site_help(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply_begin(session, FTP_REPLY_HELP_SITE);
	for (size_t i = 0; i < ftp_cmd_site_count; i++)
		ftp_reply_line(session, ftp_cmd_site_commands[i].help);
	ftp_reply(session, FTP_REPLY_HELP_END);
}

/* clang-format off */
const struct ftp_command ftp_cmd_site_commands[] = {
	{ .verb = "CHMOD", .handler = site_chmod, .arg = FTP_ARG_REQUIRED,
	  .help = "CHMOD <octal> <name>: set permissions" },
	{ .verb = "COPY", .handler = ftp_cmd_site_copy, .arg = FTP_ARG_REQUIRED,
	  .rights = RIGHT_read, .feature = "SITE COPY",
	  .help = "COPY <file> <new name>: copy a file on the server" },
	{ .verb = "CPFR", .handler = ftp_cmd_site_cpfr, .arg = FTP_ARG_PATH,
	  .rights = RIGHT_read, .help = "CPFR <file>: what is to be copied" },
	{ .verb = "CPTO", .handler = ftp_cmd_site_cpto, .arg = FTP_ARG_PATH,
	  .needs = FTP_NEED_CPFR, .rights = RIGHT_upload | RIGHT_overwrite,
	  .help = "CPTO <new name>: copy it there" },
	{ .verb = "HELP", .handler = site_help, .arg = FTP_ARG_IGNORED,
	  .help = "HELP: this list" },
	{ .verb = "IDLE", .handler = site_idle, .arg = FTP_ARG_OPTIONAL,
	  .help = "IDLE [<seconds>]: show or shorten the idle timeout" },
	{ .verb = "MKDIR", .handler = ftp_cmd_site_mkdir, .arg = FTP_ARG_PATH, .rights = RIGHT_mkdir,
	  .feature = "SITE MKDIR", .help = "MKDIR <name>: make a directory, and its parents" },
	{ .verb = "RMDIR", .handler = ftp_cmd_site_rmdir, .arg = FTP_ARG_PATH,
	  .rights = RIGHT_rmdir, .feature = "SITE RMDIR",
	  .help = "RMDIR <name>: remove a directory, and all that is in it" },
	{ .verb = "SYMLINK", .handler = site_symlink, .arg = FTP_ARG_REQUIRED,
	  .rights = RIGHT_symlink, .feature = "SITE SYMLINK",
	  .help = "SYMLINK <target> <name>: make a symbolic link" },
	{ .verb = "UMASK", .handler = site_umask, .arg = FTP_ARG_OPTIONAL,
	  .help = "UMASK [<octal>]: show or set the umask of new files" },
	{ .verb = "UTIME", .handler = site_utime, .arg = FTP_ARG_REQUIRED,
	  .feature = "SITE UTIME", .help = "UTIME <YYYYMMDDhhmm[ss]> <name>: set the time of modification" },
};
/* clang-format on */
const size_t ftp_cmd_site_count = sizeof(ftp_cmd_site_commands) / sizeof(ftp_cmd_site_commands[0]);

void ftp_cmd_site(struct ftp_session *session, struct ftp_call *call)
{
	char verb[FTP_VERB_BYTES];
	struct ftp_call inner = { .command = NULL };

	ftp_parse_split(
	    call->argument, strlen(call->argument), verb, sizeof(verb), &inner.argument);
	for (size_t i = 0; i < ftp_cmd_site_count; i++) {
		if (strcmp(ftp_cmd_site_commands[i].verb, verb) == 0)
			inner.command = &ftp_cmd_site_commands[i];
	}
	if (inner.command == NULL)
		ftp_reply(session, FTP_REPLY_UNKNOWN);
	else
		ftp_dispatch_call(session, &inner);
}
