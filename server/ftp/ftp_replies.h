/*
 * THE list of replies: every line the client can be told is a row here.
 *
 * Front only.  A text may hold one place for a caller's text: %s, or %q where a path stands between
 * double quotes (RFC 959 appendix II: quotes inside are doubled).  What is put there is made
 * harmless first: control characters become '?', so that no file name ever makes a reply line of
 * its own. Replies are queued in session->out; the engine sends them.
 */
#ifndef FTP_REPLIES_H
#define FTP_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/buf.h"
#include "vfs/vfs_types.h"

struct ftp_session;

/* R(symbol, code, text) */
/* clang-format off */
#define FTP_REPLIES(R)										\
	R(OPENING,		150, "Opening %s.")						\
	R(OPENING_UNIQUE,	150, "FILE: %s")						\
	R(OK,			200, "OK.")							\
	R(TYPE_SET,		200, "Type set to %s.")						\
	R(PORT_OK,		200, "Data connection accepted; use EPSV or PASV if you can.")	\
	R(EPSV_ALL_OK,		200, "Only EPSV from now on.")					\
	R(UTF8_OK,		200, "Names are bytes; UTF-8 is what we take them for.")	\
	R(HASH_OPTS,		200, "%s")							\
	R(LANGUAGE_SET,		200, "Replies are in English.")					\
	R(SITE_COPIED,		200, "Copied to %s.")						\
	R(MLST_OPTS,		200, "MLST OPTS%s")						\
	R(ALLO_OK,		200, "There is room.")						\
	R(BUFFER_SIZE,		200, "PBSZ=0")							\
	R(PROTECTION,		200, "Data connections are %s.")				\
	R(CCC_OK,		200, "Plain text from now on.")					\
	R(UMASK,		200, "Umask is %s.")						\
	R(IDLE,			200, "Idle timeout is %s seconds.")				\
	R(CSID,			200, "Name=transom; %s")					\
	R(ALLO_SUPERFLUOUS,	202, "No storage allocation is needed.")			\
	R(ACCT_SUPERFLUOUS,	202, "No account is needed.")					\
	R(STATUS,		211, "transom FTP server status:")				\
	R(STATUS_END,		211, "End of status.")						\
	R(FEATURES,		211, "Features:")						\
	R(FEATURES_END,		211, "End.")							\
	R(LISTING_DIR,		212, "Listing:")						\
	R(LISTING_DIR_END,	212, "End of listing.")						\
	R(LISTING_FILE,		213, "Listing:")						\
	R(LISTING_FILE_END,	213, "End of listing.")						\
	R(VALUE,		213, "%s")							\
	R(HELP,			214, "The following commands are known:")			\
	R(HELP_SITE,		214, "The following SITE commands are known:")			\
	R(HELP_END,		214, "End of help.")						\
	R(HELP_ONE,		214, "%s")							\
	R(SYSTEM,		215, "UNIX Type: L8")						\
	R(GREETING,		220, "%s")							\
	R(NEW_USER,		220, "Service ready for new user.")				\
	R(GOODBYE,		221, "Goodbye.")						\
	R(ABOR_DONE,		226, "Abort done.")						\
	R(TRANSFER_DONE,	226, "Transfer complete: %s.")					\
	R(LISTING_DONE,		226, "Listing complete.")					\
	R(PASV,			227, "Entering Passive Mode (%s).")				\
	R(EPSV,			229, "Entering Extended Passive Mode (|||%s|)")			\
	R(LOGGED_IN,		230, "Login successful.")					\
	R(LOGGED_IN_CERTIFICATE, 232, "Login by certificate successful.")			\
	R(AUTH_OK,		234, "Begin the TLS handshake.")				\
	R(FILE_OK,		250, "Requested file action done.")				\
	R(CHECKSUM,		250, "%s")							\
	R(COPIED,		250, "Copied to %s.")						\
	R(COMBINED,		250, "Combined to %s.")						\
	R(COMBINED_LEFT,	250, "Combined to %s; not every part could be removed.")	\
	R(DIRECTORY_OK,		250, "Directory changed.")					\
	R(MLST,			250, "Listing:")						\
	R(MLST_END,		250, "End.")							\
	R(MD5,			251, "%s")							\
	R(CURRENT,		257, "\"%q\" is the current directory.")			\
	R(CREATED,		257, "\"%q\" created.")						\
	R(PASSWORD,		331, "Password required.")					\
	R(RENAME_READY,		350, "Ready for RNTO.")						\
	R(COPY_READY,		350, "Ready for SITE CPTO.")					\
	R(RESTART,		350, "Restarting at %s. Send STOR or RETR.")			\
	R(RANGE,		350, "Restarting at %s, and ending where you said.") \
	R(RANGE_RESET,		350, "The range is all of the file again.")			\
	R(IDLE_TIMEOUT,		421, "Idle timeout: no command for %s seconds.")		\
	R(TOO_MANY_TRIES,	421, "Too many failed logins.")					\
	R(TOO_MANY_BAD,		421, "Too many bad commands.")					\
	R(GUARD_GONE,		421, "The server has failed in this session; please connect again.")	\
	R(STOPPED,		421, "%s.")							\
	R(BEHIND_AUTH,		421, "Nothing may follow AUTH before the TLS handshake.")	\
	R(TOO_MANY_HANDSHAKES,	421, "TLS has begun too often on this connection: connect again.") \
	R(BEHIND_TLS,		421, "Nothing may follow before the reply, which ends TLS.")	\
	R(REIN_FAILED,		421, "Service not available, please connect again.")		\
	R(NO_CONNECTION,	425, "Cannot open the data connection: %s.")			\
	R(USE_PASV_FIRST,	425, "Use EPSV, PASV, EPRT or PORT first.")			\
	R(USE_EPSV,		425, "PASV is for IPv4 only: use EPSV.")			\
	R(NO_PASSIVE,		425, "Cannot open a passive port: %s.")				\
	R(UPLOAD_TRUNCATED,	426, "The upload ended without TLS's close_notify; transfer aborted.")	\
	R(ABORTED,		426, "Transfer aborted.")					\
	R(DATA_LOST,		426, "Data connection lost; transfer aborted.")			\
	R(DATA_STALLED,		426, "Data connection stalled for %s seconds; transfer aborted.") \
	R(DATA_SLOW,		426, "Data connection slower than %s bytes a second; transfer aborted.") \
	R(SERVER_STOPS,		426, "Transfer aborted: %s.")					\
	R(NO_ROOM,		452, "Not enough space for that.")				\
	R(UNKNOWN,		500, "Unknown command.")					\
	R(LINE_TOO_LONG,	500, "Command line too long.")					\
	R(BAD_CHARACTER,	501, "Line holds a character that may not be there.")		\
	R(NEED_ARGUMENT,	501, "This command needs an argument.")				\
	R(NO_ARGUMENT,		501, "This command takes no argument.")				\
	R(BAD_ARGUMENT,		501, "Argument not understood.")				\
	R(NOT_DIRECTORY,	501, "That is not a directory.")				\
	R(UNKNOWN_ALGORITHM,	501, "Unknown algorithm; the choice has not changed.")		\
	R(NOT_BUILT,		502, "Command not implemented.")				\
	R(REIN_IMPLICIT,	502, "REIN ends TLS, without which nothing is served here.")	\
	R(SECURED_ALREADY,	503, "AUTH has been said already.")				\
	R(AUTH_AFTER_LOGIN,	503, "AUTH is for before the login: say REIN first, or connect again.") \
	R(AUTH_FIRST,		503, "Say AUTH TLS first.")					\
	R(BUFFER_SIZE_FIRST,	503, "Say PBSZ 0 first.")					\
	R(USER_FIRST,		503, "Login with USER first.")					\
	R(RNFR_FIRST,		503, "Say RNFR first.")						\
	R(CPFR_FIRST,		503, "Say SITE CPFR first.")					\
	R(BEFORE_USER,		503, "HOST is for before USER.")				\
	R(EPSV_ALL_SAID,	503, "EPSV ALL was said: only EPSV now.")			\
	R(NOT_FOR_PARAMETER,	504, "Not implemented for that parameter.")			\
	R(UNKNOWN_MECHANISM,	504, "Only AUTH TLS is known.")					\
	R(HOST_NOT_SNI,		504, "TLS was begun for another host: connect again.")		\
	R(HOST_UNKNOWN,		504, "That host is not served here.")				\
	R(PORT_REFUSED,		504, "Only your own address, and a port of 1024 or above.")	\
	R(ACTIVE_OFF,		504, "Active mode is not served: use EPSV or PASV.")		\
	R(DATA_NEEDS_TLS,	521, "Data connections must be protected here: say AUTH TLS, PBSZ 0 and PROT P first.") \
	R(DATA_HANDSHAKE,	522, "TLS handshake on the data connection failed; transfer aborted.")	\
	R(DATA_NOT_RESUMED,	522, "The data connection must resume the TLS session of the control connection; transfer aborted.") \
	R(WRONG_FAMILY,		522, "Network protocol not supported, use (%s)")		\
	R(CONTROL_NEEDS_TLS,	530, "TLS is required here: say AUTH TLS first.")		\
	R(NEEDS_CERTIFICATE,	530, "This login needs a TLS client certificate, too.")		\
	R(NOT_LOGGED_IN,	530, "Please login with USER and PASS.")			\
	R(LOGGED_IN_ALREADY,	530, "Already logged in.")					\
	R(LOGIN_INCORRECT,	530, "Login incorrect.")					\
	R(TOO_MANY_SESSIONS,	530, "Too many sessions of this user: try again later.")	\
	R(LOGIN_UNAVAILABLE,	530, "Login is not possible now: try again later.")		\
	R(PROTECTION_REQUIRED,	534, "Data connections must be protected here.")		\
	R(CCC_DENIED,		534, "The control connection must stay protected here.")	\
	R(LEVEL_UNKNOWN_TO_TLS,	536, "TLS protects wholly or not at all: PROT P or PROT C.")	\
	R(NO_RIGHT,		550, "You may not do that.")					\
	R(SIZE_IN_ASCII,	550, "SIZE is not served in ASCII type: say TYPE I first.")	\
	R(NOT_PLAIN_FILE,	550, "Not a plain file.")					\
	R(NOT_AFTER_RANG,	550, "Not with RANG: say RANG 1 0, or STOR.")			\
	R(HASH_FORBIDDEN,	552, "You may not have the checksum of that.")			\
	R(HASH_NOT_FILE,	553, "Not a plain file.")					\
	R(BAD_NAME,		553, "File name not allowed.")					\
	R(BEYOND_END,		554, "The range does not lie inside the file.")			\
	R(RESTART_IN_ASCII,	554, "No restart of an upload in ASCII type: say TYPE I first.")
