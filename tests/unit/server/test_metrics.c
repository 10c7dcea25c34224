#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics.h"

TestSuite(metrics, .timeout = 30);

/* The exposition as a string; the caller frees. */
static char *exposition(const struct metrics *metrics)
{
	struct buf out;
	char *text;

	buf_init(&out, 1u << 20);
	cr_assert(metrics_print(&out, metrics));
	text = strndup((const char *)buf_bytes(&out), buf_length(&out));
	buf_clear(&out);
	cr_assert_not_null(text);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	cr_assert_not_null(strstr(text, line), "no \"%s\" in:\n%s", line, text);
}

static void count_transfer(struct metrics *metrics, enum event_id id, const char *protocol,
    uint64_t bytes, const char *result)
{
	struct event event;

	event_init(&event, id);
	event_text(&event, EVENT_FIELD_PROTOCOL, protocol);
	event_text(&event, EVENT_FIELD_PATH, "/complete");
	event_number(&event, EVENT_FIELD_BYTES, bytes);
	event_number(&event, EVENT_FIELD_SIZE, 77);
	event_text(&event, EVENT_FIELD_RESULT, result);
	metrics_count_event(metrics, id,
	    (struct wire_blob){ .bytes = event.fields, .length = event.length });
}

#define ROW(symbol, family_, type_, unit_, labels_, help_) \
	{ (family_), #type_, (unit_), (labels_), (help_) },

static const struct {
	const char *family, *type, *unit, *labels, *help;
} rows[] = { METRICS(ROW) };

/* OpenMetrics 1.0: what holds of every family. */
Test(metrics, every_row_is_a_family_as_the_format_wants_it)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t unit = strlen(rows[i].unit), family = strlen(rows[i].family);

		cr_assert_eq(strspn(rows[i].family, "abcdefghijklmnopqrstuvwxyz_"), family);
		cr_assert_eq(strncmp(rows[i].family, "transom_", 8), 0);
		cr_assert_neq(strcmp(rows[i].family + family - 6, "_total"), 0, "%s", rows[i].family);
		cr_assert_gt(strlen(rows[i].help), 0);
		if (unit > 0) {
			cr_assert_str_eq(rows[i].family + family - unit, rows[i].unit);
			cr_assert_eq(rows[i].family[family - unit - 1], '_');
		}
		for (size_t k = 0; k < i; k++)
			cr_assert_neq(strcmp(rows[i].family, rows[k].family), 0);
	}
}

Test(metrics, every_row_is_told_with_its_metadata_also_when_nothing_has_happened)
{
	const struct metrics metrics = { .start_time = 5 };
	char *text = exposition(&metrics);
	char line[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "# TYPE %s %s\n", rows[i].family,
		    strcmp(rows[i].type, "COUNTER") == 0 ? "counter" : "gauge");
		assert_has(text, line);
		snprintf(line, sizeof(line), "# HELP %s %s\n", rows[i].family, rows[i].help);
		assert_has(text, line);
	}
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		snprintf(line, sizeof(line), "\ntransom_events_total{event=\"%s\"} 0\n",
		    event_name((enum event_id)i));
		assert_has(text, line);
	}
	assert_has(text, "\ntransom_start_time_seconds 5\n");
	assert_has(text, "\ntransom_sessions_refused_total{verdict=\"too_many_of_user\"} 0\n");
	cr_assert_null(strstr(text, "verdict=\"allowed\""));
	cr_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

Test(metrics, only_complete_transfers_count_each_for_its_protocol)
{
	struct metrics metrics = { .start_time = 0 };
	char *text;

	count_transfer(&metrics, EVENT_UPLOAD, "ftp", 10, "complete");
	count_transfer(&metrics, EVENT_UPLOAD, "ftp", 20, "complete");
	count_transfer(&metrics, EVENT_UPLOAD, "sftp", 1, "complete");
	count_transfer(&metrics, EVENT_UPLOAD, "ftp", 1000, "aborted");
	count_transfer(&metrics, EVENT_UPLOAD, "ftp", 1000, "completed");
	count_transfer(&metrics, EVENT_UPLOAD, "gopher", 1000, "complete");
	count_transfer(&metrics, EVENT_DOWNLOAD, "ftps", UINT64_C(5000000000), "complete");
	count_transfer(&metrics, EVENT_COPY, "ftp", 1000, "complete");
	text = exposition(&metrics);
	assert_has(text, "\ntransom_uploads_total{protocol=\"ftp\"} 2\n");
	assert_has(text, "\ntransom_upload_bytes_total{protocol=\"ftp\"} 30\n");
	assert_has(text, "\ntransom_uploads_total{protocol=\"sftp\"} 1\n");
	assert_has(text, "\ntransom_downloads_total{protocol=\"ftps\"} 1\n");
	assert_has(text, "\ntransom_download_bytes_total{protocol=\"ftps\"} 5000000000\n");
	assert_has(text, "\ntransom_downloads_total{protocol=\"ftp\"} 0\n");
	assert_has(text, "\ntransom_events_total{event=\"upload\"} 6\n");
	assert_has(text, "\ntransom_events_total{event=\"copy\"} 1\n");
	free(text);
}

