#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/bytes.h"
#include "tests/unit/sftp/fxp_harness.h"

static const uint8_t init_packet[] = { 0, 0, 0, 5, FXP_REQUEST_init, 0, 0, 0, 3 };

Test(fxp_input, the_version_is_the_lower_one)
{
	for (uint32_t version = 0; version < 8; version++) {
		uint8_t packet[sizeof(init_packet)];
		struct fxp_harness harness;
		struct fxp_answer answer;

		memcpy(packet, init_packet, sizeof(packet));
		packet[8] = (uint8_t)version;
		fxp_harness_new(&harness);
		fxp_harness_start(&harness);
		cr_assert(fxp_harness_give(&harness, packet, sizeof(packet)));
		answer = fxp_harness_next(&harness);
		cr_assert_eq(answer.type, FXP_REPLY_VERSION);
		cr_assert_eq(answer.id, version < 3 ? version : 3);
		fxp_harness_free(&harness);
	}
}

Test(fxp_input, extensions_of_a_client_in_init_are_taken_no_notice_of)
{
	static const uint8_t packet[] = { 0, 0, 0, 15, FXP_REQUEST_init, 0, 0, 0, 3, 0, 0, 0, 1, 'a', 0, 0, 0, 1, 'b' };
	struct fxp_harness harness;

	fxp_harness_new(&harness);
	fxp_harness_start(&harness);
	cr_assert(fxp_harness_give(&harness, packet, sizeof(packet)));
	cr_assert_eq(fxp_harness_next(&harness).type, FXP_REPLY_VERSION);
	fxp_harness_free(&harness);
}

static bool ends_session(const uint8_t *bytes, size_t n, bool after_init)
{
	struct fxp_harness harness;
	int status = -1;
	bool ended;

	fxp_harness_new(&harness);
	if (after_init)
		fxp_harness_login(&harness);
	else
		fxp_harness_start(&harness);
	ended = !fxp_harness_give(&harness, bytes, n);
	cr_assert_eq(ended, fxp_service.ended(harness.service, &status));
	if (ended)
		cr_assert_eq(status, 1);
	fxp_harness_free(&harness);
	return ended;
}

Test(fxp_input, what_no_client_sends_ends_the_session)
{
	static const uint8_t stat_first[] = { 0, 0, 0, 10, FXP_REQUEST_stat, 0, 0, 0, 1, 0, 0, 0, 1, 'a' };
	static const uint8_t empty[] = { 0, 0, 0, 0, FXP_REQUEST_stat };
	static const uint8_t no_id[] = { 0, 0, 0, 4, FXP_REQUEST_stat };
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, FXP_REQUEST_write };
	static const uint8_t over[] = { 0, 4, 4, 1, FXP_REQUEST_write };
	static const uint8_t most[] = { 0, 4, 4, 0, FXP_REQUEST_write };

	cr_assert(ends_session(stat_first, sizeof(stat_first), false), "before INIT");
	cr_assert(ends_session(init_packet, sizeof(init_packet), true), "INIT twice");
	cr_assert(ends_session(empty, sizeof(empty), true));
	cr_assert(ends_session(no_id, sizeof(no_id), true));
	cr_assert(ends_session(huge, sizeof(huge), true));
	cr_assert(ends_session(over, sizeof(over), true), "beyond the maximum");
	cr_assert(!ends_session(most, sizeof(most), true), "the maximum");
	cr_assert(!ends_session(init_packet, sizeof(init_packet), false));
}

Test(fxp_input, bytes_may_come_one_by_one)
{
	struct fxp_harness harness;
	struct fxp_name file;
	uint8_t packet[FXP_WRITE_HEAD_BYTES + 5];
	struct fxp_writer writer = { .bytes = packet, .size = sizeof(packet) };

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	fxp_put_u32(&writer, sizeof(packet) - 4);
	fxp_put_u8(&writer, FXP_REQUEST_write);
	fxp_put_u32(&writer, 99);
	fxp_put_string(&writer, file.bytes, sizeof(file.bytes));
	fxp_put_u64(&writer, 0);
	fxp_put_text(&writer, "bytes");
	for (size_t i = 0; i < sizeof(packet); i++) {
		cr_assert(!fxp_harness_has(&harness));
		cr_assert(fxp_harness_give(&harness, packet + i, 1));
	}
	cr_assert_eq(fxp_harness_next(&harness).id, 99);
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "bytes"));
	fxp_harness_free(&harness);
}

Test(fxp_input, many_requests_at_once_are_answered_in_order)
{
	struct fxp_harness harness;

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	harness.lazy = true;
	for (unsigned i = 0; i < 1000; i++)
		fxp_harness_put(&harness, FXP_REQUEST_realpath, "s", "x/..");
	fxp_harness_work(&harness);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(fxp_harness_next(&harness).id, i + 1);
	cr_assert(!fxp_harness_has(&harness));
	fxp_harness_free(&harness);
}

Test(fxp_input, a_client_that_does_not_read_is_stopped_and_what_it_sends_then_ends_the_session)
{
	struct fxp_harness harness;
	struct fxp_name file;
	uint8_t packet[64];
	struct fxp_writer writer = { .bytes = packet, .size = sizeof(packet) };
	size_t given = 0;
	size_t stopped = 0;
	size_t n;

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 1u << 20, "x"), FXP_CODE_OK);
	fxp_put_u32(&writer, 0);
	fxp_put_u8(&writer, FXP_REQUEST_read);
	fxp_put_u32(&writer, 1);
	fxp_put_string(&writer, file.bytes, sizeof(file.bytes));
	fxp_put_u64(&writer, 0);
	fxp_put_u32(&writer, 1u << 30);
	bytes_put_u32(packet, (uint32_t)writer.length - 4);
	while (given < 64u << 20) {
		if (!fxp_service.take(harness.service, packet, writer.length))
			break;
		given += writer.length;
		fxp_service.work(harness.service);
		fxp_service.output(harness.service, &n);
		cr_assert_leq(n, SSH_SERVICE_OUTPUT_MAX);
		if (stopped == 0 && !fxp_service.wants_input(harness.service))
			stopped = given;
	}
	cr_assert(stopped > 0 && stopped <= FXP_QUEUE_FULL_BYTES + 1024);
	cr_assert(given >= FXP_QUEUE_MAX_BYTES && given <= FXP_QUEUE_MAX_BYTES + (256u << 10));
	fxp_harness_free(&harness);
}

Test(fxp_input, the_session_ends_when_the_client_has_ended_and_everything_is_answered)
{
	struct fxp_harness harness;
	int status = -1;

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	cr_assert(!fxp_service.busy(harness.service));
	harness.lazy = true;
	fxp_harness_put(&harness, FXP_REQUEST_realpath, "s", ".");
	cr_assert(fxp_service.busy(harness.service));
	fxp_service.take_end(harness.service);
	cr_assert(!fxp_service.ended(harness.service, &status));
	fxp_harness_work(&harness);
	cr_assert(fxp_service.ended(harness.service, &status));
	cr_assert_eq(status, 0);
	fxp_harness_free(&harness);
}
