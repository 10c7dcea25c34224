/* The argument of LIST, its pattern, and the texts of OPTS MLST, MFMT and MFF beside it. */
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_facts.h"
#include "server/ftp/ftp_listargs.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = strndup((const char *)bytes, length < 4096 ? length : 4096);
	char list[FTP_FACTS_LIST_BYTES];
	char stamp[FTP_TIME_BYTES];
	struct ftp_listargs args;
	int64_t seconds;

	if (text == NULL)
		return 0;
	ftp_listargs_parse(text, &args);
	if (args.path < text || args.path > text + strlen(text))
		abort();
	text_glob(args.path, "some-name.txt");
	ftp_facts_list(list, ftp_facts_parse(text), true);
	if (ftp_facts_parse_time(text, strlen(text), &seconds, NULL)) {
		ftp_facts_format_time(stamp, seconds);
		if (strncmp(stamp, text, 12) != 0)
			abort();
	}
	free(text);
	return 0;
}
