#include "conf/conf_users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_message.h"
#include "conf/conf_values.h"
#include "server/base/buf.h"
#include "server/base/io.h"
#include "server/base/text.h"

#define MOUNT_NAME_MAX_BYTES 255u /* NAME_MAX: of one component of a mount's path */

bool conf_user_name_ok(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789._@-";
	size_t length = strnlen(name, CONF_USER_NAME_MAX + 1);

	return length > 0 && length <= CONF_USER_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, allowed) == length;
}

/* --- the struct --------------------------------------------------------------------------------
 */

static void clear_mount(struct conf_mount *mount)
{
	conf_values_clear(&conf_section_mount, mount);
	free(mount->title);
	*mount = (struct conf_mount){ 0 };
}

void conf_user_clear(struct conf_user *user)
{
	conf_values_clear(&conf_section_user, user);
	for (size_t i = 0; i < user->mount_count; i++)
		clear_mount(&user->mounts[i]);
	free(user->mounts);
	free(user->name);
	*user = (struct conf_user){ 0 };
}

void conf_user_free(struct conf_user **user)
{
	if (*user == NULL)
		return;
	conf_user_clear(*user);
	free(*user);
	*user = NULL;
}

bool conf_user_default(struct conf_user *user)
{
	return conf_values_default(&conf_section_user, user);
}

/* Add a zeroed mount of that title; NULL when memory ran out. */
static struct conf_mount *add_mount(struct conf_user *user, const char *title)
{
	struct conf_mount *larger =
	    reallocarray(user->mounts, user->mount_count + 1, sizeof(*user->mounts));
	struct conf_mount *mount;

	if (larger == NULL)
		return NULL;
	user->mounts = larger;
	mount = &user->mounts[user->mount_count];
	*mount = (struct conf_mount){ .title = strdup(title) };
	if (mount->title == NULL)
		return NULL;
	user->mount_count++;
	return mount;
}

bool conf_user_copy(const struct conf_user *from, struct conf_user *to)
{
	if (!conf_values_copy(&conf_section_user, from, to))
		return false;
	for (size_t i = 0; i < from->mount_count; i++) {
		struct conf_mount *mount = add_mount(to, from->mounts[i].title);

		if (mount == NULL ||
		    !conf_values_copy(&conf_section_mount, &from->mounts[i], mount))
			return false;
	}
	return true;
}

bool conf_user_restrict(struct conf_user *user)
{
	static const char *const proofs[] = { "password", "keys", "authorized_keys", "certificates",
		"require" };
	const uint32_t harmless = RIGHT_list | RIGHT_read;

	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++)
		if (!conf_values_reset(conf_section_option(&conf_section_user, proofs[i]), user))
			return false;
	user->access = harmless;
	/* RIGHT_own takes away: to drop it would show an inbox to the world. */
	for (size_t i = 0; i < user->mount_count; i++)
		user->mounts[i].access &= harmless | RIGHT_own;
	return true;
}

/* --- mounts ------------------------------------------------------------------------------------
 */

/* What is wrong with a mount's title, NULL when nothing. */
static const char *wrong_title(const char *title)
{
	if (title[0] != '/')
		return "it does not start with /";
	if (title[1] == '\0')
		return "/ is the user's root";
	if (strlen(title) >= CONF_PATH_BYTES)
		return "it is too long";
	if (text_has_control(title, strlen(title)))
		return "it has a control character";
	while (*title == '/') {
		size_t length = strcspn(++title, "/");

		if (length == 0)
			return "it has an empty part";
		if (length > MOUNT_NAME_MAX_BYTES)
			return "a part of it is too long";
		if (strncmp(title, "..", length) == 0) /* . as well */
			return "it has a part that is . or ..";
		if (strncmp(title, CONF_STAGED_PREFIX, strlen(CONF_STAGED_PREFIX)) == 0)
			return "names starting with " CONF_STAGED_PREFIX " are the server's own";
		title += length;
	}
	return NULL;
}

