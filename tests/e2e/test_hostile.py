"""Hostile clients: the right reply or a clean end, nothing that is not theirs, memory flat, and others served."""
# run-tests: timeout 900

import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import socket
import threading
import time
import unittest

from hostile import MEBIBYTE, ClientAt, busy_fronts, cpu_seconds, flood, peak_bytes, reset, resident_bytes, verbs
from transom import (FILES_UID, RawFtp, SharedServer, TransomServer, modes, need_root, proc_status, proc_title,
                     read_all, run, sanitized, wait_until)

USERS = {"alice": {"password": "secret"}, "bob": {"password": "secret"}}
FLAT_BYTES = MEBIBYTE       # a front may grow by this much, whatever it is sent
SEED = 20777                # of everything that is random here

# These must always work, whatever follows them.
IGNORE_ARGUMENTS = ("NOOP", "NOP", "ABOR")


def content(size, seed=1):
    block = hashlib.shake_256(b"hostile %d" % seed).digest(65536)
    return (block * (size // len(block) + 1))[:size]


class Hostile(SharedServer):
    """What the classes below share: one server, one session of alice, and bob who must stay served."""

    settings = {"users": USERS}

    def setUp(self):
        self.raw = self.server.raw("alice")
        self.addCleanup(lambda: self.raw.close())   # whichever it is by then

    def front(self):
        """Pid of the front of self.raw: the only one with a client, as soon as those before it have ended."""
        return wait_until(lambda: busy_fronts(self.server) if len(busy_fronts(self.server)) == 1 else None,
                          what="one busy front").pop()

    def stays_small(self, front, before):
        if not sanitized():     # whose memory says nothing
            self.assertLess(peak_bytes(front) - before, FLAT_BYTES)

    def others_are_served(self):
        with self.server.raw("bob") as bob:
            self.assertEqual(bob.code("NOOP"), 200)
            with bob.passive() as data:
                self.assertEqual(bob.code("NLST"), 150)
                read_all(data)
            self.assertEqual(bob.reply()[:3], "226")

    def codes(self, steps):
        for line, code in steps:
            self.assertEqual(self.raw.code(line), code, line)

    def in_step(self, raw=None):
        """Every reply so far has been read: the next one is NOOP's."""
        self.assertEqual((raw or self.raw).cmd("NOOP"), "200 OK.")

    def received(self, line, raw=None):
        """A download to its 226."""
        raw = raw or self.raw
        with raw.passive() as data:
            reply = raw.cmd(line)
            self.assertEqual(reply[:3], "150", line + " -> " + reply)
            got = read_all(data)
        self.assertEqual(raw.reply()[:3], "226", line)
        return got

    def stored(self, line, data, raw=None):
        """An upload; its last reply."""
        raw = raw or self.raw
        with raw.passive() as sock:
            reply = raw.cmd(line)
            if reply[:3] != "150":
                return reply
            sock.sendall(data)
        return raw.reply()

    def files(self, user="alice"):
        return sorted(os.listdir(os.fsencode(self.server.root(user))))


# --- lines ----------------------------------------------------------------------------------------------


class Lines(Hostile, unittest.TestCase):
    """Lines too long, bytes that may not be there, Telnet sequences, floods of either."""

    def test_a_line_of_any_length_gets_one_reply_and_no_echo(self):
        before = self.files()
        for length in (4095, 4096, 4097, 4098, 8192, 9000, 16383, 16384, 16385, 70000):
            line = b"MKD " + b"q" * (length - 4)
            self.raw.send(line + b"\r\n")
            reply = self.raw.reply()
            self.assertEqual(reply[:3], "553" if length <= 4096 else "500", length)
            self.assertNotIn("qqq", reply)
            self.in_step()
        self.assertEqual(self.files(), before)

    def test_a_long_line_is_never_split_into_commands(self):
        for filler in (4090, 4096, 4097, 8192, 16384, 20480):
            self.raw.send(b"A" * filler + b"MKD split\r\n")
            self.assertEqual(self.raw.reply()[:3], "500")
            self.in_step()
        self.assertNotIn(b"split", self.files())

    def test_nul_and_bare_cr_are_refused_wherever_they_stand(self):
        before = self.files()
        lines = [b"MKD x\0y", b"MKD \0", b"\0MKD x", b"MK\0D x", b"MKD a\rb", b"\rMKD a", b"STOR \0", b"STOR a\0.txt",
                 b"RNFR a\0", b"NOOP\0", b"SITE MKDIR a\0b", b"MKD a\r\0\rb", b"MKD ..\0/x"]
        for line in lines:
            self.raw.send(line + b"\r\n")
            self.assertEqual(self.raw.reply()[:3], "501", line)
            self.in_step()
        self.assertEqual(self.files(), before)
        with RawFtp(self.server.port) as raw:
            for line in (b"USER alice\0", b"USER al\rice", b"USER alice\0root", b"PASS se\0cret"):
                raw.send(line + b"\r\n")
                self.assertEqual(raw.reply()[:3], "501", line)
            self.assertEqual(raw.code("NOOP"), 200)

    def test_a_carriage_return_as_telnet_writes_it_makes_no_line(self):
        """RFC 2640 3.1: CR NUL is a CR in a name."""
        self.raw.send(b"MKD cr\r\x00226 forged\r\n")
        self.assertEqual(self.raw.reply(), '257 "/cr?226 forged" created.')
        self.raw.send(b"CWD cr\r\x00226 forged\r\n")
        self.assertEqual(self.raw.reply()[:3], "250")
        self.assertEqual(self.raw.cmd("PWD"), '257 "/cr?226 forged" is the current directory.')
        self.assertEqual(self.raw.code("CDUP"), 250)
        self.assertEqual(self.received("NLST cr*"), b"cr?226 forged\r\n")
        self.raw.send(b"RMD cr\r\x00226 forged\r\n")
        self.assertEqual(self.raw.reply()[:3], "250")

    def test_names_of_random_bytes_go_round(self):
        chance = random.Random(SEED)
        allowed = [byte for byte in range(0x20, 0x100) if byte not in (0x2f, 0x7f)]
        self.server.make_dir("alice", "bytes")
        names = {b"\xff", b"\xff\xf4\xff\xf2", b"\xc0\xaf", b"..\xc0\xaf..", b"\xe2\x80\xa8", b"%2e%2e%2f", b"..\\..",
                 b"~",
                 b"$(id)", b"-rf"}
        names |= {bytes(chance.choices(allowed, k=chance.randint(1, 40))) for _ in range(60)} - {b".", b".."}
        self.assertEqual(self.raw.code("CWD bytes"), 250)
        for name in names:
            self.raw.send(b"MKD /bytes/" + name.replace(b"\xff", b"\xff\xff") + b"\r\n")
            self.assertEqual(self.raw.reply()[:3], "257", name)
        self.assertEqual(set(os.listdir(os.fsencode(self.server.path("alice", "bytes")))), names)
        listed = self.received("NLST -a").split(b"\r\n")[:-1]
        self.assertEqual(set(listed), names)
        facts = self.received("MLSD").split(b"\r\n")[:-1]
        self.assertEqual({line.split(b" ", 1)[1] for line in facts}, names)
        self.assertEqual(self.raw.code("CWD /"), 250)

    def test_overlong_slashes_separate_nothing(self):
        for name in (b"..\xc0\xaf..\xc0\xafetc\xc0\xafpasswd", b"..%c0%afetc", b"..%2fetc", b"\xc0\xae\xc0\xae/x",
                     b"..\\..\\etc\\passwd", b"\xef\xbc\x8fetc"):
            for verb in (b"RETR ", b"SIZE ", b"CWD ", b"MLST ", b"DELE "):
                with self.subTest(verb + name):
                    self.raw.send(b"TYPE I\r\nEPSV\r\n" + verb + name + b"\r\n")
                    self.assertEqual([self.raw.reply()[:3] for _ in range(3)], ["200", "229", "550"])

    def test_telnet_sequences_are_taken_out(self):
        for line, code in ((b"NO\xff\xf1OP", "200"), (b"\xff\xf4\xff\xf2NOOP", "200"),
                           (b"\xff\xfa\x01\r\nx\xff\xf0NOOP", "200"),
                           (b"\xff\xf3NOOP", "200"), (b"\xff\xfd", "500"), (b"\xff\xffNOOP", "500"),
                           (b"NOOP\xff\xfe\x01", "200"),
                           (b"\xff\xfc\x01NOOP", "200")):
            self.raw.send(line + b"\r\n")
            # The lone DO takes the CR for its option, and refuses it.
            reply = self.raw.line().replace(b"\xff\xfc\r", b"")
            self.assertEqual(reply[:3].decode(), code, line)
        self.raw.send(b"\xff\xfd\x06\xff\xfb\x01NOOP\r\n")
        self.assertEqual(self.raw.line(), b"\xff\xfc\x06\xff\xfe\x01200 OK.")

    def test_floods_leave_the_front_as_small_as_it_was(self):
        """A MiB of each; what is never the end of a line gets no reply."""
        rows = [(b"\xff", b"\r\n", "500"), (b"A", b"\r\n", "500"), (b"\0", b"\r\n", "500"), (b"\r", b"\r\n", "500"),
                (b"\xff\xfa", b"\xff\xf0\r\n", "500"), (b"\xff\xf4", b"\r\n", "500"), (b"\xff\xf4\xff\xf2A", b"\r\n",
                                                                                       "500"),
                (b"\xff\xfd\x01", b"\r\n", "500"), (b"\xff\xfb\x18", b"\r\n", "500"), (b"\x80\xff\xff", b"\r\n", "500"),
                (b"PASS ", b"\r\n", "500")]
        for unit, end, code in rows:
            others = busy_fronts(self.server)
            with self.subTest(unit), self.server.raw("bob") as raw:
                front, = busy_fronts(self.server) - others
                raw.cmd("FEAT")
                before = resident_bytes(front)
                raw.buffer += flood(raw.sock, unit * (MEBIBYTE // len(unit)))
                raw.send(end + b"NOOP\r\n")
                replies = b""
                while b"200 OK.\r\n" not in replies:
                    replies += raw.line() + b"\r\n"
                text = re.sub(rb"\xff[\xfb-\xfe].", b"", replies, flags=re.S)
                self.assertEqual(text[:3].decode(), code)
                self.assertEqual(text.count(b"\r\n"), 2, text[:200])
                self.stays_small(front, before)
        self.others_are_served()

    def test_a_flood_of_empty_lines_ends_the_session(self):
        received = flood(self.raw.sock, b"\r\n" * (MEBIBYTE // 2))
        received += read_until_closed(self.raw.sock)
        self.assertLess(received.count(b"\r\n"), 30)
        self.others_are_served()

    def test_replies_that_nobody_reads_are_not_kept(self):
        """Commands are not served faster than their replies are read."""
        front = self.front()
        before = resident_bytes(front)
        self.raw.sock.setblocking(False)
        sent = 0
        with self.assertRaises(BlockingIOError):
            while sent < 64 * MEBIBYTE:
                sent += self.raw.sock.send(b"HELP\r\n" * 1000)
        self.stays_small(front, before)
        self.others_are_served()


def read_until_closed(sock):
    """What still comes; a reset is an end as well."""
    pieces = []
    try:
        for piece in iter(lambda: sock.recv(65536), b""):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


# --- numbers --------------------------------------------------------------------------------------------


class Numbers(Hostile, unittest.TestCase):
    """Numbers are digits, and fit; what they say costs nothing."""

    BAD = ("-1", "+1", "1 ", "0x10", "1e3", "1.5", "9223372036854775808", "18446744073709551615",
           "18446744073709551616", "9" * 40, "9" * 4000, "\u0661", "1,000", "NaN", "99e9")

    def test_rest(self):
        for number in self.BAD:
            self.assertEqual(self.raw.code("REST " + number), 501, number)
        self.assertEqual(self.raw.cmd("REST 9223372036854775807")[:3], "350")

    def test_an_offset_beyond_the_file_makes_no_hole(self):
        self.server.write_file("alice", "short", b"12345")
        self.codes([("TYPE I", 200), ("EPSV", 229)])
        for offset in ("6", "1099511627776", "9223372036854775807"):
            for verb in ("RETR short", "STOR short", "STOR new"):
                self.codes([("REST " + offset, 350), (verb, 554)])
        self.assertEqual(self.server.read_file("alice", "short"), b"12345")
        self.assertEqual(self.server.staged("alice"), [])
        self.assertNotIn(b"new", self.files())
        self.codes([("REST 99", 350), ("NOOP", 200), ("RETR short", 554)])

    def test_rest_is_for_one_transfer(self):
        self.server.write_file("alice", "once", b"12345")
        self.codes([("TYPE I", 200), ("REST 3", 350)])
        self.assertEqual(self.received("RETR once"), b"45")
        self.assertEqual(self.received("RETR once"), b"12345")
        self.codes([("REST 3", 350), ("RETR gone", 425)])
        self.assertEqual(self.received("RETR once"), b"12345")

    def test_allo(self):
        for number in self.BAD:
            self.assertEqual(self.raw.code("ALLO " + number), 501, number)
        self.codes([("ALLO 1 R 99999999999999999999", 501), ("ALLO 1 R", 501), ("ALLO 1 X 1", 501),
                    ("ALLO 9223372036854775807", 452), ("ALLO 1 R 10", 200)])

    def test_sizes_are_exact_and_cost_nothing(self):
        """A sparse file of 8 TiB: SIZE in ASCII would have to read it."""
        path = self.server.write_file("alice", "sparse", b"")
        size = (8 << 40) + 1
        os.truncate(path, size)
        front = self.front()
        before = cpu_seconds(front)
        self.codes([("TYPE A", 200), ("SIZE sparse", 550), ("TYPE I", 200)])
        self.assertEqual(self.raw.cmd("SIZE sparse"), "213 %d" % size)
        self.assertIn(b" %d " % size, self.received("LIST sparse"))
        self.assertIn("size=%d;" % size, self.raw.cmd("MLST sparse"))
        self.assertLess(cpu_seconds(front) - before, 1)

    def test_a_restart_far_inside_a_text_can_be_aborted(self):
        """It reads and translates from the start: no longer than the client wants, and others are served."""
        path = self.server.write_file("alice", "text", b"")
        os.truncate(path, 8 << 40)
        self.codes([("TYPE A", 200), ("REST 8796093022000", 350)])
        with self.raw.passive():
            self.assertEqual(self.raw.code("RETR text"), 150)
            self.others_are_served()
            self.assertEqual(self.raw.code("NOOP"), 200)
            self.assertEqual(self.raw.code("ABOR"), 426)
            self.assertEqual(self.raw.reply()[:3], "226")
        self.in_step()

    def test_port_and_eprt(self):
        for argument in ("256,0,0,1,10,10", "127,0,0,1,256,0", "127,0,0,1,10,256", "127,0,0,1,4294967306,10",
                         "127,0,0,1,10",
                         "127,0,0,1,10,10,10", "127,0,0,1,,10", "-127,0,0,1,10,10", "127.0.0.1,10,10",
                         "127,0,0,1, 10,10",
                         "127,0,0,1,10,10 ", "0x7f,0,0,1,10,10", "127,0,0,1,+10,10", "," * 1000, "9" * 4000,
                         ",".join(["18446744073709551743"] * 6)):
            self.assertEqual(self.raw.code("PORT " + argument), 501, argument[:80])
        for argument in ("|1|127.0.0.1|65536|", "|1|127.0.0.1|-1|", "|1|127.0.0.1|99999999999999999999|",
                         "|1|127.0.0.1|",
                         "|1|127.0.0.1|2000", "|1|127.0.0.256|2000|", "|1|::1|2000|", "|1||2000|", "|1|127.0.0.1||",
                         "|1|127.0.0.1|4294969296|", "|" * 4000, "|1|127.0.0.1|2000|x", "1|127.0.0.1|2000|",
                         "|1|127.1|2000|"):
            self.assertEqual(self.raw.code("EPRT " + argument), 501, argument[:80])
        self.assertIn(self.raw.code("EPRT |2|::1|2000|"), (504, 522))
        self.codes([("EPRT |3|127.0.0.1|2000|", 522), ("EPRT |99999999999|x|2000|", 501), ("PORT 127,0,0,1,0,0", 504),
                    ("EPRT |1|127.0.0.1|0|", 504), ("NLST", 425)])

    def test_dates(self):
        self.server.write_file("alice", "dated", b"")
        bad = ("20200230000000", "20200431000000", "00000000000000", "99999999999999", "20201301000000",
               "20200001000000",
               "20200100000000", "20200101240000", "20200101006000", "20200101000061", "2020010100000",
               "202001010000000",
               "20200101000000.", "20200101000000.x", "-0200101000000", "2020-01-01", "9" * 4000)
        for stamp in bad:
            self.assertEqual(self.raw.code("MFMT %s dated" % stamp), 501, stamp[:40])
            self.assertIn(self.raw.code("MDTM %s dated" % stamp), (501, 550, 553), stamp[:40])
            self.assertEqual(self.raw.code("MFF Modify=%s; dated" % stamp), 501, stamp[:40])
        self.codes([("MFMT 20200101000000." + "9" * 3000 + " dated", 213), ("MFMT 20200101235960 dated", 213),
                    ("MFMT 00010101000000 dated", 213), ("MFMT 99991231235959 dated", 213)])
        for line in ("LIST dated", "NLST -t dated"):
            self.assertEqual(self.received(line).count(b"\r\n"), 1)
        self.assertRegex(self.raw.cmd("MDTM dated"), r"^213 \d{14}$")
        self.assertRegex(self.raw.cmd("MLST dated"), r"modify=\d{14};")

    def test_times_on_disk_that_no_calendar_has(self):
        path = self.server.write_file("alice", "strange", b"")
        for seconds in (-1, -(1 << 31), (1 << 33), -(1 << 33)):
            os.utime(path, (seconds, seconds))
            self.assertRegex(self.raw.cmd("MDTM strange"), r"^213 \d{14}$")
            self.assertEqual(self.received("LIST strange").count(b"\r\n"), 1)

    def test_modes_and_seconds(self):
        self.server.write_file("alice", "moded", b"", mode=0o640)
        for mode in ("8", "10000", "77777", "99999999999999999999", "-1", "0x1ff", "u+s", "9" * 4000):
            self.assertEqual(self.raw.code("SITE CHMOD %s moded" % mode), 501, mode[:40])
            self.assertEqual(self.raw.code("SITE UMASK " + mode), 501, mode[:40])
            self.assertEqual(self.raw.code("MFF UNIX.mode=%s; moded" % mode), 501, mode[:40])
        self.assertEqual(os.stat(self.server.path("alice", "moded")).st_mode & 0o7777, 0o640)
        for seconds in ("0", "-1", "99999999999", "18446744073709551617", "1e3"):
            self.assertEqual(self.raw.code("SITE IDLE " + seconds), 501, seconds)

    def test_ranges(self):
        if "RANG" not in {verb.name for verb in verbs()[0]}:
            self.skipTest("this server has no RANG")
        self.server.write_file("alice", "ranged", b"0123456789")
        for argument in ("", "1", "x y", "-1 5", "1 -5", "18446744073709551616 1", "1 18446744073709551616",
                         "9" * 4000 + " 1",
                         "1 2 3"):
            self.assertEqual(self.raw.code("RANG " + argument), 501, argument[:40])
        self.codes([("RANG 5 3", 501), ("TYPE I", 200)])
        # Behind the end of the file there are no bytes, and no new ones come to be.
        if self.raw.code("RANG 9223372036854775806 9223372036854775806") == 350:
            self.assertEqual(self.received("RETR ranged"), b"")
        if self.raw.code("RANG 1099511627776 1099511627777") == 350:
            self.assertEqual(self.stored("STOR ranged", b"xx")[0], "5")
        self.assertEqual(self.server.read_file("alice", "ranged"), b"0123456789")
        self.in_step()


# --- verbs ----------------------------------------------------------------------------------------------


class Verbs(Hostile, unittest.TestCase):
    """Every row of the command table: before the login, without and with too much argument, in no order."""

    END = ("QUIT",)
    REFUSALS = {"451", "500", "501", "502", "503", "504", "522", "530", "550", "553", "425", "202"}

    def one_reply(self, raw, line):
        """The reply to a line; only one has come, and NOOP is served after it."""
        reply = raw.cmd(line)
        self.assertEqual(raw.cmd("NOOP"), "200 OK.", line)
        return reply

    def test_before_login(self):
        for verb in verbs()[0]:
            for line in (verb.name, verb.name + " x", verb.name + " 1 2 3"):
                with self.subTest(line), RawFtp(self.server.port) as raw:
                    reply = raw.cmd(line)
                    if not verb.before_login:
                        self.assertEqual(reply[:3], "530")
                    elif not verb.built:
                        self.assertIn(reply[:3], ("502", "503", "504"))
                    elif verb.name in self.END:
                        self.assertEqual(reply[:3], "221")
                        self.assertTrue(raw.closed())
                        continue
                    self.in_step(raw)

    def test_site_before_login(self):
        with RawFtp(self.server.port) as raw:
            for verb in verbs()[1]:
                self.assertEqual(self.one_reply(raw, "SITE %s 777 x" % verb.name)[:3], "530", verb.name)

    def test_nothing_changes_before_login(self):
        self.server.write_file("alice", "mine", b"mine")
        before = self.files()
        with RawFtp(self.server.port) as raw:
            raw.cmd("USER alice")
            for line in ("SITE CPFR mine", "SITE CPTO stolen", "RNFR mine", "RNTO stolen", "DELE mine", "MKD made",
                         "EPSV",
                         "STOR made", "RETR mine", "MFMT 20200101000000 mine", "STAT mine", "STAT /"):
                self.assertEqual(self.one_reply(raw, line)[:3], "530", line)
        self.assertEqual(self.files(), before)

    def test_without_an_argument(self):
        for verb in verbs()[0]:
            for line in (verb.name, verb.name + " "):
                with self.subTest(line), self.server.raw("alice") as raw:
                    reply = raw.cmd(line)
                    if verb.name in self.END:
                        self.assertEqual(reply[:3], "221")
                        continue
                    if verb.needs_argument:
                        self.assertIn(reply[:3], ("501", "502", "503", "530"))
                    self.in_step(raw)
        for verb in verbs()[1]:
            reply = self.one_reply(self.raw, "SITE " + verb.name)
            self.assertEqual(reply[:3] in ("501", "503"), verb.needs_argument, verb.name + ": " + reply)

    def test_with_too_much_argument(self):
        for verb in verbs()[0]:
            if verb.name in self.END:
                continue
            for argument in ("x y z", "x" * (4090 - len(verb.name)), " ", "  x", "x ", "/" * 3000, "%s%n%x",
                             "a=b;" * 700):
                with self.subTest(verb.name + " " + argument[:20]), self.server.raw("alice") as raw:
                    reply = raw.cmd(verb.name + " " + argument)
                    self.in_step(raw)
                    self.assertNotIn("xxxxxxxx", reply)
                    if not verb.arguments and verb.built and verb.name not in IGNORE_ARGUMENTS and argument.strip():
                        self.assertIn(reply[:3], ("501", "502") if verb.name == "CCC" else ("501",))
                    if verb.needs_argument and argument == "x" * (4090 - len(verb.name)):
                        self.assertIn(reply[:3], self.REFUSALS | {"200"})
        for verb in verbs()[1]:
            for argument in ("x" * 4000, "%s%n%x", "/" * 3000 + " " + "/" * 900):
                self.one_reply(self.raw, "SITE %s %s" % (verb.name, argument))

    def test_in_the_wrong_order(self):
        self.server.write_file("alice", "here", b"x")
        self.codes([("RNTO x", 503), ("RNFR here", 350), ("NOOP", 200), ("RNTO x", 503), ("RNFR here", 350),
                    ("RNFR gone", 550),
                    ("RNTO x", 503), ("PASS secret", 530), ("USER bob", 530), ("RETR here", 425), ("STOR there", 425),
                    ("LIST", 425), ("ABOR", 226), ("REST 1", 350)])
        with RawFtp(self.server.port) as raw:
            for line, code in (("PASS secret", 503), ("USER nobody", 331), ("USER alice", 331), ("PASS secret", 230),
                               ("PASS secret", 530), ("USER alice", 530), ("ACCT x", 202)):
                self.assertEqual(raw.code(line), code, line)
        with RawFtp(self.server.port) as raw:
            for line, code in (("USER alice", 331), ("PASS wrong", 530), ("PASS secret", 503), ("USER alice", 331),
                               ("NOOP", 200), ("PASS secret", 230)):
                self.assertEqual(raw.code(line), code, line)

    def test_random_commands_in_random_order(self):
        """Each gets one reply, whatever came before; none opens a data connection or ends the login here."""
        chance = random.Random(SEED)
        names = [verb.name for verb in verbs()[0] if verb.name not in
                 ("QUIT", "REIN", "EPSV", "PASV", "P@SW", "PORT", "EPRT", "SITE")]
        names += ["SITE " + verb.name for verb in verbs()[1]] + ["SITE", "SITE SITE"]
        arguments = ["", " ", " x", " .", " ..", " /", " ../../..", " *", " -la", " -R *", " 0", " 1", " -1", " A",
                     " I",
                     " 777 x", " 20200101000000 x", " x y", " Modify=20200101000000; x", " ;", " \xe4", " ALL",
                     " UTF8 ON",
                     " MLST type;size;", " MLST ", " " + "a/" * 500, " |1|127.0.0.1|2000|"]
        front = self.front()
        said = []
        for _ in range(1500):
            line = chance.choice(names) + chance.choice(arguments)
            said = said[-5:] + [line]
            reply = self.raw.cmd(line)
            self.assertRegex(reply, r"\A[2-5]\d\d[ -]", said)
            self.assertEqual(self.raw.cmd("NOOP"), "200 OK.", said)
        self.assertEqual(proc_title(front).split()[:2], ["transomd:", "front"])
        self.others_are_served()

    def test_too_many_bad_commands_end_the_session(self):
        for bad in (b"NONSENSE", b"", b" ", b"\xff\xff" * 10, b"NOOPNOOPNOOPNOOPNOOP", b"x" * 5000, b"NO\0OP",
                    b"\xe2\x80\xa8"):
            with self.subTest(bad[:20]), self.server.raw("alice") as raw:
                flood(raw.sock, (bad + b"\r\n") * 30)
                self.assertTrue(raw.closed())
        self.others_are_served()


# --- who are you? -----------------------------------------------------------------------------------------


class Logins(unittest.TestCase):
    """Names and passwords that mean harm: paths, SQL, terminals, log lines, a backdoor's smile."""

    NAMES = ["../bob", "../evil", "/etc/passwd", "..", ".", "../../users.d/alice", "alice/../bob", "alice.conf",
             "alice/", "./alice",
             "x:)", ":)", "' OR 1=1--", "alice' --", "'; DROP TABLE users; --", '" OR ""="', "%s%n%x%p", "%u",
             "$(id)", "`id`",
             "*", "al*ce", "[a]lice", "alice ", " alice", "ALICE", "root", "0", "-c", "\\\\host\\share", "alice\\",
             "alice@host",
             "\u2028forged", "\u202ealice", "\xa0", "\x85next", "a" * 64, "a" * 65, "a" * 200, "\udcff\udcff\udcfe",
             "\udcc0\udcaf",
             '{"event":"login"}', "alice\\n", "alice,cn=admin", "*)(uid=*"]
    CONTROL_NAMES = ["\x1b]0;owned\x07", "\x1b[2J", "a\tb", "a\x7fb", "\x01"]

    def setUp(self):
        self.server = TransomServer(users=USERS, options={"login_attempts": 100, "login_delay": "1ms"})
        self.server.__enter__()
        self.addCleanup(lambda: self.server.__exit__(None, None, None))
        # What "../evil" would be, if names were paths.
        path = os.path.join(self.server.dir, "evil.conf")
        with open(os.path.join(self.server.users_dir, "alice.conf")) as good, open(path, "w") as file:
            file.write(good.read())
        self.server.own(path)

    def test_names_that_are_no_names(self):
        tries = 0
        with RawFtp(self.server.port) as raw:
            for name in self.NAMES:
                with self.subTest(name):
                    first = raw.cmd("USER " + name)
                    second = raw.cmd("PASS secret")
                    self.assertEqual((first[:3], second), ("331", "530 Login incorrect.")
                                     if first[:3] == "331" else ("530", "503 Login with USER first."))
                    tries += first[:3] == "331"
            for name in self.CONTROL_NAMES:
                self.assertEqual((raw.code("USER " + name), raw.code("PASS secret")), (530, 503), name)
            self.assertEqual(raw.code("NOOP"), 200)
        self.server.wait_event("logout")
        self.assertEqual(len(self.server.log_events("login-failed")), tries)
        self.assertEqual(self.server.log_events("login"), [])
        self.log_is_clean()

    def log_is_clean(self):
        """Every line is one JSON object without a byte that a terminal would act on."""
        with open(self.server.log_file, "rb") as file:
            lines = file.read().split(b"\n")
        self.assertEqual(lines.pop(), b"")
        for line in lines:
            event = json.loads(line)
            self.assertIn("event", event)
            self.assertIsNone(re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]", line.decode("utf-8")), line)
        return lines

    def test_what_clients_say_stays_in_its_field(self):
        with self.server.raw("alice") as raw:
            forged = 'x","event":"login","user":"root'
            for text in ("\x1b]0;owned\x07", "\u2028{\"event\":\"login\"}", forged, "\udcff\udcff\udcfe\udc80",
                         "\x85", "\\", "\x01" * 200):
                raw.cmd("CLNT " + text)
                self.assertEqual(raw.code("MKD " + text), 257, text)
                self.assertEqual(raw.code("RNFR " + text), 350)
                self.assertEqual(raw.code("RNTO " + text + "2"), 250)
                self.assertEqual(raw.code("RMD " + text + "2"), 250)
                raw.passive().close()
                raw.cmd("RETR " + text)
        self.server.wait_event("logout")
        self.log_is_clean()
        self.assertEqual(len(self.server.log_events("login")), 1)
        self.assertEqual([event["user"] for event in self.server.log_events("login")], ["alice"])
        for name, count in (("mkdir", 7), ("rename", 7), ("rmdir", 7)):
            self.assertEqual(len(self.server.log_events(name, user="alice")), count, name)

    def test_the_smile_opens_no_door(self):
        """CVE-2011-2523: vsftpd's backdoor listened on 6200."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 6200)) == 0:
                self.skipTest("somebody listens on 6200 anyway")
        with RawFtp(self.server.port) as raw:
            raw.cmd("USER alice:)")
            raw.cmd("PASS x")
            with socket.socket() as probe:
                self.assertNotEqual(probe.connect_ex(("127.0.0.1", 6200)), 0)

    def test_long_passwords_cost_nothing(self):
        with RawFtp(self.server.port) as raw:
            self.server.wait_rest()     # those of the tests before are gone
            pids = self.server.pids("guard login") + self.server.pids("front ftp")
            before = cpu_seconds(*pids)
            for length in (1025, 2048, 4000, 100 << 10):
                self.assertEqual(raw.code("USER alice"), 331)
                reply = raw.cmd("PASS " + "p" * length)
                self.assertIn(reply[:3], ("530", "500"), length)
                self.assertNotIn("ppp", reply)
            self.assertLess(cpu_seconds(*pids) - before, 0.1)
            self.assertEqual(raw.code("USER alice"), 331)
            self.assertEqual(raw.code("PASS " + "p" * 1024), 530)
            self.assertEqual(raw.code("USER alice"), 331)
            self.assertEqual(raw.code("PASS secret"), 230)

    def test_long_passwords_have_an_end(self):
        with RawFtp(self.server.port) as raw:
            flood(raw.sock, (b"USER alice\r\nPASS " + b"p" * 1025 + b"\r\n") * 200)
            self.assertTrue(raw.closed())

    def test_unknown_users_look_like_known_ones(self):
        """The same words after the same time, which login_delay covers: what others do on the machine can only add to
        it, so that the shortest tell, if there are enough of them."""
        with TransomServer(users=USERS, options={"login_delay": "300ms"}) as server:
            times = {"alice": [], "nobody-here": []}
            replies = set()

            def try_one(user):
                with RawFtp(server.port) as raw:
                    self.assertEqual(raw.code("USER " + user), 331)
                    began = time.monotonic()
                    replies.add(raw.cmd("PASS wrong"))
                    times[user].append(time.monotonic() - began)

            def apart():
                return abs(min(times["alice"]) - min(times["nobody-here"]))

            while len(times["alice"]) < 5 or apart() >= 0.05 and len(times["alice"]) < 30:
                threads = [threading.Thread(target=try_one, args=(user,)) for user in times]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            self.assertEqual(replies, {"530 Login incorrect."})
            self.assertGreaterEqual(min(min(times["alice"]), min(times["nobody-here"])), 0.3)
            self.assertLess(apart(), 0.05)


class Protocols(Hostile, unittest.TestCase):
    """ALPACA, CVE-2021-3618: who speaks another protocol reads nothing from us, and is not obeyed."""

    GREETINGS = [b"%s /reflect HTTP/1.1\r\nHost: reflect\r\n\r\n" % method for method in (
        b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE", b"CONNECT")] + [
        b"get /reflect HTTP/1.0\r\n\r\n", b"EHLO reflect\r\n", b"HELO reflect\r\n", b"LHLO reflect\r\n",
        b"SSH-2.0-reflect\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"RTSP/1.0 200 OK\r\n", b"DESCRIBE rtsp://reflect RTSP/1.0\r\n",
        b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", b"* OK reflect\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03reflect"]

    def test_greetings_end_the_connection_without_an_echo(self):
        for data, user in itertools.product(self.GREETINGS, (None, "bob")):
            with self.subTest(data, user=user), self.server.raw(user) as raw:
                raw.send(data)
                self.assertEqual(read_until_closed(raw.sock), b"")
        self.others_are_served()

    def forge(self, head):
        """A browser is made to send a body that is FTP."""
        body = b"USER bob\r\nPASS secret\r\nMKD forged\r\nQUIT\r\n"
        with RawFtp(self.server.port) as raw:
            raw.buffer += flood(raw.sock, head + body)
            said = raw.buffer + read_until_closed(raw.sock)
        self.assertNotIn(b"\r\n230", b"\r\n" + said)
        self.assertNotIn(b"reflect", said)
        self.assertNotIn(b"forged", self.files("bob"))

    def test_a_forged_request_is_not_obeyed(self):
        headers = b"Host: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 44\r\n\r\n"
        self.forge(b"POST /reflect HTTP/1.1\r\n" + headers)
        self.forge(b"POST /reflect HTTP/1.1\n" + headers.replace(b"\r", b""))

    def test_a_forged_request_is_not_obeyed_when_its_first_line_is_too_long(self):
        for length in (4090, 4096, 4097, 5000, 16384, 65536):
            self.forge(b"POST /reflect" + b"x" * length + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def test_a_forged_request_is_not_obeyed_whatever_bytes_are_in_it(self):
        for bad in (b"\0", b"\r", b"\xff\xf4", b"\xff\xff"):
            self.forge(b"POST /reflect" + bad + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def test_a_request_behind_a_command_is_not_answered(self):
        with RawFtp(self.server.port) as raw:
            raw.send(b"NOOP\r\nGET /reflect HTTP/1.1\r\n\r\nUSER bob\r\n")
            self.assertNotIn(b"331", read_until_closed(raw.sock))


# --- data connections -------------------------------------------------------------------------------------


class DataConnections(Hostile, unittest.TestCase):
    """The bounce (CVE-1999-0017), the thief (CVE-1999-0351), and who breaks off."""

    def listening(self, port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def epsv(self, raw=None):
        return int(re.search(r"\|(\d+)\|", (raw or self.raw).cmd("EPSV")).group(1))

    def test_nobody_else_is_connected_to(self):
        with socket.create_server(("127.0.0.2", 0)) as third:
            third.setblocking(False)
            port = third.getsockname()[1]
            self.codes([("PORT 127,0,0,2,%d,%d" % (port >> 8, port & 255), 504), ("NLST", 425),
                        ("EPRT |1|127.0.0.2|%d|" % port, 504), ("NLST", 425)])
            self.codes([("PORT 127,0,0,1,%d,%d" % (p >> 8, p & 255), 504) for p in (0, 1, 21, 22, 25, 80, 443, 1023)])
            self.codes([("PORT 0,0,0,0,200,10", 504), ("PORT 255,255,255,255,200,10", 504), ("EPRT |1|8.8.8.8|80|",
                                                                                             504)])
            with self.assertRaises(BlockingIOError):
                third.accept()

    def test_a_refused_target_leaves_none_behind(self):
        """After PASV a refused PORT must not send the data to the old place by surprise, nor to the new."""
        port = self.epsv()
        self.assertEqual(self.raw.code("PORT 127,0,0,2,200,10"), 504)
        with socket.create_connection(("127.0.0.1", port)) as data:
            reply = self.raw.cmd("NLST")
            self.assertIn(reply[:3], ("150", "425"))
            if reply[:3] == "150":
                read_all(data)
                self.assertEqual(self.raw.reply()[:3], "226")
        self.in_step()

    def test_a_stranger_comes_first(self):
        self.server.write_file("alice", "private", b"for alice only")
        for strangers in (1, 3, 20):
            with self.subTest(strangers=strangers):
                port = self.epsv()
                thieves = []
                for _ in range(strangers):
                    thief = socket.socket()
                    self.addCleanup(thief.close)
                    thief.bind(("127.0.0.2", 0))
                    thief.setblocking(False)
                    thief.connect_ex(("127.0.0.1", port))
                    thieves.append(thief)
                with socket.create_connection(("127.0.0.1", port), timeout=self.raw.timeout) as data:
                    self.assertEqual(self.raw.code("RETR private"), 150)
                    self.assertEqual(read_all(data), b"for alice only")
                self.assertEqual(self.raw.reply()[:3], "226")
                for thief in thieves:       # who is still in a queue may not even know that it is over
                    with contextlib.suppress(OSError):
                        self.assertEqual(thief.recv(100), b"")
        def logged():
            return self.server.log_events("data-failed", reason=re.compile(r"127\.0\.0\.2"))

        wait_until(lambda: len(logged()) >= 3, what="the log of the strangers")
        self.assertLessEqual(len(logged()), 9)

    def test_a_stranger_alone_is_waited_out(self):
        port = self.epsv()
        with ClientAt("127.0.0.2", self.server.port) as other, other.connect(port) as thief:
            self.raw.send("NLST\r\n")
            self.assertEqual(self.raw.reply()[:3], "150")
            self.assertEqual(read_until_closed(thief), b"")
            with socket.create_connection(("127.0.0.1", port)) as data:
                read_all(data)
            self.assertEqual(self.raw.reply()[:3], "226")

    def test_a_port_is_for_one_connection(self):
        port = self.epsv()
        with socket.create_connection(("127.0.0.1", port)) as data:
            self.assertEqual(self.raw.code("NLST"), 150)
            read_all(data)
        self.assertEqual(self.raw.reply()[:3], "226")
        self.assertFalse(self.listening(port))
        self.assertEqual(self.raw.code("NLST"), 425)

    def test_the_last_word_counts(self):
        first = self.epsv()
        second = self.epsv()
        self.assertNotEqual(first, second)
        self.assertFalse(self.listening(first))
        with socket.create_server(("127.0.0.1", 0)) as mine:
            port = mine.getsockname()[1]
            self.assertEqual(self.raw.code("PORT 127,0,0,1,%d,%d" % (port >> 8, port & 255)), 200)
            self.assertFalse(self.listening(second))
            third = self.epsv()
            with socket.create_connection(("127.0.0.1", third)) as data:
                self.assertEqual(self.raw.code("NLST"), 150)
                read_all(data)
            self.assertEqual(self.raw.reply()[:3], "226")
            mine.setblocking(False)
            with self.assertRaises(BlockingIOError):
                mine.accept()

    def test_passive_ports_end_with_their_session(self):
        with self.server.raw("bob") as bob:
            port = self.epsv(bob)
        wait_until(lambda: not self.listening(port), what="end of the passive port")

    def test_the_announced_address_is_the_one_that_was_dialled(self):
        numbers = re.search(r"\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)", self.raw.cmd("PASV"))
        self.assertEqual(numbers.group(1), "127,0,0,1")
        self.assertGreaterEqual(int(numbers.group(2)) * 256 + int(numbers.group(3)), 1024)

    def test_ports_cannot_be_guessed(self):
        ports = [self.epsv() for _ in range(8)]
        steps = {second - first for first, second in zip(ports, ports[1:])}
        self.assertGreater(len(steps), 2, ports)

    def test_epsv_all_outlives_transfers_and_their_abort(self):
        self.server.write_file("alice", "big", content(8 * MEBIBYTE))
        self.codes([("TYPE I", 200), ("EPSV ALL", 200)])
        with self.raw.passive() as data:
            self.assertEqual(self.raw.code("RETR big"), 150)
            data.recv(1000)
            self.assertEqual(self.raw.code("ABOR"), 426)
            self.assertEqual(self.raw.reply()[:3], "226")
        refused = [("PASV", 503), ("PORT 127,0,0,1,200,10", 503), ("EPRT |1|127.0.0.1|2000|", 503), ("NLST", 425)]
        self.codes(refused)
        data = self.raw.passive()
        self.assertEqual(self.raw.code("STOR reset"), 150)
        reset(data)
        self.assertEqual(self.raw.reply()[:3], "426")
        self.codes(refused + [("EPSV ALL", 200), ("epsv all", 200)] + refused)
        self.received("NLST")
        self.codes(refused)

    def test_resets_in_the_middle(self):
        self.server.write_file("alice", "middle", content(8 * MEBIBYTE))
        self.assertEqual(self.raw.code("TYPE I"), 200)
        for line in ("RETR middle", "STOR upload", "APPE upload2", "STOU upload3"):
            data = self.raw.passive()
            self.assertEqual(self.raw.code(line), 150, line)
            if line.startswith("RETR"):
                data.recv(1000)
            else:
                data.sendall(content(MEBIBYTE))
            reset(data)
            self.assertEqual(self.raw.reply()[:3], "426", line)
            self.in_step()
        self.assertEqual([name for name in self.files() if name.startswith(b"upload")], [])
        self.others_are_served()


class Waiting(Hostile, unittest.TestCase):
    """Clients that let the server wait, with short timeouts."""

    settings = {
        "users": USERS,
        "options": {"login_timeout": "2s"},
        "ftp": {"idle_timeout": "3s", "data_timeout": "1s", "stall_timeout": "2s"},
    }

    def test_a_data_connection_that_never_comes(self):
        port = int(re.search(r"\|(\d+)\|", self.raw.cmd("EPSV")).group(1))
        self.assertEqual(self.raw.code("STOR never"), 150)
        self.assertEqual(self.raw.reply()[:3], "425")
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", port)), 0)
        self.in_step()
        self.assertEqual(self.server.staged("alice"), [])
        self.server.wait_event("data-failed")

    def test_one_byte_now_and_then(self):
        """A reader that takes a byte in a while: what does not move the connection is no progress."""
        self.server.write_file("alice", "big", content(30 * MEBIBYTE))
        self.assertEqual(self.raw.code("TYPE I"), 200)
        with self.raw.passive() as data:
            self.assertEqual(self.raw.code("RETR big"), 150)
            self.raw.sock.settimeout(0.3)
            began = time.monotonic()
            while time.monotonic() - began < 15:
                data.recv(1)
                try:
                    reply = self.raw.reply()
                    break
                except socket.timeout:
                    continue
            self.raw.sock.settimeout(self.raw.timeout)
        self.assertEqual(reply, "426 Data connection stalled for 2 seconds; transfer aborted.")
        self.in_step()

    def test_bytes_without_a_line_do_not_keep_a_session(self):
        for user, said in ((None, "421 Login timeout."), ("alice", "421 Idle timeout: no command for 3 seconds.")):
            with self.subTest(user), self.server.raw(user) as raw:
                raw.sock.settimeout(0.1)
                reply = None
                for _ in range(80):
                    try:
                        raw.send(b"A")
                        reply = raw.reply()
                        break
                    except socket.timeout:
                        continue
                self.assertEqual(reply, said)
                raw.sock.settimeout(raw.timeout)
                self.assertTrue(raw.closed())

    def test_commands_do_not_stretch_the_time_to_log_in(self):
        with RawFtp(self.server.port) as raw:
            began = time.monotonic()
            reply = "200"
            while reply.startswith("200") and time.monotonic() - began < 15:
                reply = raw.cmd("NOOP")
                time.sleep(0.02)
            self.assertEqual(reply, "421 Login timeout.")


# --- transfers that are interrupted -------------------------------------------------------------------------


class Interrupted(Hostile, unittest.TestCase):
    """ABOR, resets, QUIT and ends at any byte of any transfer, a thousand times."""

    settings = {"users": USERS, "ftp": {"data_timeout": "2s"}}
    ROUNDS = 1000
    SIZE = 3 * MEBIBYTE
    # Where things are likely to go wrong: nothing yet, one byte, block and window sizes, and the end.
    EDGES = [0, 1, 2, 4095, 4096, 65535, 65536, 131072, 524287, 524288, 524289, SIZE - 1, SIZE]

    def setUp(self):
        super().setUp()
        self.data = content(self.SIZE)
        self.server.write_file("alice", "source", self.data)
        if not os.path.isdir(self.server.path("alice", "many")):
            self.server.make_dir("alice", "many")
            for number in range(400):
                os.mkdir(self.server.path("alice", "many", "%03d" % number + "x" * 100))

    def move(self, line, sock, offset):
        if line.split()[0] in ("STOR", "APPE", "STOU"):
            sock.sendall(self.data[:offset])
            return
        while offset > 0:
            piece = sock.recv(min(offset, 65536))
            if not piece:
                return
            offset -= len(piece)

    def replies(self):
        """All replies until that to PWD, which waits for the end of the transfer; the session is in step then."""
        self.raw.send("PWD\r\n")
        codes = []
        while not codes or codes[-1] != "257":
            codes.append(self.raw.reply()[:3])
        return codes[:-1]

    def act(self, how, sock):
        """Interrupt; the replies, or None when the session is over."""
        if how == "abor":
            self.raw.send("ABOR\r\n")
        elif how == "telnet":
            self.raw.sock.send(b"\xff\xf4\xff", socket.MSG_OOB)
            self.raw.send(b"\xf2ABOR\r\n")
        elif how == "reset":
            reset(sock)
        elif how == "close":
            sock.close()
        elif how == "vanish":
            reset(self.raw.sock)
            reset(sock)
            return None
        elif how == "quit":
            self.raw.send("QUIT\r\n")
            sock.close()
            codes = []
            try:
                while True:
                    codes.append(self.raw.reply()[:3])
            except (EOFError, ConnectionError):
                self.assertEqual(codes[-1], "221")
            return codes
        codes = self.replies()
        sock.close()
        return codes

    def check(self, line, how, offset, codes, published):
        upload = line.split()[0] in ("STOR", "APPE", "STOU")
        what = (line, how, offset, codes)
        if how in ("abor", "telnet"):
            self.assertIn(codes, (["426", "226"], ["226", "226"]) if not upload else (["426", "226"],), what)
        elif how == "reset" and upload:
            self.assertEqual(codes, ["426"], what)
        elif how == "close" and upload:
            self.assertEqual(codes, ["226"], what)
        elif codes is not None:
            self.assertIn(codes[0], ("226", "426"), what)
        if upload:
            whole = how in ("close", "quit")
            self.assertEqual(len(published), 1 if whole else 0, what)
            if whole:
                self.assertEqual(os.path.getsize(published[0]), offset, what)

    def test_at_any_byte(self):
        chance = random.Random(SEED)
        uploads = 0
        for number in range(self.ROUNDS):
            line = chance.choice(("STOR up%d" % number, "STOR up%d" % number, "APPE up%d" % number,
                                  "STOU up%d" % number, "RETR source",
                                  "RETR source", "LIST many", "MLSD many", "NLST many"))
            how = chance.choice(("abor", "telnet", "reset", "close", "vanish", "quit"))
            offset = chance.choice(self.EDGES + [chance.randrange(self.SIZE)] * 4)
            self.assertEqual(self.raw.code(chance.choice(("TYPE I", "TYPE I", "TYPE L 8"))), 200)
            sock = self.raw.passive()
            self.assertEqual(self.raw.code(line), 150, line)
            self.move(line, sock, offset)
            codes = self.act(how, sock)
            if codes is None:
                uploads += line[:2] in ("ST", "AP")
                self.server.wait_event("logout", count=len(self.server.log_events("login")))
            self.raw = self.raw if codes is not None and how != "quit" else self.server.raw("alice")
            published = [self.server.path("alice", name) for name in os.listdir(self.server.root("alice"))
                         if re.match(r"up%d(\.|$)" % number, name)]
            self.check(line, how, offset, codes, published)
            for path in published:
                os.unlink(path)
        self.raw.cmd("QUIT")
        self.others_are_served()
        self.after()

    def after(self):
        """Each session has one login and one logout line, and all pairs but the spare ones are gone."""
        server = self.server
        server.wait_event("logout", count=len(server.log_events("login")))
        self.assertEqual(len(server.log_events("login")), len(server.log_events("logout")))
        self.assertEqual(len(server.log_events("accept")), len(server.log_events("logout")))
        wait_until(lambda: server.pids("guard") == server.pids("guard idle"), what="end of all sessions")
        self.assertEqual(server.log_events("crash"), [])

    def test_before_the_data_connection(self):
        for line, how in itertools.product(("STOR early", "RETR source", "LIST many"), ("abor", "vanish", "quit")):
            with self.subTest(line, how=how):
                raw = self.server.raw("alice")
                self.assertEqual(raw.code("EPSV"), 229)
                self.assertEqual(raw.code(line), 150)
                if how == "abor":
                    self.assertEqual((raw.code("ABOR"), raw.reply()[:3], raw.code("NOOP")), (426, "226", 200))
                    raw.close()
                elif how == "quit":
                    raw.send("QUIT\r\n")
                    self.assertEqual((raw.reply()[:3], raw.reply()[:3]), ("425", "221"))
                    raw.close()
                else:
                    reset(raw.sock)
        self.raw.close()
        wait_until(lambda: self.server.pids("guard") == self.server.pids("guard idle"), what="end of all sessions")
        self.assertNotIn(b"early", self.files())
        self.raw = self.server.raw("alice")
        self.others_are_served()


class Jobs(Hostile, unittest.TestCase):
    """What takes as long as a file is large: it ends when its client wants it to, or is gone, and others are served."""

    def setUp(self):
        super().setUp()
        self.commands, self.site = ({verb.name for verb in table} for table in verbs())
        os.truncate(self.server.write_file("alice", "huge", b""), 8 << 40)

    def need(self, *names):
        if not set(names) <= self.commands | self.site:
            self.skipTest("this server has no " + " ".join(names))

    def over(self):
        """No session of alice is left."""
        wait_until(lambda: not self.server.pids("guard alice"), what="end of the session")

    def test_checksums_of_a_huge_file(self):
        self.need("HASH")
        for verb in sorted({"HASH", "XCRC", "MD5", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512"} & self.commands):
            self.raw.send(verb + " huge\r\n")
            if verb == "HASH":          # NOOP may wait for the answer, for a while
                self.assertEqual(self.raw.code("NOOP"), 200)
                self.others_are_served()
            self.assertEqual(self.raw.code("ABOR"), 426, verb)
            self.assertEqual(self.raw.reply()[:3], "226", verb)
            self.in_step()
        for end in (reset, socket.socket.close):
            self.raw.send("HASH huge\r\n")
            self.assertEqual(self.raw.code("NOOP"), 200)
            end(self.raw.sock)
            self.over()
            self.raw = self.server.raw("alice")

    def test_copies_of_a_huge_file(self):
        self.need("CPFR", "CPTO")
        for end in ("abor", "reset", "close"):
            with self.subTest(end):
                self.assertEqual(self.raw.code("SITE CPFR huge"), 350)
                self.raw.send("SITE CPTO copy\r\n")
                self.assertEqual(self.raw.code("NOOP"), 200)
                self.others_are_served()
                if end == "abor":
                    self.assertEqual((self.raw.code("ABOR"), self.raw.reply()[:3]), (426, "226"))
                    self.in_step()
                else:
                    reset(self.raw.sock) if end == "reset" else self.raw.close()
                    self.over()
                    self.raw = self.server.raw("alice")
                self.assertEqual(self.server.staged("alice"), [])
                self.assertNotIn(b"copy", self.files())

    def test_a_file_put_onto_itself_stays(self):
        self.need("CPFR", "CPTO", "COMB")
        self.server.write_file("alice", "same", b"12345")
        self.codes([("SITE CPTO x", 503), ("SITE CPFR same", 350), ("SITE CPFR gone", 550), ("SITE CPTO x", 503)])
        os.symlink("same", self.server.path("alice", "same-link"))
        os.link(self.server.path("alice", "same"), self.server.path("alice", "same-hard"))
        for line in ("COMB same same", "COMB same same-hard", "COMB same same-link", "COMB same-link same same",
                     "RNFR same",
                     "RNTO same", "RNFR same", "RNTO same-hard", "SITE CPFR same", "SITE CPTO same", "SITE CPFR same",
                     "SITE CPTO same-hard", "SITE CPFR same", "SITE CPTO same-link"):
            self.assertIn(self.raw.code(line) // 100, (2, 3, 5), line)
            names = [name for name in ("same", "same-hard") if os.path.exists(self.server.path("alice", name))]
            self.assertIn(b"12345", [self.server.read_file("alice", name) for name in names], line)
        self.in_step()


# --- names that were made locally -----------------------------------------------------------------------------


class Names(Hostile, unittest.TestCase):
    """Names with line ends and control bytes, in listings and in replies."""

    NAMES = [b"x\r\n226 forged", b"\n", b"\r", b"a\nb\nc", b"\x1b[31mred", b"\x07", b"\x7f", b"tab\there",
             b"\xff\xf4\xff\xf2",
             b"\xc2\x85", b"\xe2\x80\xa8", b"\r\n\r\n", b"250-End", b"-rw-r--r--", b" ", b"x;type=dir; y", b"%s%n",
             b"\x01" * 255]

    def setUp(self):
        super().setUp()
        self.where = os.fsencode(self.server.path("alice", "names"))
        if not os.path.isdir(self.where):
            self.server.make_dir("alice", "names")
            for number, name in enumerate(self.NAMES):
                path = os.path.join(self.where, name)
                if number % 3 == 0:
                    os.mkdir(path)
                elif number % 3 == 1:
                    os.symlink(b"to\r\n226 forged", path)
                else:
                    with open(path, "wb"):
                        pass
                self.server.own(path)

    def lines_of(self, data):
        """Lines of a listing: each ends in CR LF, and no other control byte is in it."""
        self.assertTrue(data.endswith(b"\r\n"))
        lines = data.split(b"\r\n")[:-1]
        for line in lines:
            self.assertIsNone(re.search(rb"[\x00-\x1f\x7f]", line), line)
            self.assertFalse(line.startswith(b"226"), line)
        return lines

    def test_listings(self):
        for line in ("LIST -a names", "NLST -a names", "MLSD names", "LIST -la names", "LIST -t names",
                     "NLST names/*", "LIST -d names",
                     "LIST -R names"):
            count = {"LIST -d names": 1, "NLST names/*": len(self.NAMES)}.get(line, len(self.NAMES))
            lines = self.lines_of(self.received(line))
            if line == "LIST -R names":     # and an empty line and a header for each directory in it
                count += 2 * len(self.NAMES[::3])
            self.assertEqual(len(lines), count, line)

    def test_listings_as_replies(self):
        for line in ("STAT names", "STAT -a names", "STAT names/*", "STAT -R names"):
            self.raw.send(line + "\r\n")
            lines = [self.raw.line()]
            while not re.match(rb"21[123] ", lines[-1]):
                lines.append(self.raw.line())
            self.assertGreaterEqual(len(lines), len(self.NAMES) + 1, line)
            for inner in lines[1:-1]:
                self.assertIsNone(re.search(rb"[\x00-\x1f\x7f]", inner), inner)
                self.assertIsNone(re.match(rb"\d\d\d[ -]", inner), inner)
            self.in_step()

    def test_replies_that_hold_a_name(self):
        for name in (b"\x1b[31mred", b"\x07", b"\x7f", b"tab\there", b"\r", b"\xff\xf4\xff\xf2", b"%s%n"):
            sent = name.replace(b"\xff", b"\xff\xff").replace(b"\r", b"\r\0")
            for verb, codes in ((b"MLST", "2"), (b"CWD", "25"), (b"PWD", "2"), (b"CWD /", "2"), (b"SIZE", "25"),
                                (b"MDTM", "25"),
                                (b"MKD", "5"), (b"RNFR", "3"), (b"RNTO", "25"), (b"STAT", "2"), (b"DELE", "25"),
                                (b"MFMT 20200101000000", "25"), (b"XCWD", "25"), (b"AVBL", "25")):
                line = verb if verb in (b"PWD", b"CWD /") else verb + b" /names/" + sent
                self.raw.send(line + b"\r\n")
                reply = self.raw.reply()
                self.assertIn(reply[0], codes, line)
                for text in reply.split("\n"):
                    self.assertIsNone(re.search(r"[\x00-\x1f\x7f]", text), line)
                self.in_step()
            path = os.path.join(self.where, name)
            if not os.path.lexists(path):
                with open(path, "wb"):
                    pass
                self.server.own(path)

    def test_facts_cannot_be_forged(self):
        """RFC 3659 7.2: facts end at the first space; a link's target must not add any."""
        os.symlink("x;type=dir;perm=adfrw; y", self.server.path("alice", "liar"))
        line, = [line for line in self.received("MLSD /").split(b"\r\n") if line.endswith(b" liar")]
        self.assertEqual(line.count(b"type="), 1)
        self.assertEqual(line.split(b" ", 1)[1], b"liar")


# --- identity and rights ----------------------------------------------------------------------------------------


class Identity(Hostile, unittest.TestCase):
    """A session and its transfers are one user's, and that user has no group of root's."""

    def test_user_while_a_listing_waits(self):
        """LightFTP, CVE-2023-24042: the job's user and path were those of the session by then."""
        self.server.write_file("alice", "of-alice", b"")
        self.server.write_file("bob", "of-bob", b"")
        port = int(re.search(r"\|(\d+)\|", self.raw.cmd("EPSV")).group(1))
        self.raw.send(b"NLST\r\nUSER bob\r\nUSER /etc\r\nCWD /etc\r\nTYPE A\r\n")
        self.assertEqual(self.raw.reply()[:3], "150")
        with socket.create_connection(("127.0.0.1", port)) as data:
            listed = read_all(data).split()
        self.assertIn(b"of-alice", listed)
        self.assertNotIn(b"of-bob", listed)
        self.assertEqual([self.raw.reply()[:3] for _ in range(5)], ["226", "530", "530", "550", "200"])

    def test_parameters_belong_to_the_transfer_that_began_with_them(self):
        self.server.write_file("alice", "lines", b"a\nb\n" * 200000)
        self.assertEqual(self.raw.code("TYPE I"), 200)
        with self.raw.passive() as data:
            self.raw.send(b"RETR lines\r\nTYPE A\r\nREST 5\r\n")
            self.assertEqual(self.raw.reply()[:3], "150")
            self.assertEqual(read_all(data), b"a\nb\n" * 200000)
        self.assertEqual([self.raw.reply()[:3] for _ in range(3)], ["226", "200", "350"])

    def test_a_session_has_its_own_groups_and_no_more(self):
        need_root()
        guard, front = self.server.pids("guard alice")[0], self.front()
        for pid in (guard, front):
            status = proc_status(pid)
            self.assertNotIn("0", status["Groups"])
            self.assertNotIn("0", status["Uid"] + status["Gid"])
            self.assertEqual(status["CapEff"], ["0" * 16])
        self.assertEqual(proc_status(guard)["Uid"], [str(FILES_UID)] * 4)
        self.assertLessEqual(set(proc_status(guard)["Groups"]), {str(FILES_UID)})
        self.assertEqual(self.stored("STOR owned", b"x")[:3], "226")
        self.assertEqual(self.raw.code("MKD owned-dir"), 257)
        for name in ("owned", "owned-dir"):
            status = os.stat(self.server.path("alice", name))
            self.assertEqual((status.st_uid, status.st_gid), (FILES_UID, FILES_UID), name)


class Rights(unittest.TestCase):
    """Every preset, and every right missing, against every verb that needs one."""

    # Line(s), what must all be granted; of these the last reply counts.
    ROWS = [
        ("RETR f", {"read"}), ("LIST d", {"list"}), ("NLST d", {"list"}), ("MLSD d", {"list"}), ("STAT d", {"list"}),
        ("NLST *", {"list"}), ("MLST f", {"list"}), ("SIZE f", {"list"}), ("MDTM f", {"list"}), ("STAT f", {"list"}),
        ("STOR new", {"upload"}), ("APPE new", {"upload"}), ("STOU", {"upload"}), ("STOR f", {"overwrite"}),
        ("APPE f", {"append"}), (("REST 1", "STOR f"), {"resume"}), ("DELE f", {"delete"}), ("DELE l", {"delete"}),
        (("RNFR f", "RNTO new"), {"rename", "list"}), (("RNFR e", "RNTO new"), {"rename", "list"}),
        (("RNFR f", "RNTO g"), {"rename", "list", "overwrite"}),
        ("MKD new", {"mkdir"}), ("XMKD new", {"mkdir"}), ("SITE MKDIR new", {"mkdir"}), ("RMD e", {"rmdir"}),
        ("XRMD e", {"rmdir"}),
        ("SITE RMDIR e", {"rmdir"}), ("SITE CHMOD 600 f", {"chmod"}), ("MFF UNIX.mode=0600; f", {"chmod"}),
        ("MFMT 20200101000000 f", {"times"}), ("MDTM 20200101000000 f", {"times"}), ("MFF Modify=20200101000000; f",
                                                                                     {"times"}),
        ("SITE UTIME 20200101000000 f", {"times"}), ("SITE SYMLINK f new", {"symlink"}),
        # Those of later versions, when the table has them.
        ("HASH f", {"read"}), ("XCRC f", {"read"}), ("MD5 f", {"read"}), ("XMD5 f", {"read"}), ("XSHA f", {"read"}),
        ("XSHA1 f", {"read"}), ("XSHA256 f", {"read"}), ("XSHA512 f", {"read"}),
        (("SITE CPFR f", "SITE CPTO new"), {"list", "read", "upload"}),
        (("SITE CPFR f", "SITE CPTO g"), {"list", "read", "overwrite"}),
        ("COMB new f g", {"list", "read", "upload", "delete"}),
    ]
    ALL = ("list", "read", "upload", "overwrite", "append", "resume", "delete", "rename", "mkdir", "rmdir", "chmod",
           "times",
           "symlink")
    # What an inbox serves; everything else is refused there, since nothing in it is the session's own.
    INBOX = {"STOR new", "APPE new", "STOU", "LIST d", "NLST d", "MLSD d", "STAT d", "NLST *"}

    def known_rows(self):
        commands, site = ({verb.name for verb in table} for table in verbs())
        for lines, needed in self.ROWS:
            lines = (lines,) if isinstance(lines, str) else lines
            words = [line.split() for line in lines]
            if all(word[1] in site if word[0] == "SITE" else word[0] in commands for word in words):
                yield lines, needed

    def plant(self, server, user):
        """The same tree for every row."""
        root = server.root(user)
        for where, folders, names in os.walk(root, topdown=False):
            for name in names + [name for name in folders if os.path.islink(os.path.join(where, name))]:
                os.unlink(os.path.join(where, name))
            if where != root:
                os.rmdir(where)
        for name in ("d", "e"):
            server.make_dir(user, name)
        for name in ("f", "g", "d/h"):
            os.utime(server.write_file(user, name, name.encode() * 10), (1e9, 1e9))
        os.symlink("f", os.path.join(root, "l"))
        server.own(os.path.join(root, "l"))

    def picture(self, root):
        """All there is and how it is; what a directory's own time tells is in its entries."""
        seen = {}
        for where, folders, names in os.walk(root):
            for name in folders + names:
                path = os.path.join(where, name)
                status = os.lstat(path)
                seen[os.path.relpath(path, root)] = (
                    status.st_mode, status.st_uid, None if name in folders else (status.st_mtime_ns, status.st_size))
        return seen

    def do(self, raw, lines):
        """The last reply of these lines, with a transfer's data."""
        for line in lines:
            data = raw.passive() if line.split()[0] in ("RETR", "STOR", "APPE", "STOU", "LIST", "NLST",
                                                        "MLSD") else None
            reply = raw.cmd(line)
            if data is not None and reply.startswith("150"):
                if line.split()[0] in ("STOR", "APPE", "STOU"):
                    data.sendall(b"stored")
                    data.close()
                else:
                    read_all(data)
                reply = raw.reply()
            if data is not None:
                data.close()
            if reply[0] not in "23":
                break
        return reply

    def matrix(self, server, user, allowed):
        """allowed(lines, needed): is this row to be served?"""
        raw = server.raw(user)
        self.addCleanup(raw.close)
        raw.cmd("TYPE I")
        for lines, needed in self.known_rows():
            with self.subTest(user=user, lines=lines):
                self.plant(server, user)
                before = self.picture(server.root(user))
                reply = self.do(raw, lines)
                if allowed(lines, needed):
                    self.assertIn(reply[0], "2", reply)
                else:
                    self.assertRegex(reply, r"^55\d")
                    self.assertEqual(self.picture(server.root(user)), before)

    def test_every_preset_and_every_verb(self):
        presets = {"full": self.ALL, "reader": ("list", "read"), "none": ()}
        users = {name: {"password": "secret", "setattr": "refuse", "existing": "refuse",
                        "access": {"reader": "read-only"}.get(name, name)} for name in (*presets, "inbox")}
        with TransomServer(users=users) as server:
            for user, rights in presets.items():
                self.matrix(server, user, lambda lines, needed, rights=rights: needed <= set(rights))
            self.matrix(server, "inbox", lambda lines, needed: " ".join(lines) in self.INBOX)

    def test_every_right_missing_and_every_verb(self):
        users = {"no-" + right: {"password": "secret", "setattr": "refuse", "existing": "refuse",
                                 "access": [other for other in self.ALL if other != right]} for right in self.ALL}
        with TransomServer(users=users) as server:
            for right in self.ALL:
                self.matrix(server, "no-" + right, lambda lines, needed, right=right: right not in needed)

    def test_what_is_ignored_is_not_done(self):
        """setattr = ignore answers OK, as clients that chmod after an upload want it."""
        with TransomServer(users={"reader": {"password": "secret", "access": "read-only"}}) as server:
            self.plant(server, "reader")
            before = self.picture(server.root("reader"))
            with server.raw("reader") as raw:
                for line in ("SITE CHMOD 777 f", "MFMT 20200101000000 f", "MDTM 20200101000000 f",
                             "MFF UNIX.mode=0777; f",
                             "SITE UTIME 20200101000000 f"):
                    self.assertEqual(raw.cmd(line)[0], "2", line)
            self.assertEqual(self.picture(server.root("reader")), before)

    def test_anonymous_plants_nothing(self):
        with TransomServer(anonymous={}, users=USERS) as server:
            with server.raw("anonymous") as raw:
                raw.passive().close()
                for line in ("STOR .forward", "STOR .ftpaccess", "STOR .transom-x", "APPE .rhosts", "STOU", "MKD x",
                             "DELE x",
                             "SITE SYMLINK /etc x", "RNFR x"):
                    self.assertRegex(raw.cmd(line), "^55[03]", line)
            self.assertEqual(os.listdir(server.root("anonymous")), [])

    def test_staged_names_are_nobodys(self):
        with TransomServer(users=USERS) as server, server.raw("alice") as raw:
            raw.passive().close()
            for line in ("STOR .transom-x", "MKD .transom-x", "RETR .transom-x", "CWD .transom-x",
                         "SITE MKDIR .transom-x",
                         "SITE SYMLINK x .transom-x", "DELE .transom-x", "MLST .transom-x", "STOU .transom-x",
                         "LIST .transom-x"):
                self.assertRegex(raw.cmd(line), "^55[03]", line)
            self.assertEqual(os.listdir(server.root("alice")), [])


# --- patterns and trees ---------------------------------------------------------------------------------------


class Patterns(Hostile, unittest.TestCase):
    """Globs, options and trees: bounded, and never expanded."""

    def setUp(self):
        super().setUp()
        self.top = self.server.path("alice", "patterns")
        if not os.path.isdir(self.top):
            os.mkdir(self.top)
            for name in ("a" * 250, "a" * 125 + "b", "ab" * 100, "plain"):
                os.mkdir(os.path.join(self.top, name))

    def test_bombs_cost_nothing(self):
        front = self.front()
        self.assertEqual(self.raw.code("CWD patterns"), 250)
        before = cpu_seconds(front)
        for pattern in ("*" * 40, "*a" * 40 + "*b", "*a" * 2000 + "b", "?" * 250, "*?" * 1000, "[a-z]" * 800,
                        "[" * 4000, "[!" * 2000 + "]",
                        "*[ab]" * 600, "{a,b}" * 40, "{a,{b,{c," * 400, "*/" * 1000 + "*", "*/*/*/../*/*/../*",
                        "../" * 1000 + "*",
                        "a/" * 1500 + "*", "\\" * 4000, "**/**/**", "~root/*", "~*", "`*`", "$(ls)*", "|ls *", ";ls *"):
            for verb in ("LIST", "NLST", "STAT", "LIST -R", "MLSD", "NLST -a"):
                if verb == "STAT":
                    self.assertIn(self.raw.code("STAT " + pattern), (212, 213, 550, 553), pattern[:40])
                    continue
                with self.raw.passive() as data:
                    code = self.raw.code(verb + " " + pattern)
                    self.assertIn(code, (150, 550, 553, 501), verb + " " + pattern[:40])
                    if code == 150:
                        self.assertLess(len(read_all(data)), 100000)
                        self.assertEqual(self.raw.reply()[:3], "226")
        self.assertLess(cpu_seconds(front) - before, 2)
        self.others_are_served()

    def test_options_of_listings_run_nothing(self):
        for options in ("-9999999999999", "-aRRRRRRRR", "-" + "a" * 4000, "--help", "--color=always", "-C", "-I*",
                        "-w 99999999999",
                        "- - -", "-la -R -t -S -r -d -1", "-\xff", "-e /bin/sh", "-D", "-a;id", "-%s%n"):
            for verb in ("LIST", "NLST"):
                with self.raw.passive() as data:
                    code = self.raw.code("%s %s" % (verb, options))
                    if code == 150:
                        read_all(data)
                        self.assertEqual(self.raw.reply()[:3], "226", options[:40])
                    else:
                        self.assertEqual(code // 100, 5, options[:40])
            self.assertEqual(self.raw.code("STAT " + options) // 100 in (2, 5), True, options[:40])
            self.in_step()

    def test_a_deep_tree_ends(self):
        """mkdir as deep as a path can say, from inside; a listing goes down no further than it may."""
        self.server.make_dir("alice", "deep")
        # shutil.rmtree recurses; too deep for Python.
        self.addCleanup(run, ["rm", "-rf", self.server.path("alice", "deep")])
        depth = 0
        self.assertEqual(self.raw.code("CWD deep"), 250)
        while depth < 3000:
            code = self.raw.code("MKD d")
            if code != 257 or self.raw.code("CWD d") != 250:
                break
            depth += 1
        self.assertEqual(code, 553)
        self.assertGreater(depth, 2000)
        self.assertTrue(self.raw.cmd("PWD").startswith('257 "/deep/d/d/d'))
        self.codes([("MKD d", 553), ("MLST", 250), ("NOOP", 200)])
        self.assertEqual(self.received("NLST"), b"")
        self.assertEqual(self.raw.code("CWD /"), 250)
        listed = self.received("LIST -R deep")
        self.assertLess(listed.count(b"\r\n"), 100)
        listed = self.received("LIST -R")
        self.assertIn(b"plain", listed)
        self.others_are_served()

    def test_links_in_a_circle_end(self):
        self.server.make_dir("alice", "circle")
        for name, target in (("self", "."), ("up", ".."), ("loop", "loop"), ("a", "b"), ("b", "a"), ("root", "/")):
            os.symlink(target, self.server.path("alice", "circle", name))
        self.assertLess(self.received("LIST -R circle").count(b"\r\n"), 20)
        self.codes([("CWD circle/loop", 550), ("SIZE circle/a", 550), ("MLST circle/loop/x", 550)])
        self.assertEqual(self.raw.code("CWD circle/" + "self/" * 500), 550)
        self.in_step()


# --- the way out ------------------------------------------------------------------------------------------------


class Racer(threading.Thread):
    """A local process of the same user that exchanges a directory and a link out of the root, over and over."""

    def __init__(self, where):
        super().__init__(daemon=True)
        self.where = where
        self.child = None

    def __enter__(self):
        self.child = os.fork()
        if self.child == 0:
            try:
                here, there, spare = (os.path.join(self.where, name) for name in ("swap", "other", "spare"))
                while True:
                    os.rename(here, spare)
                    os.rename(there, here)
                    os.rename(spare, there)
            finally:
                os._exit(0)
        return self

    def __exit__(self, *unused):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)


class Escapes(unittest.TestCase):
    """A racing process swaps what is looked up; the canary outside stays as it is."""

    ROUNDS = 250

    def test_a_racing_process_opens_no_way_out(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=USERS) as server:
                self.race(server)

    def race(self, server):
        outside = os.path.join(server.dir, "srv", "outside")
        os.mkdir(outside)
        os.chmod(outside, 0o777)
        with open(os.path.join(outside, "canary"), "wb") as file:
            file.write(b"untouched")
        os.chmod(os.path.join(outside, "canary"), 0o666)
        os.utime(os.path.join(outside, "canary"), (1e9, 1e9))
        server.make_dir("alice", "swap")
        server.own(server.path("alice", "swap"))
        os.symlink("../outside", server.path("alice", "other"))
        before = os.stat(os.path.join(outside, "canary"))
        with Racer(server.root("alice")), server.raw("alice") as raw:
            raw.cmd("TYPE I")
            for number in range(self.ROUNDS):
                with raw.passive() as data:
                    reply = raw.cmd("STOR swap/canary")
                    if reply.startswith("150"):
                        data.sendall(b"intruder")
                        data.close()
                        reply = raw.reply()
                    self.assertRegex(reply, "^[245]")
                for line in ("MKD swap/made%d" % number, "CWD swap", "PWD", "DELE canary", "SIZE canary", "CWD /",
                             "DELE swap/canary",
                             "SITE CHMOD 000 swap/canary", "MFMT 20200101000000 swap/canary",
                             "RMD swap/made%d" % number,
                             "RNFR swap/canary", "RNTO taken", "SITE SYMLINK x swap/link%d" % number):
                    raw.cmd(line)
                with raw.passive() as data:
                    if raw.code("RETR swap/canary") == 150:
                        self.assertNotEqual(read_all(data), b"untouched")
                        raw.reply()
            self.assertEqual(raw.code("NOOP"), 200)
        self.assertEqual(os.listdir(outside), ["canary"])
        after = os.stat(os.path.join(outside, "canary"))
        self.assertEqual((after.st_mode, after.st_mtime, after.st_size, after.st_ino),
                         (before.st_mode, before.st_mtime, before.st_size, before.st_ino))

    def test_renames_move_links_and_not_what_they_point_to(self):
        """ProFTPD #2256."""
        with TransomServer(users=USERS) as server, server.raw("alice") as raw:
            outside = os.path.join(server.dir, "srv", "target")
            with open(outside, "wb") as file:
                file.write(b"untouched")
            os.symlink("../target", server.path("alice", "link"))
            server.own(server.path("alice", "link"))
            server.make_dir("alice", "d")
            self.assertEqual((raw.code("RNFR link"), raw.code("RNTO d/moved")), (350, 250))
            self.assertEqual(os.readlink(server.path("alice", "d/moved")), "../target")
            self.assertEqual(raw.code("DELE d/moved"), 250)
            with open(outside, "rb") as file:
                self.assertEqual(file.read(), b"untouched")


if __name__ == "__main__":
    unittest.main()
