#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/master_watch.h"

/* A directory with a watch on one path in it. */
struct place {
	char dir[64];
	char path[128];
	struct master_watch *watch;
};

static void path_in(const struct place *place, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", place->dir, name);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
}

static void set_up(struct place *place)
{
	snprintf(place->dir, sizeof(place->dir), "/tmp/transom-watch-XXXXXX");
	cr_assert_not_null(mkdtemp(place->dir));
	path_in(place, "cert.pem", place->path);
	place->watch = master_watch_new();
	cr_assert_not_null(place->watch);
}

static void tear_down(struct place *place)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", place->dir);
	cr_assert_eq(system(command), 0);
	master_watch_free(&place->watch);
	cr_assert_null(place->watch);
}

static void expect(struct place *place, enum master_watch_result wanted)
{
	const char *path = "unset";
	enum master_watch_result result = master_watch_look(place->watch, &path);

	cr_assert_eq(result, wanted, "%d instead of %d", (int)result, (int)wanted);
	if (wanted == MASTER_WATCH_SAME)
		cr_assert_null(path);
	else
		cr_assert_str_eq(path, place->path);
}

Test(master_watch, a_change_is_told_once_when_it_has_come_to_rest)
{
	struct place place;

	set_up(&place);
	write_file(place.path, "one");
	cr_assert(master_watch_add(place.watch, place.path));
	expect(&place, MASTER_WATCH_SAME);
	write_file(place.path, "other");
	expect(&place, MASTER_WATCH_MOVING);
	write_file(place.path, "another one");
	expect(&place, MASTER_WATCH_MOVING);
	expect(&place, MASTER_WATCH_CHANGED);
	expect(&place, MASTER_WATCH_SAME);
	tear_down(&place);
}

Test(master_watch, a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_a_change)
{
	const struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	struct place place;
	char other[128];

	set_up(&place);
	path_in(&place, "new", other);
	write_file(place.path, "one");
	write_file(other, "two");
	cr_assert_eq(utimensat(AT_FDCWD, place.path, times, 0), 0);
	cr_assert_eq(utimensat(AT_FDCWD, other, times, 0), 0);
	cr_assert(master_watch_add(place.watch, place.path));
	cr_assert_eq(rename(other, place.path), 0);
	expect(&place, MASTER_WATCH_MOVING);
	expect(&place, MASTER_WATCH_CHANGED);
	tear_down(&place);
}

/* live/cert.pem -> ../archive/cert1.pem, then cert2.pem: what certbot does. */
Test(master_watch, a_symbolic_link_that_is_pointed_elsewhere_is_a_change)
{
	struct place place;
	char one[128], two[128], link_path[128];

	set_up(&place);
	path_in(&place, "cert1.pem", one);
	path_in(&place, "cert2.pem", two);
	path_in(&place, "new-link", link_path);
	write_file(one, "the same");
	write_file(two, "the same");
	cr_assert_eq(symlink("cert1.pem", place.path), 0);
	cr_assert(master_watch_add(place.watch, place.path));
	expect(&place, MASTER_WATCH_SAME);
	cr_assert_eq(symlink("cert2.pem", link_path), 0);
	cr_assert_eq(rename(link_path, place.path), 0);
	expect(&place, MASTER_WATCH_MOVING);
	expect(&place, MASTER_WATCH_CHANGED);
	tear_down(&place);
}

Test(master_watch, a_file_that_goes_and_comes_back_as_it_was_is_no_change)
{
	struct place place;
	char away[128];

	set_up(&place);
	path_in(&place, "away", away);
	write_file(place.path, "one");
	cr_assert(master_watch_add(place.watch, place.path));
	cr_assert_eq(rename(place.path, away), 0);
	expect(&place, MASTER_WATCH_MOVING);
	cr_assert_eq(rename(away, place.path), 0);
	expect(&place, MASTER_WATCH_SAME);
	tear_down(&place);
}

Test(master_watch, a_file_that_was_missing_appears_and_one_that_was_forbidden_is_opened)
{
	struct place place;

	set_up(&place);
	cr_assert(master_watch_add(place.watch, place.path));
	expect(&place, MASTER_WATCH_SAME);
	write_file(place.path, "one");
	expect(&place, MASTER_WATCH_MOVING);
	expect(&place, MASTER_WATCH_CHANGED);
	cr_assert_eq(chmod(place.path, 0600), 0);
	expect(&place, MASTER_WATCH_MOVING);
	expect(&place, MASTER_WATCH_CHANGED);
	tear_down(&place);
}

Test(master_watch, a_backup_by_hard_links_is_no_change)
{
	struct place place;
	char backup[128];

	set_up(&place);
	path_in(&place, "backup", backup);
	write_file(place.path, "one");
	cr_assert(master_watch_add(place.watch, place.path));
	cr_assert_eq(link(place.path, backup), 0);
	expect(&place, MASTER_WATCH_SAME);
	tear_down(&place);
}

Test(master_watch, what_is_about_to_be_read_is_no_change_any_more)
{
	struct place place;

	set_up(&place);
	write_file(place.path, "one");
	cr_assert(master_watch_add(place.watch, place.path));
	write_file(place.path, "other");
	master_watch_taken(place.watch);
	expect(&place, MASTER_WATCH_SAME);
	tear_down(&place);
}

Test(master_watch, each_path_counts_once_and_none_is_none)
{
	struct place place;

	set_up(&place);
	cr_assert(master_watch_add(place.watch, ""));
	cr_assert_eq(master_watch_count(place.watch), 0);
	cr_assert(master_watch_add(place.watch, place.path));
	cr_assert(master_watch_add(place.watch, place.path));
	cr_assert_eq(master_watch_count(place.watch), 1);
	tear_down(&place);
}
