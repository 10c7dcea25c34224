#include "server/ftp/ftp_walk.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_limits.h"
#include "server/ftp/ftp_listargs.h"

/* A directory still to be visited; path is below the root of the walk: "a/b". */
struct node {
	struct node *next;
	unsigned depth;
	char path[];
};

struct nodes {
	struct node *first;
	struct node **last;
	size_t count;
};

struct chunk {
	uint8_t *bytes;
	size_t length;
};

struct ftp_walk {
	struct guard_client *guard;
	char *root;
	char *prefix;
	char *pattern; /* NULL: all */
	unsigned options;
	struct ftp_list_view view;
	enum vfs_status status;
	bool ended;

	bool single; /* one entry, no directory */
	struct vfs_attr attr;

	/* The directory being read. */
	uint32_t handle;
	bool open;
	bool dir_ended; /* the guard has no more entries */
	bool under_way; /* a batch was asked for under id */
	uint32_t id;
	struct chunk chunks[FTP_WALK_SORT_BATCHES + 1];
	size_t chunk_count;
	struct vfs_batch_reader reader; /* over chunks[0] */
	struct vfs_entry *sorted;       /* heap; into the chunks */
	size_t sorted_count;
	size_t sorted_next;

	/* LIST -R */
	struct node *node; /* of the directory being read; NULL: the root */
	bool header_due;
	struct nodes children; /* of it, in the order shown */
	struct nodes pending;
	size_t visited;
};

static void nodes_init(struct nodes *nodes)
{
	nodes->first = NULL;
	nodes->last = &nodes->first;
	nodes->count = 0;
}

static void nodes_clear(struct nodes *nodes)
{
	while (nodes->first != NULL) {
		struct node *node = nodes->first;

		nodes->first = node->next;
		free(node);
	}
	nodes_init(nodes);
}

static void fail(struct ftp_walk *walk, enum vfs_status status)
{
	walk->ended = true;
	walk->status = status;
}

/* --- batches ------------------------------------------------------------------------------- */

static void drop_chunk(struct ftp_walk *walk)
{
	free(walk->chunks[0].bytes);
	walk->chunk_count--;
	memmove(walk->chunks, walk->chunks + 1, walk->chunk_count * sizeof(walk->chunks[0]));
	walk->reader = (struct vfs_batch_reader){ .left = 0 };
	if (walk->chunk_count > 0)
		walk->reader = (struct vfs_batch_reader){ .bytes = walk->chunks[0].bytes,
			.left = walk->chunks[0].length };
}

static void ask(struct ftp_walk *walk)
{
	struct guard_req_readdir request = { .handle = walk->handle };
	bool by_attr = (walk->options & (FTP_LIST_BY_TIME | FTP_LIST_BY_SIZE)) != 0;

	if (walk->view.form == FTP_FORM_NAMES && !by_attr && !walk->view.classify)
		request.flags |= VFS_READDIR_NAMES_ONLY;
	walk->id = guard_client_send_readdir(walk->guard, &request);
	walk->under_way = true;
}

/* Take the batch under way into a chunk of our own: the reply is gone with the next call. */
static void collect(struct ftp_walk *walk)
{
	struct guard_rep_readdir reply;
	struct chunk *chunk = &walk->chunks[walk->chunk_count];
	enum vfs_status status;

	if (!walk->under_way)
		return;
	walk->under_way = false;
	status = guard_client_wait_readdir(walk->guard, walk->id, &reply, NULL);
	if (status != VFS_OK) {
		fail(walk, status);
		return;
	}
	walk->dir_ended = reply.end != 0;
	if (reply.entries.length == 0) {
		/* Nothing, and yet not the end, for ever: a guard does not do that. */
		if (!walk->dir_ended)
			fail(walk, VFS_FAILED);
		return;
	}
	chunk->bytes = malloc(reply.entries.length);
	if (chunk->bytes == NULL) {
		fail(walk, VFS_NO_MEMORY);
		return;
	}
	memcpy(chunk->bytes, reply.entries.bytes, reply.entries.length);
	chunk->length = reply.entries.length;
	if (walk->chunk_count++ == 0)
		walk->reader =
		    (struct vfs_batch_reader){ .bytes = chunk->bytes, .left = chunk->length };
}

