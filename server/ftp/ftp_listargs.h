/*
 * The argument of LIST, NLST and STAT: options as of ls(1), then a path.
 *
 * Front only; pure text.  A fixed set of letters is known; others, and everything that begins with
 * "--", are passed over, since no shell and no ls ever sees them.
 */
#ifndef FTP_LISTARGS_H
#define FTP_LISTARGS_H

enum ftp_list_option {
	FTP_LIST_ALL = 1 << 0,       /* -a, -A: names that start with '.' too */
	FTP_LIST_LONG = 1 << 1,      /* -l: NLST in the form of LIST */
	FTP_LIST_RECURSIVE = 1 << 2, /* -R */
	FTP_LIST_BY_TIME = 1 << 3,   /* -t */
	FTP_LIST_BY_SIZE = 1 << 4,   /* -S */
	FTP_LIST_REVERSE = 1 << 5,   /* -r */
	FTP_LIST_DIRECTORY = 1 << 6, /* -d: the directory itself */
	FTP_LIST_UNSORTED = 1 << 7,  /* -f, -U */
	FTP_LIST_CLASSIFY = 1 << 8,  /* -F: what it is, behind the name */
};

struct ftp_listargs {
	unsigned options;
	const char *path; /* into the argument; "" when there is none */
};

void ftp_listargs_parse(const char *argument, struct ftp_listargs *out);

#endif
