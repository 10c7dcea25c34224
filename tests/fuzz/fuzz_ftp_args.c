/* Quoted words, RANG, the X verbs, HOST and LANG: the first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "server/ftp/ftp_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = strndup((const char *)bytes, length < 4096 ? length : 4096);
	size_t size = strlen(text);
	char *rest = text;
	struct ftp_args_range range;
	struct ftp_args_checksum parts;

	ftp_args_is_host(text);
	ftp_args_is_language(text);
	if (ftp_args_rang(text, &range) && range.bytes != FTP_ARGS_ALL &&
	    (range.bytes == 0 || range.start + range.bytes < range.start))
		abort();
	if (size > 0 && text[0] % 3 == 0)
		ftp_args_name(text);
	else if (size > 0 && text[0] % 3 == 1 && ftp_args_checksum(text, &parts) &&
	         (parts.name < text || parts.name > text + size))
		abort();
	while (rest <= text + size && ftp_args_word(&rest) != NULL)
		continue;
	free(text);
	return 0;
}
