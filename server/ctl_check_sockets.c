#include "server/ctl_check_sockets.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"

#define TCP_LISTEN_STATE 0x0au /* of /proc/net/tcp: include/net/tcp_states.h of Linux */
#define LINE_BYTES       512
#define OUR_PROGRAM      "transomd"
#define SYSTEMD_PID      1

struct list {
	struct ctl_check_socket *items;
	size_t count;
};

static bool add(struct list *list, uint16_t port, uint64_t inode)
{
	struct ctl_check_socket *items =
	    realloc(list->items, (list->count + 1) * sizeof(*list->items));

	if (items == NULL)
		return false;
	list->items = items;
	items[list->count++] = (struct ctl_check_socket){ .port = port, .inode = inode };
	return true;
}

/* One table of sockets, /proc/net/tcp or tcp6: "sl: ADDRESS:PORT REMOTE:PORT STATE ... uid timeout inode". */
static void read_table(struct list *list, const char *path, uint16_t first, uint16_t last)
{
	FILE *file = fopen(path, "re");
	char line[LINE_BYTES];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		unsigned port = 0, state = 0;
		uint64_t inode = 0;

		if (sscanf(line, " %*u: %*32[0-9A-F]:%4x %*32[0-9A-F]:%*4x %2x %*s %*s %*s %*u %*u %" SCNu64,
		        &port, &state, &inode) != 3)
			continue;
		if (state != TCP_LISTEN_STATE || port < first || port > last || inode == 0)
			continue;
		if (!add(list, (uint16_t)port, inode))
			break;
	}
	if (file != NULL)
		fclose(file);
}

static void read_program(pid_t pid, char out[CTL_CHECK_PROGRAM_BYTES])
{
	char path[64];
	char *text;
	size_t length = 0;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	text = io_read_file(AT_FDCWD, path, 256, &length);
	text_escape(out, CTL_CHECK_PROGRAM_BYTES, text, text == NULL ? 0 : strcspn(text, "\n"));
	free(text);
}

/* "transomd", or "transomd: guard" and the like: processes carry their role in their name. */
static bool is_server(const char *program)
{
	return strncmp(program, OUR_PROGRAM, strlen(OUR_PROGRAM)) == 0;
}

/* A socket may be held by many: the server's own process tells more than whoever gave it the socket. */
static void claim(struct list *list, uint64_t inode, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++) {
		struct ctl_check_socket *one = &list->items[i];

		if (one->inode != inode || is_server(one->program))
			continue;
		one->pid = pid;
		read_program(pid, one->program);
	}
}

static void look_at_process(struct list *list, pid_t pid)
{
	const struct dirent *entry;
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char link[64];
		uint64_t inode;
		ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);

		if (length <= 0)
			continue;
		link[length] = '\0';
		if (sscanf(link, "socket:[%" SCNu64 "]", &inode) == 1)
			claim(list, inode, pid);
	}
	if (directory != NULL)
		closedir(directory);
}

struct ctl_check_socket *ctl_check_sockets(uint16_t first, uint16_t last, size_t *count)
{
	struct list list = { 0 };
	const struct dirent *entry;
	DIR *proc = NULL;

	read_table(&list, "/proc/net/tcp", first, last);
	read_table(&list, "/proc/net/tcp6", first, last);
	if (list.count > 0)
		proc = opendir("/proc");
	while (proc != NULL && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(&list, (pid_t)strtol(entry->d_name, NULL, 10));
	if (proc != NULL)
		closedir(proc);
	*count = list.count;
	return list.items;
}

bool ctl_check_socket_is_ours(const struct ctl_check_socket *one)
{
	return is_server(one->program) || one->pid == SYSTEMD_PID;
}
