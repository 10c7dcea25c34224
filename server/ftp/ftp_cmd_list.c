#include "server/ftp/ftp_cmd_list.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/base/text.h"
#include "server/ftp/ftp_listargs.h"
#include "server/ftp/ftp_session.h"
#include "server/ftp/ftp_walk.h"

#define PREFIX_BYTES (VFS_PATH_MAX + 2)

static struct ftp_list_view view_of(const struct ftp_session *session, enum ftp_list_form form)
{
	return (struct ftp_list_view){
		.form = form,
		.now = clock_wall().tv_sec,
		.uid = session->uid,
		.login = session->user != NULL ? session->user : "",
		.facts = session->facts,
	};
}

static enum vfs_status stat_path(
    struct ftp_session *session, const char *path, struct guard_rep_stat *reply)
{
	struct guard_req_stat request = { .path = path, .follow = 1 };
	enum vfs_status status = guard_client_stat(session->guard, &request, reply, NULL);

	/* A link that leads nowhere is still there to be seen. */
	if (status != VFS_NOT_FOUND && status != VFS_LOOP)
		return status;
	request.follow = 0;
	return guard_client_stat(session->guard, &request, reply, NULL);
}

/* What goes before the names in a directory that the client called text: "" or text and a '/'. */
static bool make_prefix(char out[PREFIX_BYTES], const char *text)
{
	size_t length = strlen(text);

	if (strcmp(text, ".") == 0 || strcmp(text, "./") == 0)
		length = 0;
	return text_format(out, PREFIX_BYTES, "%.*s%s", (int)length, text,
	    length > 0 && text[length - 1] != '/' ? "/" : "");
}

/* A directory that is there, by the name the client gave it. */
static enum vfs_status open_named(struct ftp_session *session, const char *named,
    struct ftp_walk_request *request, struct ftp_walk **out)
{
	char prefix[PREFIX_BYTES];

	if (!make_prefix(prefix, named))
		return VFS_NAME_TOO_LONG;
	request->prefix = prefix;
	return ftp_walk_open(out, session->guard, request);
}

/*
 * No such name: if its last component is a pattern, list what matches in the directory before it. A
 * pattern in any other component is not looked at: no client needs it, and it multiplies the work.
 */
static enum vfs_status open_pattern(struct ftp_session *session, const char *named,
    struct ftp_walk_request *request, struct ftp_walk **out)
{
	const char *slash = strrchr(named, '/');
	const char *pattern = slash != NULL ? slash + 1 : named;
	size_t length = (size_t)(pattern - named);
	char directory[PREFIX_BYTES];
	struct vfs_path path;
	enum vfs_status status;

	if (!text_is_glob(pattern))
		return VFS_NOT_FOUND;
	if (!text_format(directory, sizeof(directory), "%.*s", (int)length, named))
		return VFS_NAME_TOO_LONG;
	status = vfs_path_resolve(&path, session->cwd.text, directory);
	if (status != VFS_OK)
		return status;
	request->path = path.text;
	request->prefix = directory;
	request->pattern = pattern;
	/* Below the pattern's directory nothing was asked for. */
	request->options &= ~(unsigned)FTP_LIST_RECURSIVE;
	return ftp_walk_open(out, session->guard, request);
}

/* The walk that a LIST, NLST or STAT with this argument asks for; *is_dir: it is of a directory. */
static enum vfs_status open_walk(struct ftp_session *session, const struct ftp_listargs *args,
    enum ftp_list_form form, struct ftp_walk **out, bool *is_dir)
{
	struct ftp_walk_request request = {
		.prefix = "",
		.options = args->options,
		.view = view_of(session, form),
	};
	struct guard_rep_stat found;
	struct vfs_path path;
	enum vfs_status status;

	request.view.classify = (args->options & FTP_LIST_CLASSIFY) != 0;
	*is_dir = true;
	status = vfs_path_resolve(&path, session->cwd.text, args->path);
	if (status != VFS_OK)
		return status;
	request.path = path.text;
	if (args->path[0] == '\0' && (args->options & FTP_LIST_DIRECTORY) == 0)
		return ftp_walk_open(out, session->guard, &request);
	status = stat_path(session, path.text, &found);
	if (status == VFS_NOT_FOUND)
		return open_pattern(session, args->path, &request, out);
	if (status != VFS_OK)
		return status;
	if (found.attr.kind == VFS_KIND_DIR && (args->options & FTP_LIST_DIRECTORY) == 0)
		return open_named(session, args->path, &request, out);
	*is_dir = false;
	request.prefix = args->path[0] != '\0' ? args->path : ".";
	return ftp_walk_single(out, session->guard, &request, &found.attr);
}

