#include "server/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"

#define DESCRIPTORS_MAX 2u /* that go with one message */
#define NSEC_MAX 999999999u /* also keeps UTIME_NOW and UTIME_OMIT out */
#define MODE_MAX 07777u
#define CHANGE_FIELDS_ALL \
	(VFS_SET_MODE | VFS_SET_MTIME | VFS_SET_ATIME | VFS_SET_SIZE | VFS_SET_OWNER)

/* --- encoding: numbers in this machine's byte order, no padding --------------------------- */

static void put_bytes(struct wire_writer *writer, const void *bytes, size_t n)
{
	if (writer->failed || n > writer->size - writer->length) {
		writer->failed = true;
		return;
	}
	if (n > 0)
		memcpy(writer->bytes + writer->length, bytes, n);
	writer->length += n;
}

void wire_put_header(struct wire_writer *writer, const struct wire_header *header)
{
	put_bytes(writer, &header->type, sizeof(header->type));
	put_bytes(writer, &header->kind, sizeof(header->kind));
	put_bytes(writer, &header->id, sizeof(header->id));
	put_bytes(writer, &header->status, sizeof(header->status));
}

void wire_put_u32(struct wire_writer *writer, uint32_t value, uint64_t max)
{
	if (max != 0 && value > max)
		writer->failed = true;
	put_bytes(writer, &value, sizeof(value));
}

void wire_put_u64(struct wire_writer *writer, uint64_t value, uint64_t max)
{
	if (max != 0 && value > max)
		writer->failed = true;
	put_bytes(writer, &value, sizeof(value));
}

void wire_put_i64(struct wire_writer *writer, int64_t value, uint64_t unused)
{
	(void)unused;
	put_bytes(writer, &value, sizeof(value));
}

void wire_put_str(struct wire_writer *writer, const char *value, uint64_t max_bytes)
{
	size_t length = value != NULL ? strlen(value) : 0;

	if (length > max_bytes || length >= UINT32_MAX) {
		writer->failed = true;
		return;
	}
	wire_put_u32(writer, (uint32_t)length, 0);
	/* The NUL crosses too: what the decoder yields is a C string inside the message. */
	put_bytes(writer, value != NULL ? value : "", length + 1);
}

void wire_put_blob(struct wire_writer *writer, struct wire_blob value, uint64_t max_bytes)
{
	if (value.length > max_bytes || value.length > UINT32_MAX) {
		writer->failed = true;
		return;
	}
	wire_put_u32(writer, (uint32_t)value.length, 0);
	put_bytes(writer, value.bytes, value.length);
}

void wire_put_attr(struct wire_writer *writer, struct vfs_attr value, uint64_t unused)
{
	(void)unused;
	wire_put_u64(writer, value.size, 0);
	wire_put_u64(writer, value.inode, 0);
	wire_put_u64(writer, value.device, 0);
	wire_put_i64(writer, value.mtime, 0);
	wire_put_i64(writer, value.atime, 0);
	wire_put_u32(writer, value.mtime_nsec, NSEC_MAX);
	wire_put_u32(writer, value.atime_nsec, NSEC_MAX);
	wire_put_u32(writer, value.mode, MODE_MAX);
	wire_put_u32(writer, value.kind, VFS_KIND_OTHER);
	wire_put_u32(writer, value.nlink, 0);
	wire_put_u32(writer, value.uid, 0);
	wire_put_u32(writer, value.gid, 0);
	wire_put_u32(writer, value.rights, 0);
}

void wire_put_change(struct wire_writer *writer, struct vfs_change value, uint64_t unused)
{
	(void)unused;
	wire_put_u64(writer, value.size, INT64_MAX);
	wire_put_i64(writer, value.mtime, 0);
	wire_put_i64(writer, value.atime, 0);
	wire_put_u32(writer, value.mtime_nsec, NSEC_MAX);
	wire_put_u32(writer, value.atime_nsec, NSEC_MAX);
	wire_put_u32(writer, value.fields, CHANGE_FIELDS_ALL);
	wire_put_u32(writer, value.mode, MODE_MAX);
	wire_put_u32(writer, value.uid, 0);
	wire_put_u32(writer, value.gid, 0);
}

/* --- decoding: the mirror; after a failure everything yields zero, "" or nothing ---------- */

