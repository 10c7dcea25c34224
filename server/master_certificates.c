/* The master's eye on certificates and keys: files that change are tried, certificates and revocation lists that end are
 * told of, to the log when it is time and to the clerk's metrics always. */
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/pages.h"
#include "server/tls/tls_certificate.h"
#include "server/client_ca.h"
#include "server/crl_file.h"
#include "server/master_private.h"
#include "server/master_watch.h"

#define LOOK_MS      5000 /* between two looks at the files */
#define MOVING_MS    2000 /* the same at two looks so far apart: whoever writes them has finished */
#define DAY_MS       (INT64_C(24) * 60 * 60 * 1000)
#define DAY_SECONDS  (24 * 60 * 60)
#define SOON_MS      1000 /* behind the moment in which a certificate ends */
#define RETRY_MS     200  /* for a clerk that had no room for all that there is to tell */

/* What was said of a certificate: once a day is enough, however many reloads there are. */
struct told {
	struct told *next;
	uint8_t digest[TLS_CERTIFICATE_DIGEST_BYTES];
	enum event_id event;
	int64_t at;
};

/* What is in force of a configured file; strings on the heap. */
struct end {
	enum clerk_certificate_kind kind;
	char *file;
	char *names;
	int64_t expires;
	int64_t warning; /* seconds before that; said from then on */
	uint8_t digest[TLS_CERTIFICATE_DIGEST_BYTES]; /* of the certificate that ends first */
	bool of_chain; /* which is not the server's own */
};

struct ends {
	struct end *items;
	size_t count, room;
};

struct master_certificates {
	struct loop_timer *look_timer;
	struct loop_timer *expiry_timer;
	struct loop_timer *retry_timer;
	struct told *told;
	struct ends ends;  /* of the configuration in force */
	size_t ends_told;  /* so many the clerk has heard of */
	bool count_told;
};

/* --- files that change -------------------------------------------------------------------------- */

struct master_watch *master_certificates_watch(const struct conf *conf)
{
	const struct conf_list *host_keys = &conf->ssh.host_keys;
	struct master_watch *watch = master_watch_new();
	bool ok = watch != NULL && master_watch_add(watch, conf->tls.certificate) &&
	          master_watch_add(watch, conf->tls.key) &&
	          master_watch_add(watch, conf->tls.client_ca) &&
	          master_watch_add(watch, conf->tls.client_crl);

	for (size_t i = 0; ok && i < conf->tls_host_count; i++)
		ok = master_watch_add(watch, conf->tls_hosts[i].certificate) &&
		     master_watch_add(watch, conf->tls_hosts[i].key);
	for (size_t i = 0; ok && i < host_keys->count; i++)
		ok = master_watch_add(watch, host_keys->items[i]);
	if (!ok)
		master_watch_free(&watch);
	return watch;
}

static void on_look(struct loop *loop, void *context)
{
	struct master *master = context;
	enum master_watch_result result = MASTER_WATCH_SAME;
	struct event event;
	const char *path;

	(void)loop;
	/* While a configuration is being tried its own watch counts, if it is taken. */
	if (master->phase == MASTER_RUNNING && master->next.conf == NULL)
		result = master_watch_look(master->now.watch, &path);
	loop_timer_set(master->certificates->look_timer,
	    clock_mono_ms() + (result == MASTER_WATCH_MOVING ? MOVING_MS : LOOK_MS));
	if (result != MASTER_WATCH_CHANGED)
		return;
	event_init(&event, EVENT_CERTIFICATE_CHANGED);
	event_text(&event, EVENT_FIELD_FILE, path);
	clerk_client_log(master->log, &event);
	master_reload_files(master);
}

/* --- certificates that end ---------------------------------------------------------------------- */

/* Was this said within the last day?  If not, it is now; when memory runs out it is said too often. */
static bool was_told(
    struct master_certificates *own, const uint8_t *digest, enum event_id id, int64_t now)
{
	struct told **link = &own->told;
	struct told *made;
	bool found = false;

	while (*link != NULL) {
		struct told *each = *link;

		if (now - each->at > DAY_MS - SOON_MS) {
			*link = each->next;
			free(each);
			continue;
		}
		found = found || (each->event == id &&
		                     memcmp(each->digest, digest, sizeof(each->digest)) == 0);
		link = &each->next;
	}
	if (found || (made = calloc(1, sizeof(*made))) == NULL)
		return found;
	*made = (struct told){ .next = own->told, .event = id, .at = now };
	memcpy(made->digest, digest, sizeof(made->digest));
	own->told = made;
	return false;
}

static enum event_id event_of(const struct end *end, int64_t left)
{
	if (end->kind == CLERK_CERTIFICATE_LIST)
		return left > 0 ? EVENT_CRL_EXPIRES : EVENT_CRL_EXPIRED;
	return left > 0 ? EVENT_CERTIFICATE_EXPIRES : EVENT_CERTIFICATE_EXPIRED;
}

