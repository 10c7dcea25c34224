/*
 * A main configuration file of any content.  One that is taken must dump to a text that reads back
 * to the same dump; one that is refused must have been refused by us: libConfuse is to find nothing
 * wrong.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct conf *parse(const char *text)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;

	unsigned line;
	int used = 0;

	if (conf_parse(&conf, "/f", text, message) == CONF_OK)
		return conf;
	if (sscanf(message, "/f:%u: %n", &line, &used) != 1 || used == 0 ||
	    strncmp(message + used, "libConfuse", 10) == 0)
		abort();
	return NULL;
}

/* Hashes are not dumped, so the lines that tell of them differ: take them out. */
static void drop_passwords(char *text)
{
	while ((text = strstr(text, "# password is ")) != NULL) {
		char *end = strchr(text, '\n');

		memmove(text, end, strlen(end) + 1);
	}
}

static char *dump(const struct conf *conf)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		abort();
	conf_dump(conf, out);
	fclose(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = strndup((const char *)bytes, length);
	struct conf *conf = parse(text);

	if (conf != NULL) {
		char *first = dump(conf);
		struct conf *again = parse(first);
		char *second = again == NULL ? abort(), NULL : dump(again);

		drop_passwords(first);
		drop_passwords(second);
		if (strcmp(first, second) != 0)
			abort();
		free(first);
		free(second);
		conf_free(&again);
	}
	conf_free(&conf);
	free(text);
	return 0;
}
