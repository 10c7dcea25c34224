/* Dates of MDTM and MFMT, facts of OPTS MLST: what was understood means the same when written
 * again. */
#include <stdlib.h>
#include <string.h>

#include "server/ftp/ftp_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = strndup((const char *)bytes, length < 4096 ? length : 4096);
	unsigned facts = ftp_facts_parse(text);
	char list[FTP_FACTS_LIST_BYTES];
	char stamp[FTP_TIME_BYTES];
	uint32_t nanoseconds;
	int64_t seconds;
	int64_t again;

	ftp_facts_list(list, facts, false);
	if (ftp_facts_parse(list) != facts)
		abort();
	if (ftp_facts_parse_time(text, strlen(text), &seconds, &nanoseconds)) {
		ftp_facts_format_time(stamp, seconds);
		if (nanoseconds > 999999999u || !ftp_facts_parse_time(stamp, 14, &again, NULL) ||
		    again != seconds)
			abort();
	}
	free(text);
	return 0;
}