static void list(struct ftp_session *session, struct ftp_call *call, enum ftp_list_form form)
{
	struct ftp_listargs args;
	struct ftp_walk *walk;
	enum vfs_status status;
	bool is_dir;

	ftp_listargs_parse(call->argument, &args);
	if (form == FTP_FORM_NAMES && (args.options & FTP_LIST_LONG) != 0)
		form = FTP_FORM_LONG;
	status = open_walk(session, &args, form, &walk, &is_dir);
	if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		ftp_transfer_begin_list(session, walk);
}

void ftp_cmd_list(struct ftp_session *session, struct ftp_call *call)
{
	list(session, call, FTP_FORM_LONG);
}

void ftp_cmd_nlst(struct ftp_session *session, struct ftp_call *call)
{
	list(session, call, FTP_FORM_NAMES);
}

void ftp_cmd_mlsd(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_walk_request request = {
		.prefix = "",
		.view = view_of(session, FTP_FORM_FACTS),
	};
	struct vfs_path path;
	struct ftp_walk *walk;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, call->argument);

	request.path = path.text;
	if (status == VFS_OK)
		status = ftp_walk_open(&walk, session->guard, &request);
	/* RFC 3659 7.2.1: a name that is no directory is a wrong argument. */
	if (status == VFS_NOT_DIR)
		ftp_reply(session, FTP_REPLY_NOT_DIRECTORY);
	else if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		ftp_transfer_begin_list(session, walk);
}

void ftp_cmd_mlst(struct ftp_session *session, struct ftp_call *call)
{
	char facts[FTP_FACTS_LINE_BYTES];
	char line[FTP_FACTS_LINE_BYTES + VFS_PATH_MAX + 2];
	struct guard_rep_stat found;
	struct vfs_path path;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, call->argument);

	if (status == VFS_OK)
		status = stat_path(session, path.text, &found);
	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	ftp_facts_format(facts, &found.attr, "", session->facts);
	text_format(line, sizeof(line), "%s %s", facts, path.text);
	ftp_reply_begin(session, FTP_REPLY_MLST);
	ftp_reply_line(session, line);
	ftp_reply(session, FTP_REPLY_MLST_END);
}

static void report_transfer(struct ftp_session *session)
{
	static const char *const what[] = {
		[FTP_TRANSFER_SEND] = "sending a file",
		[FTP_TRANSFER_RECEIVE] = "receiving a file",
		[FTP_TRANSFER_LIST] = "sending a listing",
		[FTP_TRANSFER_STAT] = "sending a listing",
	};

	if (!ftp_transfer_is_on(session))
		ftp_reply_line(session, "No transfer is running");
	else if (session->transfer.job != NULL)
		ftp_reply_linef(session, "No transfer is running, but %s: %llu %s so far",
		    session->transfer.job->kind->what,
		    (unsigned long long)ftp_transfer_moved(session),
		    session->transfer.job->kind->unit);
	else if (session->data.fd == -1)
		ftp_reply_linef(
		    session, "Waiting for the data connection, %s", what[session->transfer.kind]);
	else
		ftp_reply_linef(session, "Transfer running: %s, %llu bytes so far",
		    what[session->transfer.kind], (unsigned long long)ftp_transfer_moved(session));
}

static void report_session(struct ftp_session *session)
{
	char peer[NETADDR_TEXT_BYTES];

	netaddr_format_ip(&session->peer, peer);
	ftp_reply_begin(session, FTP_REPLY_STATUS);
	ftp_reply_linef(session, "Connected from %s", peer);
	if (session->logged_in)
		ftp_reply_linef(session, "Logged in as %s", session->user);
	ftp_reply_linef(session, "TYPE: %s; STRU: File; MODE: Stream",
	    session->type == FTP_TYPE_ASCII ? "ASCII" : "Image");
	ftp_reply_linef(
	    session, "Idle timeout: %lld s", (long long)session->idle_timeout_ms / 1000);
	report_transfer(session);
	ftp_reply(session, FTP_REPLY_STATUS_END);
}

void ftp_cmd_stat(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_listargs args;
	struct ftp_walk *walk;
	enum vfs_status status;
	bool is_dir;

	if (call->argument[0] == '\0') {
		report_session(session);
		return;
	}
	ftp_listargs_parse(call->argument, &args);
	status = open_walk(session, &args, FTP_FORM_LONG, &walk, &is_dir);
	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	/* RFC 959 5.4: 212 for a directory, 213 for a file. */
	ftp_reply_begin(session, is_dir ? FTP_REPLY_LISTING_DIR : FTP_REPLY_LISTING_FILE);
	ftp_transfer_begin_stat(
	    session, walk, is_dir ? FTP_REPLY_LISTING_DIR_END : FTP_REPLY_LISTING_FILE_END);
}
