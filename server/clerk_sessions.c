#include "server/clerk_sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/netaddr.h"
#include "server/base/random.h"
#include "server/base/text.h"

#define BUCKETS 16384

enum hashing { HASHING_NOT, HASHING_WAITS, HASHING_NOW };

/* Sessions that share an address, a user or a process.  Exists while its count is not 0. */
struct tally {
	struct tally *next; /* in the bucket */
	uint32_t count;
	/* Of an address: its sessions that wait for a turn, and the ring of addresses with such. */
	struct clerk_session *first_waiting, *last_waiting;
	struct tally *ring_next, *ring_previous;
	char key[];
};

struct table {
	uint32_t used; /* tallies in it */
	struct tally *buckets[BUCKETS];
};

struct clerk_session {
	void *context;
	struct tally *process;
	struct tally *address; /* NULL: not admitted */
	enum conf_protocol protocol;
	struct tally *user;    /* NULL: nobody is logged in */
	enum hashing hashing;
	struct clerk_session *next_waiting, *previous_waiting;
};

struct clerk_sessions {
	struct clerk_limits limits;
	bool shut;
	uint32_t total;
	uint32_t over[CONF_PROTOCOL_COUNT];
	uint32_t hashing;
	uint64_t seed;      /* keys come from strangers: nobody shall aim at one bucket */
	struct tally *ring; /* the address whose turn is next, NULL when nobody waits */
	struct table addresses, users, processes;
};

struct clerk_sessions *clerk_sessions_new(void)
{
	struct clerk_sessions *books = calloc(1, sizeof(*books));

	if (books != NULL)
		random_bytes(&books->seed, sizeof(books->seed));
	return books;
}

void clerk_sessions_free(struct clerk_sessions **books)
{
	free(*books);
	*books = NULL;
}

void clerk_sessions_set_limits(struct clerk_sessions *books, const struct clerk_limits *limits)
{
	books->limits = *limits;
}

void clerk_sessions_shut(struct clerk_sessions *books)
{
	books->shut = true;
}

/* --- tallies -------------------------------------------------------------------------------- */

/* FNV-1a from a secret start. */
static size_t bucket_of(const struct clerk_sessions *books, const char *key)
{
	uint64_t hash = books->seed;

	for (; *key != '\0'; key++)
		hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
	return (size_t)((hash ^ (hash >> 32)) % BUCKETS);
}

static struct tally *find_tally(
    const struct clerk_sessions *books, const struct table *table, const char *key)
{
	struct tally *tally = table->buckets[bucket_of(books, key)];

	while (tally != NULL && strcmp(tally->key, key) != 0)
		tally = tally->next;
	return tally;
}

static uint32_t count_of(
    const struct clerk_sessions *books, const struct table *table, const char *key)
{
	const struct tally *tally = find_tally(books, table, key);

	return tally != NULL ? tally->count : 0;
}

/* One more; NULL when memory ran out. */
static struct tally *enter(const struct clerk_sessions *books, struct table *table, const char *key)
{
	struct tally *tally = find_tally(books, table, key);

	if (tally == NULL) {
		size_t bytes = strlen(key) + 1;
		size_t bucket = bucket_of(books, key);

		tally = calloc(1, sizeof(*tally) + bytes);
		if (tally == NULL)
			return NULL;
		memcpy(tally->key, key, bytes);
		tally->next = table->buckets[bucket];
		table->buckets[bucket] = tally;
		table->used++;
	}
	tally->count++;
	return tally;
}

/* One less; the last one takes the tally along. */
static void quit(const struct clerk_sessions *books, struct table *table, struct tally **tally)
{
	struct tally **link;

	if (*tally == NULL)
		return;
	if (--(*tally)->count == 0) {
		link = &table->buckets[bucket_of(books, (*tally)->key)];
		while (*link != *tally)
			link = &(*link)->next;
		*link = (*tally)->next;
		free(*tally);
		table->used--;
	}
	*tally = NULL;
}

/* What counts as one address: see clerk_sessions_admit. */
static void address_key(const char *peer, char out[NETADDR_TEXT_BYTES])
{
	struct netaddr address;

	if (!netaddr_parse_ip(&address, peer)) {
		text_copy(out, NETADDR_TEXT_BYTES, peer);
		return;
	}
	if (address.family == AF_INET6)
		memset(&address.bytes[8], 0, 8);
	netaddr_format_ip(&address, out);
}

/* --- sessions ------------------------------------------------------------------------------- */

struct clerk_session *clerk_sessions_open(struct clerk_sessions *books, pid_t pid, void *context)
{
	struct clerk_session *session;
	char key[24];

	snprintf(key, sizeof(key), "%ld", (long)pid);
	if (count_of(books, &books->processes, key) >= CLERK_CONNECTIONS_PER_PROCESS)
		return NULL;
	session = calloc(1, sizeof(*session));
	if (session == NULL)
		return NULL;
	session->context = context;
	session->process = enter(books, &books->processes, key);
	if (session->process == NULL) {
		free(session);
		return NULL;
	}
	return session;
}

void clerk_sessions_close(struct clerk_sessions *books, struct clerk_session **session)
{
	if (*session == NULL)
		return;
	clerk_sessions_leave(books, *session);
	quit(books, &books->processes, &(*session)->process);
	free(*session);
	*session = NULL;
}

void *clerk_sessions_context(const struct clerk_session *session)
{
	return session->context;
}

