#include "server/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UTF8_MAX_BYTES    4
#define ELLIPSIS          "..."
#define ELLIPSIS_BYTES    (sizeof(ELLIPSIS) - 1)
#define ESCAPED_MAX_BYTES 4 /* \xHH */

/*
 * Length of the well-formed UTF-8 sequence at the start of n bytes, or 0.  The second byte's range
 * depends on the first (Unicode table 3-7): that is what rules out overlong forms, surrogates and
 * everything above U+10FFFF.
 */
static size_t utf8_decode(const uint8_t *bytes, size_t n, uint32_t *code_out)
{
	uint8_t first = n > 0 ? bytes[0] : 0x80;
	uint8_t low = 0x80, high = 0xbf;
	uint32_t code;
	size_t length;

	if (first < 0x80) {
		*code_out = first;
		return 1;
	}
	if (first >= 0xc2 && first <= 0xdf) {
		length = 2;
		code = first & 0x1fu;
	} else if (first >= 0xe0 && first <= 0xef) {
		length = 3;
		code = first & 0x0fu;
		low = first == 0xe0 ? 0xa0 : low;
		high = first == 0xed ? 0x9f : high;
	} else if (first >= 0xf0 && first <= 0xf4) {
		length = 4;
		code = first & 0x07u;
		low = first == 0xf0 ? 0x90 : low;
		high = first == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (n < length || bytes[1] < low || bytes[1] > high)
		return 0;
	code = code << 6 | (bytes[1] & 0x3fu);
	for (size_t i = 2; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (bytes[i] & 0x3fu);
	}
	*code_out = code;
	return length;
}

bool text_is_utf8(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	uint32_t code;

	while (n > 0) {
		size_t length = utf8_decode(at, n, &code);

		if (length == 0)
			return false;
		at += length;
		n -= length;
	}
	return true;
}

bool text_has_control(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++)
		if (at[i] < 0x20 || at[i] == 0x7f)
			return true;
	return false;
}

/* Characters that move the cursor, break a line or turn the reading direction on some screen. */
static bool is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

bool text_is_harmless(const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		uint32_t code;
		size_t length = utf8_decode(at, n, &code);

		if (length == 0 || is_harmful(code))
			return false;
		at += length;
		n -= length;
	}
	return true;
}

/* The harmless form of the character at bytes; how many bytes it was is in *taken. */
static size_t escape_one(
    char out[UTF8_MAX_BYTES * ESCAPED_MAX_BYTES], const uint8_t *bytes, size_t n, size_t *taken)
{
	uint32_t code;
	size_t length = utf8_decode(bytes, n, &code);
	size_t written = 0;

	*taken = length > 0 ? length : 1;
	if (length > 0 && code == '\\') {
		out[0] = out[1] = '\\';
		return 2;
	}
	if (length > 0 && !is_harmful(code)) {
		memcpy(out, bytes, length);
		return length;
	}
	for (size_t i = 0; i < *taken; i++) {
		out[written++] = '\\';
		out[written++] = 'x';
		out[written++] = "0123456789abcdef"[bytes[i] >> 4];
		out[written++] = "0123456789abcdef"[bytes[i] & 15];
	}
	return written;
}

/* How many bytes at the start are what they look like: most texts are nothing else. */
static size_t count_plain(const uint8_t *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\')
		i++;
	return i;
}

size_t text_escape(char *out, size_t out_bytes, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	size_t room, length = 0;
	size_t cut = 0; /* the last place between characters where the dots still fit */

	if (out_bytes == 0)
		return 0;
	room = out_bytes - 1;
	length = count_plain(at, n < room ? n : room);
	if (length + ELLIPSIS_BYTES > room)
		length = 0;
	memcpy(out, at, length);
	cut = length;
	at += length;
	n -= length;
	while (n > 0) {
		char one[UTF8_MAX_BYTES * ESCAPED_MAX_BYTES];
		size_t taken;
		size_t written = escape_one(one, at, n, &taken);

		if (written > room - length) {
			size_t dots = room - cut < ELLIPSIS_BYTES ? room - cut : ELLIPSIS_BYTES;

			memcpy(out + cut, ELLIPSIS, dots);
			length = cut + dots;
			break;
		}
		memcpy(out + length, one, written);
		length += written;
		if (length + ELLIPSIS_BYTES <= room)
			cut = length;
		at += taken;
		n -= taken;
	}
	out[length] = '\0';
	return length;
}