static void tell(struct master *master, const struct end *end, int64_t left)
{
	const enum event_id id = event_of(end, left);
	char date[TLS_CERTIFICATE_DATE_BYTES];
	struct event event;

	if (was_told(master->certificates, end->digest, id, clock_mono_ms()))
		return;
	tls_certificate_date(end->expires, date);
	event_init(&event, id);
	event_text(&event, EVENT_FIELD_FILE, end->file);
	event_text(&event, EVENT_FIELD_NAMES, end->names);
	event_text(&event, EVENT_FIELD_EXPIRES, date);
	event_number(&event, EVENT_FIELD_DAYS, (uint64_t)((left > 0 ? left : -left) / DAY_SECONDS));
	if (end->of_chain)
		event_text(&event, EVENT_FIELD_REASON,
		    "it is a certificate of the chain that ends before the server's own");
	event_text(&event, EVENT_FIELD_CURE,
	    end->kind == CLERK_CERTIFICATE_LIST
	        ? "fetch a new one from the authority, regularly, and put it into the same file: it is taken "
	          "without a reload"
	        : "renew it and put it into the same file: it is taken without a reload");
	clerk_client_log(master->log, &event);
}

/* --- what the clerk is told of all ---------------------------------------------------------------- */

static void clear_ends(struct ends *ends)
{
	for (size_t i = 0; i < ends->count; i++) {
		free(ends->items[i].file);
		free(ends->items[i].names);
	}
	free(ends->items);
	*ends = (struct ends){ .count = 0 };
}

/* names NULL: any. */
static const struct end *find_end(
    const struct ends *ends, enum clerk_certificate_kind kind, const char *file, const char *names)
{
	for (size_t i = 0; i < ends->count; i++)
		if (ends->items[i].kind == kind && strcmp(ends->items[i].file, file) == 0 &&
		    (names == NULL || strcmp(ends->items[i].names, names) == 0))
			return &ends->items[i];
	return NULL;
}

/* Twice the same file is one, but for lists, of which it may have several; what there is no memory for is told of nowhere. */
static void add_end(struct ends *ends, const char *file, const char *names, const struct end *rest)
{
	struct end made = *rest;

	if (find_end(ends, rest->kind, file, rest->kind == CLERK_CERTIFICATE_LIST ? names : NULL) != NULL ||
	    ends->count == ends->room)
		return;
	made.file = strdup(file);
	made.names = strdup(names);
	if (made.file != NULL && made.names != NULL) {
		ends->items[ends->count++] = made;
		return;
	}
	free(made.file);
	free(made.names);
}

static void go_on_telling(struct master *master)
{
	struct master_certificates *own = master->certificates;
	const struct clerk_msg_certificates all = { .count = (uint32_t)own->ends.count };

	own->count_told = own->count_told || master_tell_certificates(master, &all);
	while (own->count_told && own->ends_told < own->ends.count) {
		const struct end *each = &own->ends.items[own->ends_told];
		const struct clerk_msg_certificate one = {
			.file = each->file, .names = each->names, .expires = each->expires, .kind = each->kind
		};

		if (!master_tell_certificate(master, &one))
			break;
		own->ends_told++;
	}
	/* A clerk that is gone has a successor, which is told by master_start_clerk. */
	if ((!own->count_told || own->ends_told < own->ends.count) && master->clerk_fd >= 0)
		loop_timer_set(own->retry_timer, clock_mono_ms() + RETRY_MS);
}

static void on_retry(struct loop *loop, void *context)
{
	(void)loop;
	go_on_telling(context);
}

void master_certificates_tell_clerk(struct master *master)
{
	struct master_certificates *own = master->certificates;

	own->count_told = false;
	own->ends_told = 0;
	go_on_telling(master);
}

/* --- looking ------------------------------------------------------------------------------------ */

/* What the file holds; one that cannot be read now was good when it was taken. */
static void look_at_end(struct master *master, const char *path, struct ends *found)
{
	const struct end *former =
	    find_end(&master->certificates->ends, CLERK_CERTIFICATE_OF_SERVER, path, NULL);
	struct tls_certificate_file *file;
	char names[TLS_CERTIFICATE_NAMES_BYTES];
	char message[CONF_MESSAGE_BYTES];
	struct end end = { .kind = CLERK_CERTIFICATE_OF_SERVER };
	X509 *ending;

	if (path[0] == '\0')
		return;
	file = tls_certificate_load(path, message, sizeof(message));
	if (file == NULL) {
		if (former != NULL)
			add_end(found, former->file, former->names, former);
		return;
	}
	ending = tls_certificate_at(file, tls_certificate_first_to_end(file));
	end.expires = tls_certificate_not_after(ending);
	end.warning = master->now.conf->tls.expiry_warning / 1000;
	end.of_chain = ending != tls_certificate_at(file, 0);
	tls_certificate_digest(ending, end.digest);
	tls_certificate_names(tls_certificate_at(file, 0), names, sizeof(names));
	add_end(found, path, names, &end);
	tls_certificate_free(&file);
}

