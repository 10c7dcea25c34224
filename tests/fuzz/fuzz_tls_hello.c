/* What a client may send before it has proved anything: ClientHellos and whatever else, through the front's stream. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"
#include "tests/unit/tls/tls_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_peer peer;
	int fds[2];
	struct tls_stream *stream;
	enum tls_status status = TLS_AGAIN;

	if (peer.contexts == NULL && !tls_peer_init(&peer, ""))
		abort();
	if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		return 0;
	stream = size % 2 == 0 ? tls_session_control(peer.session, fds[1])
	                       : tls_session_data(peer.session, fds[1]);
	if (write(fds[0], data, size) == (ssize_t)size && shutdown(fds[0], SHUT_WR) == 0)
		status = tls_stream_handshake(stream);
	if (status == TLS_AGAIN)
		tls_stream_handshake(stream);
	tls_stream_free(&stream);
	io_close(&fds[0]);
	io_close(&fds[1]);
	return 0;
}
