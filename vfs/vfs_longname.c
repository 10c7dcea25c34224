#include "vfs/vfs_longname.h"

#include <string.h>

#include "server/base/clock.h"

#define YEAR_0_SECONDS     (-62167219200LL)
#define YEAR_10000_SECONDS 253402300800LL
#define RECENT_SECONDS (180 * 86400LL) /* ls shows the time of day of younger files */
#define OWNER_COLUMNS  8u
#define SIZE_COLUMNS   12u

char *vfs_longname_put_text(char *p, const char *text)
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

	p = vfs_longname_put_text(p, text);
	return length < OWNER_COLUMNS ? put_spaces(p, OWNER_COLUMNS - length) : p;
}

static char *put_owner(char *p, const struct vfs_longname_view *view, uint32_t id)
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

/* Four digits of a year are all there is room for. */
static int64_t clamp(int64_t seconds)
{
	if (seconds < YEAR_0_SECONDS)
		return YEAR_0_SECONDS;
	return seconds < YEAR_10000_SECONDS ? seconds : YEAR_10000_SECONDS - 1;
}

static char *put_time(char *p, int64_t now, int64_t when)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct tm tm;

	clock_utc(clamp(when), &tm);
	p = vfs_longname_put_text(p, months[tm.tm_mon]);
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

char *vfs_longname_put(char *p, const struct vfs_longname_view *view, const struct vfs_attr *attr)
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