/* --- order --------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right, void *context)
{
	const struct vfs_entry *a = left;
	const struct vfs_entry *b = right;
	unsigned options = *(const unsigned *)context;
	int order = 0;

	if ((options & FTP_LIST_BY_TIME) != 0)
		order = (a->attr.mtime < b->attr.mtime) - (a->attr.mtime > b->attr.mtime);
	else if ((options & FTP_LIST_BY_SIZE) != 0)
		order = (a->attr.size < b->attr.size) - (a->attr.size > b->attr.size);
	if (order == 0)
		order = strcmp(a->name, b->name);
	return (options & FTP_LIST_REVERSE) != 0 ? -order : order;
}

static bool unpack(struct ftp_walk *walk, size_t *capacity, struct vfs_batch_reader reader)
{
	struct vfs_entry entry;
	int more;

	while ((more = vfs_batch_next(&reader, &entry)) == 1) {
		if (walk->sorted_count == *capacity) {
			size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
			struct vfs_entry *grown =
			    reallocarray(walk->sorted, wanted, sizeof(*walk->sorted));

			if (grown == NULL) {
				fail(walk, VFS_NO_MEMORY);
				return false;
			}
			walk->sorted = grown;
			*capacity = wanted;
		}
		walk->sorted[walk->sorted_count++] = entry;
	}
	if (more < 0)
		fail(walk, VFS_FAILED);
	return more == 0;
}

/* Read ahead as much as may be sorted; sort if that is all there is. */
static void sort_if_small(struct ftp_walk *walk)
{
	size_t capacity = 0;

	while (!walk->ended && !walk->dir_ended && walk->chunk_count < FTP_WALK_SORT_BATCHES) {
		if (!walk->under_way)
			ask(walk);
		collect(walk);
	}
	if (walk->ended || !walk->dir_ended)
		return;
	for (size_t i = 0; i < walk->chunk_count; i++) {
		struct vfs_batch_reader reader = { .bytes = walk->chunks[i].bytes,
			.left = walk->chunks[i].length };

		if (!unpack(walk, &capacity, reader))
			return;
	}
	if (walk->sorted_count > 0)
		qsort_r(walk->sorted, walk->sorted_count, sizeof(*walk->sorted), compare,
		    &walk->options);
}

/* --- directories ---------------------------------------------------------------------------- */

static void close_dir(struct ftp_walk *walk, enum vfs_outcome outcome, uint64_t bytes)
{
	struct guard_req_close request = {
		.handle = walk->handle, .outcome = outcome, .bytes = bytes
	};

	collect(walk);
	free(walk->sorted);
	walk->sorted = NULL;
	walk->sorted_count = 0;
	walk->sorted_next = 0;
	while (walk->chunk_count > 0)
		drop_chunk(walk);
	if (walk->open)
		guard_client_close(walk->guard, &request, NULL, NULL);
	walk->open = false;
}

static enum vfs_status open_dir(struct ftp_walk *walk, const char *path)
{
	struct guard_req_opendir request = { .path = path };
	struct guard_rep_opendir reply;
	enum vfs_status status = guard_client_opendir(walk->guard, &request, &reply, NULL);

	if (status != VFS_OK)
		return status;
	walk->handle = reply.handle;
	walk->open = true;
	walk->dir_ended = false;
	walk->visited++;
	return VFS_OK;
}

static void start_dir(struct ftp_walk *walk)
{
	bool sort = walk->view.form != FTP_FORM_FACTS && (walk->options & FTP_LIST_UNSORTED) == 0;

	ask(walk);
	if (sort)
		sort_if_small(walk);
}

