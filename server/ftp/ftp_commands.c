#include "server/ftp/ftp_commands.h"

#include <string.h>
#include <strings.h>

#include "server/base/text.h"
#include "server/ftp/ftp_cmd_copy.h"
#include "server/ftp/ftp_cmd_data.h"
#include "server/ftp/ftp_cmd_dirs.h"
#include "server/ftp/ftp_cmd_files.h"
#include "server/ftp/ftp_cmd_hash.h"
#include "server/ftp/ftp_cmd_host.h"
#include "server/ftp/ftp_cmd_info.h"
#include "server/ftp/ftp_cmd_list.h"
#include "server/ftp/ftp_cmd_login.h"
#include "server/ftp/ftp_cmd_security.h"
#include "server/ftp/ftp_cmd_site.h"
#include "server/ftp/ftp_cmd_transfer.h"
#include "server/ftp/ftp_session.h"

#define VERBS_PER_LINE 8u
#define LINE_BYTES     256u

#define RIGHTS_STORE  (RIGHT_upload | RIGHT_overwrite | RIGHT_resume)
#define RIGHTS_APPEND (RIGHT_upload | RIGHT_append)
#define RIGHTS_LOOK   (RIGHT_list | RIGHT_read)

/* --- lists in lines of FEAT ------------------------------------------------------------------ */

static void list_facts(const struct ftp_session *session, char out[FTP_FEATURE_BYTES])
{
	_Static_assert(FTP_FEATURE_BYTES >= FTP_FACTS_LIST_BYTES, "all facts fit");
	ftp_facts_list(out, session->facts, true);
}

static void list_digests(const struct ftp_session *session, char out[FTP_FEATURE_BYTES])
{
	_Static_assert(FTP_FEATURE_BYTES >= FTP_DIGEST_LIST_BYTES, "all algorithms fit");
	ftp_digest_list(out, session->digest);
}

/* --- the table --------------------------------------------------------------------------------- */