Test(metrics, what_stands_in_a_label_cannot_end_it)
{
	static const struct {
		const char *file, *told;
	} cases[] = {
		{ "/a/b.pem", "/a/b.pem" },
		{ "/a\"} 1\\", "/a\\\"} 1\\\\" },
		{ "/a\nb", "/a\\\\x0ab" },
		{ "/\xc3\xa9", "/\xc3\xa9" },
		{ "/\xe9", "/\\\\xe9" },
	};
	struct metrics metrics = { .start_time = 0 };
	char line[256];
	char *text;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert(metrics_certificates_begin(&metrics, 1));
		cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, cases[i].file, "x", 7));
		text = exposition(&metrics);
		snprintf(line, sizeof(line),
		    "\ntransom_certificate_expiry_timestamp_seconds{file=\"%s\",names=\"x\"} 7\n",
		    cases[i].told);
		assert_has(text, line);
		free(text);
	}
	metrics_clear(&metrics);
}

Test(metrics, revocation_lists_have_a_metric_of_their_own)
{
	struct metrics metrics = { .start_time = 0 };
	char *text;

	cr_assert(metrics_certificates_begin(&metrics, 2));
	cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_LIST, "/crl.pem", "CN=\"a\"", 9));
	cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/cert.pem", "x", 7));
	text = exposition(&metrics);
	assert_has(text, "\ntransom_crl_expiry_timestamp_seconds{file=\"/crl.pem\",issuer=\"CN=\\\"a\\\"\"} 9\n");
	assert_has(text, "\ntransom_certificate_expiry_timestamp_seconds{file=\"/cert.pem\",names=\"x\"} 7\n");
	cr_expect_null(strstr(text, "transom_certificate_expiry_timestamp_seconds{file=\"/crl.pem\""));
	free(text);
	metrics_clear(&metrics);
}

Test(metrics, certificates_are_replaced_as_a_whole)
{
	struct metrics metrics = { .start_time = 0 };

	cr_assert(!metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/surplus", "", 1));
	cr_assert(metrics_certificates_begin(&metrics, 2));
	cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/a", "a", 1));
	cr_assert_eq(metrics.certificates.count, 0);
	cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/b", "b", 2));
	cr_assert_eq(metrics.certificates.count, 2);
	cr_assert(!metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/surplus", "", 1));
	/* A set that was never finished leaves nothing behind. */
	cr_assert(metrics_certificates_begin(&metrics, 3));
	cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/c", "c", 3));
	cr_assert_eq(metrics.certificates.count, 2);
	cr_assert(metrics_certificates_begin(&metrics, 1));
	cr_assert(metrics_certificates_add(&metrics, CLERK_CERTIFICATE_OF_SERVER, "/d", "d", INT64_MIN));
	cr_assert_eq(metrics.certificates.count, 1);
	cr_assert_str_eq(metrics.certificates.items[0].file, "/d");
	cr_assert_eq(metrics.certificates.items[0].expires, 0);
	cr_assert(metrics_certificates_begin(&metrics, 0));
	cr_assert_eq(metrics.certificates.count, 0);
	metrics_clear(&metrics);
}

Test(metrics, protocols_are_known_by_their_names)
{
	for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)
		cr_assert_eq((int)metrics_protocol(conf_protocol_name(i), strlen(conf_protocol_name(i))), i);
	cr_assert_eq(metrics_protocol("ftpsx", 4), CONF_PROTOCOL_FTPS);
	cr_assert_eq(metrics_protocol("", 0), CONF_PROTOCOL_COUNT);
	cr_assert_eq(metrics_protocol("FTP", 3), CONF_PROTOCOL_COUNT);
}

Test(metrics, a_buffer_that_is_too_small_is_told)
{
	const struct metrics metrics = { .start_time = 0 };
	struct buf out;

	buf_init(&out, 1000);
	cr_assert(!metrics_print(&out, &metrics));
	buf_clear(&out);
}
