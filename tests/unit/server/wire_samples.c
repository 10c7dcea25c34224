#include "wire_samples.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NO_FIELD SIZE_MAX

enum sample_value {
	VALUE_LEAST,    /* zero, empty */
	VALUE_GREATEST, /* at the bound */
	VALUE_BEYOND,   /* one more than the bound */
	VALUE_NUL,      /* text with a NUL inside */
	VALUE_OPEN,     /* text whose NUL at the end is another byte */
};

static uint8_t sample_bytes[WIRE_MAX_BYTES + 16];

/* What the rows' encoders are compared with: written by hand, without their bounds. */
static void put_text(struct wire_writer *writer, uint64_t max, enum sample_value value)
{
	size_t length = value == VALUE_LEAST ? 0 : max + (value == VALUE_BEYOND);
	char *text = malloc(length + 1);

	memset(text, 't', length + 1);
	text[length] = value == VALUE_OPEN ? 'x' : '\0';
	if (value == VALUE_NUL)
		text[length / 2] = '\0';
	wire_put_u32(writer, (uint32_t)length, 0);
	for (size_t i = 0; i <= length && writer->length < writer->size; i++)
		writer->bytes[writer->length++] = (uint8_t)text[i];
	free(text);
}

static void put_blob(struct wire_writer *writer, uint64_t max, enum sample_value value)
{
	size_t length = value == VALUE_LEAST ? 0 : max + (value == VALUE_BEYOND);

	wire_put_u32(writer, (uint32_t)length, 0);
	for (size_t i = 0; i < length && writer->length < writer->size; i++)
		writer->bytes[writer->length++] = (uint8_t)i;
}

static void put_number(
    struct wire_writer *writer, size_t bytes, uint64_t max, enum sample_value value)
{
	uint64_t number = max == 0 ? UINT64_MAX : max;

	if (value == VALUE_LEAST)
		number = 0;
	if (value == VALUE_BEYOND)
		number++;
	if (bytes == 4)
		wire_put_u32(writer, (uint32_t)number, 0);
	else
		wire_put_u64(writer, number, 0);
}

static void put_field(
    struct wire_writer *writer, const struct sample_field *field, enum sample_value value)
{
	struct vfs_attr attr = { 0 };
	struct vfs_change change = { 0 };

	if (value != VALUE_LEAST) {
		attr = (struct vfs_attr){ UINT64_MAX, UINT64_MAX, UINT64_MAX, INT64_MIN, INT64_MAX,
			999999999, 999999999, 07777, VFS_KIND_OTHER, UINT32_MAX, UINT32_MAX,
			UINT32_MAX, UINT32_MAX };
		change = (struct vfs_change){ INT64_MAX, INT64_MIN, INT64_MAX, 999999999, 999999999,
			31, 07777, UINT32_MAX, UINT32_MAX };
	}
	switch (field->kind) {
	case SAMPLE_u32:
		put_number(writer, 4, field->max, value);
		break;
	case SAMPLE_u64:
		put_number(writer, 8, field->max, value);
		break;
	case SAMPLE_i64:
		put_number(writer, 8, 0, value);
		break;
	case SAMPLE_str:
	case SAMPLE_secret:
		put_text(writer, field->max, value);
		break;
	case SAMPLE_blob:
		put_blob(writer, field->max, value);
		break;
	case SAMPLE_attr:
		wire_put_attr(writer, attr, 0);
		break;
	case SAMPLE_change:
		wire_put_change(writer, change, 0);
		break;
	case SAMPLE_end:
		break;
	}
}

/* A message with all fields at their bounds (or all least), but for the one at index `odd`. */
static size_t build(
    const struct sample_row *row, enum sample_value value, size_t odd, enum sample_value odd_value)
{
	struct wire_writer writer = { .bytes = sample_bytes, .size = sizeof(sample_bytes) };

	for (size_t i = 0; row->fields[i].kind != SAMPLE_end; i++)
		put_field(&writer, &row->fields[i], i == odd ? odd_value : value);
	cr_assert_not(writer.failed);
	return writer.length;
}

/* A copy of exactly the size, so that AddressSanitizer sees a byte read too many. */
static bool decodes(const struct sample_row *row, const uint8_t *bytes, size_t n)
{
	uint8_t *exact = malloc(n > 0 ? n : 1);
	struct wire_reader reader = { .bytes = exact, .left = n };

	memcpy(exact, bytes, n);
	row->decode(&reader);
	free(exact);
	return wire_done(&reader);
}

static void check_round_trip(const struct sample_row *row, size_t n)
{
	static uint8_t again[sizeof(sample_bytes)];
	struct wire_reader reader = { .bytes = sample_bytes, .left = n };
	struct wire_writer writer = { .bytes = again, .size = n };

	row->recode(&reader, &writer);
	cr_assert(wire_done(&reader), "%s: refused at its bounds", row->name);
	cr_assert_not(writer.failed, "%s: not encoded at its bounds", row->name);
	cr_assert_eq(writer.length, n, "%s: another length", row->name);
	cr_assert_eq(memcmp(again, sample_bytes, n), 0, "%s: other bytes", row->name);
	if (n > 0) {
		reader = (struct wire_reader){ .bytes = sample_bytes, .left = n };
		writer = (struct wire_writer){ .bytes = again, .size = n - 1 };
		row->recode(&reader, &writer);
		cr_assert(writer.failed, "%s: encoded into too little room", row->name);
	}
}

static void check_lengths(const struct sample_row *row, size_t n)
{
	/* Every shorter length of short messages, a sample of the long ones. */
	for (size_t cut = 1; cut <= n; cut += n < 2000 ? 1 : 97)
		cr_assert_not(
		    decodes(row, sample_bytes, n - cut), "%s: %zu bytes short", row->name, cut);
	sample_bytes[n] = 0;
	cr_assert_not(decodes(row, sample_bytes, n + 1), "%s: a byte too many", row->name);
}

static void check_field(const struct sample_row *row, size_t i)
{
	const struct sample_field *field = &row->fields[i];
	bool is_text = field->kind == SAMPLE_str || field->kind == SAMPLE_secret;
	bool has_bound =
	    is_text || field->kind == SAMPLE_blob ||
	    ((field->kind == SAMPLE_u32 || field->kind == SAMPLE_u64) && field->max != 0);

	if (has_bound)
		cr_assert_not(decodes(row, sample_bytes, build(row, VALUE_LEAST, i, VALUE_BEYOND)),
		    "%s: field %zu beyond its bound", row->name, i);
	if (!is_text)
		return;
	cr_assert_not(decodes(row, sample_bytes, build(row, VALUE_GREATEST, i, VALUE_NUL)),
	    "%s: field %zu with a NUL inside", row->name, i);
	cr_assert_not(decodes(row, sample_bytes, build(row, VALUE_GREATEST, i, VALUE_OPEN)),
	    "%s: field %zu without a NUL at its end", row->name, i);
}

void wire_sample_check(const struct sample_row *row)
{
	size_t n = build(row, VALUE_LEAST, NO_FIELD, VALUE_LEAST);

	check_round_trip(row, n);
	check_lengths(row, n);
	n = build(row, VALUE_GREATEST, NO_FIELD, VALUE_LEAST);
	cr_assert_leq(n + sizeof(struct wire_header), WIRE_MAX_BYTES, "%s: too long", row->name);
	check_round_trip(row, n);
	check_lengths(row, n);
	for (size_t i = 0; row->fields[i].kind != SAMPLE_end; i++)
		check_field(row, i);
}
