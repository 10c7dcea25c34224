#include <criterion/criterion.h>
#include <string.h>

#include "conf/conf_rows.h"
#include "server/base/buf.h"

/* A value that is read and printed again; out NULL: it must be refused. */
struct round_trip {
	const char *option;
	const char *in;
	const char *out;
};

static const struct conf_section *section_of(const char *option)
{
	const char *names[] = { "listener", "ftp", "log" };

	if (conf_section_option(&conf_section_mount, option) != NULL)
		return &conf_section_mount;
	if (conf_section_option(&conf_section_user, option) != NULL)
		return &conf_section_user;
	if (conf_section_option(&conf_section_main, option) != NULL)
		return &conf_section_main;
	for (size_t i = 0; i < 3; i++)
		if (conf_section_option(conf_section_child(&conf_section_main, names[i]), option))
			return conf_section_child(&conf_section_main, names[i]);
	return NULL;
}

static void check(const struct round_trip *trip, const char *base_dir)
{
	const struct conf_section *section = section_of(trip->option);
	const struct conf_option *row = conf_section_option(section, trip->option);
	struct conf_written written = { .items = &trip->in, .count = 1, .base_dir = base_dir };
	union {
		conf_duration number;
		conf_address address;
		conf_list_value list;
		conf_networks_value networks;
		char *string;
	} field = { 0 };
	const char *wrong = conf_type(row->type)->parse(row, &written, &field);
	struct buf out;

	if (trip->out == NULL) {
		cr_expect_not_null(wrong, "%s = %s", trip->option, trip->in);
		conf_type(row->type)->clear(&field);
		return;
	}
	cr_assert_null(wrong, "%s = %s: %s", trip->option, trip->in, wrong);
	buf_init(&out, 65536);
	conf_type(row->type)->format(row, &field, false, &out);
	buf_append(&out, "", 1);
	cr_expect_str_eq((const char *)buf_bytes(&out), trip->out);
	buf_clear(&out);
	conf_type(row->type)->clear(&field);
}

static void check_all(const struct round_trip *trips, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&trips[i], "/etc/transom");
}

#define CHECK_ALL(trips) check_all(trips, sizeof(trips) / sizeof((trips)[0]))