/* clang-format on */

#define FTP_REPLY_ENUM(symbol, code, text) FTP_REPLY_##symbol,
enum ftp_reply_id { FTP_REPLIES(FTP_REPLY_ENUM) FTP_REPLY_COUNT };
#undef FTP_REPLY_ENUM

struct ftp_reply_row {
	unsigned code;
	const char *text;
};
/* id < FTP_REPLY_COUNT. */
const struct ftp_reply_row *ftp_replies_find(enum ftp_reply_id id);
/* THE mapping of what the filesystem says to codes; the text is vfs_status_text's. */
unsigned ftp_replies_status_code(enum vfs_status status);

/* Queue a reply that has no place for a text. */
void ftp_reply(struct ftp_session *session, enum ftp_reply_id id);
/* One that has: text as it is, or a number. */
void ftp_reply_text(struct ftp_session *session, enum ftp_reply_id id, const char *text);
void ftp_reply_number(struct ftp_session *session, enum ftp_reply_id id, uint64_t number);
/* The reply for a status; a plain 250 for VFS_OK. */
void ftp_reply_status(struct ftp_session *session, enum vfs_status status);

/* A reply of many lines: begin ("211-Text"), lines (each led by a space), then ftp_reply with an id
 * of the same code. */
void ftp_reply_begin(struct ftp_session *session, enum ftp_reply_id id);
void ftp_reply_line(struct ftp_session *session, const char *text);
void ftp_reply_linef(struct ftp_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Append text without control characters; quotes doubled when quoted; 0xff doubled (Telnet IAC). */
void ftp_replies_append(struct buf *out, const char *text, bool quoted);

#endif
