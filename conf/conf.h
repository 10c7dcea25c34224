/*
 * The configuration as values.
 *
 * Loaded by master (to check it and to open listeners) and by each nursery (from the master's
 * snapshot of the text, so that both see the same).  The guard loads one user's file at login.
 * Nothing here decides policy; vfs/ and auth/ do.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf_options.h"
#include "conf/conf_rights.h"
#include "conf/conf_types.h"

#define CONF_FILE_MAX_BYTES (4u << 20)		/* a larger main file is refused */
#define CONF_USER_FILE_MAX_BYTES (256u << 10)	/* a larger user file is refused */
#define CONF_MESSAGE_BYTES 1024			/* room for "file:line: what is wrong, what is allowed" */
#define CONF_USER_NAME_MAX 64
#define CONF_MOUNTS_MAX 64			/* mounts of one user, "/" included */
#define CONF_LISTENERS_MAX 64
#define CONF_STAGED_PREFIX ".transom-"		/* as VFS_STAGED_PREFIX; a unit test compares them */

enum conf_status {
	CONF_OK = 0,
	CONF_INVALID,		/* the text is wrong; the message says where and how */
	CONF_NOT_FOUND,		/* no such file or user */
	CONF_BAD_NAME,		/* a user name outside [A-Za-z0-9._@-]{1,64}, or starting with '.' or '-' */
	CONF_IO,		/* the file could not be read or written; message has the cause */
	CONF_EXISTS,		/* user add: there is one already */
	CONF_NO_MEMORY,
};

/* Field kinds whose C type has another name than its option type. */
#define CONF_FIELD_bool conf_bool
#define CONF_FIELD_uint conf_uint
#define CONF_FIELD_duration conf_duration
#define CONF_FIELD_mode conf_mode
#define CONF_FIELD_text conf_text
#define CONF_FIELD_path conf_path
#define CONF_FIELD_paths conf_paths_value
#define CONF_FIELD_target conf_target
#define CONF_FIELD_account conf_account
#define CONF_FIELD_choice conf_choice
#define CONF_FIELD_list conf_list_value
#define CONF_FIELD_words conf_words_value
#define CONF_FIELD_certs conf_certs_value
#define CONF_FIELD_ports conf_ports_value
#define CONF_FIELD_address conf_address
#define CONF_FIELD_host conf_host
#define CONF_FIELD_networks conf_networks_value
#define CONF_FIELD_access conf_access
#define CONF_FIELD(type, name, fallback, min, max, seen, doc) CONF_FIELD_##type name;

/* Order of the words in the rows' choice lists. */
enum conf_protocol { CONF_PROTOCOL_FTP, CONF_PROTOCOL_FTPS, CONF_PROTOCOL_SFTP, CONF_PROTOCOL_COUNT };
enum conf_algorithms { CONF_ALGORITHMS_MODERN, CONF_ALGORITHMS_COMPAT, CONF_ALGORITHMS_LEGACY };
/* Of a listener; a user's row has LISTENER in front, so its values are one more. */
enum conf_require_tls { CONF_TLS_NO, CONF_TLS_CONTROL, CONF_TLS_DATA, CONF_TLS_BOTH };
enum conf_data_session { CONF_DATA_SESSION_OFF, CONF_DATA_SESSION_PREFER, CONF_DATA_SESSION_REQUIRE };
enum conf_client_certs { CONF_CLIENT_CERTS_OFF, CONF_CLIENT_CERTS_OPTIONAL, CONF_CLIENT_CERTS_REQUIRED };
enum conf_tls_version { CONF_TLS_1_2, CONF_TLS_1_3 };
enum conf_kernel_tls { CONF_KERNEL_TLS_AUTO, CONF_KERNEL_TLS_OFF };
enum conf_log_format { CONF_LOG_JSON, CONF_LOG_LOGFMT };
enum conf_publish { CONF_PUBLISH_STAGED, CONF_PUBLISH_DIRECT };
enum conf_existing { CONF_EXISTING_RENAME, CONF_EXISTING_REFUSE };
enum conf_data_peers { CONF_DATA_PEERS_SAME, CONF_DATA_PEERS_ANY };
enum conf_setattr { CONF_SETATTR_IGNORE, CONF_SETATTR_REFUSE };

