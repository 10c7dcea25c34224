#include "server/ftp/ftp_facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/base/clock.h"
#include "server/base/text.h"

#define YEAR_0_SECONDS     (-62167219200LL)
#define YEAR_10000_SECONDS 253402300800LL
#define TARGET_MAX_BYTES   256u
#define TIME_DIGITS        14u

#define FACT_NAME(symbol, name) [FTP_FACT_INDEX_##symbol] = (name),
static const char *const names[FTP_FACT_COUNT] = { FTP_FACTS(FACT_NAME) };

unsigned ftp_facts_parse(const char *text)
{
	unsigned facts = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, ";");

		for (size_t i = 0; i < FTP_FACT_COUNT; i++) {
			if (strlen(names[i]) == length && strncasecmp(names[i], text, length) == 0)
				facts |= 1u << i;
		}
		text += length;
		if (*text == ';')
			text++;
	}
	return facts;
}

void ftp_facts_list(char out[FTP_FACTS_LIST_BYTES], unsigned facts, bool marks)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < FTP_FACT_COUNT; i++) {
		bool set = (facts & 1u << i) != 0;

		if (!set && !marks)
			continue;
		text_format(out + used, FTP_FACTS_LIST_BYTES - used, "%s%s;", names[i],
		    set && marks ? "*" : "");
		used += strlen(out + used);
	}
}

/* RFC 3659 7.5.5.  The rights are what the guard says this user may do to this very entry. */
static void format_perm(char out[16], const struct vfs_attr *attr)
{
	static const struct {
		uint32_t right;
		char file; /* letter for a file, '\0': none */
		char dir;  /* letter for a directory */
	} letters[] = {
		{ .right = RIGHT_append, .file = 'a' },
		{ .right = RIGHT_delete, .file = 'd', .dir = 'p' },
		{ .right = RIGHT_rename, .file = 'f', .dir = 'f' },
		{ .right = RIGHT_read, .file = 'r' },
		{ .right = RIGHT_overwrite, .file = 'w' },
		{ .right = RIGHT_upload, .dir = 'c' },
		{ .right = RIGHT_list, .dir = 'l' },
		{ .right = RIGHT_mkdir, .dir = 'm' },
		{ .right = RIGHT_rmdir, .dir = 'd' },
	};
	bool is_dir = attr->kind == VFS_KIND_DIR;
	size_t used = 0;

	if (is_dir)
		out[used++] = 'e';
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		char letter = is_dir ? letters[i].dir : letters[i].file;

		if ((attr->rights & letters[i].right) != 0 && letter != '\0')
			out[used++] = letter;
	}
	out[used] = '\0';
}

/* A target with a semicolon or a space would end the fact, or all facts, too early. */
static bool target_fits_fact(const char *target)
{
	size_t length = strlen(target);

	return length > 0 && length <= TARGET_MAX_BYTES && strpbrk(target, "; ") == NULL &&
	       !text_has_control(target, length);
}

static const char *type_name(const struct vfs_attr *attr)
{
	switch ((enum vfs_kind)attr->kind) {
	case VFS_KIND_FILE:
		return "file";
	case VFS_KIND_DIR:
		return "dir";
	case VFS_KIND_LINK:
		return "OS.unix=symlink";
	case VFS_KIND_OTHER:
		break;
	}
	return "OS.unix=special";
}

__attribute__((format(printf, 3, 4))) static void add(
    char *out, size_t *used, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out + *used, FTP_FACTS_LINE_BYTES - *used, format, args);
	va_end(args);
	/* The sum of all bounded parts is below FTP_FACTS_LINE_BYTES: n is what was written. */
	if (n > 0 && (size_t)n < FTP_FACTS_LINE_BYTES - *used)
		*used += (size_t)n;
	out[*used] = '\0';
}

