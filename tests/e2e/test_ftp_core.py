"""The FTP engine over real sockets: every verb, transfers both ways, ABOR, pipelining, time, hostile lines."""

import ftplib
import hashlib
import io
import os
import socket
import struct
import time
import unittest

from transom import SCALE, RawFtp, SharedServer, TransomServer, is_root, read_all, wait_until

USERS = {
    "alice": {"password": "secret"},
    "reader": {"password": "secret", "access": "read-only"},
}
MEBIBYTE = 1 << 20


def content(size, seed=1):
    """Bytes that look random and are the same for the same seed."""
    block = hashlib.shake_256(b"ftp %d" % seed).digest(65536)
    return (block * (size // len(block) + 1))[:size]


def reset(sock):
    """Close with a reset, as a client that crashes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Core(SharedServer):
    """The tests; each mode below runs all of them."""

    settings = {"users": USERS}

    def setUp(self):
        self.raw = self.server.raw("alice")
        self.addCleanup(self.raw.close)

    def codes(self, steps):
        for line, code in steps:
            self.assertEqual(self.raw.code(line), code, line)

    def transfer(self, line, data=None):
        """One transfer to its final reply: (bytes received, reply)."""
        sock = self.raw.passive()
        reply = self.raw.cmd(line)
        self.assertEqual(reply[:3], "150", line + " -> " + reply)
        received = b""
        if data is None:
            received = read_all(sock)
        else:
            sock.sendall(data)
        sock.close()
        return received, self.raw.reply()

    def store(self, name, data):
        self.assertEqual(self.raw.code("TYPE I"), 200)
        self.assertEqual(self.transfer("STOR " + name, data)[1][:3], "226")

    def listing(self, line):
        received, reply = self.transfer(line)
        self.assertEqual(reply[:3], "226")
        return received.decode("utf-8", "surrogateescape").splitlines()

    # --- every verb ---

    def test_directories(self):
        self.codes([("MKD verbs", 257), ("MKD verbs", 550), ("CWD verbs", 250), ("PWD", 257), ("XMKD x", 257),
                    ("XCWD x", 250), ("XPWD", 257), ("XCUP", 250), ("XRMD x", 250), ("CDUP", 250),
                    ("RMD verbs", 250), ("RMD verbs", 550), ("CWD verbs", 550)])

    def test_quotes_in_names_are_doubled(self):
        self.assertEqual(self.raw.cmd('MKD q"q'), '257 "/q""q" created.')
        self.assertEqual(self.raw.code('CWD q"q'), 250)
        self.assertTrue(self.raw.cmd("PWD").startswith('257 "/q""q" '))
        self.codes([("CDUP", 250), ('RMD q"q', 250)])

    def test_files(self):
        self.store("verbs.bin", content(1000))
        self.codes([("SIZE verbs.bin", 213), ("MDTM verbs.bin", 213), ("MLST verbs.bin", 250),
                    ("MFMT 20200101000000 verbs.bin", 213), ("MDTM 20210101000000 verbs.bin", 213),
                    ("MFF Modify=20220101000000; verbs.bin", 213), ("RNFR verbs.bin", 350),
                    ("RNTO other.bin", 250), ("SIZE verbs.bin", 550), ("TYPE A", 200), ("SIZE other.bin", 550),
                    ("TYPE I", 200), ("STAT other.bin", 213), ("AVBL", 213), ("ALLO 10", 200),
                    ("DELE other.bin", 250), ("DELE other.bin", 550), ("RNTO x", 503), ("RNFR other.bin", 550)])

    def test_times_are_set(self):
        self.store("times.bin", b"x")
        self.assertEqual(self.raw.code("MFMT 20200102030405 times.bin"), 213)
        self.assertEqual(self.raw.cmd("MDTM times.bin"), "213 20200102030405")
        self.assertEqual(os.stat(self.server.path("alice", "times.bin")).st_mtime, 1577934245)

    def test_parameters_and_small_talk(self):
        self.codes([("SYST", 215), ("NOOP", 200), ("HELP", 214), ("HELP RETR", 214), ("FEAT", 211), ("STAT", 211),
                    ("OPTS UTF8 ON", 200), ("OPTS MLST size;", 200), ("CLNT test", 200), ("CSID Name=x;", 200),
                    ("ACCT x", 202), ("TYPE A", 200), ("TYPE L 8", 200), ("STRU F", 200), ("STRU R", 504),
                    ("MODE S", 200), ("MODE Z", 504), ("REST 0", 350), ("AUTH TLS", 502), ("PBSZ 0", 502),
                    ("PROT P", 502), ("CCC", 502), ("SMNT x", 502), ("NONSENSE", 500),
                    ("USER bob", 530), ("SITE HELP", 214), ("SITE UMASK 022", 200), ("SITE IDLE", 200)])

    def test_site_makes_what_it_says(self):
        self.codes([("SITE MKDIR site", 257), ("SITE SYMLINK site link", 250), ("SITE CHMOD 700 site", 250),
                    ("SITE UTIME 202001020304 site", 250), ("DELE link", 250), ("SITE RMDIR site", 250)])

    def test_nothing_is_served_before_login(self):
        with RawFtp(self.server.port) as raw:
            for line in raw.cmd("HELP").splitlines()[1:-1]:
                for verb in line.split():
                    if verb in ("USER", "PASS", "QUIT", "CLNT", "CSID", "SYST", "NOOP", "HELP", "FEAT", "OPTS",
                                "HOST", "LANG", "REIN", "NOP"):
                        continue
                    self.assertEqual(raw.code(verb + " x"), 530, verb)

    # --- transfers ---

    def test_bytes_go_both_ways(self):
        for size in (0, 1, 4096, 524287, 524288, 524289, 5 * MEBIBYTE + 17):
            data = content(size)
            self.store("both.bin", data)
            self.assertEqual(self.server.read_file("alice", "both.bin"), data)
            received, reply = self.transfer("RETR both.bin")
            self.assertEqual(reply[:3], "226")
            self.assertEqual(received, data)
            self.assertIn("%d bytes" % size, reply)

    def test_text_is_translated_both_ways(self):
        self.assertEqual(self.raw.code("TYPE A"), 200)
        self.transfer("STOR text", b"a\r\nb\r\n\r\nlone\rcr\r")
        self.assertEqual(self.server.read_file("alice", "text"), b"a\nb\n\nlone\rcr\r")
        self.server.write_file("alice", "text", b"x\n" * 300000 + b"dos\r\n")
        self.assertEqual(self.transfer("RETR text")[0], b"x\r\n" * 300000 + b"dos\r\n")
        self.raw.cmd("REST 899998")
        self.assertEqual(self.transfer("RETR text")[0], b"\r\ndos\r\n")

    def test_restart_append_and_unique_names(self):
        data = content(100000)
        self.store("resume", data)
        self.raw.cmd("REST 60000")
        self.assertEqual(self.transfer("RETR resume")[0], data[60000:])
        self.raw.cmd("REST 100001")
        self.raw.passive().close()
        self.assertEqual(self.raw.code("RETR resume"), 554)
        self.raw.cmd("REST 50000")
        self.assertEqual(self.transfer("STOR resume", b"new")[1][:3], "226")
        self.assertEqual(self.server.read_file("alice", "resume")[50000:50003], b"new")
        self.assertEqual(self.transfer("APPE resume", b"end")[1][:3], "226")
        self.assertTrue(self.server.read_file("alice", "resume").endswith(b"end"))
        sock = self.raw.passive()
        reply = self.raw.cmd("STOU")
        self.assertRegex(reply, r"^150 FILE: /\S+$")
        sock.sendall(b"unique")
        sock.close()
        self.assertEqual(self.raw.reply()[:3], "226")
        self.assertEqual(self.server.read_file("alice", reply.split("/", 1)[1]), b"unique")

    def test_active_mode(self):
        data = content(200000)
        self.store("active", data)
        for form in ("PORT 127,0,0,1,%d,%d", "EPRT |1|127.0.0.1|%d|"):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
                line = form % ((port >> 8, port & 255) if "PORT" in form else (port,))
                self.assertEqual(self.raw.code(line), 200)
                self.assertEqual(self.raw.code("RETR active"), 150)
                listener.settimeout(10)
                sock, peer = listener.accept()
                self.assertEqual(peer[0], "127.0.0.1")
                self.assertEqual(read_all(sock), data)
                sock.close()
                self.assertEqual(self.raw.reply()[:3], "226")
        self.codes([("PORT 10,9,9,9,4,0", 504), ("PORT 127,0,0,1,0,80", 504), ("EPRT |1|8.8.8.8|2000|", 504)])

    def test_a_port_where_nobody_listens_is_425(self):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            port = deaf.getsockname()[1]
            self.assertEqual(self.raw.code("PORT 127,0,0,1,%d,%d" % (port >> 8, port & 255)), 200)
            self.assertEqual(self.raw.code("LIST"), 150)
            self.assertEqual(self.raw.reply()[:3], "425")
        self.assertEqual(self.raw.code("NOOP"), 200)

    def test_epsv_all_holds_for_the_session(self):
        self.codes([("EPSV ALL", 200), ("PASV", 503), ("PORT 127,0,0,1,9,9", 503), ("EPRT |1|127.0.0.1|2000|", 503)])
        self.assertEqual(self.listing("NLST nosuch*"), [])
        self.assertEqual(self.raw.code("PASV"), 503)

    def test_a_refused_file_keeps_the_port(self):
        self.store("there", b"x")
        sock = self.raw.passive()
        self.assertEqual(self.raw.code("RETR not-there"), 550)
        self.assertEqual(self.raw.code("RETR there"), 150)
        self.assertEqual(read_all(sock), b"x")
        sock.close()
        self.assertEqual(self.raw.reply()[:3], "226")
        self.assertEqual(self.raw.code("RETR there"), 425)

    def test_a_reset_upload_is_426_and_never_published(self):
        sock = self.raw.passive()
        self.raw.cmd("TYPE I")
        self.assertEqual(self.raw.code("STOR reset"), 150)
        sock.sendall(content(100000))
        self.server.wait_rest()
        reset(sock)
        self.assertEqual(self.raw.reply()[:3], "426")
        self.assertFalse(os.path.exists(self.server.path("alice", "reset")))
        self.assertEqual(self.raw.code("NOOP"), 200)

    def test_a_client_that_hangs_up_the_download_gets_426(self):
        self.store("hang", content(20 * MEBIBYTE))
        sock = self.raw.passive()
        self.assertEqual(self.raw.code("RETR hang"), 150)
        sock.recv(1000)
        sock.close()
        self.assertEqual(self.raw.reply()[:3], "426")

    # --- what runs beside a transfer ---

    def test_abor_with_data_unread(self):
        self.store("abor", content(20 * MEBIBYTE))
        for sent in (b"ABOR\r\n", b"\xff\xf4\xff\xf2ABOR\r\n", b"NOOP\r\n\xff\xf4\xff\xf2ABOR\r\n"):
            sock = self.raw.passive()
            self.assertEqual(self.raw.code("RETR abor"), 150)
            sock.recv(1000)
            self.raw.send(sent)
            if sent.startswith(b"NOOP"):
                self.assertEqual(self.raw.reply()[:3], "200")
            self.assertEqual(self.raw.reply()[:3], "426")
            self.assertEqual(self.raw.reply()[:3], "226")
            sock.close()
        self.assertEqual(self.raw.code("ABOR"), 226)

    def test_abor_as_urgent_data(self):
        self.store("urgent", content(20 * MEBIBYTE))
        for parts in (((b"\xff\xf4\xff", True), (b"\xf2ABOR\r\n", False)), ((b"ABOR\r\n", True),)):
            sock = self.raw.passive()
            self.assertEqual(self.raw.code("RETR urgent"), 150)
            sock.recv(1000)
            for data, urgent in parts:
                self.raw.sock.send(data, socket.MSG_OOB if urgent else 0)
            self.assertEqual(self.raw.reply()[:3], "426")
            self.assertEqual(self.raw.reply()[:3], "226")
            sock.close()
        self.assertEqual(self.raw.code("NOOP"), 200)

    def test_ftplib_abort(self):
        self.store("ftplib", content(20 * MEBIBYTE))
        ftp = self.server.ftp("alice")
        self.addCleanup(ftp.close)
        ftp.voidcmd("TYPE I")
        data = ftp.transfercmd("RETR ftplib")
        data.recv(1000)
        self.assertEqual(ftp.abort()[:3], "426")
        self.assertEqual(ftp.voidresp()[:3], "226")
        data.close()
        self.assertEqual(ftp.pwd(), "/")

    def test_abor_of_an_upload_keeps_it_for_resume(self):
        self.raw.cmd("TYPE I")
        sock = self.raw.passive()
        self.assertEqual(self.raw.code("STOR kept"), 150)
        sock.sendall(content(1000))
        self.server.wait_rest()
        self.assertEqual(self.raw.code("ABOR"), 426)
        self.assertEqual(self.raw.reply()[:3], "226")
        sock.close()
        self.assertFalse(os.path.exists(self.server.path("alice", "kept")))

    def test_abor_before_the_data_connection(self):
        self.store("early", b"x")
        self.raw.passive().close()
        reply = self.raw.cmd("EPSV")
        self.assertEqual(reply[:3], "229")
        self.assertEqual(self.raw.code("RETR early"), 150)
        self.assertEqual(self.raw.code("ABOR"), 426)
        self.assertEqual(self.raw.reply()[:3], "226")
        self.assertEqual(self.transfer("RETR early")[0], b"x")

    def test_noop_and_stat_while_a_transfer_runs(self):
        self.raw.cmd("TYPE I")
        sock = self.raw.passive()
        self.assertEqual(self.raw.code("STOR beside"), 150)
        sock.sendall(content(100000))
        self.assertEqual(self.raw.code("NOOP"), 200)
        self.assertIn("receiving a file", self.raw.cmd("STAT"))
        self.raw.send(b"SIZE beside\r\nQUIT\r\n")
        sock.sendall(content(100000, 2))
        sock.close()
        self.assertEqual([self.raw.reply()[:3] for _ in range(3)], ["226", "213", "221"])
        self.assertTrue(self.raw.closed())

    def test_pipelined_commands(self):
        with RawFtp(self.server.port) as raw:
            raw.send(b"USER alice\r\nPASS secret\r\nMKD pipe\r\nCWD pipe\r\nPWD\r\nCDUP\r\nRMD pipe\r\nQUIT\r\n")
            self.assertEqual([raw.reply()[:3] for _ in range(8)],
                             ["331", "230", "257", "250", "257", "250", "250", "221"])
            self.assertTrue(raw.closed())
        many = 3000
        self.raw.send(b"NOOP\r\n" * many)
        self.assertEqual({self.raw.reply() for _ in range(many)}, {"200 OK."})

    def test_bytes_one_at_a_time(self):
        for byte in b"noop\r\n":
            self.raw.send(bytes([byte]))
            time.sleep(0.005)
        self.assertEqual(self.raw.reply()[:3], "200")

    # --- listings ---

    def test_listings(self):
        self.server.make_dir("alice", "list")
        self.server.make_dir("alice", "list/sub")
        for name in ("b.txt", "a.txt", ".dot", "c d.bin"):
            self.server.write_file("alice", "list/" + name, b"12345")
        os.symlink("a.txt", self.server.path("alice", "list", "link"))
        self.assertEqual(self.raw.code("CWD list"), 250)
        self.assertEqual(self.listing("NLST"), ["a.txt", "b.txt", "c d.bin", "link", "sub"])
        self.assertEqual(self.listing("NLST -a"), [".dot", "a.txt", "b.txt", "c d.bin", "link", "sub"])
        self.assertEqual(self.listing("NLST *.txt"), ["a.txt", "b.txt"])
        self.assertEqual(self.listing("NLST /list/*.txt"), ["/list/a.txt", "/list/b.txt"])
        self.assertEqual(self.listing("NLST /list/a.txt"), ["/list/a.txt"])
        long = self.listing("LIST")
        self.assertRegex(long[0], r"^-rw-r--r-- +1 \S+ +\S+ +5 \w{3} [ \d]\d [ :\d]{5} a\.txt$")
        self.assertTrue(long[3].endswith(" link -> a.txt"))
        self.assertTrue(long[4].startswith("drwx"))
        self.assertEqual(len(self.listing("LIST -la")), 6)
        self.assertEqual(self.listing("LIST -R").count("sub:"), 1)
        self.assertEqual(len(self.listing("LIST -d")), 1)
        facts = dict(reversed(line.split(" ", 1)) for line in self.listing("MLSD"))
        self.assertEqual(set(facts), {"a.txt", "b.txt", ".dot", "c d.bin", "link", "sub"})
        self.assertIn("type=file;size=5;", facts["a.txt"])
        self.assertIn("type=dir;", facts["sub"])
        self.assertIn("type=OS.unix=slink:a.txt;", facts["link"])
        self.raw.passive().close()
        self.codes([("LIST nosuch", 550), ("NLST nosuch", 550), ("MLSD a.txt", 501), ("MLST nosuch", 550)])
        stat = self.raw.cmd("STAT /list").splitlines()
        self.assertEqual(len(stat), 7)

    def test_line_breaks_in_names_forge_nothing(self):
        name = "x\r\n226 forged\r\n"
        path = self.server.path("alice", "breaks")
        self.server.make_dir("alice", "breaks")
        os.mkdir(os.path.join(path, name))
        for line in ("LIST breaks", "NLST breaks", "MLSD breaks"):
            self.assertEqual(len(self.listing(line)), 1, line)
        self.assertEqual(len(self.raw.cmd("STAT breaks").splitlines()), 3)
        os.rmdir(os.path.join(path, name))

    def test_names_are_bytes(self):
        for name in (b"\xc3\xa4\xe2\x82\xac", b"\xe4\x80\xfe", b" leading", b"trailing ", b"a\tb", b"\xe2\x80\xa8"):
            self.raw.send(b"MKD " + name + b"\r\n")
            self.assertEqual(self.raw.reply()[:3], "257", name)
            self.assertTrue(os.path.isdir(os.fsencode(self.server.path("alice")) + b"/" + name))
            self.raw.send(b"RMD " + name + b"\r\n")
            self.assertEqual(self.raw.reply()[:3], "250", name)
        self.raw.send(b"STOR ..\xc0\xaf..\xc0\xafx\r\n")
        self.assertEqual(self.raw.reply()[:3], "425")

    def test_a_glob_bomb_costs_nothing(self):
        self.server.write_file("alice", "a" * 200, b"")
        began = time.monotonic()
        self.assertEqual(self.listing("NLST " + "*a" * 100 + "*b"), [])
        self.raw.passive().close()
        self.assertEqual(self.raw.code("NLST " + "{a,b}" * 40), 550)
        self.assertEqual(self.raw.code("LIST -R " + "*/" * 500 + "*"), 550)
        self.assertLess(time.monotonic() - began, 5 * SCALE)

    # --- rights ---

    def test_rights_of_a_reader(self):
        self.server.write_file("reader", "f", b"x")
        with self.server.raw("reader") as raw:
            raw.passive().close()
            for line in ("STOR x", "APPE f", "STOU", "DELE f", "MKD d", "RMD d", "RNFR f"):
                self.assertEqual(raw.code(line), 550, line)
            sock = raw.passive()
            self.assertEqual(raw.code("RETR f"), 150)
            self.assertEqual(read_all(sock), b"x")
            self.assertEqual(raw.reply()[:3], "226")
            sock.close()

    # --- hostile lines ---

    def test_long_lines_get_one_reply(self):
        self.raw.send(b"A" * 9000 + b"\r\nNOOP\r\n")
        self.assertEqual(self.raw.reply()[:3], "500")
        self.assertEqual(self.raw.reply()[:3], "200")
        self.raw.send(b"\xff" * MEBIBYTE + b"\r\nNOOP\r\n")
        self.assertEqual(self.raw.reply()[:3], "500")
        self.assertEqual(self.raw.reply()[:3], "200")

    def test_forbidden_bytes_make_nothing(self):
        before = sorted(os.listdir(self.server.path("alice")))
        for line in (b"MKD x\0y\r\n", b"MKD a\rb\r\n", b"STOR \0\r\n"):
            self.raw.send(line)
            self.assertEqual(self.raw.reply()[:3], "501", line)
        self.assertEqual(sorted(os.listdir(self.server.path("alice"))), before)

    def test_other_protocols_end_the_session_without_an_echo(self):
        for data in (b"GET /reflect HTTP/1.1\r\nHost: x\r\n\r\n", b"EHLO reflect\r\n", b"SSH-2.0-reflect\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00"):
            with RawFtp(self.server.port) as raw:
                raw.send(data)
                left = b""
                try:
                    left = read_all(raw.sock)
                except ConnectionError:
                    pass
                self.assertEqual(left, b"", data)

    def test_too_many_bad_commands_end_the_session(self):
        for _ in range(20):
            self.assertEqual(self.raw.code("NONSENSE"), 500)
        self.assertEqual(self.raw.code("NONSENSE"), 421)
        self.assertTrue(self.raw.closed())


class RootMode(Core, unittest.TestCase):
    mode = "root"

    @classmethod
    def setUpClass(cls):
        if not is_root():
            raise unittest.SkipTest("needs root")
        super().setUpClass()


class UserMode(Core, unittest.TestCase):
    mode = "user"


class Timeouts(SharedServer, unittest.TestCase):
    """Each with short values of its own; each reply says which one it was."""

    settings = {
        "users": USERS,
        "options": {"login_timeout": "2s"},
        "ftp": {"idle_timeout": "3s", "data_timeout": "1s", "stall_timeout": "2s"},
    }

    def test_login(self):
        with RawFtp(self.server.port) as raw:
            raw.send(b"NOOP\r\n")
            raw.reply()
            self.assertEqual(raw.reply(), "421 Login timeout.")
            self.assertTrue(raw.closed())

    def test_idle(self):
        with self.server.raw("alice") as raw:
            self.assertEqual(raw.reply(), "421 Idle timeout: no command for 3 seconds.")
            self.assertTrue(raw.closed())

    def test_data_connection(self):
        with self.server.raw("alice") as raw:
            self.assertEqual(raw.code("EPSV"), 229)
            self.assertEqual(raw.code("LIST"), 150)
            self.assertEqual(raw.reply()[:3], "425")
            self.assertEqual(raw.code("NOOP"), 200)

    def test_stalled_transfer(self):
        with self.server.raw("alice") as raw:
            with raw.passive():
                self.assertEqual(raw.code("STOR stalled"), 150)
                reply = raw.reply()
            self.assertEqual(reply, "426 Data connection stalled for 2 seconds; transfer aborted.")
            self.assertEqual(raw.code("NOOP"), 200)

    def test_no_idle_timeout_while_data_flows(self):
        with self.server.raw("alice") as raw:
            raw.cmd("TYPE I")
            with raw.passive() as sock:
                self.assertEqual(raw.code("STOR slow"), 150)
                for _ in range(7):
                    sock.sendall(b"x")
                    time.sleep(0.5)
            self.assertEqual(raw.reply()[:3], "226")
            self.assertEqual(raw.code("SIZE slow"), 213)

    def test_a_slow_reader_of_data(self):
        self.server.write_file("alice", "big", content(20 * MEBIBYTE))
        with self.server.raw("alice") as raw:
            raw.cmd("TYPE I")
            with raw.passive():
                self.assertEqual(raw.code("RETR big"), 150)
                self.assertEqual(raw.reply()[:3], "426")
            self.assertEqual(raw.code("NOOP"), 200)

    def test_a_slow_reader_of_replies(self):
        with self.server.raw("alice") as raw:
            raw.sock.setblocking(False)
            sent = 0
            flood = b"HELP\r\n" * 1000

            def ended():
                nonlocal sent
                try:
                    sent += raw.sock.send(flood)
                except BlockingIOError:
                    pass
                except ConnectionError:
                    return True
                return False

            wait_until(ended, timeout=15, what="the end of a client that does not read")
            self.assertLess(sent, 64 * MEBIBYTE)


class Mounts(unittest.TestCase):
    """What a mount allows is not refused because another does not."""

    def test_an_inbox_below_a_read_only_root(self):
        users = {"alice": {"password": "secret", "access": "read-only", "mounts": {"/in": {"access": "inbox"}}}}
        server = TransomServer(users=users)
        server.prepare()
        inbox = os.path.join(server.dir, "inbox")
        os.mkdir(inbox)
        server.own(inbox)
        users["alice"]["mounts"]["/in"]["source"] = inbox
        server.add_user("alice", dict(users["alice"], root=server.path("alice")))
        try:
            server.start()
            ftp = server.ftp("alice")
            ftp.storbinary("STOR /in/a", io.BytesIO(b"x"))
            with open(os.path.join(inbox, "a"), "rb") as file:
                self.assertEqual(file.read(), b"x")
            with self.assertRaises(ftplib.error_perm):
                ftp.storbinary("STOR /a", io.BytesIO(b"x"))
            ftp.quit()
            server.stop()
        finally:
            server.discard()


if __name__ == "__main__":
    unittest.main()
