/*
 * A hash table of file identities, and a ring of aliases.
 */
#include "vfs/vfs_own.h"

#include <stdlib.h>
#include <string.h>

#include "vfs/vfs_at.h"

#define FIRST_SIZE 64u

/* The place of id in a table that is never full: where it is, or the free one where it would be. */
static size_t find(const struct vfs_identity *table, size_t size, const struct vfs_identity *id)
{
	uint64_t hash = (id->inode ^ (id->device << 32)) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 32) & (size - 1);

	while (table[at].inode != 0 && !vfs_at_same(&table[at], id))
		at = (at + 1) & (size - 1);
	return at;
}

static bool grow(struct vfs *vfs)
{
	size_t size = vfs->own_size == 0 ? FIRST_SIZE : vfs->own_size * 2;
	struct vfs_identity *table = calloc(size, sizeof *table);

	if (table == NULL)
		return false;
	for (size_t i = 0; i < vfs->own_size; i++)
		if (vfs->own[i].inode != 0)
			table[find(table, size, &vfs->own[i])] = vfs->own[i];
	free(vfs->own);
	vfs->own = table;
	vfs->own_size = size;
	return true;
}

void vfs_own_add(struct vfs *vfs, const struct statx *st)
{
	struct vfs_identity id = vfs_at_identity(st);
	size_t at;

	if (id.inode == 0 || vfs->own_count >= VFS_OWN_MAX)
		return;
	if ((vfs->own_count + 1) * 2 > vfs->own_size && !grow(vfs))
		return;
	at = find(vfs->own, vfs->own_size, &id);
	if (vfs->own[at].inode == 0)
		vfs->own_count++;
	vfs->own[at] = id;
}

bool vfs_own_has(const struct vfs *vfs, const struct statx *st)
{
	struct vfs_identity id = vfs_at_identity(st);

	if (vfs->own_count == 0)
		return false;
	return vfs->own[find(vfs->own, vfs->own_size, &id)].inode != 0;
}

static void alias_clear(struct vfs_alias *alias)
{
	free(alias->asked);
	free(alias->actual);
	alias->asked = NULL;
	alias->actual = NULL;
}

void vfs_own_add_alias(
    struct vfs *vfs, const struct vfs_identity *dir, const char *asked, const char *actual)
{
	struct vfs_alias *alias;

	if (vfs->aliases == NULL)
		vfs->aliases = calloc(VFS_ALIASES_MAX, sizeof *vfs->aliases);
	if (vfs->aliases == NULL)
		return;
	alias = &vfs->aliases[vfs->alias_next];
	alias_clear(alias);
	alias->dir = *dir;
	alias->asked = strdup(asked);
	alias->actual = strdup(actual);
	if (alias->asked == NULL || alias->actual == NULL) {
		alias_clear(alias);
		return;
	}
	vfs->alias_next = (vfs->alias_next + 1) % VFS_ALIASES_MAX;
	if (vfs->alias_count < VFS_ALIASES_MAX)
		vfs->alias_count++;
}

const char *vfs_own_alias(const struct vfs *vfs, const struct vfs_identity *dir, const char *asked)
{
	/* Newest first: the last upload under a name is the one that its name means. */
	for (size_t i = 1; i <= vfs->alias_count; i++) {
		const struct vfs_alias *alias =
		    &vfs->aliases[(vfs->alias_next + VFS_ALIASES_MAX - i) % VFS_ALIASES_MAX];

		if (alias->asked != NULL && strcmp(alias->asked, asked) == 0 &&
		    vfs_at_same(&alias->dir, dir))
			return alias->actual;
	}
	return NULL;
}

void vfs_own_clear(struct vfs *vfs)
{
	for (size_t i = 0; i < vfs->alias_count; i++)
		alias_clear(&vfs->aliases[i]);
	free(vfs->aliases);
	free(vfs->own);
	vfs->aliases = NULL;
	vfs->own = NULL;
	vfs->alias_count = vfs->own_count = vfs->own_size = 0;
}
