/*
 * Every check that holds for any row of a message table, for the tests of the generated codecs.
 *
 * A test makes its rows from the table's macros: the fields as data, and a function that decodes a
 * message and encodes it again.
 */
#ifndef WIRE_SAMPLES_H
#define WIRE_SAMPLES_H

#include "server/wire.h"

enum sample_kind {
	SAMPLE_end, /* ends a list of fields */
	SAMPLE_u32,
	SAMPLE_u64,
	SAMPLE_i64,
	SAMPLE_str,
	SAMPLE_secret,
	SAMPLE_blob,
	SAMPLE_attr,
	SAMPLE_change,
};

struct sample_field {
	enum sample_kind kind;
	uint64_t max;
};

/* For use as F in a field list. */
#define SAMPLE_FIELD(kind_, name_, max_) { SAMPLE_##kind_, (uint64_t)(max_) },

struct sample_row {
	const char *name;
	const struct sample_field *fields;
	void (*decode)(struct wire_reader *reader);
	void (*recode)(struct wire_reader *reader, struct wire_writer *writer);
};

/* Fails the running test when the row's codecs accept or yield anything they should not. */
void wire_sample_check(const struct sample_row *row);

#endif
