"""Checksums, ranges, copies and small talk over real sockets, with every result computed again here."""

import hashlib
import os
import re
import time
import unittest
import zlib

from transom import RawFtp, SharedServer, TransomServer, is_root, proc_status, read_all, sanitized, wait_until

MEBIBYTE = 1 << 20
HUGE = 1 << 40          # hours of hashing; a hole costs nothing

# verb: (its name for HASH, how to compute it)
DIGESTS = {
    "XCRC": ("CRC32", lambda data: "%08x" % zlib.crc32(data)),
    "XMD5": ("MD5", lambda data: hashlib.md5(data).hexdigest()),
    "XSHA": ("SHA-1", lambda data: hashlib.sha1(data).hexdigest()),
    "XSHA1": ("SHA-1", lambda data: hashlib.sha1(data).hexdigest()),
    "XSHA256": ("SHA-256", lambda data: hashlib.sha256(data).hexdigest()),
    "XSHA512": ("SHA-512", lambda data: hashlib.sha512(data).hexdigest()),
}


def content(size, seed=1):
    block = hashlib.shake_256(b"verbs %d" % seed).digest(65536)
    return (block * (size // len(block) + 1))[:size]


class Client(unittest.TestCase):
    """A raw control connection with a few helpers."""

    def open(self, user="alice"):
        raw = self.server.raw(user)
        self.addCleanup(raw.close)
        raw.cmd("TYPE I")
        return raw

    def codes(self, raw, steps):
        for line, code in steps:
            reply = raw.cmd(line)
            self.assertEqual(int(reply[:3]), code, line + " -> " + reply)

    def transfer(self, raw, line, data=None):
        """One transfer to its final reply: (bytes received, reply)."""
        sock = raw.passive()
        reply = raw.cmd(line)
        if not reply.startswith("150"):
            sock.close()
            return b"", reply
        received = b""
        if data is None:
            received = read_all(sock)
        else:
            sock.sendall(data)
        sock.close()
        return received, raw.reply()

    def make_huge(self, name):
        path = self.server.path("alice", name)
        with open(path, "wb") as file:
            file.truncate(HUGE)
        self.server.own(path)


class Verbs(SharedServer):
    """The tests; each mode below runs all of them."""

    settings = {"users": {
        "alice": {"password": "secret"},
        "reader": {"password": "secret", "access": "read-only"},
        "direct": {"password": "secret", "publish": "direct"},
        "dropper": {"password": "secret", "access": "inbox"},
    }}

    # --- checksums ---

    def test_every_checksum_of_every_size(self):
        raw = self.open()
        for size in (0, 1, 262143, 262144, 262145, 5 * MEBIBYTE + 1):
            data = content(size)
            self.server.write_file("alice", "sums of it", data)
            for verb, (name, compute) in DIGESTS.items():
                want = compute(data)
                self.assertEqual(raw.cmd(verb + ' "sums of it"'), "250 " + want.upper())
                self.assertEqual(raw.cmd("OPTS HASH " + name), "200 " + name)
                self.assertEqual(raw.cmd("HASH sums of it"),
                                 "213 %s 0-%d %s sums of it" % (name, max(size - 1, 0), want))
            self.assertEqual(raw.cmd("MD5 sums of it"),
                             "251 sums of it " + hashlib.md5(data).hexdigest().upper())

    def test_checksums_of_parts(self):
        raw = self.open()
        data = content(1000)
        self.server.write_file("alice", "parts", data)
        for start, end in ((0, 1), (0, 1000), (999, 1000), (100, 900)):
            for verb, (name, compute) in DIGESTS.items():
                want = compute(data[start:end])
                self.assertEqual(raw.cmd("%s parts %d %d" % (verb, start, end)), "250 " + want.upper())
                raw.cmd("OPTS HASH " + name)
                self.assertEqual(raw.code("RANG %d %d" % (start, end - 1)), 350)
                self.assertEqual(raw.cmd("HASH parts"), "213 %s %d-%d %s parts" % (name, start, end - 1, want))
        self.assertIn(" 0-999 ", raw.cmd("HASH parts"))

    def test_checksums_that_cannot_be(self):
        raw = self.open()
        self.server.write_file("alice", "small", b"x")
        self.server.make_dir("alice", "folder")
        self.codes(raw, [("HASH nothing", 550), ("HASH folder", 553), ("XMD5 folder", 550), ("MD5 folder", 504),
                         ("XCRC small 0 2", 501), ("XCRC small 1 1", 501), ('XCRC "small', 501),
                         ("HASH .transom-x", 553), ("RANG 1 1", 350), ("HASH small", 554), ("HASH small", 213),
                         ("HASH ../../../etc/passwd", 550)])

    def test_a_long_checksum_is_served_meanwhile_and_stopped(self):
        raw = self.open()
        self.make_huge("huge")
        raw.send("XSHA512 huge\r\n")

        def computing():
            reply = raw.cmd("STAT")
            self.assertEqual(reply[:3], "211")
            return int(re.search(r"computing a checksum: (\d+) bytes", reply).group(1)) > 0
        wait_until(computing, what="some bytes of it")
        self.assertEqual(raw.cmd("NOOP")[:3], "200")
        self.assertEqual(raw.cmd("ABOR")[:3], "426")
        self.assertEqual(raw.reply()[:3], "226")
        self.assertEqual(raw.code("PWD"), 257)

    def test_a_checksum_of_a_client_that_left_ends(self):
        raw = self.open()
        self.make_huge("left")
        before = len(self.server.log_events("logout", user="alice"))
        raw.send("XSHA512 left\r\n")
        wait_until(lambda: "computing a checksum" in raw.cmd("STAT"), what="the computing")
        raw.close()
        wait_until(lambda: len(self.server.log_events("logout", user="alice")) > before, what="logout")

    def test_memory_of_a_checksum_does_not_grow_with_the_file(self):
        if sanitized():
            self.skipTest("sanitizers keep memory")
        raw = self.open()
        self.make_huge("flat")
        raw.send("XSHA256 flat\r\n")
        time.sleep(1.2)
        fronts = self.server.pids("front ftp")
        self.assertTrue(fronts)
        for pid in fronts:
            resident_kib = int(proc_status(pid)["VmRSS"][0])
            self.assertLess(resident_kib, 16 * 1024)
        self.assertEqual(raw.cmd("ABOR")[:3], "426")
        self.assertEqual(raw.reply()[:3], "226")

    def test_pipelined_checksums_answer_in_order(self):
        raw = self.open()
        data = content(3 * MEBIBYTE)
        self.server.write_file("alice", "order", data)
        raw.send("XCRC order\r\nNOOP\r\nXMD5 order\r\nSTAT\r\n")
        self.assertEqual([raw.reply()[:3] for _ in range(4)], ["250", "200", "250", "211"])

    def test_an_inbox_tells_checksums_of_its_own_files_only(self):
        self.server.write_file("dropper", "theirs", b"theirs")
        raw = self.open("dropper")
        data = content(100000)
        self.assertEqual(self.transfer(raw, "STOR mine", data)[1][:3], "226")
        self.assertEqual(raw.cmd("HASH mine"), "213 SHA-256 0-99999 %s mine" % hashlib.sha256(data).hexdigest())
        self.assertEqual(raw.cmd("XCRC mine"), "250 %08X" % zlib.crc32(data))
        for line in ("HASH theirs", "XMD5 theirs", "MD5 theirs"):
            self.assertEqual(raw.cmd(line)[:3], "550", line)
        # A checksum may be had, the bytes may not, by any way.
        self.assertEqual(self.transfer(raw, "RETR mine")[1][:3], "550")
        self.codes(raw, [("SITE CPFR mine", 550), ("SITE COPY mine copy", 550), ("COMB whole mine", 550)])
        self.assertNotIn("copy", os.listdir(self.server.root("dropper")))

    # --- ranges ---

    def test_ranges_of_downloads(self):
        raw = self.open()
        data = content(3 * MEBIBYTE)
        self.server.write_file("alice", "range", data)
        size = len(data)
        for first, last in ((0, 0), (0, size - 1), (size - 1, size - 1), (1000, 2500000), (5, 5 + 65535),
                            (size - 10, size + 10), (size, size + 5), (size + 5, size + 9), (0, (1 << 64) - 1)):
            self.assertEqual(raw.code("RANG %d %d" % (first, last)), 350)
            received, reply = self.transfer(raw, "RETR range")
            self.assertEqual(reply[:3], "226")
            self.assertEqual(received, data[first:last + 1])
        self.assertEqual(self.transfer(raw, "RETR range")[0], data, "a range is used up")

    def test_ranges_in_ascii_count_what_is_sent(self):
        raw = self.open()
        self.server.write_file("alice", "lines", b"one\ntwo\n" * 50000)
        sent = b"one\r\ntwo\r\n" * 50000
        self.assertEqual(raw.code("TYPE A"), 200)
        for first, last in ((0, 4), (3, 5), (4, 4), (100001, 400000), (499990, 499999)):
            raw.cmd("RANG %d %d" % (first, last))
            self.assertEqual(self.transfer(raw, "RETR lines")[0], sent[first:last + 1], (first, last))
        self.codes(raw, [("RANG 0 1", 350)])
        self.assertEqual(self.transfer(raw, "STOR lines", b"x")[1][:3], "554")

    def test_ranges_of_uploads_change_nothing_else(self):
        raw = self.open()
        data = bytearray(content(MEBIBYTE))
        self.server.write_file("alice", "patch", bytes(data))
        for first, new in ((0, b"start"), (1000, b"middle"), (MEBIBYTE - 3, b"end"), (200000, content(300000, 2))):
            raw.cmd("RANG %d %d" % (first, first + len(new) - 1))
            self.assertEqual(self.transfer(raw, "STOR patch", new)[1][:3], "226")
            data[first:first + len(new)] = new
            self.assertEqual(self.server.read_file("alice", "patch"), bytes(data))
        # More than the range holds: what belongs into it is there, and nothing behind it.
        for size in (10, 100000, 600000):
            raw.cmd("RANG 50 %d" % (50 + size - 1))
            self.assertEqual(self.transfer(raw, "STOR patch", b"y" * (size + 7))[1][:3], "552")
            data[50:50 + size] = b"y" * size
            self.assertEqual(self.server.read_file("alice", "patch"), bytes(data))
        raw.cmd("RANG %d %d" % (MEBIBYTE + 1, MEBIBYTE + 9))
        self.assertEqual(self.transfer(raw, "STOR patch", b"z")[1][:3], "554")
        raw.cmd("RANG 0 4")
        self.assertEqual(self.transfer(raw, "APPE patch", b"z")[1][:3], "550")
        raw.cmd("RANG 0 4")
        self.assertEqual(self.transfer(raw, "STOU", b"z")[1][:3], "550")
        self.assertEqual(self.server.read_file("alice", "patch"), bytes(data))
        raw.cmd("RANG 0 2")
        self.assertEqual(self.transfer(raw, "STOR new", b"new")[1][:3], "226")
        self.assertEqual(self.server.read_file("alice", "new"), b"new")

    def test_ranges_that_are_none(self):
        raw = self.open()
        self.server.write_file("alice", "r", b"0123456789")
        self.codes(raw, [("RANG", 501), ("RANG 1", 501), ("RANG 3 1", 501), ("RANG x y", 501), ("RANG -1 1", 501),
                         ("RANG 0 18446744073709551616", 501), ("RANG 99999999999999999999999 1", 501),
                         ("RANG 2 3", 350), ("RANG 3 1", 501)])
        self.assertEqual(self.transfer(raw, "RETR r")[0], b"0123456789", "a wrong range resets")
        self.codes(raw, [("RANG 2 3", 350), ("RANG 1 0", 350)])
        self.assertEqual(self.transfer(raw, "RETR r")[0], b"0123456789")
        self.codes(raw, [("RANG 2 3", 350), ("REST 5", 350)])
        self.assertEqual(self.transfer(raw, "RETR r")[0], b"56789")
        self.codes(raw, [("REST 5", 350), ("RANG 2 3", 350)])
        self.assertEqual(self.transfer(raw, "RETR r")[0], b"23")

    # --- copies ---

    def test_copies(self):
        raw = self.open()
        data = content(20 * MEBIBYTE + 5)
        self.server.write_file("alice", "from here", data)
        self.codes(raw, [("SITE CPFR from here", 350), ("SITE CPTO to there", 250), ("SITE CPTO again", 503),
                         ('SITE COPY "from here" second', 200), ("SITE COPY second second", 200)])
        for name in ("to there", "second", "from here"):
            self.assertEqual(self.server.read_file("alice", name), data, name)
        event = self.server.wait_event("copy", user="alice", path="/from here", to="/to there")
        self.assertEqual((event["bytes"], event["result"]), (len(data), "complete"))
        self.assertEqual(self.server.log_events("download", path="/from here"), [])

    def test_a_copy_replaces_and_an_empty_one_is_empty(self):
        raw = self.open()
        self.server.write_file("alice", "empty", b"")
        self.server.write_file("alice", "old", b"old content")
        self.codes(raw, [("SITE COPY empty old", 200)])
        self.assertEqual(self.server.read_file("alice", "old"), b"")

    def test_a_copy_that_is_stopped_leaves_nothing(self):
        raw = self.open()
        path = self.server.path("alice", "sparse")
        with open(path, "wb") as file:
            file.truncate(512 * MEBIBYTE)
        self.server.own(path)
        self.server.write_file("alice", "kept", b"as it was")
        raw.send("SITE COPY sparse kept\r\nABOR\r\n")
        self.assertEqual([raw.reply()[:3] for _ in range(2)], ["426", "226"])
        self.assertEqual(self.server.read_file("alice", "kept"), b"as it was")
        self.assertEqual(self.server.staged("alice"), [])
        os.remove(path)

    def test_copies_that_cannot_be(self):
        raw = self.open()
        self.server.make_dir("alice", "dir")
        self.server.write_file("alice", "one", b"1")
        self.codes(raw, [("SITE CPFR nothing", 550), ("SITE CPFR dir", 550), ("SITE COPY one dir", 550),
                         ("SITE COPY one nowhere/x", 550), ("SITE COPY one .transom-x", 553),
                         ("SITE COPY one", 501), ("SITE COPY", 501), ("SITE CPTO", 503)])
        reader = self.open("reader")
        self.server.write_file("reader", "one", b"1")
        self.codes(reader, [("SITE CPFR one", 350), ("SITE CPTO two", 550), ("SITE COPY one two", 550),
                            ("COMB two one", 550), ("HASH one", 213)])

    def test_comb(self):
        raw = self.open()
        parts = [content(9 * MEBIBYTE, 1), b"", content(70000, 2)]
        for number, data in enumerate(parts):
            self.server.write_file("alice", "part %d" % number, data)
        self.codes(raw, [('COMB whole "part 0" "part 1" "part 2"', 250), ("SIZE part 0", 550)])
        self.assertEqual(self.server.read_file("alice", "whole"), b"".join(parts))
        self.server.write_file("alice", "more", b"more")
        self.codes(raw, [("COMB whole more", 250), ("SIZE more", 550)])
        self.assertEqual(self.server.read_file("alice", "whole"), b"".join(parts) + b"more")
        self.assertFalse([name for name in os.listdir(self.server.root("alice")) if name.startswith("part ")])

    def test_comb_that_fails_changes_nothing(self):
        raw = self.open()
        self.server.write_file("alice", "t", b"target")
        self.server.write_file("alice", "p", b"part")
        os.link(self.server.path("alice", "t"), self.server.path("alice", "same"))
        self.codes(raw, [("COMB t p nothing", 550), ("COMB t t", 550), ("COMB t p same", 550), ("COMB t", 501),
                         ('COMB t "p', 501), ("COMB nowhere/t p", 550)])
        self.assertEqual(self.server.read_file("alice", "t"), b"target")
        self.assertEqual(self.server.read_file("alice", "p"), b"part")
        self.assertEqual(self.server.staged("alice"), [])

    def test_copies_are_whole_or_nothing_where_uploads_are_direct(self):
        raw = self.open("direct")
        self.server.write_file("direct", "t", b"target,")
        self.server.write_file("direct", "p", b"part")
        self.codes(raw, [("COMB t p", 250), ("SITE COPY t u", 200)])
        self.assertEqual(self.server.read_file("direct", "t"), b"target,part")
        self.assertEqual(self.server.read_file("direct", "u"), b"target,part")
        path = self.server.path("direct", "sparse")
        with open(path, "wb") as file:
            file.truncate(512 * MEBIBYTE)
        self.server.own(path)
        raw.send("SITE COPY sparse u\r\nABOR\r\n")
        self.assertEqual([raw.reply()[:3] for _ in range(2)], ["426", "226"])
        self.assertEqual(self.server.read_file("direct", "u"), b"target,part")
        self.assertEqual(self.server.staged("direct"), [])
        os.remove(path)

    # --- small talk ---

    def test_small_talk(self):
        with RawFtp(self.server.port) as raw:
            self.codes(raw, [("HOST ftp.example.com", 220), ("HOST [::1]", 220), ("HOST a:21", 501), ("HOST", 501),
                             ("LANG", 200), ("LANG EN", 200), ("LANG fr", 504), ("LANG %", 501),
                             ("CSID Name=test;Version=1;", 200), ("CLNT test", 200),
                             ("OPTS UTF8 ON", 200), ("OPTS UTF8 OFF", 200), ("OPTS UTF8 x", 501), ("OPTS HASH", 200),
                             ("OPTS HASH MD4", 501), ("OPTS x", 501), ("USER alice", 331), ("HOST a.example", 503),
                             ("PASS secret", 230), ("HOST a.example", 503), ("LANG en-GB", 200)])
            self.assertRegex(raw.cmd("CSID Name=test;"), r"^200 Name=transom; Version=\S+; CaseSensitive=1; DirSep=/;$")

    def test_a_client_may_name_itself_without_end(self):
        with RawFtp(self.server.port) as raw:
            for _ in range(150):
                self.assertEqual(raw.code("CLNT again"), 200)

    def test_features_name_what_is_there(self):
        with RawFtp(self.server.port) as raw:
            lines = raw.cmd("FEAT").splitlines()
        self.assertEqual((lines[0][:4], lines[-1][:4]), ("211-", "211 "))
        for line in lines[1:-1]:
            self.assertRegex(line, r"^ [A-Z]")
        for want in (" HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32", " RANG STREAM", " COMB", " HOST", " LANG EN*",
                     " XCRC", " XMD5", " MD5", " XSHA", " XSHA1", " XSHA256", " XSHA512", " SITE COPY"):
            self.assertIn(want, lines)

    def test_parameters_are_told_apart(self):
        raw = self.open()
        self.server.write_file("alice", "file", b"x")
        self.codes(raw, [("AVBL nothing", 550), ("AVBL file", 550), ("AVBL /", 213), ("HELP NONSENSE", 502),
                         ("SITE NONSENSE", 500), ("EPRT |2|::1|2000|", 522), ("EPRT |1|127.0.0.1|80|", 504)])
        self.codes(raw, [("TYPE L 8", 200), ("TYPE L 9", 504), ("TYPE L", 501), ("TYPE L x", 501), ("TYPE E", 504),
                         ("TYPE Q", 501), ("EPSV x", 501), ("EPSV 9", 522), ("MFF Create=20200101000000; x", 504),
                         ("MFF Modify=x; x", 501), ("MFF Modify", 501)])
        self.assertEqual(raw.cmd("OPTS MLST"), "200 MLST OPTS")
        self.assertEqual(raw.cmd("OPTS MLST size;"), "200 MLST OPTS size;")


@unittest.skipUnless(is_root(), "needs root")
class RootVerbs(Verbs, Client):
    mode = "root"


class UserVerbs(Verbs, Client):
    mode = "user"


class Hosts(unittest.TestCase):
    def test_only_configured_hosts(self):
        with TransomServer(ftp={"host_names": ["ftp.example.com", "[::1]"]}) as server:
            with RawFtp(server.port) as raw:
                self.assertEqual(raw.code("HOST FTP.example.com"), 220)
                self.assertEqual(raw.code("HOST [::1]"), 220)
                self.assertEqual(raw.code("HOST other.example.com"), 504)
                self.assertEqual(raw.code("HOST -"), 501)


if __name__ == "__main__":
    unittest.main()