/* "ftp": the word of the option, for logs, the ready line and process titles. */
const char *conf_protocol_name(int protocol);

/* One place where clients connect. */
struct conf_listener {
	char *title;
	CONF_LISTENER_OPTIONS(CONF_FIELD)
};

struct conf_ftp {
	CONF_FTP_OPTIONS(CONF_FIELD)
};

struct conf_ssh {
	CONF_SSH_OPTIONS(CONF_FIELD)
};

struct conf_tls {
	CONF_TLS_OPTIONS(CONF_FIELD)
};

/* A further certificate; title is the host name that clients ask for. */
struct conf_tls_host {
	char *title;
	CONF_TLS_HOST_OPTIONS(CONF_FIELD)
};

struct conf_log {
	CONF_LOG_OPTIONS(CONF_FIELD)
};

/* A mount other than "/": title is its path in the user's view, normalised, "/inbox". */
struct conf_mount {
	char *title;
	CONF_EXTRA_MOUNT_OPTIONS(CONF_FIELD)
};

/* A user; the mount options at this level are those of "/". */
struct conf_user {
	char *name;
	CONF_USER_OPTIONS(CONF_FIELD)
	struct conf_mount *mounts;
	size_t mount_count;
};

struct conf {
	char *file;			/* as named in messages */
	CONF_GLOBAL_OPTIONS(CONF_FIELD)
	struct conf_listener *listeners;
	size_t listener_count;
	struct conf_ftp ftp;
	struct conf_ssh ssh;
	struct conf_tls tls;
	struct conf_tls_host *tls_hosts;
	size_t tls_host_count;
	struct conf_log log;
	struct conf_user defaults;
	bool has_anonymous;
	struct conf_user anonymous;
};

/*
 * Parse and check the text of a configuration file.  file names it in messages, and relative paths
 * in it are taken from its directory.  On CONF_OK *out is the caller's (conf_free); otherwise *out is
 * NULL and message holds one line, "file:line: what is wrong; what is allowed".
 */
enum conf_status conf_parse(
    struct conf **out, const char *file, const char *text, char message[CONF_MESSAGE_BYTES]);
/* Read a file and conf_parse it.  text_out, if not NULL, gets the text (caller frees). */
enum conf_status conf_load(
    struct conf **out, const char *file, char **text_out, char message[CONF_MESSAGE_BYTES]);
void conf_free(struct conf **conf);

/*
 * What conf_parse cannot see option by option: that accounts exist and are not root (as_root), that the
 * fronts' account and the keeper's are nobody else's, that no certificate lacks its key, that spare_min <= spare_max, that the passive ports and the
 * port of active mode can be used, that no two listeners are the same.  CONF_OK or CONF_INVALID; the message has no line number.
 * A users_dir that does not exist is no fault: transomctl makes it.
 */
enum conf_status conf_check(const struct conf *conf, bool as_root, char message[CONF_MESSAGE_BYTES]);

/* Does it need a private key, and so a keeper?  For sftp listeners and TLS certificates. */
bool conf_needs_keeper(const struct conf *conf);

/* `transomd -T`: the effective configuration, in the syntax of the file. */
void conf_dump(const struct conf *conf, FILE *out);
/* The OPTIONS part of transom.conf(5) in mdoc, from the rows. */
void conf_print_mdoc(FILE *out);

/* Is this text fit to be a user name (and so a file name)? */
bool conf_user_name_ok(const char *name);
/*
 * Load users.d/NAME.conf on top of conf->defaults, %u replaced in root and sources.
 * users_dir_fd is the open directory.  CONF_OK, CONF_NOT_FOUND, CONF_BAD_NAME, CONF_INVALID, CONF_IO.
 * *out is the caller's (conf_user_free).
 */
enum conf_status conf_user_load(struct conf_user **out, const struct conf *conf, int users_dir_fd,
    const char *name, char message[CONF_MESSAGE_BYTES]);
/* The anonymous user as a value of its own, %u replaced by name; conf->has_anonymous must hold. */
enum conf_status conf_user_anonymous(struct conf_user **out, const struct conf *conf, const char *name);
void conf_user_free(struct conf_user **user);

/* Account text to numbers; "" for group: see files_group.  False when there is no such account. */
bool conf_account_resolve(const char *user, const char *group, uint32_t *uid_out, uint32_t *gid_out);

#endif
