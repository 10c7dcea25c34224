#include "server/ftp/ftp_listing.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/ftp/ftp_facts.h"

#define RECENT_SECONDS (180 * 86400LL) /* ls shows the time of day of younger files */
#define OWNER_COLUMNS  8u
#define SIZE_COLUMNS   12u

/* The caller has made sure that a longest line fits. */
static char *put_text(char *p, const char *text)
{
	for (; *text != '\0'; text++)
		*p++ = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
	return p;
}

static char *put_spaces(char *p, size_t n)
{
	memset(p, ' ', n);
	return p + n;
}

static char *put_number(char *p, uint64_t value, size_t width)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	if (n < width)
		p = put_spaces(p, width - n);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static char *put_padded(char *p, const char *text)
{
	size_t length = strlen(text);

	p = put_text(p, text);
	return length < OWNER_COLUMNS ? put_spaces(p, OWNER_COLUMNS - length) : p;
}

static char *put_owner(char *p, const struct ftp_list_view *view, uint32_t id)
{
	char *start = p;
	size_t length;

	if (id == view->uid)
		return put_padded(p, view->login);
	p = put_number(p, id, 0);
	length = (size_t)(p - start);
	return length < OWNER_COLUMNS ? put_spaces(p, OWNER_COLUMNS - length) : p;
}

static char *put_mode(char *p, const struct vfs_attr *attr)
{
	static const char kinds[] = { '-', 'd', 'l', 's' };
	static const char letters[] = "rwxrwxrwx";
	/* setuid, setgid, sticky show in the place of an x */
	static const struct {
		uint32_t bit;
		size_t at;
		char with_x;
		char without_x;
	} special[] = {
		{ 04000, 3, 's', 'S' },
		{ 02000, 6, 's', 'S' },
		{ 01000, 9, 't', 'T' },
	};

	p[0] = attr->kind < sizeof(kinds) ? kinds[attr->kind] : '-';
	for (size_t i = 0; i < 9; i++)
		p[i + 1] = (attr->mode & (0400u >> i)) != 0 ? letters[i] : '-';
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if ((attr->mode & special[i].bit) != 0)
			p[special[i].at] =
			    p[special[i].at] == 'x' ? special[i].with_x : special[i].without_x;
	}
	return p + 10;
}

static char *put_two(char *p, int value, char pad)
{
	char tens = (char)('0' + value / 10 % 10);

	*p++ = tens == '0' ? pad : tens;
	*p++ = (char)('0' + value % 10);
	return p;
}

static char *put_time(char *p, int64_t now, int64_t when)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct tm tm;

	clock_utc(ftp_facts_clamp_time(when), &tm);
	p = put_text(p, months[tm.tm_mon]);
	*p++ = ' ';
	p = put_two(p, tm.tm_mday, ' ');
	*p++ = ' ';
	if (when <= now && when > now - RECENT_SECONDS) {
		p = put_two(p, tm.tm_hour, '0');
		*p++ = ':';
		return put_two(p, tm.tm_min, '0');
	}
	*p++ = ' ';
	p = put_two(p, (tm.tm_year + 1900) / 100, '0');
	return put_two(p, (tm.tm_year + 1900) % 100, '0');
}

static char *put_long(char *p, const struct ftp_list_view *view, const struct vfs_attr *attr)
{
	p = put_mode(p, attr);
	p = put_number(p, attr->nlink, 5);
	*p++ = ' ';
	p = put_owner(p, view, attr->uid);
	*p++ = ' ';
	p = put_owner(p, view, attr->gid);
	*p++ = ' ';
	p = put_number(p, attr->size, SIZE_COLUMNS);
	*p++ = ' ';
	p = put_time(p, view->now, attr->mtime);
	*p++ = ' ';
	return p;
}

size_t ftp_listing_line(char *out, size_t size, const struct ftp_list_view *view,
    const struct vfs_entry *entry, const char *prefix)
{
	char *p = out;

	if (size < FTP_LISTING_LINE_BYTES)
		return 0;
	assert(strlen(prefix) <= VFS_PATH_MAX && strlen(entry->target) <= VFS_PATH_MAX &&
	       entry->name_length <= VFS_PATH_MAX);
	switch (view->form) {
	case FTP_FORM_LONG:
		p = put_long(p, view, &entry->attr);
		break;
	case FTP_FORM_FACTS:
		p += ftp_facts_format(p, &entry->attr, entry->target, view->facts);
		*p++ = ' ';
		break;
	case FTP_FORM_NAMES:
		break;
	}
	p = put_text(p, prefix);
	p = put_text(p, entry->name);
	if (view->form == FTP_FORM_LONG && entry->attr.kind == VFS_KIND_LINK &&
	    entry->target[0] != '\0') {
		p = put_text(p, " -> ");
		p = put_text(p, entry->target);
	}
	*p++ = '\r';
	*p++ = '\n';
	return (size_t)(p - out);
}
