#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_message.h"
#include "conf/conf_users.h"
#include "conf/conf_values.h"
#include "server/base/io.h"

const char *conf_protocol_name(int protocol)
{
	static const char *const names[CONF_PROTOCOL_COUNT] = {
		[CONF_PROTOCOL_FTP] = "ftp",
		[CONF_PROTOCOL_FTPS] = "ftps",
		[CONF_PROTOCOL_SFTP] = "sftp",
	};

	return names[protocol];
}

static const struct conf_section *section_named(const char *name)
{
	return conf_section_child(&conf_section_main, name);
}

static void clear_listener(struct conf_listener *listener)
{
	conf_values_clear(section_named("listener"), listener);
	free(listener->title);
}

static void clear_tls_host(struct conf_tls_host *host)
{
	conf_values_clear(section_named("tls_host"), host);
	free(host->title);
}

void conf_free(struct conf **conf_pointer)
{
	struct conf *conf = *conf_pointer;

	if (conf == NULL)
		return;
	conf_values_clear(&conf_section_main, conf);
	for (size_t i = 0; i < conf->listener_count; i++)
		clear_listener(&conf->listeners[i]);
	free(conf->listeners);
	for (size_t i = 0; i < conf->tls_host_count; i++)
		clear_tls_host(&conf->tls_hosts[i]);
	free(conf->tls_hosts);
	conf_values_clear(section_named("ssh"), &conf->ssh);
	conf_values_clear(section_named("tls"), &conf->tls);
	conf_values_clear(section_named("ftp"), &conf->ftp);
	conf_values_clear(section_named("log"), &conf->log);
	conf_user_clear(&conf->defaults);
	conf_user_clear(&conf->anonymous);
	free(conf->file);
	free(conf);
	*conf_pointer = NULL;
}

static bool set_defaults(struct conf *conf)
{
	return conf_values_default(&conf_section_main, conf) &&
	       conf_values_default(section_named("ftp"), &conf->ftp) &&
	       conf_values_default(section_named("ssh"), &conf->ssh) &&
	       conf_values_default(section_named("tls"), &conf->tls) &&
	       conf_values_default(section_named("log"), &conf->log) &&
	       conf_user_default(&conf->defaults);
}

/* Add a listener with every option at its default; NULL when memory ran out. */
static struct conf_listener *add_listener(struct conf *conf, const char *title)
{
	struct conf_listener *larger =
	    reallocarray(conf->listeners, conf->listener_count + 1, sizeof(*conf->listeners));
	struct conf_listener *listener;

	if (larger == NULL)
		return NULL;
	conf->listeners = larger;
	listener = &conf->listeners[conf->listener_count++];
	*listener = (struct conf_listener){ .title = strdup(title) };
	if (listener->title == NULL || !conf_values_default(section_named("listener"), listener))
		return NULL;
	return listener;
}

/* Each protocol has its port (IANA), so the row's default is that of the default protocol alone. */
static uint16_t default_port(int protocol)
{
	static const uint16_t ports[CONF_PROTOCOL_COUNT] = {
		[CONF_PROTOCOL_FTP] = 21,
		[CONF_PROTOCOL_FTPS] = 990,
		[CONF_PROTOCOL_SFTP] = 22,
	};

	return ports[protocol];
}

static enum conf_status read_listeners(const struct conf_reading *reading, struct conf *conf)
{
	size_t section = 0;

	while ((section = conf_read_section(reading, 0, "listener", section)) != 0) {
		struct conf_listener *listener =
		    add_listener(conf, conf_read_title(reading, section));
		enum conf_status status;

		if (listener == NULL)
			return CONF_NO_MEMORY;
		status = conf_read_options(reading, section, listener);
		if (status != CONF_OK)
			return status;
		if (!conf_read_has(reading, section, "address"))
			listener->address.port = default_port(listener->protocol);
	}
	if (conf->listener_count == 0 && add_listener(conf, "ftp") == NULL)
		return CONF_NO_MEMORY;
	return CONF_OK;
}

static enum conf_status read_tls_hosts(const struct conf_reading *reading, struct conf *conf)
{
	size_t section = 0;

	while ((section = conf_read_section(reading, 0, "tls_host", section)) != 0) {
		struct conf_tls_host *larger = reallocarray(
		    conf->tls_hosts, conf->tls_host_count + 1, sizeof(*conf->tls_hosts));
		struct conf_tls_host *host;
		enum conf_status status;

		if (larger == NULL)
			return CONF_NO_MEMORY;
		conf->tls_hosts = larger;
		host = &larger[conf->tls_host_count++];
		*host = (struct conf_tls_host){ .title = strdup(conf_read_title(reading, section)) };
		if (host->title == NULL || !conf_values_default(section_named("tls_host"), host))
			return CONF_NO_MEMORY;
		status = conf_read_options(reading, section, host);
		if (status != CONF_OK)
			return status;
	}
	return CONF_OK;
}