/* In families, as RFC 959 has them; verbs of later documents stand beside their kin. */
/* clang-format off */
const struct ftp_command ftp_commands[] = {
	/* Who is there. */
	{ .verb = "HOST", .handler = ftp_cmd_host, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_NO_USER, .flags = FTP_ANYTIME, .feature = "HOST",
	  .help = "HOST <name>: tell which of its names the server is meant by" },
	{ .verb = "USER", .handler = ftp_cmd_user, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_NO_LOGIN | FTP_NEED_POLICY, .flags = FTP_ANYTIME,
	  .help = "USER <name>: begin a login" },
	{ .verb = "PASS", .handler = ftp_cmd_pass, .arg = FTP_ARG_OPTIONAL,
	  .needs = FTP_NEED_NO_LOGIN | FTP_NEED_POLICY | FTP_NEED_USER, .flags = FTP_ANYTIME,
	  .help = "PASS <password>: complete the login" },
	{ .verb = "ACCT", .handler = ftp_cmd_acct, .arg = FTP_ARG_REQUIRED,
	  .help = "ACCT <account>: not needed" },
	{ .verb = "REIN", .handler = ftp_cmd_rein, .arg = FTP_ARG_NONE, .flags = FTP_ANYTIME,
	  .help = "REIN: begin anew, as before USER" },
	{ .verb = "QUIT", .handler = ftp_cmd_quit, .arg = FTP_ARG_IGNORED, .flags = FTP_ANYTIME,
	  .help = "QUIT: end the session, after a running transfer" },
	{ .verb = "CLNT", .handler = ftp_cmd_clnt, .arg = FTP_ARG_REQUIRED, .flags = FTP_ANYTIME,
	  .feature = "CLNT", .help = "CLNT <name>: tell what the client is" },
	{ .verb = "CSID", .handler = ftp_cmd_csid, .arg = FTP_ARG_REQUIRED, .flags = FTP_ANYTIME,
	  .feature = "CSID", .help = "CSID <Name=...;>: tell what the client is, and be told" },
	{ .verb = "LANG", .handler = ftp_cmd_lang, .arg = FTP_ARG_OPTIONAL, .flags = FTP_ANYTIME,
	  .feature = "LANG EN*", .help = "LANG [EN]: choose the language of replies" },

	/* RFC 2228 and 4217. */
	{ .verb = "AUTH", .handler = ftp_cmd_auth, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_NO_AUTH | FTP_NEED_BEFORE_LOGIN, .flags = FTP_ANYTIME | FTP_IF_TLS, .feature = "AUTH TLS",
	  .help = "AUTH TLS: protect the control connection" },
	{ .verb = "PBSZ", .handler = ftp_cmd_pbsz, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_AUTH, .flags = FTP_ANYTIME | FTP_IF_TLS, .feature = "PBSZ",
	  .help = "PBSZ 0: to be said before PROT" },
	{ .verb = "PROT", .handler = ftp_cmd_prot, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_AUTH, .flags = FTP_ANYTIME | FTP_IF_TLS, .feature = "PROT",
	  .help = "PROT P|C: protect data connections, or not" },
	{ .verb = "CCC", .handler = ftp_cmd_ccc, .arg = FTP_ARG_NONE,
	  .needs = FTP_NEED_AUTH, .flags = FTP_IF_TLS, .feature = "CCC",
	  .help = "CCC: go back to plain text on the control connection" },
	{ .verb = "ADAT", .flags = FTP_ANYTIME, .help = "ADAT: not implemented" },
	{ .verb = "MIC", .flags = FTP_ANYTIME, .help = "MIC: not implemented" },
	{ .verb = "CONF", .flags = FTP_ANYTIME, .help = "CONF: not implemented" },
	{ .verb = "ENC", .flags = FTP_ANYTIME, .help = "ENC: not implemented" },

	/* Directories. */
	{ .verb = "CWD", .handler = ftp_cmd_cwd, .arg = FTP_ARG_PATH,
	  .help = "CWD <directory>: change the working directory" },
	{ .verb = "XCWD", .handler = ftp_cmd_cwd, .arg = FTP_ARG_PATH,
	  .help = "XCWD <directory>: as CWD" },
	{ .verb = "CDUP", .handler = ftp_cmd_cdup, .arg = FTP_ARG_NONE,
	  .help = "CDUP: change to the parent directory" },
	{ .verb = "XCUP", .handler = ftp_cmd_cdup, .arg = FTP_ARG_NONE,
	  .help = "XCUP: as CDUP" },
	{ .verb = "PWD", .handler = ftp_cmd_pwd, .arg = FTP_ARG_NONE, .feature = "TVFS",
	  .help = "PWD: tell the working directory" },
	{ .verb = "XPWD", .handler = ftp_cmd_pwd, .arg = FTP_ARG_NONE,
	  .help = "XPWD: as PWD" },
	{ .verb = "MKD", .handler = ftp_cmd_mkd, .arg = FTP_ARG_PATH, .rights = RIGHT_mkdir,
	  .help = "MKD <directory>: make a directory" },
	{ .verb = "XMKD", .handler = ftp_cmd_mkd, .arg = FTP_ARG_PATH, .rights = RIGHT_mkdir,
	  .help = "XMKD <directory>: as MKD" },
	{ .verb = "RMD", .handler = ftp_cmd_rmd, .arg = FTP_ARG_PATH, .rights = RIGHT_rmdir,
	  .help = "RMD <directory>: remove an empty directory" },
	{ .verb = "XRMD", .handler = ftp_cmd_rmd, .arg = FTP_ARG_PATH, .rights = RIGHT_rmdir,
	  .help = "XRMD <directory>: as RMD" },
	{ .verb = "SMNT", .help = "SMNT: not implemented" },

	/* How data travels. */
	{ .verb = "EPSV", .handler = ftp_cmd_epsv, .arg = FTP_ARG_OPTIONAL, .feature = "EPSV",
	  .help = "EPSV [1|2|ALL]: open a passive port" },
	{ .verb = "PASV", .handler = ftp_cmd_pasv, .arg = FTP_ARG_NONE,
	  .needs = FTP_NEED_NO_EPSV_ALL, .feature = "PASV",
	  .help = "PASV: open a passive port (IPv4)" },
	{ .verb = "P@SW", .handler = ftp_cmd_pasv, .arg = FTP_ARG_NONE,
	  .needs = FTP_NEED_NO_EPSV_ALL, .help = "P@SW: as PASV" },
	{ .verb = "EPRT", .handler = ftp_cmd_eprt, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_NO_EPSV_ALL, .feature = "EPRT",
	  .help = "EPRT |1|<address>|<port>|: connect to the client" },
	{ .verb = "PORT", .handler = ftp_cmd_port, .arg = FTP_ARG_REQUIRED,
	  .needs = FTP_NEED_NO_EPSV_ALL,
	  .help = "PORT h1,h2,h3,h4,p1,p2: connect to the client (IPv4)" },
	{ .verb = "TYPE", .handler = ftp_cmd_type, .arg = FTP_ARG_REQUIRED,
	  .help = "TYPE A|I|L 8: text with line ends translated, or bytes as they are" },
	{ .verb = "STRU", .handler = ftp_cmd_stru, .arg = FTP_ARG_REQUIRED,
	  .help = "STRU F: files have no structure" },
	{ .verb = "MODE", .handler = ftp_cmd_mode, .arg = FTP_ARG_REQUIRED,
	  .help = "MODE S: the data connection is a stream" },

	/* Files. */
	{ .verb = "RETR", .handler = ftp_cmd_retr, .arg = FTP_ARG_PATH, .needs = FTP_NEED_DATA,
	  .rights = RIGHT_read, .flags = FTP_TRANSFER,
	  .help = "RETR <file>: send a file to the client" },
	{ .verb = "STOR", .handler = ftp_cmd_stor, .arg = FTP_ARG_PATH, .needs = FTP_NEED_DATA,
	  .rights = RIGHTS_STORE, .flags = FTP_TRANSFER,
	  .help = "STOR <file>: store a file on the server" },
	{ .verb = "STOU", .handler = ftp_cmd_stou, .arg = FTP_ARG_OPTIONAL, .needs = FTP_NEED_DATA,
	  .rights = RIGHT_upload, .flags = FTP_TRANSFER,
	  .help = "STOU [<file>]: store a file under a name that is not taken" },
	{ .verb = "APPE", .handler = ftp_cmd_appe, .arg = FTP_ARG_PATH, .needs = FTP_NEED_DATA,
	  .rights = RIGHTS_APPEND, .flags = FTP_TRANSFER,
	  .help = "APPE <file>: add to the end of a file" },
	{ .verb = "ALLO", .handler = ftp_cmd_allo, .arg = FTP_ARG_REQUIRED,
	  .help = "ALLO <bytes>: tell how much will be stored" },
	{ .verb = "REST", .handler = ftp_cmd_rest, .arg = FTP_ARG_REQUIRED,
	  .feature = "REST STREAM",
	  .help = "REST <bytes>: where the next RETR or STOR begins" },
	{ .verb = "RANG", .handler = ftp_cmd_rang, .arg = FTP_ARG_REQUIRED,
	  .feature = "RANG STREAM",
	  .help = "RANG <first> <last>: which bytes the next RETR, STOR or HASH is about" },
	{ .verb = "ABOR", .handler = ftp_cmd_abor, .arg = FTP_ARG_IGNORED,
	  .flags = FTP_DURING_TRANSFER | FTP_INTERRUPTS,
	  .help = "ABOR: break off the running transfer" },
	{ .verb = "DELE", .handler = ftp_cmd_dele, .arg = FTP_ARG_PATH, .rights = RIGHT_delete,
	  .help = "DELE <file>: remove a file" },
	{ .verb = "RNFR", .handler = ftp_cmd_rnfr, .arg = FTP_ARG_PATH, .rights = RIGHT_rename,
	  .flags = FTP_KEEPS_RENAME,
	  .help = "RNFR <name>: what is to be renamed" },
	{ .verb = "RNTO", .handler = ftp_cmd_rnto, .arg = FTP_ARG_PATH, .needs = FTP_NEED_RNFR,
	  .rights = RIGHT_rename,
	  .help = "RNTO <name>: the new name" },
	{ .verb = "SIZE", .handler = ftp_cmd_size, .arg = FTP_ARG_PATH, .feature = "SIZE",
	  .rights = RIGHTS_LOOK,
	  .help = "SIZE <file>: tell how many bytes it has" },
	{ .verb = "MDTM", .handler = ftp_cmd_mdtm, .arg = FTP_ARG_PATH, .feature = "MDTM",
	  .help = "MDTM [<YYYYMMDDHHMMSS>] <file>: tell or set when it was modified" },
	{ .verb = "MFMT", .handler = ftp_cmd_mfmt, .arg = FTP_ARG_REQUIRED, .feature = "MFMT",
	  .help = "MFMT <YYYYMMDDHHMMSS> <file>: set when it was modified" },
	{ .verb = "MFF", .handler = ftp_cmd_mff, .arg = FTP_ARG_REQUIRED,
	  .feature = "MFF modify;UNIX.mode;",
	  .help = "MFF <fact=value;...> <file>: set facts of a file" },
	{ .verb = "AVBL", .handler = ftp_cmd_avbl, .arg = FTP_ARG_OPTIONAL, .feature = "AVBL",
	  .help = "AVBL [<directory>]: tell how many bytes are free" },
	{ .verb = "COMB", .handler = ftp_cmd_comb, .arg = FTP_ARG_REQUIRED, .feature = "COMB",
	  .rights = RIGHT_upload | RIGHT_overwrite,
	  .help = "COMB <target> <part>...: put the parts behind the target, and remove them" },

	/* Checksums. */
	{ .verb = "HASH", .handler = ftp_cmd_hash, .arg = FTP_ARG_PATH, .flags = FTP_USES_RANGE,
	  .feature = "HASH %s", .feature_list = list_digests,
	  .help = "HASH <file>: compute a checksum; OPTS HASH says which" },
	{ .verb = "MD5", .handler = ftp_cmd_md5, .arg = FTP_ARG_REQUIRED, .feature = "MD5",
	  .help = "MD5 <file>: compute its MD5 checksum" },
	{ .verb = "XCRC", .handler = ftp_cmd_checksum, .arg = FTP_ARG_REQUIRED, .feature = "XCRC",
	  .help = "XCRC <file> [<start> <end>]: compute its CRC-32" },
	{ .verb = "XMD5", .handler = ftp_cmd_checksum, .arg = FTP_ARG_REQUIRED, .feature = "XMD5",
	  .help = "XMD5 <file> [<start> <end>]: compute its MD5 checksum" },
	{ .verb = "XSHA", .handler = ftp_cmd_checksum, .arg = FTP_ARG_REQUIRED, .feature = "XSHA",
	  .help = "XSHA <file> [<start> <end>]: as XSHA1" },
	{ .verb = "XSHA1", .handler = ftp_cmd_checksum, .arg = FTP_ARG_REQUIRED,
	  .feature = "XSHA1", .help = "XSHA1 <file> [<start> <end>]: compute its SHA-1 checksum" },
	{ .verb = "XSHA256", .handler = ftp_cmd_checksum, .arg = FTP_ARG_REQUIRED,
	  .feature = "XSHA256",
	  .help = "XSHA256 <file> [<start> <end>]: compute its SHA-256 checksum" },
	{ .verb = "XSHA512", .handler = ftp_cmd_checksum, .arg = FTP_ARG_REQUIRED,
	  .feature = "XSHA512",
	  .help = "XSHA512 <file> [<start> <end>]: compute its SHA-512 checksum" },

	/* Listings. */
	{ .verb = "LIST", .handler = ftp_cmd_list, .arg = FTP_ARG_OPTIONAL, .needs = FTP_NEED_DATA,
	  .rights = RIGHT_list, .flags = FTP_TRANSFER,
	  .help = "LIST [-aldrRSt] [<name>]: list as ls -l does" },
	{ .verb = "NLST", .handler = ftp_cmd_nlst, .arg = FTP_ARG_OPTIONAL, .needs = FTP_NEED_DATA,
	  .rights = RIGHT_list, .flags = FTP_TRANSFER,
	  .help = "NLST [-aldrSt] [<name>]: list names" },
	{ .verb = "MLSD", .handler = ftp_cmd_mlsd, .arg = FTP_ARG_OPTIONAL, .needs = FTP_NEED_DATA,
	  .rights = RIGHT_list, .flags = FTP_TRANSFER,
	  .help = "MLSD [<directory>]: list facts and names" },
	{ .verb = "MLST", .handler = ftp_cmd_mlst, .arg = FTP_ARG_OPTIONAL,
	  .rights = RIGHTS_LOOK, .feature = "MLST %s", .feature_list = list_facts,
	  .help = "MLST [<name>]: tell the facts of one name" },
	{ .verb = "STAT", .handler = ftp_cmd_stat, .arg = FTP_ARG_OPTIONAL,
	  .flags = FTP_DURING_IF_BARE,
	  .help = "STAT [<name>]: tell the state of the session, or list here" },

	/* Small talk. */
	{ .verb = "SYST", .handler = ftp_cmd_syst, .arg = FTP_ARG_NONE, .flags = FTP_ANYTIME,
	  .help = "SYST: tell the kind of system" },
	{ .verb = "NOOP", .handler = ftp_cmd_noop, .arg = FTP_ARG_IGNORED,
	  .flags = FTP_ANYTIME | FTP_DURING_TRANSFER,
	  .help = "NOOP: do nothing, answer 200" },
	{ .verb = "NOP", .handler = ftp_cmd_noop, .arg = FTP_ARG_IGNORED,
	  .flags = FTP_ANYTIME | FTP_DURING_TRANSFER, .help = "NOP: as NOOP" },
	{ .verb = "HELP", .handler = ftp_commands_help, .arg = FTP_ARG_OPTIONAL,
	  .flags = FTP_ANYTIME, .help = "HELP [<verb>]: list the commands, or tell of one" },
	{ .verb = "FEAT", .handler = ftp_commands_feat, .arg = FTP_ARG_NONE, .flags = FTP_ANYTIME,
	  .help = "FEAT: list the extensions" },
	{ .verb = "OPTS", .handler = ftp_cmd_opts, .arg = FTP_ARG_REQUIRED, .flags = FTP_ANYTIME,
	  .feature = "UTF8", .help = "OPTS UTF8 ON|OFF, OPTS MLST <facts>, OPTS HASH <algorithm>: set an option" },
	{ .verb = "SITE", .handler = ftp_cmd_site, .arg = FTP_ARG_REQUIRED,
	  .help = "SITE <command>: see SITE HELP" },
};
/* clang-format on */
const size_t ftp_command_count = sizeof(ftp_commands) / sizeof(ftp_commands[0]);