/* The place for a mount: that of one with the same title, emptied, or a new one. */
static enum conf_status place_mount(const struct conf_reading *reading, size_t section,
    struct conf_user *user, struct conf_mount **out)
{
	const char *title = conf_read_title(reading, section);
	unsigned line = conf_read_line(reading, section);
	const char *wrong = wrong_title(title);
	char shown[CONF_SHOWN_BYTES];

	if (wrong != NULL) {
		conf_say(reading->message, reading->file, line,
		    "mount \"%s\": %s; allowed: a path as /name or /name/name",
		    conf_show(shown, title, strlen(title)), wrong);
		return CONF_INVALID;
	}
	for (size_t i = 0; i < user->mount_count; i++) {
		if (strcmp(user->mounts[i].title, title) == 0) {
			conf_values_clear(&conf_section_mount, &user->mounts[i]);
			*out = &user->mounts[i];
			return CONF_OK;
		}
	}
	if (user->mount_count + 1 >= CONF_MOUNTS_MAX) {
		conf_say(reading->message, reading->file, line,
		    "too many mounts; allowed: %d with the user's root and those of defaults",
		    CONF_MOUNTS_MAX);
		return CONF_INVALID;
	}
	*out = add_mount(user, title);
	if (*out != NULL)
		return CONF_OK;
	conf_say(reading->message, reading->file, 0, "%s", conf_type_no_memory);
	return CONF_NO_MEMORY;
}

static enum conf_status read_mount(
    const struct conf_reading *reading, size_t section, struct conf_user *user)
{
	struct conf_mount *mount = NULL;
	char shown[CONF_SHOWN_BYTES];
	enum conf_status status = place_mount(reading, section, user, &mount);

	if (status != CONF_OK)
		return status;
	if (!conf_values_inherit(&conf_section_mount, mount, &conf_section_user, user)) {
		conf_say(reading->message, reading->file, 0, "%s", conf_type_no_memory);
		return CONF_NO_MEMORY;
	}
	status = conf_read_options(reading, section, mount);
	if (status != CONF_OK)
		return status;
	if (mount->source == NULL) {
		conf_say(reading->message, reading->file, conf_read_line(reading, section),
		    "mount \"%s\" has no source; write source = \"DIRECTORY\" in it",
		    conf_show(shown, mount->title, strlen(mount->title)));
		return CONF_INVALID;
	}
	return CONF_OK;
}

enum conf_status conf_user_read(
    const struct conf_reading *reading, size_t section, struct conf_user *user)
{
	enum conf_status status = conf_read_options(reading, section, user);
	size_t mount = 0;

	/* Behind the options, wherever they stand: a mount inherits them. */
	while (status == CONF_OK &&
	       (mount = conf_read_section(reading, section, conf_section_mount.name, mount)) != 0)
		status = read_mount(reading, mount, user);
	return status;
}

/* --- one user by name --------------------------------------------------------------------------
 */

/* Replace %u and %% in a heap string; false when it got too long or memory ran out. */
static bool expand(char **path, const char *name)
{
	struct buf expanded;
	char *result = NULL;

	buf_init(&expanded, CONF_PATH_BYTES);
	for (const char *at = *path; *at != '\0'; at++) {
		if (*at == '%' && *++at == 'u')
			buf_append_string(&expanded, name);
		else
			buf_append(&expanded, at, 1);
	}
	buf_append(&expanded, "", 1);
	if (!expanded.failed)
		result = strdup((const char *)buf_bytes(&expanded));
	buf_clear(&expanded);
	if (result == NULL)
		return false;
	free(*path);
	*path = result;
	return true;
}

/* Give the user its name; false as above. */
static bool name_user(struct conf_user *user, const char *name)
{
	user->name = strdup(name);
	if (user->name == NULL || !expand(&user->root, name) ||
	    !expand(&user->authorized_keys, name))
		return false;
	for (size_t i = 0; i < user->mount_count; i++)
		if (!expand(&user->mounts[i].source, name))
			return false;
	return true;
}

