#include "server/ctl_users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/auth_hash.h"
#include "conf/conf_lex.h"
#include "conf/conf_outline.h"
#include "conf/conf_rows.h"
#include "server/base/text.h"
#include "server/ctl_password.h"
#include "server/ctl_users_private.h"

#define OPTION_NAME_BYTES 64
#define SHOWN_BYTES       256
#define BCRYPT_MAX_BYTES  72u

/* --- values from the command line --------------------------------------------------------------
 */

/* "a,b" or "{ ... }" as a list in the syntax of the file. */
static bool append_list(struct buf *out, const char *option, const char *text)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_outline outline;
	struct buf statement;
	bool fine;

	if (text[0] != '{') {
		buf_append_string(out, "{ ");
		for (const char *at = text;; at++) {
			size_t length = strcspn(at, ",");
			char *item = strndup(at, length);

			if (item == NULL)
				return ctl_users_complain("out of memory");
			conf_lex_quote(out, item);
			free(item);
			at += length;
			if (*at == '\0')
				break;
			buf_append_string(out, ", ");
		}
		return buf_append_string(out, " }");
	}
	/* Somebody who writes the braces writes the whole list, and nothing behind it. */
	buf_init(&statement, CTL_EDIT_MAX_BYTES);
	buf_appendf(&statement, "%s = %s", option, text);
	fine = !statement.failed &&
	       conf_outline_read(&outline, option, (const char *)buf_bytes(&statement),
	           buf_length(&statement), message) == CONF_OK;
	if (fine) {
		fine = outline.count == 2;
		conf_outline_clear(&outline);
	}
	buf_clear(&statement);
	if (!fine)
		return ctl_users_complain(
		    "%s: not a list; allowed: a,b or { \"a\", \"b\" }", option);
	return buf_append_string(out, text);
}

/* A value from the command line in the syntax of the file. */
static bool append_value(struct buf *out, const struct conf_option *row, const char *text)
{
	const struct conf_type *type = conf_type(row->type);
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (row->type == CONF_TYPE_list || row->type == CONF_TYPE_words ||
	    row->type == CONF_TYPE_certs || (type->takes_list && text[0] == '{'))
		return append_list(out, row->name, text);
	if (type->bare && text[0] != '\0' && strspn(text, plain) == strlen(text))
		return buf_append_string(out, text);
	conf_lex_quote(out, text);
	return !out->failed;
}

/* The row that "option=value" names; NULL, and said, when it cannot be set so. */
static const struct conf_option *find_row(const char *setting, const char **value_out)
{
	const char *equals = strchr(setting, '=');
	size_t length = equals == NULL ? strlen(setting) : (size_t)(equals - setting);
	const struct conf_option *row;
	char name[OPTION_NAME_BYTES];
	char shown[SHOWN_BYTES];
	char allowed[CONF_MESSAGE_BYTES];

	text_escape(shown, sizeof(shown), setting, length);
	if (equals == NULL) {
		ctl_users_complain("\"%s\": not OPTION=VALUE", shown);
		return NULL;
	}
	text_format(name, sizeof(name), "%.*s",
	    (int)(length < sizeof(name) ? length : sizeof(name) - 1), setting);
	row = conf_section_option(&conf_section_user, name);
	if (row == NULL) {
		conf_section_suggest(&conf_section_user, name, allowed, sizeof(allowed));
		ctl_users_complain("unknown option \"%s\"%s", shown, allowed);
		return NULL;
	}
	*value_out = equals + 1;
	/* Everybody on the machine can read a command line while it runs. */
	if ((row->seen & SEEN_SECRET) && **value_out != '\0') {
		ctl_users_complain(
		    "%s is not taken from the command line; use transomctl passwd", row->name);
		return NULL;
	}
	return row;
}

/* Apply one "option=value" to the text; an empty value removes the option. */
static bool apply_setting(struct ctl_users_file *file, const char *setting)
{
	struct ctl_edit_text old = ctl_users_old(file);
	char message[CONF_MESSAGE_BYTES];
	const char *value_text = NULL;
	const struct conf_option *row = find_row(setting, &value_text);
	struct buf value, edited;
	bool fine;

	if (row == NULL)
		return false;
	buf_init(&value, CTL_EDIT_MAX_BYTES);
	buf_init(&edited, CTL_EDIT_MAX_BYTES);
	fine = *value_text == '\0' || append_value(&value, row, value_text);
	fine = buf_append(&value, "", 1) && fine;
	fine =
	    fine && ctl_users_take(file, &edited,
	                ctl_edit_set(&edited, &old, row->name,
	                    *value_text == '\0' ? NULL : (const char *)buf_bytes(&value), message),
	                message);
	buf_clear(&value);
	return fine;
}

static bool apply_settings(const struct ctl_command *command, struct ctl_users_file *file)
{
	for (size_t i = 0; i < command->count; i++)
		if (!apply_setting(file, command->arguments[i]))
			return false;
	return true;
}

/* --- passwords ---------------------------------------------------------------------------------
 */

