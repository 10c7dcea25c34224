/*
 * The command line of an exec request for the old scp protocol: scp -t PATH, scp -f PATH...
 *
 * Front only; pure text.  There is no shell.  The line is taken apart as a shell would for plain words, single
 * and double quotes and backslashes, because clients quote differently: OpenSSH and pscp send a path as typed,
 * libssh2 and WinSCP quote it.  Everything else that means something to a shell (` $ ; | & < > # {) is an ordinary
 * byte of a name.
 */
#ifndef SFTP_SCP_COMMAND_H
#define SFTP_SCP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#define SCP_COMMAND_MAX_BYTES 16384u	/* of the line */
#define SCP_WORDS_MAX 256u

struct scp_word {
	const char *text;	/* without quotes; ~ and ~/ at the beginning became . and ./ */
	const char *pattern;	/* for text_glob, quoted bytes escaped; NULL without an unquoted * ? [ */
};

struct scp_command {
	bool sink;		/* -t: the client sends, else -f: it receives */
	bool recursive;		/* -r */
	bool times;		/* -p: times and permissions */
	bool target_is_dir;	/* -d */
	struct scp_word words[SCP_WORDS_MAX];	/* the paths; at least one */
	size_t word_count;
	/* Several words as a single path, with the blanks between them as typed: a path with spaces that
	 * nobody has quoted.  NULL when there is one word. */
	const char *joined;
	char *memory;
};

/* NULL when it is no such command, when it is too long, or when memory ran out. */
struct scp_command *scp_command_parse(const char *line);
void scp_command_free(struct scp_command **command);

/*
 * Split the pattern of a word at its last slash: *dir_out gets what stands before (size bytes, unescaped; "" when
 * nothing does), and the pattern of the name is returned.  NULL when the name holds no unquoted * ? [, or the
 * directory does not fit: then the word is to be taken as it is.
 */
const char *scp_command_split(const char *pattern, char *dir_out, size_t size);

#endif