size_t ftp_facts_format(char *out, const struct vfs_attr *attr, const char *target, unsigned facts)
{
	char text[FTP_TIME_BYTES];
	size_t used = 0;

	out[0] = '\0';
	if ((facts & FTP_FACT_TYPE) != 0 && attr->kind == VFS_KIND_LINK && target_fits_fact(target))
		add(out, &used, "type=OS.unix=slink:%s;", target);
	else if ((facts & FTP_FACT_TYPE) != 0)
		add(out, &used, "type=%s;", type_name(attr));
	if ((facts & FTP_FACT_SIZE) != 0 && attr->kind == VFS_KIND_FILE)
		add(out, &used, "size=%llu;", (unsigned long long)attr->size);
	if ((facts & FTP_FACT_MODIFY) != 0) {
		ftp_facts_format_time(text, attr->mtime);
		add(out, &used, "modify=%s;", text);
	}
	if ((facts & FTP_FACT_PERM) != 0) {
		format_perm(text, attr);
		add(out, &used, "perm=%s;", text);
	}
	if ((facts & FTP_FACT_UNIQUE) != 0)
		add(out, &used, "unique=%llxg%llx;", (unsigned long long)attr->device,
		    (unsigned long long)attr->inode);
	if ((facts & FTP_FACT_UNIX_MODE) != 0)
		add(out, &used, "UNIX.mode=%04o;", attr->mode & 07777u);
	if ((facts & FTP_FACT_UNIX_OWNER) != 0)
		add(out, &used, "UNIX.owner=%u;", attr->uid);
	if ((facts & FTP_FACT_UNIX_GROUP) != 0)
		add(out, &used, "UNIX.group=%u;", attr->gid);
	return used;
}

int64_t ftp_facts_clamp_time(int64_t seconds)
{
	if (seconds < YEAR_0_SECONDS)
		return YEAR_0_SECONDS;
	return seconds < YEAR_10000_SECONDS ? seconds : YEAR_10000_SECONDS - 1;
}

void ftp_facts_format_time(char out[FTP_TIME_BYTES], int64_t seconds)
{
	struct tm tm;

	clock_utc(ftp_facts_clamp_time(seconds), &tm);
	text_format(out, FTP_TIME_BYTES, "%04d%02d%02d%02d%02d%02d", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int digits(const char *text, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

static bool parse_fraction(const char *text, size_t n, uint32_t *nanoseconds_out)
{
	uint32_t value = 0;
	uint32_t unit = 100000000u;

	if (n < 2 || text[0] != '.')
		return false;
	for (size_t i = 1; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value += (uint32_t)(text[i] - '0') * unit;
		unit /= 10;
	}
	*nanoseconds_out = value;
	return true;
}

bool ftp_facts_parse_time(
    const char *text, size_t n, int64_t *seconds_out, uint32_t *nanoseconds_out)
{
	uint32_t nanoseconds = 0;
	struct tm tm = { 0 };
	struct tm back;

	if (n < TIME_DIGITS || strspn(text, "0123456789") < TIME_DIGITS)
		return false;
	if (n > TIME_DIGITS && !parse_fraction(text + TIME_DIGITS, n - TIME_DIGITS, &nanoseconds))
		return false;
	tm.tm_year = digits(text, 4) - 1900;
	tm.tm_mon = digits(text + 4, 2) - 1;
	tm.tm_mday = digits(text + 6, 2);
	tm.tm_hour = digits(text + 8, 2);
	tm.tm_min = digits(text + 10, 2);
	tm.tm_sec = digits(text + 12, 2);
	/* RFC 3659 2.3 allows second 60, a leap second; no file system has it. */
	if (tm.tm_sec == 60)
		tm.tm_sec = 59;
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	*seconds_out = clock_from_utc(&tm);
	clock_utc(*seconds_out, &back);
	if (back.tm_mday != tm.tm_mday) /* 31 April */
		return false;
	if (nanoseconds_out != NULL)
		*nanoseconds_out = nanoseconds;
	return true;
}
