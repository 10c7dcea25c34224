#include "server/ftp/ftp_data.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_stream.h"

void ftp_data_init(struct ftp_data *data)
{
	*data = (struct ftp_data){ .fd = -1 };
}

void ftp_data_close(struct ftp_data *data)
{
	tls_stream_free(&data->tls);
	io_close(&data->fd);
}

void ftp_data_finish(struct ftp_session *session)
{
	struct ftp_data *data = &session->data;

	/* Clients in plain text say nothing in a download. */
	if (data->tls != NULL) {
		tls_stream_free(&data->tls);
		ftp_linger_begin(&session->linger, &data->fd, session->start->conf->ftp.stall_timeout);
	}
	ftp_data_close(data);
}

void ftp_data_reset(struct ftp_data *data)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (data->fd != -1)
		setsockopt(data->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	ftp_data_close(data);
}

enum vfs_status ftp_data_listen(struct ftp_session *session, uint32_t family, struct netaddr *out)
{
	struct guard_req_data_listen request = { .family = family };
	struct guard_rep_data_listen reply;
	struct ftp_data *data = &session->data;
	const int64_t now = clock_mono_ms();
	enum vfs_status status;

	data->in_row = now < data->had_ms + GUARD_RENEWED_MS;
	*out = data->told;
	out->port = data->next_port;
	data->next_port = 0;
	data->mode = FTP_DATA_PASSIVE;
	if (out->port != 0 && now < data->next_until_ms)
		return VFS_OK;
	data->mode = FTP_DATA_NONE;
	status = guard_client_data_listen(session->guard, &request, &reply, NULL);
	if (status != VFS_OK)
		return status;
	data->mode = FTP_DATA_PASSIVE;
	if (!netaddr_parse_ip(&data->told, reply.address))
		return VFS_FAILED;
	*out = data->told;
	out->port = (uint16_t)reply.port;
	return VFS_OK;
}

static void close_passive_port(struct ftp_session *session)
{
	struct guard_req_data_close request = { .nothing = 0 };

	guard_client_data_close(session->guard, &request, NULL, NULL);
	session->data.next_port = 0;
}

int64_t ftp_data_deadline(const struct ftp_session *session)
{
	return session->data.next_port != 0 ? session->data.next_until_ms : CLOCK_NEVER;
}

void ftp_data_give_back(struct ftp_session *session)
{
	struct guard_req_data_close request = { .nothing = 0 };

	guard_client_tell_data_close(session->guard, &request);
	session->data.next_port = 0;
}

void ftp_data_target(struct ftp_session *session, const struct netaddr *target)
{
	if (session->data.mode == FTP_DATA_PASSIVE || session->data.next_port != 0)
		close_passive_port(session);
	session->data.mode = FTP_DATA_ACTIVE;
	session->data.target = *target;
}

enum guard_passive ftp_data_wish(const struct ftp_session *session)
{
	if (session->data.mode != FTP_DATA_PASSIVE)
		return GUARD_PASSIVE_LEAVE;
	return session->data.in_row ? GUARD_PASSIVE_RENEW : GUARD_PASSIVE_TAKE;
}

static void have_connection(struct ftp_data *data, int fd)
{
	data->fd = fd;
	data->had_ms = clock_mono_ms();
}

void ftp_data_came_along(struct ftp_session *session, uint32_t next_port)
{
	struct ftp_data *data = &session->data;
	int fd = guard_client_take_beside(session->guard);

	if (fd == -1)
		return;
	have_connection(data, fd);
	data->mode = FTP_DATA_NONE;
	data->next_port = (uint16_t)next_port;
	data->next_until_ms = data->had_ms + GUARD_RENEWED_MS;
}

bool ftp_data_request(struct ftp_session *session, bool after_open)
{
	struct ftp_data *data = &session->data;

	if (data->mode == FTP_DATA_PASSIVE) {
		struct guard_req_data_accept request = { .nothing = 0 };

		data->id = guard_client_send_data_accept(session->guard, &request);
	} else {
		struct guard_req_data_connect request = { .port = data->target.port,
			.after_open = after_open };
		char address[NETADDR_TEXT_BYTES];

		netaddr_format_ip(&data->target, address);
		request.address = address;
		data->id = guard_client_send_data_connect(session->guard, &request);
	}
	data->waiting = data->id != 0;
	data->asked = data->mode;
	if (data->waiting)
		data->mode = FTP_DATA_NONE;
	return data->waiting;
}

void ftp_data_restore(struct ftp_session *session)
{
	struct ftp_data *data = &session->data;

	if (!data->waiting)
		return;
	/* It is there already, behind the open's answer: CANCELLED. */
	guard_client_wait_data_connect(session->guard, data->id, NULL, NULL);
	data->waiting = false;
	data->mode = data->asked;
}

void ftp_data_cancel(struct ftp_session *session)
{
	struct ftp_data *data = &session->data;

	if (data->waiting || data->mode == FTP_DATA_PASSIVE)
		close_passive_port(session);
	data->waiting = false;
	data->mode = FTP_DATA_NONE;
}

/* The kernel, too, is to give up a peer that takes nothing any more, also after we have closed; but
 * not before us, whose reply says what has happened. */
static void limit_sending(const struct ftp_session *session)
{
	int64_t stall_ms = session->start->conf->ftp.stall_timeout;
	unsigned timeout = stall_ms < INT_MAX / 2 ? 2 * (unsigned)stall_ms : INT_MAX;

	setsockopt(session->data.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

/* A small file and its end are one thing to wake up for, not two. */
static void wake_at_end(const struct ftp_session *session)
{
	int wake = FTP_STORE_FIRST_BYTES;

	setsockopt(session->data.fd, SOL_SOCKET, SO_RCVLOWAT, &wake, sizeof(wake));
}

void ftp_data_tune(const struct ftp_session *session, bool receives)
{
	if (receives && !session->security.protects_data)
		wake_at_end(session);
	else
		limit_sending(session);
}

int64_t ftp_data_quiet_ms(const struct ftp_session *session)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(session->data.fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return 0;
	return info.tcpi_last_data_recv;
}

bool ftp_data_arrived(
    struct ftp_session *session, struct guard_client_event *event, enum vfs_status *status_out)
{
	struct ftp_data *data = &session->data;

	if (!data->waiting || event->id != data->id) {
		io_close(&event->fd);
		return false;
	}
	data->waiting = false;
	*status_out = event->status;
	if (event->status == VFS_OK && event->fd == -1)
		*status_out = VFS_FAILED;
	if (*status_out != VFS_OK) {
		io_close(&event->fd);
		return true;
	}
	have_connection(data, event->fd);
	event->fd = -1;
	return true;
}
