/*
 * THE list of metrics, and the text in which they are told.
 *
 * Clerk only: clerk.c counts, clerk_control.c answers.  Pure bookkeeping and text (OpenMetrics 1.0): nothing is sent here.
 * Every label has few values, known to a table or to the administrator's own configuration: none names a user, a
 * session or an address.  docs/METRICS.md is printed from here.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "server/base/buf.h"
#include "server/clerk_messages.h"
#include "server/events.h"

/* clang-format off */

/*
 * M(symbol, "family", TYPE, "unit", "labels", help).  A unit is the family's last word; samples of a COUNTER end in
 * _total.  put_symbol (metrics.c) writes the samples.  No type is used but GAUGE and COUNTER: readers of the older
 * text format of Prometheus stumble over the others.
 */
#define METRICS(M)												\
	M(build,	"transom_build_info",	GAUGE,	 "", "version",	"1; the label tells the version.")	\
	M(start_time,	"transom_start_time_seconds", GAUGE, "seconds", "", "When the server was started (Unix time).") \
	M(draining,	"transom_draining",	GAUGE,	 "", "",	"1 while the server was told to stop and sessions end, else 0.") \
	M(sessions,	"transom_sessions",	GAUGE,	 "", "protocol", "Sessions now, logged in or not, by the protocol of their listener: explicit TLS counts as ftp.")	\
	M(users,	"transom_users",	GAUGE,	 "", "",	"Users who have a session now; one with several counts once.") \
	M(admitted,	"transom_sessions_admitted", COUNTER, "", "protocol", "Sessions that were let in.")	\
	M(refused,	"transom_sessions_refused", COUNTER, "", "verdict", "Sessions and logins that the clerk kept out.") \
	M(uploads,	"transom_uploads",	COUNTER, "", "protocol", "Complete uploads.")			\
	M(upload_bytes,	"transom_upload_bytes",	COUNTER, "bytes", "protocol", "Bytes of complete uploads.")	\
	M(downloads,	"transom_downloads",	COUNTER, "", "protocol", "Complete downloads.")			\
	M(download_bytes, "transom_download_bytes", COUNTER, "bytes", "protocol", "Bytes of complete downloads.") \
	M(events,	"transom_events",	COUNTER, "", "event",	"Log events by name (EVENTS.md), those included whose line was lost.") \
	M(lines_lost,	"transom_log_lines_lost", COUNTER, "", "",	"Lines that could not be written to the log.") \
	M(certificates,	"transom_certificate_expiry_timestamp_seconds", GAUGE, "seconds", "file, names",	\
	  "When the first certificate of a configured file's chain ends (Unix time).")				\
	M(lists,	"transom_crl_expiry_timestamp_seconds", GAUGE, "seconds", "file, issuer",		\
	  "When the first list in client_crl is out of date (Unix time): from then on its authority's clients are refused.")

/* clang-format on */

/* A configured file of certificates, or of revocation lists. */
struct metrics_certificate {
	enum clerk_certificate_kind kind;
	int64_t expires; /* of the first in it to end */
	char *file;      /* both on the heap */
	char *names;
};

struct metrics_certificates {
	struct metrics_certificate *items;
	size_t count;
};

struct metrics_transfers {
	uint64_t count, bytes;
};

/* All there is to tell, also for the answer to `status`.  Counters begin with the clerk, at 0. */
struct metrics {
	/* Counted as it happens. */
	uint64_t admitted[CONF_PROTOCOL_COUNT];
	uint64_t refused[CLERK_VERDICT_COUNT];
	uint64_t events[EVENT_COUNT];
	struct metrics_transfers uploads[CONF_PROTOCOL_COUNT];
	struct metrics_transfers downloads[CONF_PROTOCOL_COUNT];

	/* As the master has told. */
	int64_t start_time;
	uint32_t master_pid;
	struct metrics_certificates certificates;
	struct metrics_certificates next; /* a set that is not whole yet */
	size_t next_count;                /* so many it will have */

	/* Filled in when somebody asks. */
	bool draining;
	uint32_t sessions[CONF_PROTOCOL_COUNT];
	uint32_t users;
	uint64_t lines_lost;
};

/* Free what it holds; it is empty then. */
void metrics_clear(struct metrics *metrics);

/* An event was logged; fields are packed, and well formed (clerk_log_write has taken them). */
void metrics_count_event(struct metrics *metrics, enum event_id event, struct wire_blob fields);

/* A new set of count certificates follows; the old one holds until it is whole.  False when memory ran out. */
bool metrics_certificates_begin(struct metrics *metrics, size_t count);
/* One of them.  False when there is none to come, or memory ran out. */
bool metrics_certificates_add(struct metrics *metrics, enum clerk_certificate_kind kind, const char *file,
    const char *names, int64_t expires);

/* conf_protocol_name's inverse, length bytes without NUL; CONF_PROTOCOL_COUNT when it is none. */
enum conf_protocol metrics_protocol(const char *name, size_t length);

/* Append the whole exposition, "# EOF" included.  False when the buffer is too small. */
bool metrics_print(struct buf *out, const struct metrics *metrics);
/* Print docs/METRICS.md (Markdown) from the table. */
void metrics_print_document(FILE *out);

#endif
