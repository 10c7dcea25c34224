#include "server/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define LABEL_MAX_BYTES    (4 * 4096 + 1) /* a path, each byte as \xHH */
#define VERDICT_NAME_BYTES 64

enum metric_type { METRIC_GAUGE, METRIC_COUNTER };

static const struct {
	const char *name;
	const char *suffix; /* of a sample */
} types[] = {
	[METRIC_GAUGE] = { "gauge", "" },
	[METRIC_COUNTER] = { "counter", "_total" },
};

struct metric_row {
	const char *family;
	enum metric_type type;
	const char *unit;
	const char *labels;
	const char *help;
	void (*put)(struct buf *out, const struct metric_row *row, const struct metrics *metrics);
};

/* --- counting ----------------------------------------------------------------------------------- */

enum conf_protocol metrics_protocol(const char *name, size_t length)
{
	int protocol = 0;

	while (protocol < CONF_PROTOCOL_COUNT &&
	       (strlen(conf_protocol_name(protocol)) != length ||
	           memcmp(conf_protocol_name(protocol), name, length) != 0))
		protocol++;
	return (enum conf_protocol)protocol;
}

static void count_transfer(struct metrics_transfers by_protocol[], struct wire_blob fields)
{
	struct event_reader reader = { .bytes = fields.bytes, .left = fields.length };
	enum conf_protocol protocol = CONF_PROTOCOL_COUNT;
	struct event_value value;
	bool complete = false;
	uint64_t bytes = 0;

	while (event_next(&reader, &value) > 0) {
		if (value.field == EVENT_FIELD_PROTOCOL)
			protocol = metrics_protocol(value.text, value.text_length);
		else if (value.field == EVENT_FIELD_BYTES)
			bytes = value.number;
		else if (value.field == EVENT_FIELD_RESULT)
			complete = value.text_length == strlen("complete") &&
			           memcmp(value.text, "complete", value.text_length) == 0;
	}
	if (!complete || protocol == CONF_PROTOCOL_COUNT)
		return;
	by_protocol[protocol].count++;
	by_protocol[protocol].bytes += bytes;
}

void metrics_count_event(struct metrics *metrics, enum event_id event, struct wire_blob fields)
{
	metrics->events[event]++;
	if (event == EVENT_UPLOAD)
		count_transfer(metrics->uploads, fields);
	else if (event == EVENT_DOWNLOAD)
		count_transfer(metrics->downloads, fields);
}

/* --- certificates ------------------------------------------------------------------------------- */

static void clear_certificates(struct metrics_certificates *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->items[i].file);
		free(set->items[i].names);
	}
	free(set->items);
	*set = (struct metrics_certificates){ .count = 0 };
}

static void take_next_if_whole(struct metrics *metrics)
{
	if (metrics->next.count < metrics->next_count)
		return;
	clear_certificates(&metrics->certificates);
	metrics->certificates = metrics->next;
	metrics->next = (struct metrics_certificates){ .count = 0 };
	metrics->next_count = 0;
}

bool metrics_certificates_begin(struct metrics *metrics, size_t count)
{
	clear_certificates(&metrics->next);
	metrics->next_count = 0;
	if (count > 0)
		metrics->next.items = calloc(count, sizeof(*metrics->next.items));
	if (count > 0 && metrics->next.items == NULL)
		return false;
	metrics->next_count = count;
	take_next_if_whole(metrics);
	return true;
}

bool metrics_certificates_add(struct metrics *metrics, enum clerk_certificate_kind kind, const char *file,
    const char *names, int64_t expires)
{
	struct metrics_certificate made = { .kind = kind,
		.expires = expires > 0 ? expires : 0 }; /* a date that is none */

	if (metrics->next.count >= metrics->next_count)
		return false;
	made.file = strdup(file);
	made.names = strdup(names);
	if (made.file == NULL || made.names == NULL) {
		free(made.file);
		free(made.names);
		return false;
	}
	metrics->next.items[metrics->next.count++] = made;
	take_next_if_whole(metrics);
	return true;
}

