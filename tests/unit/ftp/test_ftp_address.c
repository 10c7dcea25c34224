#include <criterion/criterion.h>
#include <string.h>

#include "server/ftp/ftp_address.h"

Test(ftp_address, port_takes_six_numbers_and_nothing_else)
{
	static const char *const wrong[] = { "", "1", "1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,4,5,256",
		"256,2,3,4,5,6", "-1,2,3,4,5,6", "1,2,3,4,5,6 ", " 1,2,3,4,5,6", "1,2,3,4,5,",
		"1,,3,4,5,6", "1.2.3.4,5,6", "+1,2,3,4,5,6", "0x1,2,3,4,5,6",
		"1,2,3,4,5,999999999999", "1,2,3,4,5,6,", ",1,2,3,4,5,6", "a,b,c,d,e,f" };
	struct netaddr address;
	char text[FTP_ADDRESS_TEXT_BYTES];

	cr_assert_eq(ftp_address_parse_port("192,0,2,255,18,52", &address), FTP_ADDRESS_OK);
	cr_assert_eq(address.family, AF_INET);
	cr_assert_eq(address.port, 18 * 256 + 52);
	cr_assert_eq(memcmp(address.bytes, "\xc0\x00\x02\xff", 4), 0);
	ftp_address_format_pasv(text, &address);
	cr_assert_str_eq(text, "192,0,2,255,18,52");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(ftp_address_parse_port(wrong[i], &address), FTP_ADDRESS_MALFORMED,
		    "%s", wrong[i]);
}

Test(ftp_address, pasv_text_is_the_reverse_of_port)
{
	struct netaddr address = { .family = AF_INET };
	struct netaddr back;
	char text[FTP_ADDRESS_TEXT_BYTES];

	for (unsigned port = 0; port < 65536; port += 251) {
		address.port = (uint16_t)port;
		memset(address.bytes, (int)(port & 255), 4);
		ftp_address_format_pasv(text, &address);
		cr_assert_eq(ftp_address_parse_port(text, &back), FTP_ADDRESS_OK);
		cr_assert(netaddr_same_ip(&address, &back));
		cr_assert_eq(back.port, port);
	}
}

Test(ftp_address, eprt_takes_both_families_and_any_delimiter)
{
	static const struct {
		const char *text;
		int family;
		unsigned port;
	} right[] = {
		{ "|1|192.0.2.1|6446|", AF_INET, 6446 },
		{ "|2|2001:db8::1|65535|", AF_INET6, 65535 },
		{ "!1!192.0.2.1!1024!", AF_INET, 1024 },
		{ "|2|::ffff:192.0.2.1|1025|", AF_INET, 1025 },
		{ "|1|192.0.2.1|0|", AF_INET, 0 },
	};
	struct netaddr address;

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		cr_assert_eq(ftp_address_parse_eprt(right[i].text, &address), FTP_ADDRESS_OK, "%s",
		    right[i].text);
		cr_assert_eq(address.family, right[i].family);
		cr_assert_eq(address.port, right[i].port);
	}
}

Test(ftp_address, eprt_refuses_what_is_malformed_and_names_foreign_families)
{
	static const char *const wrong[] = { "", "|", "||||", "|1|192.0.2.1|6446",
		"|1|192.0.2.1|65536|", "|1|192.0.2.1|-1|", "|1|192.0.2.1||", "|1||80|",
		"|1|::1|80|", "|2|192.0.2.1|80|", "|1|host.example|80|", "|1|192.0.2.1|80|x",
		"|x|192.0.2.1|80|", "1|1|192.0.2.1|80|", "11119219202111180111",
		"|1|192.0.2.1|80a|", "|1|192.0.2.1|999999999999999999999|",
		"|2|2001:db8::1%eth0eth0eth0eth0eth0eth0eth0eth0eth0eth0eth0eth0eth0eth0eth0|80|" };
	struct netaddr address;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(ftp_address_parse_eprt(wrong[i], &address), FTP_ADDRESS_MALFORMED,
		    "%s", wrong[i]);
	cr_assert_eq(ftp_address_parse_eprt("|3|192.0.2.1|80|", &address), FTP_ADDRESS_FAMILY);
	cr_assert_eq(ftp_address_parse_eprt("|0|192.0.2.1|80|", &address), FTP_ADDRESS_FAMILY);
}
