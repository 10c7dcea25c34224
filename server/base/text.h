/*
 * Bytes from strangers as text that is safe to show, and small string tools
 * that libc lacks.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Make n bytes harmless for a log line, a terminal or JSON: control characters, DEL, backslash
 * and bytes that are not valid UTF-8 become \xHH (backslash: \\).  Never writes more than
 * out_bytes, ends in NUL; what does not fit is cut and the text ends in "...".
 * Returns the length written.
 */
size_t text_escape(char *out, size_t out_bytes, const void *bytes, size_t n);
/* Is it well-formed UTF-8 (no overlong forms, no surrogates)? */
bool text_is_utf8(const void *bytes, size_t n);
/* Is there a control character (below 0x20, or 0x7f) in it? */
bool text_has_control(const void *bytes, size_t n);

/* Is it well-formed UTF-8 without characters that a terminal takes for more than signs (text_escape leaves it as it is, but
 * for backslashes)? */
bool text_is_harmless(const void *bytes, size_t n);

/* snprintf that says whether all of it fitted. */
bool text_format(char *out, size_t out_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* strlcpy that says whether all of it fitted; always ends in NUL. */
bool text_copy(char *out, size_t out_bytes, const char *text);

/* Digits only, whole string, no sign, no space: true and the value, or false (also on overflow). */
bool text_parse_u64(const char *text, uint64_t *out);
/* Same in octal, at most 07777. */
bool text_parse_mode(const char *text, unsigned *out);
/* n bytes as 2n lower-case hex digits and NUL. */
void text_hex(char *out, const void *bytes, size_t n);
/*
 * length characters of base64 (RFC 4648 4) as bytes.  Strict: no white space, no stray bits, padding
 * whole or left out.  False when it is not base64, empty, or needs more than out_bytes.
 */
bool text_parse_base64(
    const char *text, size_t length, uint8_t *out, size_t out_bytes, size_t *length_out);
/*
 * Shell-like match of a whole name: * ? [abc] [a-z] [!a]; \ takes the next byte as it is.  Linear
 * in the name for each star: no pattern makes it exponential.  Malformed [ matches itself.
 */
bool text_glob(const char *pattern, const char *name);
/* Does the pattern hold any of * ? [ at all? */
bool text_is_glob(const char *pattern);

#endif
