#include <criterion/criterion.h>

#include "server/tls/tls_ratchet.h"

Test(tls_ratchet, every_policy_judges_resumption_as_its_row_says)
{
	static const struct {
		enum conf_data_session policy;
		bool resumed;
		bool had_resumed;
		enum tls_verdict verdict;
	} rows[] = {
		{ CONF_DATA_SESSION_OFF, false, false, TLS_ADMIT },
		{ CONF_DATA_SESSION_OFF, false, true, TLS_ADMIT },
		{ CONF_DATA_SESSION_OFF, true, false, TLS_ADMIT },
		{ CONF_DATA_SESSION_PREFER, false, false, TLS_ADMIT_UNPROVEN },
		{ CONF_DATA_SESSION_PREFER, false, true, TLS_REFUSE_ENDED },
		{ CONF_DATA_SESSION_PREFER, true, false, TLS_ADMIT },
		{ CONF_DATA_SESSION_PREFER, true, true, TLS_ADMIT },
		{ CONF_DATA_SESSION_REQUIRE, false, false, TLS_REFUSE_MISSING },
		{ CONF_DATA_SESSION_REQUIRE, false, true, TLS_REFUSE_MISSING },
		{ CONF_DATA_SESSION_REQUIRE, true, false, TLS_ADMIT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool has_resumed = rows[i].had_resumed;

		cr_expect_eq(tls_ratchet(rows[i].policy, rows[i].resumed, &has_resumed),
		    rows[i].verdict, "row %zu", i);
		cr_expect_eq(has_resumed, rows[i].had_resumed || rows[i].resumed, "row %zu", i);
	}
}

Test(tls_ratchet, a_client_that_has_resumed_once_must_go_on)
{
	bool has_resumed = false;

	cr_expect_eq(tls_ratchet(CONF_DATA_SESSION_PREFER, false, &has_resumed), TLS_ADMIT_UNPROVEN);
	cr_expect_eq(tls_ratchet(CONF_DATA_SESSION_PREFER, false, &has_resumed), TLS_ADMIT_UNPROVEN);
	cr_expect_eq(tls_ratchet(CONF_DATA_SESSION_PREFER, true, &has_resumed), TLS_ADMIT);
	cr_expect_eq(tls_ratchet(CONF_DATA_SESSION_PREFER, false, &has_resumed), TLS_REFUSE_ENDED);
}