const struct ftp_command *ftp_commands_find(const char *verb)
{
	for (size_t i = 0; i < ftp_command_count; i++) {
		if (strcmp(ftp_commands[i].verb, verb) == 0)
			return &ftp_commands[i];
	}
	return NULL;
}

bool ftp_commands_is_foreign(const char *line, size_t n)
{
	/* Each as it starts a line; none is the start of a verb of ours. */
	static const char *const words[] = {
		"CONNECT ",
		"DELETE ",
		"GET ",
		"HEAD ",
		"OPTIONS ",
		"PATCH ",
		"POST ",
		"PUT ",
		"TRACE ",
		"DESCRIBE ",
		"SETUP ",
		"EHLO ",
		"HELO ",
		"LHLO ",
		"SSH-",
		"RTSP/",
		"PRI * ",
		"PROXY ",
		"* OK",
		"\x16\x03",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if (n >= length && strncasecmp(line, words[i], length) == 0)
			return true;
	}
	return false;
}

bool ftp_commands_is_served(const struct ftp_session *session, const struct ftp_command *command)
{
	return command->handler != NULL &&
	       ((command->flags & FTP_IF_TLS) == 0 || ftp_security_is_served(session));
}

static void help_all(struct ftp_session *session)
{
	char line[LINE_BYTES] = "";
	size_t on_line = 0;

	ftp_reply_begin(session, FTP_REPLY_HELP);
	for (size_t i = 0; i < ftp_command_count; i++) {
		if (!ftp_commands_is_served(session, &ftp_commands[i]))
			continue;
		text_format(line + strlen(line), sizeof(line) - strlen(line), "%s%s",
		    on_line > 0 ? " " : "", ftp_commands[i].verb);
		if (++on_line == VERBS_PER_LINE) {
			ftp_reply_line(session, line);
			line[0] = '\0';
			on_line = 0;
		}
	}
	if (on_line > 0)
		ftp_reply_line(session, line);
	ftp_reply(session, FTP_REPLY_HELP_END);
}