enum clerk_verdict clerk_sessions_admit(
    struct clerk_sessions *books, struct clerk_session *session, enum conf_protocol protocol,
    const char *peer)
{
	char key[NETADDR_TEXT_BYTES];

	address_key(peer, key);
	if (books->shut)
		return CLERK_SHUTTING_DOWN;
	if (books->total >= books->limits.max_sessions)
		return CLERK_TOO_MANY;
	if (count_of(books, &books->addresses, key) >= books->limits.max_sessions_per_address)
		return CLERK_TOO_MANY_FROM_ADDRESS;
	return clerk_sessions_restore(books, session, protocol, peer, "") ? CLERK_ALLOWED
	                                                                 : CLERK_UNAVAILABLE;
}

bool clerk_sessions_is_admitted(const struct clerk_session *session)
{
	return session->address != NULL;
}

bool clerk_sessions_restore(struct clerk_sessions *books, struct clerk_session *session,
    enum conf_protocol protocol, const char *peer, const char *user)
{
	char key[NETADDR_TEXT_BYTES];

	address_key(peer, key);
	session->address = enter(books, &books->addresses, key);
	if (session->address == NULL)
		return false;
	session->protocol = protocol;
	books->over[protocol]++;
	books->total++;
	if (user[0] != '\0')
		session->user = enter(books, &books->users, user);
	return user[0] == '\0' || session->user != NULL;
}

void clerk_sessions_leave(struct clerk_sessions *books, struct clerk_session *session)
{
	if (session->address == NULL)
		return;
	clerk_sessions_hash_end(books, session);
	quit(books, &books->users, &session->user);
	quit(books, &books->addresses, &session->address);
	books->over[session->protocol]--;
	books->total--;
}

enum clerk_verdict clerk_sessions_login(struct clerk_sessions *books, struct clerk_session *session,
    const char *user, uint32_t max_sessions)
{
	if (max_sessions != 0 && count_of(books, &books->users, user) >= max_sessions)
		return CLERK_TOO_MANY_OF_USER;
	session->user = enter(books, &books->users, user);
	return session->user != NULL ? CLERK_ALLOWED : CLERK_UNAVAILABLE;
}

bool clerk_sessions_has_user(const struct clerk_session *session)
{
	return session->user != NULL;
}

/* --- turns to hash: round robin over addresses, so that one that floods waits only for itself --
 */

/* Last in the ring: just before the one whose turn is next. */
static void join_ring(struct clerk_sessions *books, struct tally *address)
{
	if (books->ring == NULL) {
		address->ring_next = address->ring_previous = address;
		books->ring = address;
		return;
	}
	address->ring_next = books->ring;
	address->ring_previous = books->ring->ring_previous;
	address->ring_previous->ring_next = address;
	books->ring->ring_previous = address;
}

static void leave_ring(struct clerk_sessions *books, struct tally *address)
{
	if (books->ring == address)
		books->ring = address->ring_next == address ? NULL : address->ring_next;
	address->ring_next->ring_previous = address->ring_previous;
	address->ring_previous->ring_next = address->ring_next;
	address->ring_next = address->ring_previous = NULL;
}

static void dequeue(struct clerk_sessions *books, struct clerk_session *session)
{
	struct tally *address = session->address;

	if (session->previous_waiting != NULL)
		session->previous_waiting->next_waiting = session->next_waiting;
	else
		address->first_waiting = session->next_waiting;
	if (session->next_waiting != NULL)
		session->next_waiting->previous_waiting = session->previous_waiting;
	else
		address->last_waiting = session->previous_waiting;
	session->next_waiting = session->previous_waiting = NULL;
	if (address->first_waiting == NULL)
		leave_ring(books, address);
}

bool clerk_sessions_hash_begin(struct clerk_sessions *books, struct clerk_session *session)
{
	struct tally *address = session->address;

	if (session->hashing != HASHING_NOT || address == NULL)
		return false;
	session->hashing = HASHING_WAITS;
	if (address->first_waiting == NULL)
		join_ring(books, address);
	session->previous_waiting = address->last_waiting;
	if (address->last_waiting != NULL)
		address->last_waiting->next_waiting = session;
	else
		address->first_waiting = session;
	address->last_waiting = session;
	return true;
}

struct clerk_session *clerk_sessions_hash_next(struct clerk_sessions *books)
{
	struct clerk_session *session;

	if (books->ring == NULL || books->hashing >= books->limits.max_hashing)
		return NULL;
	session = books->ring->first_waiting;
	books->ring = books->ring->ring_next;
	dequeue(books, session);
	session->hashing = HASHING_NOW;
	books->hashing++;
	return session;
}

void clerk_sessions_hash_end(struct clerk_sessions *books, struct clerk_session *session)
{
	if (session->hashing == HASHING_WAITS)
		dequeue(books, session);
	if (session->hashing == HASHING_NOW)
		books->hashing--;
	session->hashing = HASHING_NOT;
}

/* --- counts --------------------------------------------------------------------------------- */

uint32_t clerk_sessions_total(const struct clerk_sessions *books)
{
	return books->total;
}

uint32_t clerk_sessions_over(const struct clerk_sessions *books, enum conf_protocol protocol)
{
	return books->over[protocol];
}

uint32_t clerk_sessions_from(const struct clerk_sessions *books, const char *peer)
{
	char key[NETADDR_TEXT_BYTES];

	address_key(peer, key);
	return count_of(books, &books->addresses, key);
}

uint32_t clerk_sessions_of(const struct clerk_sessions *books, const char *user)
{
	return count_of(books, &books->users, user);
}

uint32_t clerk_sessions_users(const struct clerk_sessions *books)
{
	return books->users.used;
}
