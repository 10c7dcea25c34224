/*
 * The generated half of guard_messages.h: encoders and decoders, the rows as data, and the
 * document.
 */
#include "server/guard_messages.h"

#include <inttypes.h>
#include <string.h>

/* clang-format off */
#define CODEC_PAIR(part, list, name)									\
	void guard_put_##part##_##name(								\
	    struct wire_writer *writer, const struct guard_##part##_##name *message)			\
	{												\
		(void)writer;										\
		(void)message;										\
		list##_##name(WIRE_ENCODE_FIELD)							\
	}												\
	void guard_get_##part##_##name(struct wire_reader *reader, struct guard_##part##_##name *message) \
	{												\
		(void)reader;										\
		message->nothing = 0;									\
		list##_##name(WIRE_DECODE_FIELD)							\
	}
#define MESSAGE_CODECS(name, number, states, fd, calls, flags, why)					\
	CODEC_PAIR(req, GUARD_REQ, name)								\
	CODEC_PAIR(rep, GUARD_REP, name)
#define NOTICE_CODECS(name, number, fd, why) CODEC_PAIR(note, GUARD_NOTE, name)
GUARD_MESSAGES(MESSAGE_CODECS)
GUARD_NOTICES(NOTICE_CODECS)

#define MESSAGE_ROW(name_, number_, states_, fd_, calls_, flags_, why_)				\
	{ .name = #name_, .why = (why_), .number = (number_), .states = (states_),			\
	  .fd = GUARD_FD_##fd_, .calls = (calls_), .flags = GUARD_FLAG_##flags_ },
/* clang-format on */

const struct guard_message_row guard_message_rows[] = { GUARD_MESSAGES(MESSAGE_ROW) };
const size_t guard_message_row_count = sizeof(guard_message_rows) / sizeof(guard_message_rows[0]);

const struct guard_message_row *guard_message_find(uint16_t number)
{
	for (size_t i = 0; i < guard_message_row_count; i++)
		if (guard_message_rows[i].number == number)
			return &guard_message_rows[i];
	return NULL;
}

/* --- docs/GUARD-PROTOCOL.md --------------------------------------------------------------- */

struct field_row {
	const char *kind; /* NULL ends a list */
	const char *name;
	uint64_t max;
};

#define FIELD_ROW(kind_, name_, max_) { .kind = #kind_, .name = #name_, .max = (uint64_t)(max_) },
#define REQUEST_FIELDS(name, number, states, fd, calls, flags, why)                        \
	static const struct field_row req_fields_##name[] = { GUARD_REQ_##name(FIELD_ROW){ \
	    .kind = NULL } };
#define REPLY_FIELDS(name, number, states, fd, calls, flags, why)                          \
	static const struct field_row rep_fields_##name[] = { GUARD_REP_##name(FIELD_ROW){ \
	    .kind = NULL } };
#define NOTICE_FIELDS(name, number, fd, why)                                                 \
	static const struct field_row note_fields_##name[] = { GUARD_NOTE_##name(FIELD_ROW){ \
	    .kind = NULL } };
GUARD_MESSAGES(REQUEST_FIELDS)
GUARD_MESSAGES(REPLY_FIELDS)
GUARD_NOTICES(NOTICE_FIELDS)

static void print_fields(FILE *out, const struct field_row *field)
{
	if (field->kind == NULL)
		fputs("-", out);
	for (bool first = true; field->kind != NULL; field++, first = false) {
		fprintf(out, "%s`%s` %s", first ? "" : ", ", field->name, field->kind);
		if (field->max != 0)
			fprintf(out, " <= %" PRIu64, field->max);
	}
	fputs(" |", out);
}

static void print_states(FILE *out, uint32_t states)
{
	static const struct {
		uint32_t state;
		const char *name;
	} names[] = {
		{ GUARD_STATE_IDLE, "idle" },
		{ GUARD_STATE_LOGIN, "login" },
		{ GUARD_STATE_USER, "user" },
	};
	const char *separator = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((states & names[i].state) == 0)
			continue;
		fprintf(out, "%s%s", separator, names[i].name);
		separator = ", ";
	}
}

static const char *fd_name(enum guard_message_fd fd)
{
	static const char *const names[] = {
		[GUARD_FD_NONE] = "-",
		[GUARD_FD_DATA] = "connected data socket",
		[GUARD_FD_FILE_DATA] = "regular file, and a connected data socket if asked for",
		[GUARD_FD_CONNECTION] = "the client's connection",
	};

	return names[fd];
}

