#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "conf/conf_message.h"
#include "conf/conf_rows.h"
#include "server/base/os_linux.h"
#include "server/base/text.h"

/* --- accounts ----------------------------------------------------------------------------------
 */

#define ACCOUNT_BUFFER_FIRST_BYTES 1024u
#define ACCOUNT_BUFFER_MAX_BYTES   (1u << 20) /* a group of very many members needs much */

struct account {
	uint32_t uid; /* of a user */
	uint32_t gid; /* of a user: its own group; of a group */
};

/* One try at the account databases: 0 and *found, or an errno; ERANGE asks for a larger buffer. */
typedef int lookup_fn(
    const char *name, char *buffer, size_t size, struct account *out, bool *found);

static int look_up_user(
    const char *name, char *buffer, size_t size, struct account *out, bool *found)
{
	struct passwd entry;
	struct passwd *result = NULL;
	int error = getpwnam_r(name, &entry, buffer, size, &result);

	*found = result != NULL;
	if (*found)
		*out = (struct account){ .uid = entry.pw_uid, .gid = entry.pw_gid };
	return error;
}

static int look_up_group(
    const char *name, char *buffer, size_t size, struct account *out, bool *found)
{
	struct group entry;
	struct group *result = NULL;
	int error = getgrnam_r(name, &entry, buffer, size, &result);

	*found = result != NULL;
	if (*found)
		*out = (struct account){ .gid = entry.gr_gid };
	return error;
}

static bool look_up(lookup_fn *lookup, const char *name, struct account *out)
{
	bool found = false;
	int error = ERANGE;

	for (size_t size = ACCOUNT_BUFFER_FIRST_BYTES;
	     size <= ACCOUNT_BUFFER_MAX_BYTES && (error == ERANGE || error == EINTR); size *= 2) {
		char *buffer = malloc(size);

		if (buffer == NULL)
			return false;
		error = lookup(name, buffer, size, out, &found);
		free(buffer);
	}
	return error == 0 && found;
}