bool text_format(char *out, size_t out_bytes, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(out, out_bytes, format, args);
	va_end(args);
	return length >= 0 && (size_t)length < out_bytes;
}

bool text_copy(char *out, size_t out_bytes, const char *text)
{
	size_t length = strlen(text);
	size_t copied = length;

	if (out_bytes == 0)
		return false;
	if (copied > out_bytes - 1)
		copied = out_bytes - 1;
	memcpy(out, text, copied);
	out[copied] = '\0';
	return copied == length;
}

bool text_parse_u64(const char *text, uint64_t *out)
{
	uint64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

bool text_parse_mode(const char *text, unsigned *out)
{
	unsigned value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '7')
			return false;
		value = value * 8 + (unsigned)(*text - '0');
		if (value > 07777)
			return false;
	}
	*out = value;
	return true;
}

void text_hex(char *out, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[at[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[at[i] & 15];
	}
	out[2 * n] = '\0';
}

/* The six bits of a letter, or -1. */
static int base64_value(char letter)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = letter == '\0' ? NULL : strchr(alphabet, letter);

	return found == NULL ? -1 : (int)(found - alphabet);
}

bool text_parse_base64(
    const char *text, size_t length, uint8_t *out, size_t out_bytes, size_t *length_out)
{
	size_t letters = length;
	size_t made = 0;
	uint32_t bits = 0;
	unsigned held = 0;

	while (letters > 0 && length - letters < 2 && text[letters - 1] == '=')
		letters--;
	if (letters == 0 || letters % 4 == 1 || (length != letters && length % 4 != 0))
		return false;
	for (size_t i = 0; i < letters; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (made >= out_bytes)
			return false;
		out[made++] = (uint8_t)(bits >> held);
		bits &= (1u << held) - 1;
	}
	*length_out = made;
	return bits == 0;
}

/* The character at *text, which is not at its end: a code point, or a stray byte as itself. */
static uint32_t next_character(const char **text)
{
	const uint8_t *bytes = (const uint8_t *)*text;
	uint32_t code;
	size_t length = utf8_decode(bytes, strnlen(*text, UTF8_MAX_BYTES), &code);

	if (length == 0) {
		/* Above Unicode, so that it never equals a character. */
		code = 0x110000u + bytes[0];
		length = 1;
	}
	*text += length;
	return code;
}

/* Like next_character, but a backslash gives the character behind it. */
static uint32_t next_quoted(const char **pattern)
{
	if ((*pattern)[0] == '\\' && (*pattern)[1] != '\0')
		(*pattern)++;
	return next_character(pattern);
}

/*
 * Try a [set]; *pattern is behind the '['.  True when it is well-formed: then *pattern is behind
 * the
 * ']' and *matched says whether the character is in it.
 */
static bool match_set(const char **pattern, uint32_t character, bool *matched)
{
	const char *at = *pattern;
	bool negated = *at == '!';
	bool found = false;
	const char *first;

	if (negated)
		at++;
	first = at;
	while (*at != '\0' && (*at != ']' || at == first)) {
		uint32_t low = next_quoted(&at);
		uint32_t high = low;

		if (at[0] == '-' && at[1] != ']' && at[1] != '\0') {
			at++;
			high = next_quoted(&at);
		}
		if (low <= character && character <= high)
			found = true;
	}
	if (*at != ']')
		return false;
	*pattern = at + 1;
	*matched = found != negated;
	return true;
}

/* Match one element of the pattern (not a star) with one character of the name; both advance. */
static bool match_one(const char **pattern, const char **name)
{
	const char *set = *pattern + 1;
	uint32_t character = next_character(name);
	bool matched;

	if (**pattern == '?') {
		(*pattern)++;
		return true;
	}
	if (**pattern == '[' && match_set(&set, character, &matched)) {
		*pattern = set;
		return matched;
	}
	return next_quoted(pattern) == character;
}

bool text_glob(const char *pattern, const char *name)
{
	/* Only the last star is ever tried again: what an earlier one took cannot help a later one.
	 */
	const char *star = NULL;
	const char *star_name = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			star_name = name;
			continue;
		}
		if (*pattern != '\0' && match_one(&pattern, &name))
			continue;
		if (star == NULL)
			return false;
		pattern = star;
		next_character(&star_name);
		name = star_name;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool text_is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}