static void print_message_row(FILE *out, const struct guard_message_row *row)
{
	fprintf(out, "| %u | `%s` | ", (unsigned)row->number, row->name);
	print_states(out, row->states);
	fprintf(out, " | %s | ", fd_name(row->fd));
	if (row->calls != 0)
		fprintf(out, "%" PRIu32 " a session", row->calls);
	else
		fputs("no limit", out);
	fprintf(out, " | %s | %s |\n",
	    (row->flags & GUARD_FLAG_LATER) != 0    ? "may be overtaken"
	    : (row->flags & GUARD_FLAG_CARRIES) != 0
	        ? "carries the client's connection, wiped after use"
	    : (row->flags & GUARD_FLAG_SECRET) != 0 ? "wiped after use"
	                                            : "-",
	    row->why);
}

static void print_preface(FILE *out)
{
	fputs("# Guard protocol\n\n"
	      "<!-- generated from server/guard_messages.h by tables-print; make check compares "
	      "-->\n\n"
	      "A front talks to its guard over a pair of AF_UNIX SOCK_SEQPACKET sockets. One "
	      "datagram "
	      "is one message,\n"
	      "its descriptors are those of its row, and everything else about it is in the tables "
	      "below.\n\n",
	    out);
	fprintf(out,
	    "- A message is at most %u bytes: a header and the fields of its row, in order.\n",
	    WIRE_MAX_BYTES);
	fputs(
	    "- Header: `type` u16 (the number), `kind` u16 (1 request, 2 reply, 3 notice), `id` "
	    "u32,\n"
	    "  `status` u32. Numbers are in the machine's byte order; there is no padding.\n"
	    "- A reply repeats the request's number and id. Its fields follow only when its status "
	    "is OK.\n"
	    "  A request with id 0 is not answered.\n"
	    "- `str` and `secret`: u32 length, the bytes, one NUL that the length does not count; "
	    "no NUL inside.\n"
	    "  `blob`: u32 length and the bytes. `attr` and `change`: `struct vfs_attr` and\n"
	    "  `struct vfs_change` of vfs/vfs_types.h, member by member; nanoseconds are below "
	    "10^9,\n"
	    "  modes at most 07777, unknown bits are refused.\n"
	    "- The bound after a field is its greatest value, or for text its greatest length.\n"
	    "- The guard answers requests in order. Only a reply marked \"may be overtaken\" can "
	    "come later.\n"
	    "- A message that is malformed, unknown, not allowed in the state, too often, too "
	    "long, "
	    "with surplus\n"
	    "  bytes or with a descriptor that does not belong to it ends the session. There is no "
	    "recovery.\n\n",
	    out);
}

static void print_field_tables(FILE *out)
{
	fputs("\n## Fields\n\n| name | request | reply |\n|---|---|---|\n", out);
#define PRINT_MESSAGE_FIELDS(name, number, states, fd, calls, flags, why) \
	fputs("| `" #name "` | ", out);                                   \
	print_fields(out, req_fields_##name);                             \
	fputs(" ", out);                                                  \
	print_fields(out, rep_fields_##name);                             \
	fputs("\n", out);
	GUARD_MESSAGES(PRINT_MESSAGE_FIELDS)
	fputs("\n## Notices: guard to front, unasked\n\n"
	      "| no. | name | descriptor | fields | why |\n|---|---|---|---|---|\n",
	    out);
#define PRINT_NOTICE(name, number, fd, why)                                           \
	fprintf(out, "| %d | `" #name "` | %s | ", (number), fd_name(GUARD_FD_##fd)); \
	print_fields(out, note_fields_##name);                                        \
	fprintf(out, " %s |\n", (why));
	GUARD_NOTICES(PRINT_NOTICE)
}

static void print_reasons(FILE *out)
{
#define PRINT_REASON(name, text) fprintf(out, "| %d | %s | %s |\n", number++, #name, (text));
	int number = 0;

	fputs("\n## Reasons of `bye`\n\n| value | name | text in the log |\n|---|---|---|\n", out);
	GUARD_BYES(PRINT_REASON)
	number = 0;
	fputs("\n## Reasons of `stop`\n\n| value | name | text for the client |\n|---|---|---|\n",
	    out);
	GUARD_STOPS(PRINT_REASON)
	number = 0;
	fputs("\n## Statuses of a reply\n\n| value | name | text |\n|---|---|---|\n", out);
	VFS_STATUSES(PRINT_REASON)
}

void guard_messages_print(FILE *out)
{
	print_preface(out);
	fputs("## Requests: front to guard\n\n"
	      "| no. | name | states | descriptor in the reply | at most | note | why |\n"
	      "|---|---|---|---|---|---|---|\n",
	    out);
	for (size_t i = 0; i < guard_message_row_count; i++)
		print_message_row(out, &guard_message_rows[i]);
	print_field_tables(out);
	print_reasons(out);
}