Test(conf_types, a_bool_has_six_words)
{
	static const struct round_trip trips[] = {
		{ "durable", "yes", "yes" },
		{ "durable", "on", "yes" },
		{ "durable", "TRUE", "yes" },
		{ "durable", "no", "no" },
		{ "durable", "off", "no" },
		{ "durable", "false", "no" },
		{ "durable", "1", NULL },
		{ "durable", "", NULL },
		{ "durable", "yes ", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, a_duration_needs_a_unit_and_prints_in_the_largest_that_fits)
{
	static const struct round_trip trips[] = {
		{ "resume_window", "0", "\"0\"" },
		{ "resume_window", "0s", "\"0\"" },
		{ "resume_window", "1500ms", "\"1500ms\"" },
		{ "resume_window", "90s", "\"90s\"" },
		{ "resume_window", "120s", "\"2m\"" },
		{ "resume_window", "24h", "\"1d\"" },
		{ "resume_window", "14d", "\"2w\"" },
		{ "resume_window", "10", NULL },
		{ "resume_window", "10x", NULL },
		{ "resume_window", "s", NULL },
		{ "resume_window", "1h30m", NULL },
		{ "resume_window", "-1s", NULL },
		{ "resume_window", "999999999999w", NULL },
		{ "resume_window", "9999999999999999999s", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, ports_are_a_range_a_port_or_the_systems_choice)
{
	static const struct round_trip trips[] = {
		{ "passive_ports", "50000-50999", "\"50000-50999\"" },
		{ "passive_ports", "2121", "\"2121-2121\"" },
		{ "passive_ports", "0", "\"0\"" },
		{ "passive_ports", "1-65535", "\"1-65535\"" },
		{ "passive_ports", "0-10", NULL },
		{ "passive_ports", "10-0", NULL },
		{ "passive_ports", "10-9", NULL },
		{ "passive_ports", "10-65536", NULL },
		{ "passive_ports", "10-", NULL },
		{ "passive_ports", "-10", NULL },
		{ "passive_ports", "1-2-3", NULL },
		{ "passive_ports", "", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, an_address_has_a_port)
{
	static const struct round_trip trips[] = {
		{ "address", "127.0.0.1:0", "\"127.0.0.1:0\"" },
		{ "address", "[::]:21", "\"[::]:21\"" },
		{ "address", "[2001:db8::1]:2121", "\"[2001:db8::1]:2121\"" },
		{ "address", "*:21", "\"[::]:21\"" },
		{ "address", "127.0.0.1", NULL },
		{ "address", "localhost:21", NULL },
		{ "address", "[::]:65536", NULL },
		{ "address", "", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, a_host_is_one_that_clients_can_connect_to)
{
	static const struct round_trip trips[] = {
		{ "public_address", "", "\"\"" },
		{ "public_address", "192.0.2.1", "\"192.0.2.1\"" },
		{ "public_address", "ftp.example.org", "\"ftp.example.org\"" },
		{ "public_address", "localhost", "\"localhost\"" },
		{ "public_address", "::ffff:192.0.2.1", "\"::ffff:192.0.2.1\"" },
		{ "public_address", "0.0.0.0", NULL },
		{ "public_address", "0.1.2.3", NULL },
		{ "public_address", "224.0.0.1", NULL },
		{ "public_address", "255.255.255.255", NULL },
		{ "public_address", "2001:db8::1", NULL },
		{ "public_address", "::", NULL },
		{ "public_address", "192.0.2", NULL },
		{ "public_address", "192.0.2.256", NULL },
		{ "public_address", "192.0.2.1:21", NULL },
		{ "public_address", "a..b", NULL },
		{ "public_address", ".", NULL },
		{ "public_address", "-a.b", NULL },
		{ "public_address", "a-.b", NULL },
		{ "public_address", "a_b", NULL },
		{ "public_address", "a b", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, a_rule_for_a_network_is_the_network_and_a_host)
{
	static const struct round_trip trips[] = {
		{ "public_addresses", "10.0.0.0/8 10.0.0.5", "{ \"10.0.0.0/8 10.0.0.5\" }" },
		{ "public_addresses", "192.0.2.0/24 \t ftp.example.net",
		    "{ \"192.0.2.0/24 ftp.example.net\" }" },
		{ "public_addresses", "192.0.2.7 dialled", "{ \"192.0.2.7/32 dialled\" }" },
		{ "public_addresses", "0.0.0.0/0 dialled", "{ \"0.0.0.0/0 dialled\" }" },
		{ "public_addresses", "10.0.0.1/8 dialled", NULL },
		{ "public_addresses", "10.0.0.0/8 0.0.0.0", NULL },
		{ "public_addresses", "10.0.0.0/8 2001:db8::1", NULL },
		{ "public_addresses", "2001:db8::/32 10.0.0.5", NULL },
		{ "public_addresses", "10.0.0.0/8 10.0.0.5 10.0.0.6", NULL },
		{ "public_addresses", "10.0.0.0/8 dialled ", NULL },
		{ "public_addresses", " 10.0.0.0/8 dialled", NULL },
		{ "public_addresses", "10.0.0.0/8", NULL },
		{ "public_addresses", "10.0.0.0/8 ", NULL },
		{ "public_addresses", "localhost dialled", NULL },
		{ "public_addresses", "", NULL },
		{ "public_addresses",
		    "0000000000000000000000000000000000000000000000000000000000000000000 dialled",
		    NULL },
	};
	char many[] = "10.0.0.0/8 dialled";
	const struct conf_option *row =
	    conf_section_option(section_of("public_addresses"), "public_addresses");
	const char *items[65];
	struct conf_written written = { .items = items, .count = 65, .base_dir = "/" };
	conf_networks_value networks = { 0 };

	CHECK_ALL(trips);
	for (size_t i = 0; i < 65; i++)
		items[i] = many;
	cr_expect_not_null(conf_type(row->type)->parse(row, &written, &networks));
	cr_expect_eq(written.wrong_item, 64);
	written.count = 64;
	cr_expect_null(conf_type(row->type)->parse(row, &written, &networks));
	cr_expect_eq(networks.count, 64);
	items[3] = "nonsense";
	cr_expect_not_null(conf_type(row->type)->parse(row, &written, &networks));
	cr_expect_eq(written.wrong_item, 3);
	cr_expect_eq(networks.count, 64, "a refused value changes nothing");
	conf_type(row->type)->clear(&networks);
}

Test(conf_types, a_path_is_made_absolute_and_knows_percent_u_where_a_user_is_known)
{
	static const struct round_trip trips[] = {
		{ "users_dir", "/a/b", "\"/a/b\"" },
		{ "users_dir", "b", "\"/etc/transom/b\"" },
		{ "users_dir", "./b", "\"/etc/transom/b\"" },
		{ "users_dir", "../b", "\"/etc/transom/../b\"" },
		{ "users_dir", "100%", "\"/etc/transom/100%\"" },
		{ "users_dir", "", NULL },
		{ "users_dir", "a\tb", NULL },
		{ "root", "/srv/%u", "\"/srv/%u\"" },
		{ "root", "100%%", "\"/etc/transom/100%%\"" },
		{ "root", "/srv/%", NULL },
		{ "root", "/srv/%x", NULL },
		{ "source", "/a\"b\\c${d}", "\"/a\\\"b\\\\c\\${d}\"" },
		{ "source", "", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, a_percent_sign_in_the_files_own_directory_stands_for_itself)
{
	static const struct round_trip root = { "root", "%u", "\"/100%%/%u\"" };
	static const struct round_trip users_dir = { "users_dir", "u", "\"/100%/u\"" };
	static const struct round_trip top = { "users_dir", "u", "\"/u\"" };

	check(&root, "/100%");
	check(&users_dir, "/100%");
	check(&top, "/");
}

Test(conf_types, a_path_has_a_longest_length)
{
	const struct conf_option *row = conf_section_option(&conf_section_main, "users_dir");
	char path[CONF_PATH_BYTES + 1];
	const char *item = path;
	struct conf_written written = { .items = &item, .count = 1, .base_dir = "/base" };
	char *field = NULL;

	memset(path, '/', sizeof(path));
	path[CONF_PATH_BYTES] = '\0';
	cr_expect_not_null(conf_type(row->type)->parse(row, &written, &field));
	path[CONF_PATH_BYTES - 1] = '\0';
	cr_expect_null(conf_type(row->type)->parse(row, &written, &field));
	conf_type(row->type)->clear(&field);
}

Test(conf_types, a_log_target_is_a_word_or_a_path)
{
	static const struct round_trip trips[] = {
		{ "target", "stderr", "\"stderr\"" },
		{ "target", "syslog", "\"syslog\"" },
		{ "target", "transom.log", "\"/etc/transom/transom.log\"" },
		{ "target", "", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, an_account_is_never_root)
{
	static const struct round_trip trips[] = {
		{ "files_user", "transom-files", "\"transom-files\"" },
		{ "files_user", "64801", "\"64801\"" },
		{ "files_user", "4294967294", "\"4294967294\"" },
		{ "files_user", "4294967295", NULL },
		{ "files_user", "0", NULL },
		{ "files_user", "000", NULL },
		{ "files_user", "root", NULL },
		{ "files_user", "", NULL },
		{ "files_user", "a:b", NULL },
		{ "files_user", "-a", NULL },
		{ "files_group", "", "\"\"" },
		{ "files_group", "0", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, access_is_a_preset_or_rights)
{
	static const struct round_trip trips[] = {
		{ "access", "full", "\"full\"" },
		{ "access", "read-only", "\"read-only\"" },
		{ "access", "inbox", "\"inbox\"" },
		{ "access", "none", "\"none\"" },
		{ "access", "read,list", "\"read-only\"" },
		{ "access", "upload list", "\"list upload\"" },
		{ "access", " own , read ", "\"read own\"" },
		{ "access", "", NULL },
		{ "access", " , ", NULL },
		{ "access", "full read", NULL },
		{ "access", "write", NULL },
		{ "access", "LIST", NULL },
	};

	CHECK_ALL(trips);
}

Test(conf_types, a_list_has_a_most_and_no_empty_items)
{
	const struct conf_option *row = conf_section_option(&conf_section_user, "keys");
	const char *items[300];
	struct conf_written written = { .items = items, .base_dir = "/" };
	conf_list_value list = { 0 };

	for (size_t i = 0; i < 300; i++)
		items[i] = "x";
	written.count = (size_t)row->max;
	cr_expect_null(conf_type(row->type)->parse(row, &written, &list));
	cr_expect_eq(list.count, (size_t)row->max);
	written.count = (size_t)row->max + 1;
	cr_expect_not_null(conf_type(row->type)->parse(row, &written, &list));
	cr_expect_eq(written.wrong_item, (size_t)row->max);
	cr_expect_eq(list.count, (size_t)row->max, "a refused value changes nothing");
	items[1] = "";
	written.count = 2;
	cr_expect_not_null(conf_type(row->type)->parse(row, &written, &list));
	cr_expect_eq(written.wrong_item, 1);
	conf_type(row->type)->clear(&list);
}

Test(conf_types, factors_are_words_that_stand_once)
{
	static const struct round_trip trips[] = {
		{ "require", "password", "{ \"password\" }" },
		{ "require", "publickey", "{ \"publickey\" }" },
		{ "require", "certificate", "{ \"certificate\" }" },
		{ "require", "key", NULL },
		{ "require", "Password", NULL },
		{ "require", "", NULL },
		{ "require", "password|publickey", NULL },
	};
	const struct conf_option *row = conf_section_option(&conf_section_user, "require");
	const char *items[] = { "password", "publickey", "password" };
	struct conf_written written = { .items = items, .base_dir = "/", .count = 2 };
	conf_words_value words = { 0 };

	CHECK_ALL(trips);
	cr_expect_null(conf_type(row->type)->parse(row, &written, &words));
	cr_expect_eq(words.count, 2);
	written.count = 3;
	cr_expect_not_null(conf_type(row->type)->parse(row, &written, &words), "one is there twice");
	cr_expect_eq(written.wrong_item, 2);
	conf_type(row->type)->clear(&words);
}

Test(conf_types, certificates_go_by_fingerprint_or_name)
{
#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
	static const struct round_trip trips[] = {
		{ "certificates", "SHA256:" HEX, "{ \"SHA256:" HEX "\" }" },
		{ "certificates",
		    "SHA256:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:"
		    "BB:CC:DD:EE:FF",
		    "{ \"SHA256:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:"
		    "99:AA:BB:CC:DD:EE:FF\" }" },
		{ "certificates", "SHA256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8",
		    "{ \"SHA256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8\" }" },
		{ "certificates", "SHA256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=",
		    "{ \"SHA256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=\" }" },
		{ "certificates", "SAN:alice@example.com", "{ \"SAN:alice@example.com\" }" },
		{ "certificates", "CN:Alice L.", "{ \"CN:Alice L.\" }" },
		{ "certificates", "SHA256:" HEX "00", NULL },
		{ "certificates", "SHA256:00:1122", NULL },
		{ "certificates", "SHA256:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8AAAA", NULL },
		{ "certificates", "SHA256:", NULL },
		{ "certificates", "sha256:" HEX, NULL },
		{ "certificates", HEX, NULL },
		{ "certificates", "SAN:", NULL },
		{ "certificates", "CN:", NULL },
		{ "certificates", "alice", NULL },
		{ "certificates", "", NULL },
	};
	uint8_t hex[CONF_CERT_DIGEST_BYTES], base64[CONF_CERT_DIGEST_BYTES];
	const char *name;

	CHECK_ALL(trips);
	cr_expect_eq(conf_cert_read(trips[0].in, &name, hex), CONF_CERT_SHA256);
	cr_expect_eq(conf_cert_read(trips[2].in, &name, base64), CONF_CERT_SHA256);
	cr_expect_arr_eq(hex, base64, sizeof(hex));
	cr_expect_eq(conf_cert_read("SAN:a", &name, hex), CONF_CERT_SAN);
	cr_expect_str_eq(name, "a");
}
