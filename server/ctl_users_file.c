#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/ctl_users_private.h"

bool ctl_users_complain(const char *format, ...)
{
	va_list args;

	fputs("transomctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

bool ctl_users_check_name(const char *name)
{
	if (conf_user_name_ok(name))
		return true;
	return ctl_users_complain("not a possible user name; allowed: 1 to %d of "
	                          "A-Z a-z 0-9 . _ @ -, not starting with . or -",
	    CONF_USER_NAME_MAX);
}

bool ctl_users_begin(const struct ctl_command *command, struct ctl_users_file *file)
{
	bool begun = false;
	size_t length = 0;
	char *content;

	if (!ctl_users_check_name(command->name) || !ctl_dir_open(&file->dir, command->conf, false))
		return false;
	ctl_dir_file(&file->dir, command->name, file->path, sizeof(file->path));
	buf_init(&file->text, CTL_EDIT_MAX_BYTES);
	content =
	    ctl_dir_lock(&file->dir) ? ctl_dir_read(&file->dir, command->name, &length) : NULL;
	if (content != NULL)
		begun =
		    buf_append(&file->text, content, length) || ctl_users_complain("out of memory");
	free(content);
	if (!begun)
		ctl_users_finish(command, file, false);
	return begun;
}

bool ctl_users_finish(const struct ctl_command *command, struct ctl_users_file *file, bool fine)
{
	struct ctl_edit_text text = ctl_users_old(file);

	fine = fine && ctl_dir_write(&file->dir, command->name, text.text, text.length);
	buf_clear(&file->text);
	ctl_dir_close(&file->dir);
	return fine;
}

struct ctl_edit_text ctl_users_old(const struct ctl_users_file *file)
{
	bool empty = buf_length(&file->text) == 0;

	return (struct ctl_edit_text){ .file = file->path,
		.text = empty ? "" : (const char *)buf_bytes(&file->text),
		.length = buf_length(&file->text) };
}

bool ctl_users_take(
    struct ctl_users_file *file, struct buf *edited, enum conf_status status, const char *message)
{
	if (status != CONF_OK) {
		buf_clear(edited);
		return ctl_users_complain("%s", message);
	}
	buf_clear(&file->text);
	file->text = *edited;
	buf_init(edited, 0);
	return true;
}

struct conf_user *ctl_users_load(const struct ctl_command *command)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	struct ctl_dir dir;

	if (!ctl_users_check_name(command->name) || !ctl_dir_open(&dir, command->conf, false))
		return NULL;
	if (conf_user_load(&user, command->conf, dir.fd, command->name, message) != CONF_OK)
		ctl_users_complain("%s", message);
	ctl_dir_close(&dir);
	return user;
}