static enum conf_status parse_user(struct conf_user *user, const struct conf *conf,
    const char *name, const char *file, const char *text, size_t length,
    char message[CONF_MESSAGE_BYTES])
{
	struct conf_reading reading;
	enum conf_status status;

	if (!conf_user_copy(&conf->defaults, user)) {
		conf_say(message, file, 0, "%s", conf_type_no_memory);
		return CONF_NO_MEMORY;
	}
	status = conf_read_open(
	    &reading, file, conf->users_dir, text, length, &conf_section_user, message);
	if (status != CONF_OK)
		return status;
	status = conf_user_read(&reading, 0, user);
	conf_read_close(&reading);
	if (status == CONF_OK && !name_user(user, name)) {
		conf_say(message, file, 0,
		    "root, a source or authorized_keys is too long with %%u replaced; allowed: %d bytes",
		    CONF_PATH_BYTES - 1);
		status = CONF_INVALID;
	}
	return status;
}

enum conf_status conf_user_parse(struct conf_user **out, const struct conf *conf, const char *name,
    const char *file, const char *text, size_t length, char message[CONF_MESSAGE_BYTES])
{
	enum conf_status status;

	*out = NULL;
	if (!conf_user_name_ok(name)) {
		conf_say(message, file, 0,
		    "not a possible user name; allowed: 1 to %d of A-Z a-z 0-9 . _ @ -, "
		    "not starting with . or -",
		    CONF_USER_NAME_MAX);
		return CONF_BAD_NAME;
	}
	*out = calloc(1, sizeof(**out));
	if (*out == NULL) {
		conf_say(message, file, 0, "%s", conf_type_no_memory);
		return CONF_NO_MEMORY;
	}
	status = parse_user(*out, conf, name, file, text, length, message);
	if (status != CONF_OK)
		conf_user_free(out);
	return status;
}

static enum conf_status say_unreadable(const char *file, char message[CONF_MESSAGE_BYTES])
{
	int error = errno;

	if (error == ENOENT) {
		conf_say(message, file, 0, "no such user");
		return CONF_NOT_FOUND;
	}
	if (error == EFBIG) {
		conf_say(message, file, 0, "the file is too large; allowed: %u bytes",
		    CONF_USER_FILE_MAX_BYTES);
		return CONF_INVALID;
	}
	conf_say(message, file, 0, "cannot be read: %s", strerror(error));
	return CONF_IO;
}

enum conf_status conf_user_load(struct conf_user **out, const struct conf *conf, int users_dir_fd,
    const char *name, char message[CONF_MESSAGE_BYTES])
{
	char file_name[CONF_USER_FILE_NAME_BYTES];
	char file[CONF_PATH_BYTES + CONF_USER_FILE_NAME_BYTES];
	enum conf_status status;
	size_t length = 0;
	char *text;

	*out = NULL;
	if (!conf_user_name_ok(name))
		return conf_user_parse(out, conf, name, conf->users_dir, "", 0, message);
	text_format(file_name, sizeof(file_name), "%s%s", name, CONF_USER_FILE_SUFFIX);
	text_format(file, sizeof(file), "%s/%s", conf->users_dir, file_name);
	text = io_read_file(users_dir_fd, file_name, CONF_USER_FILE_MAX_BYTES, &length);
	if (text == NULL)
		return say_unreadable(file, message);
	status = conf_user_parse(out, conf, name, file, text, length, message);
	free(text);
	return status;
}

enum conf_status conf_user_anonymous(
    struct conf_user **out, const struct conf *conf, const char *name)
{
	enum conf_status status = CONF_NO_MEMORY;

	*out = NULL;
	if (!conf->has_anonymous)
		return CONF_NOT_FOUND;
	if (!conf_user_name_ok(name))
		return CONF_BAD_NAME;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return CONF_NO_MEMORY;
	if (conf_user_copy(&conf->anonymous, *out) && name_user(*out, name))
		status = CONF_OK;
	else
		conf_user_free(out);
	return status;
}