void metrics_clear(struct metrics *metrics)
{
	clear_certificates(&metrics->certificates);
	clear_certificates(&metrics->next);
	*metrics = (struct metrics){ .start_time = 0 };
}

/* --- OpenMetrics -------------------------------------------------------------------------------- */

/* What a label and a help text must not hold as it is: OpenMetrics 1.0, "Escaping". */
static void put_escaped(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_append_string(out, "\\n");
		else if (*text == '"' || *text == '\\')
			buf_append(out, (const char[]){ '\\', *text }, 2);
		else
			buf_append(out, text, 1);
	}
}

/* The exposition is UTF-8, and a terminal may show it: a path that is neither is told as the log tells it. */
static void put_label_value(struct buf *out, const char *text)
{
	const size_t length = strlen(text);
	char *safe = NULL;

	if (!text_is_harmless(text, length)) {
		safe = malloc(LABEL_MAX_BYTES);
		if (safe == NULL) {
			out->failed = true;
			return;
		}
		text_escape(safe, LABEL_MAX_BYTES, text, length);
		text = safe;
	}
	put_escaped(out, text);
	free(safe);
}

static void put_name(struct buf *out, const struct metric_row *row)
{
	buf_append_string(out, row->family);
	buf_append_string(out, types[row->type].suffix);
}

static void put_plain(struct buf *out, const struct metric_row *row, uint64_t value)
{
	put_name(out, row);
	buf_appendf(out, " %" PRIu64 "\n", value);
}

/* A sample of a row with one label. */
static void put_labelled(
    struct buf *out, const struct metric_row *row, const char *label, uint64_t value)
{
	put_name(out, row);
	buf_appendf(out, "{%s=\"", row->labels);
	put_label_value(out, label);
	buf_appendf(out, "\"} %" PRIu64 "\n", value);
}

/* --- one function a row ------------------------------------------------------------------------- */

static void put_build(struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	(void)metrics;
	put_labelled(out, row, TRANSOM_VERSION, 1);
}

static void put_start_time(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	put_name(out, row);
	buf_appendf(out, " %" PRId64 "\n", metrics->start_time);
}

static void put_draining(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	put_plain(out, row, metrics->draining);
}

static void put_sessions(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)
		put_labelled(out, row, conf_protocol_name(i), metrics->sessions[i]);
}

static void put_users(struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	put_plain(out, row, metrics->users);
}

static void put_admitted(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)
		put_labelled(out, row, conf_protocol_name(i), metrics->admitted[i]);
}

#define VERDICT_NAME(name, text) [CLERK_##name] = #name,

/* By the names of the table, in lower case. */
static void put_refused(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	static const char *const names[CLERK_VERDICT_COUNT] = { CLERK_VERDICTS(VERDICT_NAME) };
	char lower[VERDICT_NAME_BYTES];

	for (unsigned i = 0; i < CLERK_VERDICT_COUNT; i++) {
		if (i == CLERK_ALLOWED)
			continue;
		text_copy(lower, sizeof(lower), names[i]);
		for (char *letter = lower; *letter != '\0'; letter++)
			*letter = (char)tolower((unsigned char)*letter);
		put_labelled(out, row, lower, metrics->refused[i]);
	}
}

#define DEFINE_PUT_TRANSFERS(symbol, transfers, member)                                         \
	static void put_##symbol(                                                               \
	    struct buf *out, const struct metric_row *row, const struct metrics *metrics)       \
	{                                                                                       \
		for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)                                   \
			put_labelled(out, row, conf_protocol_name(i), metrics->transfers[i].member); \
	}

DEFINE_PUT_TRANSFERS(uploads, uploads, count)
DEFINE_PUT_TRANSFERS(upload_bytes, uploads, bytes)
DEFINE_PUT_TRANSFERS(downloads, downloads, count)
DEFINE_PUT_TRANSFERS(download_bytes, downloads, bytes)

static void put_events(struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	for (unsigned i = 0; i < EVENT_COUNT; i++)
		put_labelled(out, row, event_name((enum event_id)i), metrics->events[i]);
}

