/* The commands `key add`, `key list`, `key del`. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "server/ctl_keys.h"
#include "server/ctl_users_private.h"

/* What a single word stands for: standard input, or a .pub file; -1: it is no file's name. */
static int open_key_file(const struct ctl_command *command)
{
	if (command->count != 1)
		return -1;
	if (strcmp(command->arguments[0], "-") == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	return open(command->arguments[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The key line that the arguments are: words that the shell split, "-", or the name of a file. */
static bool key_line(const struct ctl_command *command, struct buf *out)
{
	int fd = open_key_file(command);
	char byte = '\0';

	if (fd >= 0) {
		while (io_read(fd, &byte, 1) == 1 && byte != '\n' && !out->failed)
			buf_append(out, &byte, 1);
		io_close(&fd);
	} else {
		for (size_t i = 0; i < command->count; i++) {
			buf_append(out, " ", i > 0);
			buf_append_string(out, command->arguments[i]);
		}
	}
	while (buf_length(out) > 0 && strchr(" \t\r", buf_bytes(out)[buf_length(out) - 1]) != NULL)
		out->end--;
	buf_append(out, "", 1);
	return !out->failed || ctl_users_complain("the key is too long");
}

/*
 * The user as its own file says, in *out.  Keys of defaults are left out: what the file does not
 * say, no edit of it can change.
 */
static bool parse_own(
    const struct ctl_command *command, const struct ctl_users_file *file, struct conf_user **out)
{
	struct ctl_edit_text text = ctl_users_old(file);
	char message[CONF_MESSAGE_BYTES];

	if (conf_user_parse(out, command->conf, command->name, file->path, text.text, text.length,
	        message) != CONF_OK)
		return ctl_users_complain("%s", message);
	if (!ctl_edit_has(&text, "keys"))
		conf_type(CONF_TYPE_list)->clear(&(*out)->keys);
	return true;
}

static bool is_new_key(
    const struct ctl_command *command, const struct conf_list *keys, const struct ctl_key *wanted)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct ctl_key key;

		if (ctl_keys_parse(&key, keys->items[i], command->conf->ssh.rsa_min_bits) == NULL &&
		    strcmp(key.fingerprint, wanted->fingerprint) == 0)
			return ctl_users_complain(
			    "the user has that key already: %s %s", key.fingerprint, key.comment);
	}
	return true;
}

bool ctl_users_key_add(const struct ctl_command *command)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	struct ctl_users_file file;
	struct ctl_edit_text old;
	struct ctl_key key;
	struct buf line, edited;
	const char *wrong = NULL;
	bool fine;

	buf_init(&line, CONF_LIST_ITEM_MAX_BYTES);
	fine = key_line(command, &line);
	if (fine)
		wrong = ctl_keys_parse(
		    &key, (const char *)buf_bytes(&line), command->conf->ssh.rsa_min_bits);
	if (wrong != NULL)
		fine = ctl_users_complain("%s", wrong);
	if (fine && ctl_users_begin(command, &file)) {
		fine = parse_own(command, &file, &user) && is_new_key(command, &user->keys, &key);
		old = ctl_users_old(&file);
		buf_init(&edited, CTL_EDIT_MAX_BYTES);
		fine = fine && ctl_users_take(&file, &edited,
		                   ctl_edit_list_add(&edited, &old, "keys",
		                       (const char *)buf_bytes(&line), message),
		                   message);
		conf_user_free(&user);
		fine = ctl_users_finish(command, &file, fine);
		if (fine)
			printf("%s %s\n", key.fingerprint, key.comment);
	} else {
		fine = false;
	}
	buf_clear(&line);
	return fine;
}

bool ctl_users_key_list(const struct ctl_command *command)
{
	struct conf_user *user = ctl_users_load(command);

	if (user == NULL)
		return false;
	for (size_t i = 0; i < user->keys.count; i++) {
		struct ctl_key key;
		const char *wrong =
		    ctl_keys_parse(&key, user->keys.items[i], command->conf->ssh.rsa_min_bits);

		if (wrong == NULL)
			printf("%zu %s %s%s%s\n", i + 1, key.fingerprint, key.type,
			    key.comment[0] == '\0' ? "" : " ", key.comment);
		else
			printf("%zu unusable: %s\n", i + 1, wrong);
	}
	conf_user_free(&user);
	return true;
}

/* Which of the keys the argument means: its number, fingerprint or comment. */
static bool find_key(
    const struct ctl_command *command, const struct conf_list *keys, size_t *index_out)
{
	const char *wanted = command->arguments[0];
	size_t found = 0;
	uint64_t number;

	if (text_parse_u64(wanted, &number) && number > 0 && number <= keys->count) {
		*index_out = (size_t)number - 1;
		return true;
	}
	for (size_t i = 0; i < keys->count; i++) {
		struct ctl_key key;

		if (ctl_keys_parse(&key, keys->items[i], command->conf->ssh.rsa_min_bits) != NULL)
			continue;
		if (strcmp(key.fingerprint, wanted) == 0 || strcmp(key.comment, wanted) == 0) {
			found++;
			*index_out = i;
		}
	}
	if (found > 1)
		return ctl_users_complain(
		    "several keys have that comment; name one by number or fingerprint");
	return found == 1 || ctl_users_complain("no such key in the user's own file; "
	                                        "transomctl key list shows them");
}

bool ctl_users_key_del(const struct ctl_command *command)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	struct ctl_users_file file;
	struct ctl_edit_text old;
	struct buf edited;
	size_t index = 0;
	bool fine;

	if (!ctl_users_begin(command, &file))
		return false;
	fine = parse_own(command, &file, &user) && find_key(command, &user->keys, &index);
	old = ctl_users_old(&file);
	buf_init(&edited, CTL_EDIT_MAX_BYTES);
	fine = fine && ctl_users_take(&file, &edited,
	                   ctl_edit_list_remove(&edited, &old, "keys", index, message), message);
	conf_user_free(&user);
	return ctl_users_finish(command, &file, fine);
}