/* A section that is there at most once; struct values holds its defaults. */
static enum conf_status read_once(
    const struct conf_reading *reading, const char *name, void *values)
{
	const size_t section = conf_read_section(reading, 0, name, 0);

	return section == 0 ? CONF_OK : conf_read_options(reading, section, values);
}

static enum conf_status read_users(const struct conf_reading *reading, struct conf *conf)
{
	size_t defaults = conf_read_section(reading, 0, "defaults", 0);
	size_t anonymous = conf_read_section(reading, 0, "anonymous", 0);
	enum conf_status status = CONF_OK;

	if (defaults != 0)
		status = conf_user_read(reading, defaults, &conf->defaults);
	if (status != CONF_OK || anonymous == 0)
		return status;
	conf->has_anonymous = true;
	if (!conf_user_copy(&conf->defaults, &conf->anonymous) ||
	    !conf_user_restrict(&conf->anonymous))
		return CONF_NO_MEMORY;
	return conf_user_read(reading, anonymous, &conf->anonymous);
}

static enum conf_status read_all(const struct conf_reading *reading, struct conf *conf)
{
	enum conf_status status = conf_read_options(reading, 0, conf);

	if (status == CONF_OK)
		status = read_listeners(reading, conf);
	if (status == CONF_OK)
		status = read_tls_hosts(reading, conf);
	if (status == CONF_OK)
		status = read_once(reading, "ftp", &conf->ftp);
	if (status == CONF_OK)
		status = read_once(reading, "ssh", &conf->ssh);
	if (status == CONF_OK)
		status = read_once(reading, "tls", &conf->tls);
	if (status == CONF_OK)
		status = read_once(reading, "log", &conf->log);
	if (status == CONF_OK)
		status = read_users(reading, conf);
	return status;
}

/* The absolute directory of a file, on the heap; NULL with errno. */
static char *directory_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - file);
	char *cwd = NULL;
	char *directory = NULL;

	if (file[0] == '/')
		return strndup(file, length == 0 ? 1 : length);
	cwd = getcwd(NULL, 0);
	if (cwd != NULL && length == 0)
		return cwd;
	if (cwd != NULL &&
	    asprintf(&directory, "%s%s%.*s", cwd, cwd[1] == '\0' ? "" : "/", (int)length, file) < 0)
		directory = NULL;
	free(cwd);
	return directory;
}

static enum conf_status parse(struct conf *conf, const char *file, const char *text, size_t length,
    char message[CONF_MESSAGE_BYTES])
{
	struct conf_reading reading;
	enum conf_status status = CONF_NO_MEMORY;
	char *base_dir = directory_of(file);

	message[0] = '\0';
	if (base_dir == NULL && errno != ENOMEM) {
		conf_say(
		    message, file, 0, "the working directory cannot be told: %s", strerror(errno));
		return CONF_IO;
	}
	conf->file = strdup(file);
	if (base_dir == NULL || conf->file == NULL || !set_defaults(conf))
		goto out;
	status =
	    conf_read_open(&reading, file, base_dir, text, length, &conf_section_main, message);
	if (status != CONF_OK)
		goto out;
	status = read_all(&reading, conf);
	conf_read_close(&reading);
out:
	if (status == CONF_NO_MEMORY)
		conf_say(message, file, 0, "%s", conf_type_no_memory);
	free(base_dir);
	return status;
}

static enum conf_status parse_bytes(struct conf **out, const char *file, const char *text,
    size_t length, char message[CONF_MESSAGE_BYTES])
{
	enum conf_status status;

	*out = calloc(1, sizeof(**out));
	if (*out == NULL) {
		conf_say(message, file, 0, "%s", conf_type_no_memory);
		return CONF_NO_MEMORY;
	}
	status = parse(*out, file, text, length, message);
	if (status != CONF_OK)
		conf_free(out);
	return status;
}

enum conf_status conf_parse(
    struct conf **out, const char *file, const char *text, char message[CONF_MESSAGE_BYTES])
{
	return parse_bytes(out, file, text, strlen(text), message);
}

enum conf_status conf_load(
    struct conf **out, const char *file, char **text_out, char message[CONF_MESSAGE_BYTES])
{
	size_t length = 0;
	char *text = io_read_file(AT_FDCWD, file, CONF_FILE_MAX_BYTES, &length);
	enum conf_status status;

	*out = NULL;
	if (text_out != NULL)
		*text_out = NULL;
	if (text == NULL) {
		int error = errno;

		if (error == EFBIG) {
			conf_say(message, file, 0, "the file is too large; allowed: %u bytes",
			    CONF_FILE_MAX_BYTES);
			return CONF_INVALID;
		}
		conf_say(message, file, 0, "cannot be read: %s", strerror(error));
		return error == ENOENT ? CONF_NOT_FOUND : CONF_IO;
	}
	status = parse_bytes(out, file, text, length, message);
	if (status == CONF_OK && text_out != NULL)
		*text_out = text;
	else
		free(text);
	return status;
}
