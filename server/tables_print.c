/*
 * Prints the documents that are generated from tables; `make check` compares them with those in
 * docs/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "server/control_messages.h"
#include "server/events.h"
#include "server/ftp/ftp_commands.h"
#include "server/guard_messages.h"
#include "server/keeper_messages.h"
#include "server/metrics.h"
#include "server/sftp/fxp_document.h"

static const struct {
	const char *name;
	void (*print)(FILE *out);
} documents[] = {
	{ "guard-protocol", guard_messages_print },
	{ "events", events_print },
	{ "keeper-protocol", keeper_messages_print },
	{ "control-protocol", control_messages_print },
	{ "metrics", metrics_print_document },
	{ "mdoc-options", conf_print_mdoc },
	{ "ftp-commands", ftp_commands_print },
	{ "sftp", fxp_document_print },
};

#define DOCUMENT_COUNT (sizeof(documents) / sizeof(documents[0]))

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < DOCUMENT_COUNT; i++) {
		if (strcmp(argv[1], documents[i].name) != 0)
			continue;
		documents[i].print(stdout);
		return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	fprintf(stderr, "usage: tables-print");
	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		fprintf(stderr, "%s%s", i == 0 ? " " : " | ", documents[i].name);
	fprintf(stderr, "\n");
	return 2;
}
