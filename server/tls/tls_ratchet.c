#include "server/tls/tls_ratchet.h"

enum tls_verdict tls_ratchet(enum conf_data_session policy, bool resumed, bool *has_resumed)
{
	if (resumed) {
		*has_resumed = true;
		return TLS_ADMIT;
	}
	switch (policy) {
	case CONF_DATA_SESSION_OFF:
		return TLS_ADMIT;
	case CONF_DATA_SESSION_PREFER:
		return *has_resumed ? TLS_REFUSE_ENDED : TLS_ADMIT_UNPROVEN;
	case CONF_DATA_SESSION_REQUIRE:
	default:
		return TLS_REFUSE_MISSING;
	}
}
