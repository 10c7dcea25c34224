#include "server/sftp/fxp_document.h"

#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_requests.h"
#include "server/sftp/ssh_algorithms.h"

/* Expanded here once more, without the handlers: a program that prints tables needs none of them. */
#define REQUEST_LINE(name, number, takes, sees, why)                                               \
	fprintf(out, "| %d | %s | %s |\n", (number), #name, (why));
#define EXTENSION_LINE(name, wire, data, takes, sees, why)                                         \
	fprintf(out, "| `%s` | %s | %s |\n", (wire), (data), (why));

void fxp_document_print(FILE *out)
{
	fprintf(out,
	    "<!-- generated from server/sftp/fxp_requests.h, fxp_extensions.h, ssh_algorithms.c -->\n"
	    "# SFTP\n\n"
	    "Version %u of the protocol (draft-ietf-secsh-filexfer-02). A READ is answered with at most %u bytes;\n"
	    "a packet of more than %u bytes ends the session; %u handles may be open at one time.\n\n"
	    "## Requests\n\n| no. | request | what it does |\n|---|---|---|\n",
	    FXP_VERSION, FXP_READ_MAX_BYTES, FXP_PACKET_MAX_BYTES, FXP_HANDLES_MAX);
	FXP_REQUESTS(REQUEST_LINE)
	fprintf(out, "\n## Extensions\n\n| name | revision or data | what it does |\n|---|---|---|\n");
	FXP_EXTENSIONS(EXTENSION_LINE)
	fprintf(out, "\n## Algorithms of SSH\n\nThe best first. `algorithms` of a listener names the profile.\n\n");
	ssh_algorithms_print(out);
}