static void add_list(struct ends *found, const char *path, int64_t most, const X509_CRL *item)
{
	struct end end = { .kind = CLERK_CERTIFICATE_LIST };
	struct crl_file_list list;

	crl_file_describe(item, &list);
	if (list.expires == INT64_MAX)
		return;
	end.expires = list.expires;
	end.warning = crl_file_warning(&list, most);
	memcpy(end.digest, list.digest, sizeof(end.digest));
	add_end(found, path, list.issuer, &end);
}

/* The same for client_crl, where anybody is asked for a certificate: an end for each authority. */
static void look_at_lists(struct master *master, struct ends *found)
{
	const struct conf *conf = master->now.conf;
	const struct ends *former = &master->certificates->ends;
	const char *path = conf->tls.client_crl;
	STACK_OF(X509_CRL) *lists;

	if (path[0] == '\0' || !client_ca_is_wanted(conf))
		return;
	lists = crl_file_load(path);
	for (int i = 0; i < sk_X509_CRL_num(lists); i++)
		add_list(found, path, conf->tls.expiry_warning / 1000, sk_X509_CRL_value(lists, i));
	for (size_t i = 0; sk_X509_CRL_num(lists) <= 0 && i < former->count; i++) {
		const struct end *each = &former->items[i];

		if (each->kind == CLERK_CERTIFICATE_LIST && strcmp(each->file, path) == 0)
			add_end(found, each->file, each->names, each);
	}
	crl_file_free(&lists);
	/* Lists may be long, and this process lives. */
	pages_trim_heap();
}

/* What ends soon is told, and the timer set to when there is more to tell.  A file that has changed since counts when it
 * has been taken, and not before: what is served is what ends. */
static void tell_ends(struct master *master)
{
	struct master_certificates *own = master->certificates;
	int64_t next_ms = DAY_MS;

	for (size_t i = 0; i < own->ends.count; i++) {
		const struct end *end = &own->ends.items[i];
		const int64_t left = end->expires - clock_wall().tv_sec;
		const int64_t quiet = left > end->warning ? left - end->warning : left;

		if (left <= end->warning)
			tell(master, end, left);
		if (quiet > 0 && quiet < DAY_SECONDS && quiet * 1000 + SOON_MS < next_ms)
			next_ms = quiet * 1000 + SOON_MS;
	}
	loop_timer_set(own->expiry_timer, clock_mono_ms() + next_ms);
}

static bool is_same(const struct ends *a, const struct ends *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = a->items[i].kind == b->items[i].kind &&
		       strcmp(a->items[i].file, b->items[i].file) == 0 &&
		       strcmp(a->items[i].names, b->items[i].names) == 0 &&
		       a->items[i].expires == b->items[i].expires;
	return same;
}

void master_certificates_tell(struct master *master)
{
	struct master_certificates *own = master->certificates;
	const struct conf *conf = master->now.conf;
	struct ends found = { .room = conf->tls_host_count + 1 + CRL_FILE_ISSUERS_MAX };
	bool same;

	if (found.room > CLERK_CERTIFICATES_MAX)
		found.room = CLERK_CERTIFICATES_MAX;
	found.items = calloc(found.room, sizeof(*found.items));
	if (found.items == NULL)
		found.room = 0;
	look_at_end(master, conf->tls.certificate, &found);
	for (size_t i = 0; i < conf->tls_host_count; i++)
		look_at_end(master, conf->tls_hosts[i].certificate, &found);
	look_at_lists(master, &found);
	/* A clerk that does not read shall have no more to read than there is news. */
	same = is_same(&own->ends, &found);
	clear_ends(&own->ends);
	own->ends = found;
	if (!same)
		master_certificates_tell_clerk(master);
	tell_ends(master);
}

static void on_expiry(struct loop *loop, void *context)
{
	(void)loop;
	tell_ends(context);
}

/* --- life --------------------------------------------------------------------------------------- */

bool master_certificates_start(struct master *master)
{
	struct master_certificates *own = calloc(1, sizeof(*own));

	if (own == NULL)
		return false;
	master->certificates = own;
	own->look_timer = loop_timer_new(master->loop, on_look, master);
	own->expiry_timer = loop_timer_new(master->loop, on_expiry, master);
	own->retry_timer = loop_timer_new(master->loop, on_retry, master);
	if (own->look_timer == NULL || own->expiry_timer == NULL || own->retry_timer == NULL)
		return false;
	loop_timer_set(own->look_timer, clock_mono_ms() + LOOK_MS);
	return true;
}

void master_certificates_free(struct master *master)
{
	struct master_certificates *own = master->certificates;

	while (own != NULL && own->told != NULL) {
		struct told *each = own->told;

		own->told = each->next;
		free(each);
	}
	if (own != NULL)
		clear_ends(&own->ends);
	free(own);
	master->certificates = NULL;
}