static const uint8_t *get_bytes(struct wire_reader *reader, size_t n)
{
	const uint8_t *bytes = reader->bytes;

	if (reader->failed || n > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->bytes += n;
	reader->left -= n;
	return bytes;
}

static void get_number(struct wire_reader *reader, void *out, size_t n)
{
	const uint8_t *bytes = get_bytes(reader, n);

	if (bytes != NULL)
		memcpy(out, bytes, n);
	else
		memset(out, 0, n);
}

void wire_get_header(struct wire_reader *reader, struct wire_header *out)
{
	get_number(reader, &out->type, sizeof(out->type));
	get_number(reader, &out->kind, sizeof(out->kind));
	get_number(reader, &out->id, sizeof(out->id));
	get_number(reader, &out->status, sizeof(out->status));
}

void wire_get_u32(struct wire_reader *reader, uint32_t *out, uint64_t max)
{
	get_number(reader, out, sizeof(*out));
	if (max != 0 && *out > max) {
		reader->failed = true;
		*out = 0;
	}
}

void wire_get_u64(struct wire_reader *reader, uint64_t *out, uint64_t max)
{
	get_number(reader, out, sizeof(*out));
	if (max != 0 && *out > max) {
		reader->failed = true;
		*out = 0;
	}
}

void wire_get_i64(struct wire_reader *reader, int64_t *out, uint64_t unused)
{
	(void)unused;
	get_number(reader, out, sizeof(*out));
}

void wire_get_str(struct wire_reader *reader, const char **out, uint64_t max_bytes)
{
	const uint8_t *bytes = NULL;
	uint32_t length;

	wire_get_u32(reader, &length, 0);
	if (length <= max_bytes)
		bytes = get_bytes(reader, (size_t)length + 1);
	/* The first NUL must be the last byte: text with one inside would be two things to two
	 * readers. */
	if (bytes == NULL || memchr(bytes, '\0', (size_t)length + 1) != bytes + length) {
		reader->failed = true;
		*out = "";
		return;
	}
	*out = (const char *)bytes;
}

void wire_get_blob(struct wire_reader *reader, struct wire_blob *out, uint64_t max_bytes)
{
	const uint8_t *bytes = NULL;
	uint32_t length;

	*out = (struct wire_blob){ .bytes = (const uint8_t *)"" };
	wire_get_u32(reader, &length, 0);
	if (length <= max_bytes)
		bytes = get_bytes(reader, length);
	if (bytes == NULL) {
		reader->failed = true;
		return;
	}
	*out = (struct wire_blob){ .bytes = bytes, .length = length };
}

void wire_get_attr(struct wire_reader *reader, struct vfs_attr *out, uint64_t unused)
{
	(void)unused;
	wire_get_u64(reader, &out->size, 0);
	wire_get_u64(reader, &out->inode, 0);
	wire_get_u64(reader, &out->device, 0);
	wire_get_i64(reader, &out->mtime, 0);
	wire_get_i64(reader, &out->atime, 0);
	wire_get_u32(reader, &out->mtime_nsec, NSEC_MAX);
	wire_get_u32(reader, &out->atime_nsec, NSEC_MAX);
	wire_get_u32(reader, &out->mode, MODE_MAX);
	wire_get_u32(reader, &out->kind, VFS_KIND_OTHER);
	wire_get_u32(reader, &out->nlink, 0);
	wire_get_u32(reader, &out->uid, 0);
	wire_get_u32(reader, &out->gid, 0);
	wire_get_u32(reader, &out->rights, 0);
}

void wire_get_change(struct wire_reader *reader, struct vfs_change *out, uint64_t unused)
{
	(void)unused;
	wire_get_u64(reader, &out->size, INT64_MAX);
	wire_get_i64(reader, &out->mtime, 0);
	wire_get_i64(reader, &out->atime, 0);
	wire_get_u32(reader, &out->mtime_nsec, NSEC_MAX);
	wire_get_u32(reader, &out->atime_nsec, NSEC_MAX);
	wire_get_u32(reader, &out->fields, CHANGE_FIELDS_ALL);
	wire_get_u32(reader, &out->mode, MODE_MAX);
	wire_get_u32(reader, &out->uid, 0);
	wire_get_u32(reader, &out->gid, 0);
}

bool wire_done(const struct wire_reader *reader)
{
	return !reader->failed && reader->left == 0;
}

/* --- datagrams and descriptors ------------------------------------------------------------ */

bool wire_send(int socket_fd, const void *bytes, size_t n, int fd)
{
	return wire_send_both(socket_fd, bytes, n, fd, -1);
}

bool wire_send_both(int socket_fd, const void *bytes, size_t n, int fd, int beside_fd)
{
	const int fds[DESCRIPTORS_MAX] = { fd, beside_fd };
	const size_t fds_bytes = beside_fd >= 0 ? sizeof(fds) : sizeof(fd);
	/* sendmsg only reads it; struct iovec has no const. */
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	ssize_t sent;

	if (n == 0 || n > WIRE_MAX_BYTES) {
		/* An empty datagram would look like the end of the connection. */
		errno = EMSGSIZE;
		return false;
	}
	if (fd >= 0) {
		struct cmsghdr *head = &control.align;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fds_bytes);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(fds_bytes);
		memcpy(CMSG_DATA(head), fds, fds_bytes);
	}
	do
		sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent >= 0; /* a datagram goes whole or not at all */
}

