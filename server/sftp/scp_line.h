/*
 * Control records of the old scp protocol: "C0644 299 file", "D0755 0 dir", "E", "T1183828267 0 1183828267 0", and
 * the answers \001 (a warning) and \002 (fatal) with their text.
 *
 * Front only; pure text.  There is no specification: this is what OpenSSH's scp writes and accepts.
 */
#ifndef SFTP_SCP_LINE_H
#define SFTP_SCP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/vfs_types.h"

#define SCP_LINE_MAX_BYTES 4096u /* without the line feed */
#define SCP_MESSAGE_MAX_BYTES 1024u

/* First bytes of an answer. */
#define SCP_OK '\0'
#define SCP_WARNING '\001'
#define SCP_FATAL '\002'

enum scp_line_kind {
	SCP_LINE_FILE,
	SCP_LINE_DIR,
	SCP_LINE_END,	/* of a directory */
	SCP_LINE_TIMES,	/* of the file or directory that comes next */
	SCP_LINE_WARNING,
	SCP_LINE_FATAL,
	SCP_LINE_BAD,	/* none of these: see problem */
};

enum scp_name_verdict {
	SCP_NAME_OK,
	SCP_NAME_REFUSED,	/* odd: control bytes, or too long */
	SCP_NAME_ATTACK,	/* leads to another directory: no honest client sends that */
};

struct scp_line {
	enum scp_line_kind kind;
	const char *problem;	/* of a BAD one */
	uint32_t mode;		/* FILE, DIR: 07777 */
	uint64_t size;		/* FILE: at most INT64_MAX */
	enum scp_name_verdict verdict;
	char name[VFS_NAME_MAX + 1]; /* FILE, DIR: when the verdict is OK */
	int64_t mtime;		/* TIMES */
	int64_t atime;
	uint32_t mtime_nsec;
	uint32_t atime_nsec;
};

/* One record, without its line feed. */
void scp_line_parse(struct scp_line *out, const uint8_t *bytes, size_t length);
/* May this be the name of a file in a record? */
enum scp_name_verdict scp_line_check_name(const void *name, size_t length);

#endif
