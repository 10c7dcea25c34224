#include "server/tls/tls_kernel.h"

#include <errno.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server/base/secret.h"
#include "server/tls/tls_limits.h"

#define ULP_NAME       "tls"
#define SEQUENCE_BYTES 8u

/* --- keys --------------------------------------------------------------------------------------- */

/* Where the parts are: structs of the kernel's that differ in lengths alone. */
struct layout {
	uint16_t suite;
	uint16_t cipher;
	size_t bytes, key, key_bytes, salt, salt_bytes, iv, iv_bytes, sequence;
};

#define LAYOUT(id, number, type)                                                                   \
	{ .suite = (id), .cipher = (number), .bytes = sizeof(struct type),                         \
		.key = offsetof(struct type, key), .key_bytes = sizeof(((struct type *)0)->key),     \
		.salt = offsetof(struct type, salt), .salt_bytes = sizeof(((struct type *)0)->salt), \
		.iv = offsetof(struct type, iv), .iv_bytes = sizeof(((struct type *)0)->iv),         \
		.sequence = offsetof(struct type, rec_seq) }

/* RFC 8446 B.4. */
static const struct layout layouts[] = {
	LAYOUT(0x1301, TLS_CIPHER_AES_GCM_128, tls12_crypto_info_aes_gcm_128),
	LAYOUT(0x1302, TLS_CIPHER_AES_GCM_256, tls12_crypto_info_aes_gcm_256),
#ifdef TLS_CIPHER_CHACHA20_POLY1305
	LAYOUT(0x1303, TLS_CIPHER_CHACHA20_POLY1305, tls12_crypto_info_chacha20_poly1305),
#endif
};

static const struct layout *find_layout(uint16_t suite)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].suite == suite)
			return &layouts[i];
	}
	return NULL;
}

/* The names are those of TLS 1.2: the IV of RFC 8446 5.3 is the salt with the "IV" behind it. */
size_t tls_kernel_describe(const struct tls_aead_keys *keys, union tls_kernel_info *out)
{
	const struct layout *layout = find_layout(keys->suite);
	uint8_t *to = (uint8_t *)out;

	memset(out, 0, sizeof(*out));
	if (layout == NULL || layout->key_bytes != keys->key_bytes ||
	    layout->salt_bytes + layout->iv_bytes != sizeof(keys->iv))
		return 0;
	out->head.version = TLS_1_3_VERSION;
	out->head.cipher_type = layout->cipher;
	memcpy(to + layout->key, keys->key, layout->key_bytes);
	memcpy(to + layout->salt, keys->iv, layout->salt_bytes);
	memcpy(to + layout->iv, keys->iv + layout->salt_bytes, layout->iv_bytes);
	for (unsigned i = 0; i < SEQUENCE_BYTES; i++)
		to[layout->sequence + SEQUENCE_BYTES - 1 - i] = (uint8_t)(keys->count >> (8 * i));
	return layout->bytes;
}

/* A client that has closed its side, or memory: the next connection may have more luck. */
static enum tls_kernel_answer refusal(void)
{
	return errno == ENOTCONN || errno == ENOMEM ? TLS_KERNEL_NOT_NOW : TLS_KERNEL_NEVER;
}

static bool read_memory(int fd, uint32_t out[SK_MEMINFO_VARS])
{
	socklen_t n = SK_MEMINFO_VARS * sizeof(out[0]);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, out, &n) == 0 && n > SK_MEMINFO_WMEM_QUEUED * sizeof(out[0]);
}

enum tls_kernel_answer tls_kernel_take(int fd, const struct tls_aead_keys *keys)
{
	uint32_t memory[SK_MEMINFO_VARS];
	enum tls_kernel_answer answer = TLS_KERNEL_SEALS;
	union tls_kernel_info info;
	const size_t n = tls_kernel_describe(keys, &info);
	const int unbounded = INT_MAX;

	/* Whoever wants FIPS 140 wants the module that he has configured.  Without keys the layer lets everything through as it
	 * is: what fails behind it changes nothing. */
	if (EVP_default_properties_is_fips_enabled(NULL) || n == 0 || !read_memory(fd, memory))
		answer = TLS_KERNEL_NEVER;
	else if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, ULP_NAME, sizeof(ULP_NAME)) != 0 ||
	         setsockopt(fd, SOL_TLS, TLS_TX, &info, (socklen_t)n) != 0)
		answer = refusal();
	/* A net.ipv4.tcp_notsent_lowat below a record or two stops the kernel's TLS for good (6.1), and is more than SO_MEMINFO
	 * tells. */
	if (answer == TLS_KERNEL_SEALS)
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unbounded, sizeof(unbounded));
	secret_wipe(&info, sizeof(info));
	return answer;
}

/* --- records that are not payload --------------------------------------------------------------- */

/*
 * Will TCP take all that waits in the kernel's TLS?  Where that is more than POLLOUT tells, the buffer is made larger: at
 * the end of a connection the kernel need not tune it any more.
 */
static bool has_room(int fd)
{
	const int larger = 2 * TLS_KERNEL_ROOM_BYTES;
	uint32_t memory[SK_MEMINFO_VARS];
	uint32_t size, queued;

	for (unsigned try = 0; try < 2; try++) {
		if (!read_memory(fd, memory))
			return false;
		size = memory[SK_MEMINFO_SNDBUF];
		queued = memory[SK_MEMINFO_WMEM_QUEUED];
		if (size >= queued && size - queued >= TLS_KERNEL_ROOM_BYTES)
			return true;
		if (size >= 3 * TLS_KERNEL_ROOM_BYTES)
			return false;
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &larger, sizeof(larger));
	}
	/* net.core.wmem_max is small: no more than POLLOUT tells. */
	return size / 3 <= (size >= queued ? size - queued : 0);
}

bool tls_kernel_send_record(int fd, uint8_t type, const uint8_t *bytes, size_t n)
{
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(sizeof(uint8_t))];
	} control = { .room = { 0 } };
	uint8_t payload[TLS_KERNEL_MESSAGE_BYTES];
	struct iovec piece = { .iov_base = payload, .iov_len = n };
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)
	};
	ssize_t sent;

	if (n > sizeof(payload) || !has_room(fd)) {
		errno = n > sizeof(payload) ? EMSGSIZE : EAGAIN;
		return false;
	}
	memcpy(payload, bytes, n);
	control.head.cmsg_level = SOL_TLS;
	control.head.cmsg_type = TLS_SET_RECORD_TYPE;
	control.head.cmsg_len = CMSG_LEN(sizeof(type));
	*CMSG_DATA(&control.head) = type;
	do
		sent = sendmsg(fd, &message, 0);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)n;
}