static void put_lines_lost(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	put_plain(out, row, metrics->lines_lost);
}

/* label: what `names` is of this kind. */
static void put_ends(struct buf *out, const struct metric_row *row, const struct metrics *metrics,
    enum clerk_certificate_kind kind, const char *label)
{
	const struct metrics_certificates *set = &metrics->certificates;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].kind != kind)
			continue;
		put_name(out, row);
		buf_append_string(out, "{file=\"");
		put_label_value(out, set->items[i].file);
		buf_appendf(out, "\",%s=\"", label);
		put_label_value(out, set->items[i].names);
		buf_appendf(out, "\"} %" PRId64 "\n", set->items[i].expires);
	}
}

static void put_certificates(
    struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	put_ends(out, row, metrics, CLERK_CERTIFICATE_OF_SERVER, "names");
}

static void put_lists(struct buf *out, const struct metric_row *row, const struct metrics *metrics)
{
	put_ends(out, row, metrics, CLERK_CERTIFICATE_LIST, "issuer");
}

/* --- the table at work -------------------------------------------------------------------------- */

#define METRIC_ROW(symbol, family_, type_, unit_, labels_, help_)                       \
	{ .family = (family_), .type = METRIC_##type_, .unit = (unit_), .labels = (labels_), \
		.help = (help_), .put = put_##symbol },

static const struct metric_row rows[] = { METRICS(METRIC_ROW) };

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

bool metrics_print(struct buf *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct metric_row *row = &rows[i];

		buf_appendf(out, "# TYPE %s %s\n", row->family, types[row->type].name);
		if (row->unit[0] != '\0')
			buf_appendf(out, "# UNIT %s %s\n", row->family, row->unit);
		buf_appendf(out, "# HELP %s ", row->family);
		put_escaped(out, row->help);
		buf_append_string(out, "\n");
		row->put(out, row, metrics);
	}
	buf_append_string(out, "# EOF\n");
	return !out->failed;
}

void metrics_print_document(FILE *out)
{
	fputs("# Metrics\n\n"
	      "<!-- generated from server/metrics.h by tables-print; make check compares -->\n\n"
	      "`transomctl metrics` prints them in the text format of OpenMetrics 1.0, which Prometheus and its\n"
	      "kin read. The clerk answers, over the control socket (CONTROL-PROTOCOL.md); nothing listens on the\n"
	      "network. For the text files that node_exporter reads, from a timer:\n\n"
	      "    transomctl metrics >DIR/transom.prom.new && mv DIR/transom.prom.new DIR/transom.prom\n\n"
	      "- Counters begin at 0 with the clerk: at a start of the server, and when the clerk had to be\n"
	      "  replaced (event `clerk-back`). What reads them must expect that, as OpenMetrics tells it to.\n"
	      "- No label names a user, a session or an address: the log does.\n"
	      "- A certificate is the one in force, whatever lies in its file by now: it changes at a reload (a\n"
	      "  changed file causes one) that succeeds. An alarm two weeks before the end:\n\n"
	      "      transom_certificate_expiry_timestamp_seconds - time() < 14 * 86400\n\n"
	      "| sample | type | labels | meaning |\n|---|---|---|---|\n",
	    out);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		fprintf(out, "| `%s%s` | %s | %s | %s |\n", rows[i].family, types[rows[i].type].suffix,
		    types[rows[i].type].name, rows[i].labels[0] != '\0' ? rows[i].labels : "-",
		    rows[i].help);
	}
	fputs("\nValues of `verdict`:\n\n| verdict | meaning |\n|---|---|\n", out);
#define PRINT_VERDICT(name, text)                                 \
	if (CLERK_##name != CLERK_ALLOWED) {                      \
		fputs("| `", out);                                \
		for (const char *c = #name; *c != '\0'; c++)      \
			fputc(tolower((unsigned char)*c), out);   \
		fprintf(out, "` | %s |\n", (text));               \
	}
	CLERK_VERDICTS(PRINT_VERDICT)
}