/* Ask for a password and hash it. */
static bool make_hash(const struct ctl_command *command, char hash[AUTH_HASH_BYTES])
{
	struct secret *password = ctl_password_read(command->name, command->from_stdin);
	bool made;

	if (password == NULL)
		return false;
	/* bcrypt looks at no more: the rest of the password would be for show. */
	if (command->method != NULL && strcmp(command->method, "bcrypt") == 0 &&
	    secret_length(password) > BCRYPT_MAX_BYTES) {
		secret_free(&password);
		return ctl_users_complain(
		    "the password is too long for bcrypt; allowed: %u bytes", BCRYPT_MAX_BYTES);
	}
	made = auth_hash_make(command->method, password, hash);
	secret_free(&password);
	if (!made)
		return ctl_users_complain(
		    "no hash of method \"%s\" can be made; allowed: yescrypt, bcrypt, "
		    "sha512crypt, sha256crypt",
		    command->method == NULL ? "yescrypt" : command->method);
	return true;
}

/* Set the password; an empty hash takes it away. */
static bool apply_hash(struct ctl_users_file *file, const char *hash)
{
	struct ctl_edit_text old = ctl_users_old(file);
	char message[CONF_MESSAGE_BYTES];
	struct buf value, edited;
	bool fine;

	buf_init(&value, 2 * AUTH_HASH_BYTES);
	buf_init(&edited, CTL_EDIT_MAX_BYTES);
	conf_lex_quote(&value, hash);
	fine = buf_append(&value, "", 1) || ctl_users_complain("out of memory");
	fine = fine && ctl_users_take(file, &edited,
	                   ctl_edit_set(&edited, &old, "password",
	                       hash[0] == '\0' ? NULL : (const char *)buf_bytes(&value), message),
	                   message);
	buf_clear(&value);
	return fine;
}

/* --- commands ----------------------------------------------------------------------------------
 */

/* A user whose root is missing cannot log in: better said now. */
static void say_missing_root(const struct ctl_command *command)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	struct ctl_dir dir;
	struct stat st;

	if (!ctl_dir_open(&dir, command->conf, false))
		return;
	if (conf_user_load(&user, command->conf, dir.fd, command->name, message) == CONF_OK &&
	    stat(user->root, &st) != 0 && errno == ENOENT)
		fprintf(stderr,
		    "transomctl: note: the root %s does not exist; make it before %s logs in\n",
		    user->root, command->name);
	conf_user_free(&user);
	ctl_dir_close(&dir);
}

/* There must be no such user yet. */
static bool check_new(const struct ctl_command *command, const struct ctl_users_file *file)
{
	return !ctl_dir_has(&file->dir, command->name) ||
	       ctl_users_complain(
	           "%s: there is one already; transomctl user set changes it", file->path);
}

bool ctl_users_add(const struct ctl_command *command)
{
	char hash[AUTH_HASH_BYTES] = "";
	struct ctl_users_file file;
	bool fine;

	if (!ctl_users_check_name(command->name) || !ctl_dir_open(&file.dir, command->conf, true))
		return false;
	ctl_dir_file(&file.dir, command->name, file.path, sizeof(file.path));
	buf_init(&file.text, CTL_EDIT_MAX_BYTES);
	/* The password is asked for before the lock: a person thinks for longer than others wait.
	 */
	fine = check_new(command, &file) && apply_settings(command, &file);
	fine = fine && (command->no_password || make_hash(command, hash));
	fine = fine && apply_hash(&file, hash);
	secret_wipe(hash, sizeof(hash));
	fine = fine && ctl_dir_lock(&file.dir) && check_new(command, &file);
	fine = ctl_users_finish(command, &file, fine);
	if (fine)
		say_missing_root(command);
	return fine;
}

bool ctl_users_set(const struct ctl_command *command)
{
	struct ctl_users_file file;

	if (!ctl_users_begin(command, &file))
		return false;
	return ctl_users_finish(command, &file, apply_settings(command, &file));
}

bool ctl_users_del(const struct ctl_command *command)
{
	struct ctl_dir dir;
	bool fine;

	if (!ctl_users_check_name(command->name) || !ctl_dir_open(&dir, command->conf, false))
		return false;
	fine = ctl_dir_lock(&dir) && ctl_dir_remove(&dir, command->name);
	ctl_dir_close(&dir);
	return fine;
}

bool ctl_users_list(const struct ctl_command *command)
{
	struct ctl_dir dir;
	char **names;
	size_t count;
	bool fine;

	if (!ctl_dir_open(&dir, command->conf, false))
		return false;
	fine = ctl_dir_names(&dir, &names, &count);
	if (fine) {
		for (size_t i = 0; i < count; i++)
			puts(names[i]);
		ctl_dir_free_names(names, count);
	}
	ctl_dir_close(&dir);
	return fine;
}

bool ctl_users_show(const struct ctl_command *command)
{
	struct conf_user *user = ctl_users_load(command);

	if (user == NULL)
		return false;
	printf("# user %s: its own file and what it takes over from defaults\n", user->name);
	conf_user_dump(user, true, "", stdout);
	conf_user_free(&user);
	return true;
}

bool ctl_users_passwd(const struct ctl_command *command)
{
	char hash[AUTH_HASH_BYTES] = "";
	struct conf_user *user = ctl_users_load(command);
	struct ctl_users_file file;
	bool fine;

	if (user == NULL)
		return false;
	conf_user_free(&user);
	fine = command->no_password || make_hash(command, hash);
	if (fine && ctl_users_begin(command, &file))
		fine = ctl_users_finish(command, &file, apply_hash(&file, hash));
	else
		fine = false;
	secret_wipe(hash, sizeof(hash));
	return fine;
}
