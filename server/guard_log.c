/*
 * The guard's log lines: every one with what the session knows about itself.
 *
 * The facts are the guard's own (addresses, user, paths); of the front's words only the client's
 * name and the reason of the bye get in, each in a field that says so.
 */
#include "auth/auth_factors.h"
#include "server/base/text.h"
#include "server/guard_private.h"

void guard_log_init(const struct guard *guard, struct event *event, enum event_id id)
{
	event_init(event, id);
	event_text(event, EVENT_FIELD_SESSION, guard->session);
	if (guard->listener != NULL)
		event_text(event, EVENT_FIELD_PROTOCOL, guard_protocol_name(guard->listener));
	if (guard->peer.family != 0)
		event_text(event, EVENT_FIELD_PEER, guard->peer_text);
	if (guard->user != NULL)
		event_text(event, EVENT_FIELD_USER, guard->user->name);
	event_text(event, EVENT_FIELD_CLIENT, guard->client);
}

void guard_log(struct guard *guard, const struct event *event)
{
	clerk_client_log(guard->clerk, event);
}

/* The two ends of what arrived at the listener. */
static void add_arrival(const struct guard *guard, struct event *event)
{
	char local[NETADDR_TEXT_BYTES];

	netaddr_format(&guard->local, local);
	event_text(event, EVENT_FIELD_LISTENER, guard->listener->title);
	event_text(event, EVENT_FIELD_ADDRESS, local);
}

void guard_log_accept(struct guard *guard)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_ACCEPT);
	add_arrival(guard, &event);
	guard_log(guard, &event);
}

void guard_log_refuse(struct guard *guard, const char *reason)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_REFUSE);
	add_arrival(guard, &event);
	event_text(&event, EVENT_FIELD_REASON, reason);
	guard_log(guard, &event);
}

void guard_log_violation(struct guard *guard, const char *message, const char *reason)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_VIOLATION);
	event_text(&event, EVENT_FIELD_MESSAGE, message);
	event_text(&event, EVENT_FIELD_REASON, reason);
	guard_log(guard, &event);
}

void guard_log_data_failed(
    struct guard *guard, const struct netaddr *address, const char *reason, const char *cure)
{
	char text[NETADDR_TEXT_BYTES];
	struct event event;

	guard_log_init(guard, &event, EVENT_DATA_FAILED);
	if (address != NULL && address->family != 0) {
		netaddr_format(address, text);
		event_text(&event, EVENT_FIELD_ADDRESS, text);
	}
	event_text(&event, EVENT_FIELD_REASON, reason);
	event_text(&event, EVENT_FIELD_CURE, cure);
	guard_log(guard, &event);
}

static void add_methods(struct event *event, unsigned methods, const char *key)
{
	char text[AUTH_FACTORS_TEXT_BYTES];

	auth_factors_text(methods, text);
	event_text(event, EVENT_FIELD_METHOD, text);
	event_text(event, EVENT_FIELD_KEY, key);
}

void guard_log_login_partial(struct guard *guard, const char *backend, unsigned missing)
{
	char text[AUTH_FACTORS_TEXT_BYTES];
	struct event event;

	guard_log_init(guard, &event, EVENT_LOGIN_PARTIAL);
	event_text(&event, EVENT_FIELD_USER, guard->login.user);
	event_text(&event, EVENT_FIELD_BACKEND, backend);
	add_methods(&event, guard->login.factors, guard->login.factor_key);
	auth_factors_text(missing, text);
	event_text(&event, EVENT_FIELD_MISSING, text);
	guard_log(guard, &event);
}

void guard_log_login(struct guard *guard, const char *backend)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_LOGIN);
	event_text(&event, EVENT_FIELD_BACKEND, backend);
	add_methods(&event, guard->login.factors, guard->login.factor_key);
	event_text(&event, EVENT_FIELD_ALGORITHMS, guard->algorithms);
	guard_log(guard, &event);
}

void guard_log_negotiation_failed(struct guard *guard, const char *reason, const char *ours,
    const char *theirs, const char *cure)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_NEGOTIATION_FAILED);
	event_text(&event, EVENT_FIELD_REASON, reason);
	event_text(&event, EVENT_FIELD_OURS, ours);
	event_text(&event, EVENT_FIELD_THEIRS, theirs);
	event_text(&event, EVENT_FIELD_CURE, cure);
	guard_log(guard, &event);
}

void guard_log_login_failed(struct guard *guard, const char *user, const char *backend,
    const char *reason, const char *cure)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_LOGIN_FAILED);
	if (guard->user == NULL)
		event_text(&event, EVENT_FIELD_USER, user);
	event_text(&event, EVENT_FIELD_BACKEND, backend);
	add_methods(&event, (unsigned)guard->login.attempt.method, guard->login.key);
	event_text(&event, EVENT_FIELD_REASON, reason);
	event_text(&event, EVENT_FIELD_CURE, cure);
	guard_log(guard, &event);
}

static const char *bye_text(enum guard_bye reason)
{
#define BYE_TEXT(name, text) [GUARD_BYE_##name] = (text),
	static const char *const texts[GUARD_BYE_COUNT] = { GUARD_BYES(BYE_TEXT) };
#undef BYE_TEXT

	return texts[reason];
}

/* Of several reasons the one nearest to the truth: ours for a broken protocol, the front's word,
 * the order that it obeyed or did not survive, the mere end. */
static const char *logout_reason(const struct guard *guard, int status)
{
	if (status == SESSION_EXIT_VIOLATION)
		return "protocol violation by the front";
	/* A front that stops because it was told so knows less than who told it. */
	if (guard->bye && (guard->bye_reason != GUARD_BYE_STOPPED || guard->stop_reason == NULL))
		return bye_text(guard->bye_reason);
	if (guard->stop_reason != NULL)
		return guard->stop_reason;
	return guard->end_reason;
}

void guard_log_logout(struct guard *guard, int status)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_LOGOUT);
	event_text(&event, EVENT_FIELD_REASON, logout_reason(guard, status));
	event_number(
	    &event, EVENT_FIELD_DURATION_MS, (uint64_t)(clock_mono_ms() - guard->since_ms));
	event_number(&event, EVENT_FIELD_UPLOADS, guard->totals.uploads);
	event_number(&event, EVENT_FIELD_DOWNLOADS, guard->totals.downloads);
	event_number(&event, EVENT_FIELD_BYTES_IN, guard->totals.bytes_in);
	event_number(&event, EVENT_FIELD_BYTES_OUT, guard->totals.bytes_out);
	guard_log(guard, &event);
}

void guard_log_path(struct guard *guard, enum event_id id, const char *path, const char *to)
{
	struct event event;

	guard_log_init(guard, &event, id);
	event_text(&event, EVENT_FIELD_PATH, path);
	event_text(&event, EVENT_FIELD_TO, to);
	guard_log(guard, &event);
}
