#include "tests/unit/sftp/fxp_harness.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/bytes.h"

#define OUT_BYTES (8u << 20)

void fxp_harness_new(struct fxp_harness *harness)
{
	memset(harness, 0, sizeof(*harness));
	tree_new(&harness->tree);
	harness->out = malloc(OUT_BYTES);
	cr_assert_not_null(harness->out);
	harness->start = (struct ssh_service_start){
		.user = "alice",
		.start_dir = "/",
		.rights = CONF_RIGHTS_FULL,
		.uid = geteuid(),
	};
}

void fxp_harness_start(struct fxp_harness *harness)
{
	harness->vfs = tree_login(&harness->tree, harness->start.user);
	harness->start.guard = vfs_guard_start(&harness->guard, harness->vfs);
	cr_assert_not_null(harness->start.guard);
	harness->service = fxp_service.start(&harness->start);
	cr_assert_not_null(harness->service);
	harness->out_start = harness->out_end = 0;
}

void fxp_harness_login(struct fxp_harness *harness)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_REQUEST_init, 0, 0, 0, 3 };

	fxp_harness_start(harness);
	cr_assert(fxp_harness_give(harness, init, sizeof(init)));
	cr_assert_eq(fxp_harness_next(harness).type, FXP_REPLY_VERSION);
}

static void forget_given(struct fxp_harness *harness)
{
	while (harness->given_count > 0)
		free(harness->given[--harness->given_count]);
}

void fxp_harness_stop(struct fxp_harness *harness)
{
	fxp_service.free(&harness->service);
	forget_given(harness);
	guard_client_free(&harness->start.guard);
	vfs_guard_stop(&harness->guard);
	vfs_free(&harness->vfs);
}

void fxp_harness_free(struct fxp_harness *harness)
{
	if (harness->service != NULL)
		fxp_harness_stop(harness);
	free(harness->out);
	tree_free(&harness->tree);
}

static void take_output(struct fxp_harness *harness)
{
	const uint8_t *bytes;
	size_t n;

	if (harness->out_start == harness->out_end)
		harness->out_start = harness->out_end = 0;
	while (bytes = fxp_service.output(harness->service, &n), n > 0) {
		cr_assert_leq(n, SSH_SERVICE_OUTPUT_MAX);
		cr_assert_leq(harness->out_end + n, OUT_BYTES);
		memcpy(harness->out + harness->out_end, bytes, n);
		harness->out_end += n;
		fxp_service.sent(harness->service, n);
	}
}

void fxp_harness_work(struct fxp_harness *harness)
{
	bool more = true;

	fxp_service.settle(harness->service);
	while (more) {
		size_t before = harness->out_end;

		more = fxp_service.work(harness->service);
		take_output(harness);
		more = more || harness->out_end > before;
	}
	forget_given(harness);
}

bool fxp_harness_give(struct fxp_harness *harness, const void *bytes, size_t n)
{
	uint8_t *copy = malloc(n);

	cr_assert(copy != NULL && harness->given_count < FXP_HARNESS_GIVEN);
	memcpy(copy, bytes, n);
	harness->given[harness->given_count++] = copy;
	if (!fxp_service.take(harness->service, copy, n))
		return false;
	if (!harness->lazy)
		fxp_harness_work(harness);
	return true;
}

static void put_fields(struct fxp_writer *writer, const char *format, va_list args)
{
	for (; *format != '\0'; format++) {
		const void *bytes;

		switch (*format) {
		case 'c':
			fxp_put_u8(writer, (uint8_t)va_arg(args, unsigned));
			break;
		case 'u':
			fxp_put_u32(writer, va_arg(args, unsigned));
			break;
		case 'q':
			fxp_put_u64(writer, va_arg(args, uint64_t));
			break;
		case 's':
			fxp_put_text(writer, va_arg(args, const char *));
			break;
		case 'b':
			bytes = va_arg(args, const void *);
			fxp_put_string(writer, bytes, va_arg(args, size_t));
			break;
		case 'h':
			fxp_put_string(
			    writer, va_arg(args, const struct fxp_name *)->bytes, FXP_HANDLE_BYTES);
			break;
		default:
			cr_assert_fail("format %c", *format);
		}
	}
}

static uint32_t put_request(struct fxp_harness *harness, unsigned type, const char *format, va_list args)
{
	static uint8_t bytes[FXP_PACKET_MAX_BYTES + 1024];
	struct fxp_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	fxp_put_u32(&writer, 0);
	fxp_put_u8(&writer, (uint8_t)type);
	fxp_put_u32(&writer, ++harness->last_id);
	put_fields(&writer, format, args);
	cr_assert(!writer.failed);
	bytes_put_u32(bytes, (uint32_t)(writer.length - 4));
	cr_assert(fxp_harness_give(harness, bytes, writer.length), "request %u ended the session", type);
	return harness->last_id;
}

