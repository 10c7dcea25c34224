#include "server/ftp/ftp_replies.h"

#include <stdarg.h>
#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_session.h"

#define LINE_TEXT_BYTES 1024
#define TELNET_IAC      0xff

#define REPLY_ROW(symbol, number, words) \
	[FTP_REPLY_##symbol] = { .code = (number), .text = (words) },
static const struct ftp_reply_row rows[FTP_REPLY_COUNT] = { FTP_REPLIES(REPLY_ROW) };

/* A status that has no row here would be code 0: a test looks at each. */
static const unsigned status_codes[VFS_STATUS_COUNT] = {
	[VFS_OK] = 250,
	[VFS_NOT_FOUND] = 550,
	[VFS_EXISTS] = 550,
	[VFS_PERMISSION] = 550,
	[VFS_FORBIDDEN] = 550,
	[VFS_NOT_DIR] = 550,
	[VFS_IS_DIR] = 550,
	[VFS_NOT_EMPTY] = 550,
	[VFS_NOT_FILE] = 550,
	[VFS_NAME_TOO_LONG] = 553,
	[VFS_BAD_NAME] = 553,
	[VFS_NO_SPACE] = 452,
	[VFS_QUOTA] = 552,
	[VFS_TOO_BIG] = 552,
	[VFS_READ_ONLY] = 550,
	[VFS_LOOP] = 550,
	[VFS_CROSS_MOUNT] = 553,
	[VFS_BUSY] = 450,
	[VFS_IO] = 451,
	[VFS_INVALID] = 550,
	[VFS_RANGE] = 554,
	[VFS_UNSUPPORTED] = 550,
	[VFS_TOO_MANY_OPEN] = 450,
	[VFS_BAD_HANDLE] = 451,
	[VFS_NO_MEMORY] = 451,
	[VFS_TIMEOUT] = 451,
	[VFS_CANCELLED] = 426,
	[VFS_UNREACHABLE] = 451,
	[VFS_FAILED] = 451,
};

const struct ftp_reply_row *ftp_replies_find(enum ftp_reply_id id)
{
	return &rows[id];
}

unsigned ftp_replies_status_code(enum vfs_status status)
{
	return (unsigned)status < VFS_STATUS_COUNT ? status_codes[status] : 451;
}

void ftp_replies_append(struct buf *out, const char *text, bool quoted)
{
	while (*text != '\0') {
		size_t n = 0;
		uint8_t byte;

		while ((uint8_t)text[n] >= 0x20 && (uint8_t)text[n] < 0x7f && text[n] != '"')
			n++;
		buf_append(out, text, n);
		text += n;
		byte = (uint8_t)*text;
		if (byte == '\0')
			break;
		if (byte < 0x20 || byte == 0x7f)
			byte = '?';
		if ((quoted && byte == '"') || byte == TELNET_IAC)
			buf_append(out, &byte, 1);
		buf_append(out, &byte, 1);
		text++;
	}
}

static void append_code(struct buf *out, unsigned code, char separator)
{
	char head[4] = {
		(char)('0' + code / 100 % 10),
		(char)('0' + code / 10 % 10),
		(char)('0' + code % 10),
		separator,
	};

	buf_append(out, head, sizeof(head));
}

static void append_reply(struct buf *out, enum ftp_reply_id id, char separator, const char *text)
{
	const char *words = rows[id].text;
	const char *place = strchr(words, '%');

	append_code(out, rows[id].code, separator);
	if (place == NULL) {
		buf_append_string(out, words);
	} else {
		buf_append(out, words, (size_t)(place - words));
		ftp_replies_append(out, text, place[1] == 'q');
		buf_append_string(out, place + 2);
	}
	buf_append_string(out, "\r\n");
}

void ftp_reply(struct ftp_session *session, enum ftp_reply_id id)
{
	append_reply(&session->out, id, ' ', "");
}

void ftp_reply_text(struct ftp_session *session, enum ftp_reply_id id, const char *text)
{
	append_reply(&session->out, id, ' ', text);
}

void ftp_reply_number(struct ftp_session *session, enum ftp_reply_id id, uint64_t number)
{
	char text[24];

	text_format(text, sizeof(text), "%llu", (unsigned long long)number);
	append_reply(&session->out, id, ' ', text);
}

void ftp_reply_status(struct ftp_session *session, enum vfs_status status)
{
	struct buf *out = &session->out;

	if (status == VFS_OK) {
		ftp_reply(session, FTP_REPLY_FILE_OK);
		return;
	}
	append_code(out, ftp_replies_status_code(status), ' ');
	buf_append_string(out, vfs_status_text(status));
	buf_append_string(out, ".\r\n");
}

void ftp_reply_begin(struct ftp_session *session, enum ftp_reply_id id)
{
	append_reply(&session->out, id, '-', "");
}

void ftp_reply_line(struct ftp_session *session, const char *text)
{
	buf_append_string(&session->out, " ");
	ftp_replies_append(&session->out, text, false);
	buf_append_string(&session->out, "\r\n");
}

void ftp_reply_linef(struct ftp_session *session, const char *format, ...)
{
	char text[LINE_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ftp_reply_line(session, text);
}