void ftp_commands_help(struct ftp_session *session, struct ftp_call *call)
{
	const struct ftp_command *command;
	char verb[FTP_VERB_BYTES];
	char *rest;

	if (call->argument[0] == '\0') {
		help_all(session);
		return;
	}
	ftp_parse_split(call->argument, strlen(call->argument), verb, sizeof(verb), &rest);
	command = ftp_commands_find(verb);
	if (command == NULL)
		ftp_reply(session, FTP_REPLY_NOT_BUILT);
	else
		ftp_reply_text(session, FTP_REPLY_HELP_ONE, command->help);
}

static void feature_line(struct ftp_session *session, const struct ftp_command *command)
{
	const char *feature = command->feature;
	char list[FTP_FEATURE_BYTES];

	if (feature == NULL || !ftp_commands_is_served(session, command))
		return;
	if (command->feature_list == NULL) {
		ftp_reply_line(session, feature);
		return;
	}
	/* The list stands at the end of its line. */
	command->feature_list(session, list);
	ftp_reply_linef(session, "%.*s%s", (int)strcspn(feature, "%"), feature, list);
}

void ftp_commands_feat(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply_begin(session, FTP_REPLY_FEATURES);
	for (size_t i = 0; i < ftp_command_count; i++)
		feature_line(session, &ftp_commands[i]);
	for (size_t i = 0; i < ftp_cmd_site_count; i++) {
		if (ftp_cmd_site_commands[i].feature != NULL)
			ftp_reply_line(session, ftp_cmd_site_commands[i].feature);
	}
	ftp_reply(session, FTP_REPLY_FEATURES_END);
}

/* --- documents -----------------------------------------------------------------------------------
 */

static void print_rows(FILE *out, const struct ftp_command *rows, size_t count)
{
	fprintf(out, "| command | before login | during a transfer | FEAT |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		const struct ftp_command *row = &rows[i];
		const char *during = (row->flags & FTP_DURING_TRANSFER) != 0  ? "yes"
		                     : (row->flags & FTP_DURING_IF_BARE) != 0 ? "without argument"
		                                                              : "waits";

		fputs("| ", out);
		/* A bar would end the cell. */
		for (const char *p = row->help; *p != '\0'; p++)
			fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
		fprintf(out, " | %s | %s | %s |\n", (row->flags & FTP_ANYTIME) != 0 ? "yes" : "no",
		    row->handler != NULL ? during : "answers 502",
		    row->feature != NULL ? row->feature : "");
	}
}

void ftp_commands_print(FILE *out)
{
	fprintf(out, "<!-- generated from server/ftp/ftp_commands.c -->\n# FTP commands\n\n");
	print_rows(out, ftp_commands, ftp_command_count);
	fprintf(out, "\n## SITE\n\n");
	print_rows(out, ftp_cmd_site_commands, ftp_cmd_site_count);
}