/* The children come before what waited already: depth first, as ls -R does it. */
static void adopt_children(struct ftp_walk *walk)
{
	if (walk->children.first == NULL)
		return;
	*walk->children.last = walk->pending.first;
	if (walk->pending.first == NULL)
		walk->pending.last = walk->children.last;
	walk->pending.first = walk->children.first;
	walk->pending.count += walk->children.count;
	nodes_init(&walk->children);
}

/* This directory is done: go to the next that can be opened, or end. */
static void next_dir(struct ftp_walk *walk)
{
	char path[VFS_PATH_MAX];

	close_dir(walk, VFS_CLOSE_COMPLETE, 0);
	adopt_children(walk);
	while (!walk->ended && walk->pending.first != NULL && walk->visited < FTP_WALK_DIRS_MAX) {
		const char *slash = strcmp(walk->root, "/") == 0 ? "" : "/";

		free(walk->node);
		walk->node = walk->pending.first;
		walk->pending.first = walk->node->next;
		walk->pending.count--;
		if (walk->pending.first == NULL)
			walk->pending.last = &walk->pending.first;
		if (!text_format(path, sizeof(path), "%s%s%s", walk->root, slash, walk->node->path))
			continue;
		if (open_dir(walk, path) == VFS_OK) {
			walk->header_due = true;
			start_dir(walk);
			return;
		}
	}
	walk->ended = true;
}

static void remember_child(struct ftp_walk *walk, const struct vfs_entry *entry)
{
	const char *above = walk->node != NULL ? walk->node->path : "";
	const char *slash = walk->node != NULL ? "/" : "";
	unsigned depth = walk->node != NULL ? walk->node->depth + 1 : 1;
	size_t bytes = strlen(above) + entry->name_length + 2;
	struct node *node;

	if (depth > FTP_WALK_DEPTH_MAX || bytes > VFS_PATH_MAX ||
	    walk->pending.count + walk->children.count >= FTP_WALK_PENDING_MAX)
		return;
	node = malloc(sizeof(*node) + bytes);
	if (node == NULL)
		return;
	node->next = NULL;
	node->depth = depth;
	text_format(node->path, bytes, "%s%s%s", above, slash, entry->name);
	*walk->children.last = node;
	walk->children.last = &node->next;
	walk->children.count++;
}

/* --- entries -------------------------------------------------------------------------------- */

/* True and the next entry of this directory; its texts are good until the next call. */
static bool next_entry(struct ftp_walk *walk, struct vfs_entry *out)
{
	if (walk->sorted != NULL) {
		if (walk->sorted_next == walk->sorted_count)
			return false;
		*out = walk->sorted[walk->sorted_next++];
		return true;
	}
	for (;;) {
		int more = vfs_batch_next(&walk->reader, out);

		if (more == 1)
			return true;
		if (more < 0) {
			fail(walk, VFS_FAILED);
			return false;
		}
		if (walk->chunk_count > 0)
			drop_chunk(walk);
		if (walk->chunk_count > 0)
			continue;
		if (!walk->under_way && !walk->dir_ended)
			ask(walk);
		collect(walk);
		if (walk->ended || walk->chunk_count == 0)
			return false;
		/* The guard reads the next batch while this one is formatted. */
		if (!walk->dir_ended)
			ask(walk);
	}
}

static bool is_shown(const struct ftp_walk *walk, const struct vfs_entry *entry)
{
	const char *pattern = walk->node == NULL ? walk->pattern : NULL;
	bool hidden = entry->name[0] == '.' && walk->view.form != FTP_FORM_FACTS &&
	              (walk->options & FTP_LIST_ALL) == 0;

	if (pattern == NULL)
		return !hidden;
	return (!hidden || pattern[0] == '.') && text_glob(pattern, entry->name);
}