/* The text as a number, when all of it is digits. */
static bool account_number(const char *text, uint32_t *out)
{
	uint64_t number;

	/* (uid_t)-1 is no account: setresuid(2) takes it for "leave as it is". */
	if (!text_parse_u64(text, &number) || number >= UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

bool conf_account_resolve(const char *user, const char *group, uint32_t *uid_out, uint32_t *gid_out)
{
	struct account account;
	uint32_t number;

	if (account_number(user, &number))
		account = (struct account){ .uid = number, .gid = number };
	else if (!look_up(look_up_user, user, &account))
		return false;
	*uid_out = account.uid;
	*gid_out = account.gid;
	if (group[0] == '\0')
		return true;
	if (account_number(group, gid_out))
		return true;
	if (!look_up(look_up_group, group, &account))
		return false;
	*gid_out = account.gid;
	return true;
}

/* --- the checks --------------------------------------------------------------------------------
 */

static enum conf_status check_account(const struct conf *conf, const char *option, const char *user,
    const char *group, uint32_t *uid_out, char message[CONF_MESSAGE_BYTES])
{
	char shown[CONF_SHOWN_BYTES];
	uint32_t uid, gid;

	conf_show(shown, user, strlen(user));
	if (!conf_account_resolve(user, "", &uid, &gid)) {
		conf_say(message, conf->file, 0,
		    "%s = \"%s\": there is no such account; allowed: an account that exists "
		    "(useradd --system %s makes it), or a number",
		    option, shown, shown);
		return CONF_INVALID;
	}
	if (!conf_account_resolve(user, group, &uid, &gid)) {
		conf_show(shown, group, strlen(group));
		conf_say(message, conf->file, 0,
		    "files_group = \"%s\": there is no such group; allowed: a group that exists, "
		    "a number, or nothing",
		    shown);
		return CONF_INVALID;
	}
	if (uid == 0 || gid == 0) {
		conf_say(message, conf->file, 0,
		    "%s = \"%s\": it is root, or of root's group; allowed: any other account",
		    option, shown);
		return CONF_INVALID;
	}
	*uid_out = uid;
	return CONF_OK;
}

static enum conf_status check_accounts(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	const struct conf_user *users[] = { &conf->defaults, &conf->anonymous };
	enum conf_status status;
	uint32_t clerk, front, files;
	uint32_t keeper = 0; /* root: nobody's of those below */

	status = check_account(conf, "clerk_user", conf->clerk_user, "", &clerk, message);
	if (status == CONF_OK)
		status = check_account(conf, "front_user", conf->front_user, "", &front, message);
	if (status == CONF_OK && conf_needs_keeper(conf))
		status =
		    check_account(conf, "keeper_user", conf->keeper_user, "", &keeper, message);
	for (size_t i = 0; status == CONF_OK && i < (conf->has_anonymous ? 2u : 1u); i++) {
		status = check_account(conf, "files_user", users[i]->files_user,
		    users[i]->files_group, &files, message);
		/* A front that is taken over could signal and trace what has its uid. */
		if (status == CONF_OK && (front == files || front == clerk)) {
			conf_say(message, conf->file, 0,
			    "front_user = \"%s\": it is clerk_user or files_user as well; "
			    "allowed: an account that nothing else has",
			    conf->front_user);
			status = CONF_INVALID;
		}
		if (status == CONF_OK && (keeper == files || keeper == clerk || keeper == front)) {
			conf_say(message, conf->file, 0,
			    "keeper_user = \"%s\": it is clerk_user, front_user or files_user as well; "
			    "allowed: an account that nothing else has",
			    conf->keeper_user);
			status = CONF_INVALID;
		}
	}
	return status;
}

static enum conf_status check_listeners(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	const struct conf_ports *passive = &conf->ftp.passive_ports;

	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *listener = &conf->listeners[i];
		uint16_t port = listener->address.port;
		char shown[CONF_SHOWN_BYTES];

		conf_show(shown, listener->title, strlen(listener->title));
		if (port != 0 && passive->first <= port && port <= passive->last) {
			conf_say(message, conf->file, 0,
			    "listener \"%s\": port %u is one of passive_ports; allowed: any other",
			    shown, port);
			return CONF_INVALID;
		}
		for (size_t j = 0; port != 0 && j < i; j++) {
			if (conf->listeners[j].address.port != port ||
			    !netaddr_same_ip(&conf->listeners[j].address, &listener->address))
				continue;
			conf_say(message, conf->file, 0,
			    "listener \"%s\": another one has the same address and port; "
			    "allowed: each once",
			    shown);
			return CONF_INVALID;
		}
	}
	return CONF_OK;
}

/* What active mode cannot do is found out here, not by its first client. */
static enum conf_status check_active_port(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	const struct conf_ports *passive = &conf->ftp.passive_ports;
	const uint32_t port = conf->ftp.active_source_port;

	if (port == 0 || !conf->ftp.active)
		return CONF_OK;
	if (passive->first <= port && port <= passive->last) {
		conf_say(message, conf->file, 0,
		    "active_source_port = %u: it is one of passive_ports; allowed: any other",
		    port);
		return CONF_INVALID;
	}
	for (size_t i = 0; i < conf->listener_count; i++) {
		if (conf->listeners[i].address.port != port)
			continue;
		conf_say(message, conf->file, 0,
		    "active_source_port = %u: a listener has that port; allowed: any other", port);
		return CONF_INVALID;
	}
	if (os_may_bind_port((uint16_t)port))
		return CONF_OK;
	conf_say(message, conf->file, 0,
	    "active_source_port = %u: the system keeps that port for root and the capability "
	    "CAP_NET_BIND_SERVICE; allowed: 0, 1024 or above, or a start with that capability",
	    port);
	return CONF_INVALID;
}

/* --- certificates and their keys ------------------------------------------------------------ */

bool conf_needs_keeper(const struct conf *conf)
{
	bool needed = conf->tls.key[0] != '\0';

	for (size_t i = 0; i < conf->tls_host_count; i++)
		needed = needed || conf->tls_hosts[i].key[0] != '\0';
	for (size_t i = 0; i < conf->listener_count; i++)
		needed = needed || conf->listeners[i].protocol == CONF_PROTOCOL_SFTP;
	return needed;
}

/* One is of no use without the other. */
static enum conf_status check_pair(const struct conf *conf, const char *section,
    const char *certificate, const char *key, char message[CONF_MESSAGE_BYTES])
{
	char shown[CONF_SHOWN_BYTES];
	const bool has_key = key[0] != '\0';
	const char *given = has_key ? key : certificate;

	if (has_key == (certificate[0] != '\0'))
		return CONF_OK;
	conf_say(message, conf->file, 0, "%s: %s = \"%s\" has no %s beside it; allowed: both, or neither",
	    section, has_key ? "key" : "certificate", conf_show(shown, given, strlen(given)),
	    has_key ? "certificate" : "key");
	return CONF_INVALID;
}

static enum conf_status check_certificates(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	enum conf_status status =
	    check_pair(conf, "tls", conf->tls.certificate, conf->tls.key, message);

	for (size_t i = 0; status == CONF_OK && i < conf->tls_host_count; i++)
		status = check_pair(conf, "tls_host", conf->tls_hosts[i].certificate,
		    conf->tls_hosts[i].key, message);
	return status;
}

/* A listener that could only turn its clients away. */
static enum conf_status check_listener_tls(const struct conf *conf,
    const struct conf_listener *listener, char message[CONF_MESSAGE_BYTES])
{
	char shown[CONF_SHOWN_BYTES];
	const char *what = NULL;

	if (listener->protocol == CONF_PROTOCOL_FTPS)
		what = "protocol = \"ftps\"";
	else if (listener->protocol == CONF_PROTOCOL_FTP && listener->require_tls != CONF_TLS_NO)
		what = "require_tls";
	if (what == NULL)
		return CONF_OK;
	conf_say(message, conf->file, 0,
	    "listener \"%s\": %s needs a certificate; allowed: with certificate and key in tls { }",
	    conf_show(shown, listener->title, strlen(listener->title)), what);
	return CONF_INVALID;
}

static enum conf_status check_listeners_tls(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	enum conf_status status = CONF_OK;
	bool certificate = conf->tls.certificate[0] != '\0';

	for (size_t i = 0; i < conf->tls_host_count; i++)
		certificate = certificate || conf->tls_hosts[i].certificate[0] != '\0';
	for (size_t i = 0; !certificate && status == CONF_OK && i < conf->listener_count; i++)
		status = check_listener_tls(conf, &conf->listeners[i], message);
	return status;
}

/* RFC 4253 4.2: clients take the line apart at '-' and at the first space, behind which a comment stands. */
static enum conf_status check_software_version(
    const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	const char *version = conf->ssh.software_version;
	char shown[CONF_SHOWN_BYTES];
	bool good = version[0] != '\0' && version[0] != ' ';

	for (size_t i = 0; good && version[i] != '\0'; i++)
		good = version[i] >= ' ' && version[i] <= '~';
	if (good && memchr(version, '-', strcspn(version, " ")) == NULL)
		return CONF_OK;
	conf_say(message, conf->file, 0,
	    "ssh: software_version = \"%s\" is none that SSH has room for; allowed: ASCII characters, "
	    "in the first word no hyphen",
	    conf_show(shown, version, strlen(version)));
	return CONF_INVALID;
}

static enum conf_status check_users_dir(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	struct stat st;

	/* Missing is fine: the first `transomctl user add` makes it. */
	if (stat(conf->users_dir, &st) != 0 || S_ISDIR(st.st_mode))
		return CONF_OK;
	conf_say(message, conf->file, 0, "users_dir = \"%s\": it is not a directory; allowed: one",
	    conf->users_dir);
	return CONF_INVALID;
}

enum conf_status conf_check(const struct conf *conf, bool as_root, char message[CONF_MESSAGE_BYTES])
{
	enum conf_status status = CONF_OK;

	if (conf->spare_min > conf->spare_max) {
		conf_say(message, conf->file, 0,
		    "spare_min = %u: it is above spare_max = %u; allowed: at most that",
		    conf->spare_min, conf->spare_max);
		return CONF_INVALID;
	}
	if (as_root)
		status = check_accounts(conf, message);
	if (status == CONF_OK)
		status = check_listeners(conf, message);
	if (status == CONF_OK)
		status = check_active_port(conf, message);
	if (status == CONF_OK)
		status = check_certificates(conf, message);
	if (status == CONF_OK)
		status = check_listeners_tls(conf, message);
	if (status == CONF_OK)
		status = check_software_version(conf, message);
	if (status == CONF_OK)
		status = check_users_dir(conf, message);
	return status;
}
