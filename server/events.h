/*
 * THE list of log events and of the fields they may have.
 *
 * A log line is one event: time, event name, level, then its fields.  Roles build a struct event and
 * give it to clerk_client_log(); the clerk writes it as JSON or logfmt.  Names are fixed: people's alerts
 * depend on them.  docs/EVENTS.md is printed from here.
 */
#ifndef SERVER_EVENTS_H
#define SERVER_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* clang-format off */

/* E(symbol, "name", level, doc) */
#define EVENTS(E)												\
	E(READY,	"ready",	INFO,	"The listeners are open and the first pairs wait.")		\
	E(RELOAD,	"reload",	INFO,	"A new configuration is in force.")				\
	E(RELOAD_FAILED, "reload-failed", ERROR, "The new configuration is wrong; the old one stays.")		\
	E(STOP,		"stop",		INFO,	"The server was told to stop.")					\
	E(STOPPED,	"stopped",	INFO,	"The server has stopped.")					\
	E(CRASH,	"crash",	ERROR,	"A process died by a signal or failed; what was started instead.") \
	E(CONFINEMENT,	"confinement",	INFO,	"Which walls are in force.")					\
	E(ACCEPT,	"accept",	INFO,	"A client has connected.")					\
	E(REFUSE,	"refuse",	WARNING, "A client was sent away before it could say anything.")	\
	E(HOST_KEY,	"host-key",	INFO,	"A host key of SSH in use, with the fingerprint that clients show.") \
	E(PROTECTION,	"protection",	INFO,	"What the protection of a session lacks, or what it gave up.")	\
	E(NEGOTIATION_FAILED, "negotiation-failed", WARNING, "No encrypted connection came about, and why.")	\
	E(LOGIN,	"login",	INFO,	"A user is logged in.")						\
	E(LOGIN_FAILED,	"login-failed",	WARNING, "A login was refused, and why.")				\
	E(LOGIN_PARTIAL, "login-partial", INFO,	"One factor of a login was right; the user's `require` asks for more.") \
	E(LOGOUT,	"logout",	INFO,	"The session is over; sums of what it moved.")			\
	E(UPLOAD,	"upload",	INFO,	"An upload ended.")						\
	E(DOWNLOAD,	"download",	INFO,	"A download ended.")						\
	E(LIST,		"list",		INFO,	"A directory was listed.")					\
	E(DELETE,	"delete",	INFO,	"A file was removed.")						\
	E(RENAME,	"rename",	INFO,	"A file or directory was renamed.")				\
	E(MKDIR,	"mkdir",	INFO,	"A directory was made.")					\
	E(RMDIR,	"rmdir",	INFO,	"A directory was removed.")					\
	E(SETATTR,	"setattr",	INFO,	"Permissions, times or size of a file were set.")		\
	E(LINK,		"link",		INFO,	"A symbolic or hard link was made.")				\
	E(COPY,		"copy",		INFO,	"A file was copied inside the server.")				\
	E(DATA_FAILED,	"data-failed",	WARNING, "A data connection did not come about.")			\
	E(VIOLATION,	"violation",	ERROR,	"A front broke the guard protocol; its session was ended.")	\
	E(CLERK_BACK,	"clerk-back",	WARNING, "The clerk was restarted; sessions have reported again.")	\
	E(LOG_REOPENED,	"log-reopened",	INFO,	"The log file was opened again.")			\
	E(LOG_DROPPED,	"log-dropped",	ERROR,	"The log could not be written for a while; how many lines are missing.") \
	E(FORK_FAILED,	"fork-failed",	ERROR,	"A session pair could not be started; new clients wait.")	\
	E(CERTIFICATE_CHANGED, "certificate-changed", INFO, "A file of certificates or keys has changed; it is tried.") \
	E(CERTIFICATE_EXPIRES, "certificate-expires", WARNING, "A certificate ends soon; said at the start and once a day.") \
	E(CERTIFICATE_EXPIRED, "certificate-expired", ERROR, "A certificate has ended; said at the start and once a day.") \
	E(CRL_EXPIRES,	"crl-expires",	WARNING, "A list in client_crl is out of date soon; said once a day.")	\
	E(CRL_EXPIRED,	"crl-expired",	ERROR,	"A list in client_crl is out of date: every client of its authority is refused; said once a day.")