uint32_t fxp_harness_put(struct fxp_harness *harness, unsigned type, const char *format, ...)
{
	uint32_t id;
	va_list args;

	va_start(args, format);
	id = put_request(harness, type, format, args);
	va_end(args);
	return id;
}

bool fxp_harness_has(const struct fxp_harness *harness)
{
	return harness->out_end > harness->out_start;
}

struct fxp_answer fxp_harness_next(struct fxp_harness *harness)
{
	struct fxp_reader reader = {
		.bytes = harness->out + harness->out_start,
		.left = harness->out_end - harness->out_start,
	};
	struct fxp_answer answer = { 0 };
	uint32_t length = fxp_get_u32(&reader);

	cr_assert(!reader.failed, "no reply");
	cr_assert(length >= 5 && length <= reader.left, "half a reply");
	answer.body = (struct fxp_reader){ .bytes = reader.bytes, .left = length };
	answer.type = fxp_get_u8(&answer.body);
	answer.id = fxp_get_u32(&answer.body);
	harness->out_start += 4 + length;
	return answer;
}

struct fxp_answer fxp_harness_ask(struct fxp_harness *harness, unsigned type, const char *format, ...)
{
	struct fxp_answer answer;
	uint32_t id;
	va_list args;

	va_start(args, format);
	id = put_request(harness, type, format, args);
	va_end(args);
	if (harness->lazy)
		fxp_harness_work(harness);
	answer = fxp_harness_next(harness);
	cr_assert_eq(answer.id, id);
	return answer;
}

uint32_t fxp_code_of(struct fxp_answer answer)
{
	uint32_t code;

	cr_assert(answer.type == FXP_REPLY_STATUS, "reply %u is no STATUS", answer.type);
	code = fxp_get_u32(&answer.body);
	(void)fxp_get_string(&answer.body);
	(void)fxp_get_string(&answer.body);
	cr_assert(!answer.body.failed && answer.body.left == 0);
	return code;
}

struct fxp_name fxp_handle_of(struct fxp_answer answer)
{
	struct fxp_name name;
	struct fxp_string string;

	cr_assert(answer.type == FXP_REPLY_HANDLE, "reply %u (%u) is no HANDLE", answer.type,
	    answer.type == FXP_REPLY_STATUS ? fxp_code_of(answer) : 0);
	string = fxp_get_string(&answer.body);
	cr_assert_eq(string.length, FXP_HANDLE_BYTES);
	memcpy(name.bytes, string.bytes, FXP_HANDLE_BYTES);
	return name;
}

struct fxp_name fxp_harness_open(struct fxp_harness *harness, const char *path, unsigned pflags)
{
	return fxp_handle_of(fxp_harness_ask(harness, FXP_REQUEST_open, "suu", path, pflags, 0u));
}

int fxp_harness_read(struct fxp_harness *harness, const struct fxp_name *handle, uint64_t offset, char *out, size_t n)
{
	struct fxp_answer answer = fxp_harness_ask(harness, FXP_REQUEST_read, "hqu", handle, offset, (unsigned)n);
	struct fxp_string data;

	if (answer.type == FXP_REPLY_STATUS) {
		cr_assert_code(answer, FXP_CODE_EOF);
		return -1;
	}
	cr_assert_eq(answer.type, FXP_REPLY_DATA);
	data = fxp_get_string(&answer.body);
	cr_assert(!answer.body.failed && data.length <= n);
	memcpy(out, data.bytes, data.length);
	return (int)data.length;
}

uint32_t fxp_harness_write(
    struct fxp_harness *harness, const struct fxp_name *handle, uint64_t offset, const char *text)
{
	return fxp_code_of(fxp_harness_ask(harness, FXP_REQUEST_write, "hqs", handle, offset, text));
}

uint32_t fxp_harness_close(struct fxp_harness *harness, const struct fxp_name *handle)
{
	return fxp_code_of(fxp_harness_ask(harness, FXP_REQUEST_close, "h", handle));
}

struct fxp_attrs fxp_attrs_of(struct fxp_answer answer)
{
	struct fxp_attrs attrs;

	cr_assert(answer.type == FXP_REPLY_ATTRS, "reply %u is no ATTRS", answer.type);
	fxp_get_attrs(&answer.body, &attrs);
	cr_assert(!answer.body.failed && answer.body.left == 0);
	return attrs;
}