/* What came beside the bytes. */
struct ancillary {
	int fds[DESCRIPTORS_MAX];
	size_t fd_count;
	pid_t pid;
	uid_t uid;
};

/* Keep the first ones and close all others, however many cmsgs they are spread over. */
static void take_descriptors(struct ancillary *out, const struct cmsghdr *head)
{
	size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
		if (out->fd_count < DESCRIPTORS_MAX)
			out->fds[out->fd_count] = fd;
		else
			close(fd);
		out->fd_count++;
	}
}

static void take_ancillary(struct ancillary *out, struct msghdr *message)
{
	struct cmsghdr *head;

	*out = (struct ancillary){ .fds = { -1, -1 }, .uid = UINT32_MAX };
	for (head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head)) {
		struct ucred who;

		if (head->cmsg_level != SOL_SOCKET)
			continue;
		if (head->cmsg_type == SCM_RIGHTS)
			take_descriptors(out, head);
		if (head->cmsg_type == SCM_CREDENTIALS && head->cmsg_len == CMSG_LEN(sizeof(who))) {
			memcpy(&who, CMSG_DATA(head), sizeof(who));
			out->pid = who.pid;
			out->uid = who.uid;
		}
	}
}

/* Into beside, with no more descriptors than most. */
static ssize_t receive(int socket_fd, void *bytes, size_t size, int flags, size_t most,
    struct ancillary *beside)
{
	struct iovec part = { .iov_base = bytes, .iov_len = size };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(beside->fds)) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t got;

	*beside = (struct ancillary){ .fds = { -1, -1 } };
	do
		got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | flags);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	take_ancillary(beside, &message);
	if (beside->fd_count > most || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    (got == 0 && beside->fd_count > 0)) {
		for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
			io_close(&beside->fds[i]);
		errno = EBADMSG;
		return -1;
	}
	return got;
}

ssize_t wire_receive(int socket_fd, void *bytes, size_t size, int *fd_out)
{
	struct ancillary beside;
	ssize_t got = receive(socket_fd, bytes, size, 0, 1, &beside);

	*fd_out = beside.fds[0];
	return got;
}

ssize_t wire_receive_both(
    int socket_fd, void *bytes, size_t size, bool wait, int *fd_out, int *beside_out)
{
	struct ancillary beside;
	ssize_t got =
	    receive(socket_fd, bytes, size, wait ? 0 : MSG_DONTWAIT, DESCRIPTORS_MAX, &beside);

	*fd_out = beside.fds[0];
	*beside_out = beside.fds[1];
	return got;
}

ssize_t wire_receive_from(
    int socket_fd, void *bytes, size_t size, int *fd_out, pid_t *pid_out, uid_t *uid_out)
{
	struct ancillary beside;
	ssize_t got = receive(socket_fd, bytes, size, 0, 1, &beside);

	*fd_out = beside.fds[0];
	if (got >= 0 && pid_out != NULL)
		*pid_out = beside.pid;
	if (got >= 0 && uid_out != NULL)
		*uid_out = beside.uid;
	return got;
}

bool wire_pair(int out[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) == 0;
}