/* F(symbol, "name", kind, doc); kind is TEXT (escaped by the clerk) or NUMBER (unsigned 64 bits) */
#define EVENT_FIELDS(F)												\
	F(SESSION,	"session",	TEXT,	"Session id, the same in all lines of a session.")		\
	F(PROTOCOL,	"protocol",	TEXT,	"ftp, ftps or sftp.")						\
	F(LISTENER,	"listener",	TEXT,	"Title of the listener.")					\
	F(ADDRESS,	"address",	TEXT,	"Address and port of ours.")					\
	F(PEER,		"peer",		TEXT,	"Address and port of the client.")				\
	F(USER,		"user",		TEXT,	"User name as logged in, or as tried.")				\
	F(BACKEND,	"backend",	TEXT,	"Authentication back end that decided.")			\
	F(METHOD,	"method",	TEXT,	"How a login was tried: password, publickey, certificate; several with + between them.") \
	F(KEY,		"key",		TEXT,	"SHA256 fingerprint of the SSH key, or of the client certificate, of a login.") \
	F(MISSING,	"missing",	TEXT,	"Factors that a login still needs.")				\
	F(CLIENT,	"client",	TEXT,	"What the client calls itself.")				\
	F(ALGORITHMS,	"algorithms",	TEXT,	"How a connection is protected, as its two ends have agreed: of `login` the control connection (SSH: the only one), of `upload`, `download` and `list` the one that carried the content, a data connection of FTP. Nothing where that went in the clear. Of `host-key` the type of the key.") \
	F(ENCRYPTED_BY,	"encrypted_by",	TEXT,	"kernel, of a download that the server did not encrypt itself (`kernel_tls`).") \
	F(OURS,		"ours",		TEXT,	"Algorithms that the server offered.")				\
	F(THEIRS,	"theirs",	TEXT,	"Algorithms that the client offered.")				\
	F(FINGERPRINT,	"fingerprint",	TEXT,	"SHA256 fingerprint of a public key.")				\
	F(PATH,		"path",		TEXT,	"Path as the user sees it.")					\
	F(TO,		"to",		TEXT,	"New path, or target of a link.")				\
	F(BYTES,	"bytes",	NUMBER,	"Bytes moved.")							\
	F(SIZE,		"size",		NUMBER,	"Size of the file now.")					\
	F(OFFSET,	"offset",	NUMBER,	"Where the transfer started in the file.")			\
	F(DURATION_MS,	"duration_ms",	NUMBER,	"Milliseconds it took.")					\
	F(RESULT,	"result",	TEXT,	"complete, aborted, failed; or ok.")				\
	F(REASON,	"reason",	TEXT,	"Why it failed, or ended.")					\
	F(CURE,		"cure",		TEXT,	"What an administrator can do about it.")			\
	F(UPLOADS,	"uploads",	NUMBER,	"Complete uploads of the session.")				\
	F(DOWNLOADS,	"downloads",	NUMBER,	"Complete downloads of the session.")				\
	F(BYTES_IN,	"bytes_in",	NUMBER,	"Bytes the session received in uploads.")			\
	F(BYTES_OUT,	"bytes_out",	NUMBER,	"Bytes the session sent in downloads.")				\
	F(ROLE,		"role",		TEXT,	"Kind of process.")						\
	F(PID,		"pid",		NUMBER,	"Process id.")							\
	F(SIGNAL,	"signal",	TEXT,	"Signal that ended the process.")				\
	F(STATUS,	"status",	NUMBER,	"Exit status of the process.")					\
	F(GENERATION,	"generation",	NUMBER,	"Number of the nursery.")					\
	F(MESSAGE,	"message",	TEXT,	"Name of a guard message.")					\
	F(LISTENERS,	"listeners",	TEXT,	"Every listener: title=protocol@address:port, separated by spaces.") \
	F(MODE,		"mode",		TEXT,	"root or user: how the server was started.")			\
	F(WALLS,	"walls",	TEXT,	"Walls in force: chroot uid seccomp landlock ...")		\
	F(VERSION,	"version",	TEXT,	"Version of transom.")						\
	F(SEQ,		"seq",		NUMBER,	"Number of the line within its session or role.")		\
	F(LINES,	"lines",	NUMBER,	"Lines missing from the log.")					\
	F(FILE,		"file",		TEXT,	"File of the administrator's, as the configuration names it.")	\
	F(NAMES,	"names",	TEXT,	"Host names of a certificate, separated by spaces; of a revocation list its issuer.")		\
	F(EXPIRES,	"expires",	TEXT,	"Last day of a certificate or revocation list.")					\
	F(DAYS,		"days",		NUMBER,	"Whole days until then, or since then.")

/* clang-format on */

enum event_level { EVENT_LEVEL_INFO, EVENT_LEVEL_WARNING, EVENT_LEVEL_ERROR };
enum event_field_kind { EVENT_KIND_TEXT, EVENT_KIND_NUMBER };

#define EVENT_ENUM(symbol, name, level, doc) EVENT_##symbol,
enum event_id { EVENTS(EVENT_ENUM) EVENT_COUNT };
#undef EVENT_ENUM
#define EVENT_FIELD_ENUM(symbol, name, kind, doc) EVENT_FIELD_##symbol,
enum event_field_id { EVENT_FIELDS(EVENT_FIELD_ENUM) EVENT_FIELD_COUNT };
#undef EVENT_FIELD_ENUM

#define EVENT_MAX_BYTES 16384u	/* an event's fields, packed; text that does not fit is cut */

/* An event under construction; lives on the stack. */
struct event {
	enum event_id id;
	size_t length;
	uint8_t fields[EVENT_MAX_BYTES];
};

void event_init(struct event *event, enum event_id id);
/* Add a field; its kind must match the row.  A NULL or empty text adds nothing. */
void event_text(struct event *event, enum event_field_id field, const char *text);
void event_number(struct event *event, enum event_field_id field, uint64_t number);

/* Walk packed fields from another process: 1 and the field, 0 at the end, -1 when malformed.
 * *text points into the bytes and is text_length long, not NUL-terminated. */
struct event_reader {
	const uint8_t *bytes;
	size_t left;
};
struct event_value {
	enum event_field_id field;
	const char *text;
	size_t text_length;
	uint64_t number;
};
int event_next(struct event_reader *reader, struct event_value *out);

const char *event_name(enum event_id id);
enum event_level event_level(enum event_id id);
const char *event_level_name(enum event_level level);
const char *event_field_name(enum event_field_id field);
enum event_field_kind event_field_kind(enum event_field_id field);
/* Print docs/EVENTS.md (Markdown) from the tables. */
void events_print(FILE *out);

#endif