static size_t put_header(struct ftp_walk *walk, char *out)
{
	size_t length = 0;
	const char *parts[] = { walk->prefix, walk->node->path };

	walk->header_due = false;
	out[length++] = '\r';
	out[length++] = '\n';
	for (size_t i = 0; i < 2; i++) {
		for (const char *p = parts[i]; *p != '\0'; p++)
			out[length++] = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
	}
	out[length++] = ':';
	out[length++] = '\r';
	out[length++] = '\n';
	return length;
}

static size_t fill_single(struct ftp_walk *walk, char *out, size_t size)
{
	struct vfs_entry entry = { .attr = walk->attr, .name = "", .target = "" };

	walk->ended = true;
	return ftp_listing_line(out, size, &walk->view, &entry, walk->prefix);
}

size_t ftp_walk_fill(struct ftp_walk *walk, char *out, size_t size)
{
	const char *prefix = walk->view.form == FTP_FORM_NAMES ? walk->prefix : "";
	bool recursive =
	    (walk->options & FTP_LIST_RECURSIVE) != 0 && walk->view.form == FTP_FORM_LONG;
	struct vfs_entry entry;
	size_t used = 0;

	while (!walk->ended && size - used >= FTP_LISTING_LINE_BYTES) {
		if (walk->single)
			return fill_single(walk, out, size);
		if (walk->header_due) {
			used += put_header(walk, out + used);
			continue;
		}
		if (!next_entry(walk, &entry)) {
			if (!walk->ended)
				next_dir(walk);
			continue;
		}
		if (!is_shown(walk, &entry))
			continue;
		used += ftp_listing_line(out + used, size - used, &walk->view, &entry, prefix);
		if (recursive && entry.attr.kind == VFS_KIND_DIR)
			remember_child(walk, &entry);
	}
	collect(walk);
	return used;
}

bool ftp_walk_ended(const struct ftp_walk *walk, enum vfs_status *status_out)
{
	*status_out = walk->status;
	return walk->ended;
}

/* --- life ------------------------------------------------------------------------------------ */

static struct ftp_walk *make(struct guard_client *guard, const struct ftp_walk_request *request)
{
	struct ftp_walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		return NULL;
	walk->guard = guard;
	walk->options = request->options;
	walk->view = request->view;
	nodes_init(&walk->children);
	nodes_init(&walk->pending);
	walk->root = strdup(request->path);
	walk->prefix = strdup(request->prefix);
	if (request->pattern != NULL)
		walk->pattern = strdup(request->pattern);
	if (walk->root == NULL || walk->prefix == NULL ||
	    (request->pattern != NULL && walk->pattern == NULL))
		ftp_walk_free(&walk, VFS_CLOSE_ABORTED, 0);
	return walk;
}

enum vfs_status ftp_walk_open(
    struct ftp_walk **out, struct guard_client *guard, const struct ftp_walk_request *request)
{
	struct ftp_walk *walk = make(guard, request);
	enum vfs_status status;

	*out = NULL;
	if (walk == NULL)
		return VFS_NO_MEMORY;
	status = open_dir(walk, walk->root);
	if (status != VFS_OK) {
		ftp_walk_free(&walk, VFS_CLOSE_ABORTED, 0);
		return status;
	}
	start_dir(walk);
	collect(walk);
	*out = walk;
	return VFS_OK;
}

enum vfs_status ftp_walk_single(struct ftp_walk **out, struct guard_client *guard,
    const struct ftp_walk_request *request, const struct vfs_attr *attr)
{
	struct ftp_walk *walk = make(guard, request);

	*out = walk;
	if (walk == NULL)
		return VFS_NO_MEMORY;
	walk->single = true;
	walk->attr = *attr;
	return VFS_OK;
}

void ftp_walk_free(struct ftp_walk **walk, enum vfs_outcome outcome, uint64_t bytes)
{
	struct ftp_walk *w = *walk;

	*walk = NULL;
	if (w == NULL)
		return;
	close_dir(w, outcome, bytes);
	nodes_clear(&w->children);
	nodes_clear(&w->pending);
	free(w->node);
	free(w->root);
	free(w->prefix);
	free(w->pattern);
	free(w);
}
