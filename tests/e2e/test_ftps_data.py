"""TLS on data connections: whose they are, how they end, and everything that a transfer can be."""

import hashlib
import os
import re
import select
import socket
import ssl
import time
import unittest

from ftps import FtpsClient, SClient, TlsInMemory, client_context, cut, finish
from transom import FTPS_BOTH, SCALE, TransomServer, make_file, proc_fds, read_all, wait_until

ALICE = {"alice": {"password": "secret"}, "old": {"password": "secret", "require_close_notify": False},
         "strict": {"password": "secret", "data_session": "require"},
         "easy": {"password": "secret", "data_session": "off"}}
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
MANY = 20


class WithServer(unittest.TestCase):

    OPTIONS = {}

    @classmethod
    def setUpClass(cls):
        cls.server = TransomServer(**{"users": ALICE, "listeners": FTPS_BOTH, "tls": True, **cls.OPTIONS})
        cls.server.makes_certificate = True
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def client(self, user="alice", context=None, protect=True, **options):
        client = FtpsClient(self.server.port_of("ftp"), context, **options)
        self.addCleanup(client.close)
        client.login(user, "secret")
        client.cmd("TYPE I")
        if protect:
            client.protect()
        return client

    def expect(self, client, code):
        reply = client.reply()
        self.assertEqual(int(reply[:3]), code, reply)
        return reply

    def retrieve(self, client, line, **options):
        data = client.transfer(line, **options)
        content = read_all(data)
        finish(data)
        self.expect(client, 226)
        return content

    def store(self, client, line, content, **options):
        data = client.transfer(line, **options)
        data.sendall(content)
        finish(data)
        return self.expect(client, 226)


class Transfers(WithServer):

    def test_large_files_both_ways(self):
        digest = make_file(self.server.path("alice", "large"), 30 << 20)
        self.server.own(self.server.path("alice", "large"))
        for version in VERSIONS:
            client = self.client(context=client_context(minimum=version, maximum=version))
            content = self.retrieve(client, "RETR large")
            self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
            self.store(client, "STOR copy", content)
            self.assertEqual(hashlib.sha256(self.server.read_file("alice", "copy")).hexdigest(), digest)

    def test_sizes_around_the_edges_of_records_and_blocks(self):
        client = self.client()
        for edge in (0, 1 << 14, 1 << 18, 1 << 20):
            for size in {max(edge - 1, 0), edge, edge + 1}:
                content = os.urandom(size)
                self.store(client, "STOR edge", content)
                self.assertEqual(self.server.read_file("alice", "edge"), content)
                self.assertEqual(self.retrieve(client, "RETR edge"), content)

    def test_ascii_both_ways(self):
        client = self.client()
        client.cmd("TYPE A")
        self.store(client, "STOR text", b"one\r\ntwo\r\n" * 50000)
        self.assertEqual(self.server.read_file("alice", "text"), b"one\ntwo\n" * 50000)
        self.assertEqual(self.retrieve(client, "RETR text"), b"one\r\ntwo\r\n" * 50000)

    def test_restart_append_unique_and_range(self):
        client = self.client()
        self.store(client, "STOR a", b"0123456789")
        client.cmd("REST 4")
        self.assertEqual(self.retrieve(client, "RETR a"), b"456789")
        self.store(client, "APPE a", b"x" * 100000)
        self.assertEqual(self.server.read_file("alice", "a"), b"0123456789" + b"x" * 100000)
        client.cmd("RANG 2 5")
        self.assertEqual(self.retrieve(client, "RETR a"), b"2345")
        data = client.passive()
        name = re.match(r"150 FILE: (\S+)", client.cmd("STOU")).group(1)
        data = client.shake_hands(data)
        data.sendall(b"unique")
        finish(data)
        self.expect(client, 226)
        self.assertEqual(self.server.read_file("alice", name.lstrip("/")), b"unique")

    def test_listings(self):
        client = self.client()
        directory = self.server.make_dir("alice", "listed")
        for index in range(3000):
            open(os.path.join(directory, "file%04d" % index), "w").close()
        for verb in ("LIST", "NLST", "MLSD"):
            lines = self.retrieve(client, verb + " listed").splitlines()
            self.assertEqual(sum(b"file" in line for line in lines), 3000, verb)

    def test_active_mode(self):
        client = self.client()
        self.server.write_file("alice", "active", b"bytes")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.assertEqual(client.code("EPRT |1|127.0.0.1|%d|" % listener.getsockname()[1]), 200)
            client.send(b"RETR active\r\n")
            listener.settimeout(20 * SCALE)
            accepted, _ = listener.accept()
            self.expect(client, 150)
            # The client stays the client of TLS, whoever connected (RFC 4217 7).
            data = client.shake_hands(accepted)
            self.assertEqual(read_all(data), b"bytes")
            finish(data)
            self.expect(client, 226)

    def test_prot_c_sends_in_the_clear(self):
        client = self.client(protect=False)
        self.server.write_file("alice", "clear", b"readable")
        data = client.passive()
        client.cmd("RETR clear")
        self.assertEqual(read_all(data), b"readable")
        self.expect(client, 226)

    def test_a_download_ends_with_close_notify(self):
        client = self.client()
        self.server.write_file("alice", "ended", b"x" * 1000)
        data = client.transfer("RETR ended")
        data.read(1000)
        self.assertEqual(data.recv(1), b"")
        finish(data)
        self.expect(client, 226)

    def test_many_transfers_use_up_no_tickets(self):
        for version in VERSIONS:
            client = self.client("strict", context=client_context(minimum=version, maximum=version))
            session = client.sock.session
            for index in range(MANY):
                data = client.transfer("STOR many", session=session)
                self.assertTrue(data.session_reused)
                data.sendall(b"%d" % index)
                finish(data)
                self.expect(client, 226)
                # A ticket each time, though this client never reads from its uploads (cyberduck#18399).
                if version == ssl.TLSVersion.TLSv1_3:
                    self.assertNotEqual(client.sock.session.id, session.id)
                session = client.sock.session


class Keys(WithServer):
    """Each suite, and new keys in the middle of a transfer, which a client may take whenever it likes."""

    OPTIONS = {"tls": {"kernel_tls": "off"}}    # kernels before 6.14 take no new keys: test_ftps_kernel.py

    def s_client(self, client, line, suite):
        port = int(re.search(r"\|(\d+)\|", client.cmd("EPSV")).group(1))
        client.send(line.encode() + b"\r\n")
        data = self.enterContext(SClient(port, suite))
        self.expect(client, 150)
        data.wait_said(b"Ciphersuite: " + suite.encode())
        return data

    def test_every_suite_carries_the_same_bytes(self):
        content = os.urandom(1500001).hex().encode()
        for suite in SUITES:
            client = self.client("easy")
            self.server.write_file("easy", "down", content)
            with self.s_client(client, "RETR down", suite) as data:
                self.assertEqual(data.process.stdout.read(), content, suite)
            self.expect(client, 226)
            with self.s_client(client, "STOR up", suite) as data:
                data.send(content)
                data.process.stdin.close()
                self.expect(client, 226)
            self.assertEqual(self.server.read_file("easy", "up"), content)
            client.close()

    def test_a_client_takes_new_keys_in_an_upload(self):
        for suite in SUITES:
            client = self.client("easy")
            with self.s_client(client, "STOR up", suite) as data:
                for _ in range(5):
                    data.send(b"#" * 20000)
                    data.renew_keys()
                data.send(b"end")
                data.process.stdin.close()
                self.expect(client, 226)
            self.assertEqual(self.server.read_file("easy", "up"), b"#" * 100000 + b"end")
            client.close()

    def test_a_client_takes_new_keys_in_a_download(self):
        digest = make_file(self.server.path("easy", "large"), 30 << 20)
        self.server.own(self.server.path("easy", "large"))
        for suite in SUITES:
            client = self.client("easy")
            with self.s_client(client, "RETR large", suite) as data:
                content = b""
                for _ in range(3):
                    content += data.process.stdout.read(100000)
                    data.send(b"K\n")
                content += data.process.stdout.read()
                self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
                data.wait_said(b"KEYUPDATE")
            self.expect(client, 226)
            client.close()


class Sessions(WithServer):

    def refuse(self, client, **options):
        data = client.transfer("RETR a", **options)
        reply = client.reply()
        self.assertRegex(reply, "^522 .*resume")
        try:
            self.assertEqual(read_all(data), b"")
        except OSError:
            pass
        data.close()

    def setUp(self):
        for user in ("alice", "strict", "easy"):
            self.server.write_file(user, "a", b"content")

    def test_require_refuses_who_does_not_resume_and_says_why(self):
        client = self.client("strict")
        self.refuse(client, resume=False)
        event = self.server.wait_event("data-failed", user="strict", reason=re.compile("resume"))
        self.assertIn("data_session = prefer", event["cure"])
        # And the client may do better at once.
        self.assertEqual(self.retrieve(client, "RETR a"), b"content")

    def test_sessions_without_tickets_are_resumed_too(self):
        context = client_context(maximum=ssl.TLSVersion.TLSv1_2, tickets=False)
        client, other = self.client("strict", context=context), self.client("strict", context=context)
        for _ in range(MANY):
            self.assertEqual(self.retrieve(client, "RETR a"), b"content")
        self.refuse(client, session=other.sock.session)

    def test_require_refuses_a_ticket_of_another_session(self):
        for version in VERSIONS:
            context = client_context(minimum=version, maximum=version)
            thief = self.client("strict", context=context)
            victim = self.client("strict", context=context)
            self.refuse(victim, session=thief.sock.session)
            self.assertEqual(self.retrieve(victim, "RETR a"), b"content")

    def test_prefer_lets_in_who_never_resumes_and_tells_once(self):
        client = self.client()
        for _ in range(3):
            self.assertEqual(self.retrieve(client, "RETR a", resume=False), b"content")
        client.cmd("QUIT")
        session = self.server.log_events("login", user="alice")[-1]["session"]
        self.server.wait_event("logout", session=session)
        told = self.server.log_events("protection", session=session)
        self.assertEqual(len(told), 1)
        self.assertIn("data_session = require", told[0]["cure"])

    def test_prefer_keeps_to_resumption_once_there_was_one(self):
        client = self.client()
        self.assertEqual(self.retrieve(client, "RETR a", resume=False), b"content")
        self.assertEqual(self.retrieve(client, "RETR a"), b"content")
        self.refuse(client, resume=False)
        self.assertEqual(self.retrieve(client, "RETR a"), b"content")

    def test_a_session_of_the_wrong_control_connection_is_told_with_the_cure(self):
        """Clients with one cache of sessions for several connections: rclone, curl -Z."""
        context = client_context()
        one, other = self.client(context=context), self.client(context=context)
        self.assertEqual(self.retrieve(one, "RETR a"), b"content")
        self.refuse(one, session=other.sock.session)
        event = self.server.wait_event("data-failed", user="alice", reason=re.compile("share one cache"))
        for cure in ("--ftp-concurrency 1", "--ftp-tls-cache-size 0", "--no-sessionid", "data_session = off"):
            self.assertIn(cure, event["cure"])

    def test_who_was_let_in_without_resumption_cannot_resume_later(self):
        for version in VERSIONS:
            client = self.client(context=client_context(minimum=version, maximum=version))
            data = client.transfer("RETR a", resume=False)
            read_all(data)
            session = data.session
            finish(data)
            self.expect(client, 226)
            self.assertEqual(self.retrieve(client, "RETR a"), b"content")
            if session is not None:
                self.refuse(client, session=session)

    def test_off_asks_for_nothing(self):
        client = self.client("easy")
        self.assertEqual(self.retrieve(client, "RETR a"), b"content")
        self.assertEqual(self.retrieve(client, "RETR a", resume=False), b"content")
        self.assertEqual(self.server.log_events("protection", user="easy"), [])


class Ends(WithServer):

    OPTIONS = {"ftp": {"stall_timeout": "2s"}}

    def test_an_upload_without_close_notify_is_not_published(self):
        for version in VERSIONS:
            client = self.client(context=client_context(minimum=version, maximum=version))
            data = client.transfer("STOR half")
            data.sendall(b"h" * 300000)
            cut(data)
            self.assertRegex(self.expect(client, 426), "close_notify")
            self.assertFalse(os.path.exists(self.server.path("alice", "half")))
        event = self.server.wait_event("data-failed", reason=re.compile("close_notify"))
        self.assertIn("require_close_notify", event["cure"])

    def test_nor_is_one_that_ends_with_a_reset(self):
        client = self.client()
        data = client.transfer("STOR reset")
        data.sendall(b"r" * 100000)
        self.server.wait_rest()     # or the reset eats what has not been read yet
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        data.close()
        self.expect(client, 426)
        self.assertFalse(os.path.exists(self.server.path("alice", "reset")))

    def say_that_this_was_all(self, data):
        """close_notify goes out, behind whatever still waits to be sent; nobody waits for the answer."""
        data.setblocking(False)
        while True:
            try:
                data.unwrap()
                return
            except ssl.SSLWantWriteError:
                self.assertTrue(select.select([], [data], [], 20 * SCALE)[1], "the server takes nothing")
            except ssl.SSLWantReadError:
                return

    def test_a_client_that_never_reads_loses_nothing_of_its_upload(self):
        # Anything unread in its socket, a ticket for instance, would make its close a reset.
        for version in VERSIONS:
            client = self.client(context=client_context(minimum=version, maximum=version))
            for _ in range(5):
                data = client.transfer("STOR unread-ticket")
                data.sendall(b"u" * 200000)
                self.say_that_this_was_all(data)
                data.close()
                self.expect(client, 226)
            self.assertEqual(len(self.server.read_file("alice", "unread-ticket")), 200000)

    def test_nor_is_one_with_bytes_that_are_no_tls(self):
        client = self.client()
        data = client.transfer("STOR forged")
        data.sendall(b"good")
        raw = socket.socket(fileno=data.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"evil" * 8)
        self.expect(client, 426)
        raw.close()
        self.assertFalse(os.path.exists(self.server.path("alice", "forged")))

    def test_nor_is_one_with_a_single_bit_that_was_changed_on_the_way(self):
        for version in VERSIONS:
            context = client_context(minimum=version, maximum=version)
            client = self.client(context=context)
            raw = client.passive()
            self.assertTrue(client.cmd("STOR changed").startswith("150"))
            data = TlsInMemory(raw, context, client.sock.session)
            wire = data.seal(b"c" * 100000)
            raw.sendall(wire)
            wait_until(lambda: self.server.staged("alice"), what="the staged file")
            wire = bytearray(data.seal(b"d" * 1000) + data.seal_end())
            wire[500] ^= 4
            raw.sendall(wire)
            self.expect(client, 426)
            self.assertFalse(os.path.exists(self.server.path("alice", "changed")))
            raw.close()
            self.assertEqual(client.code("NOOP"), 200)

    def test_a_user_may_be_excepted(self):
        client = self.client("old")
        data = client.transfer("STOR whole")
        data.sendall(b"w" * 300000)
        cut(data)
        self.expect(client, 226)
        self.assertEqual(self.server.read_file("old", "whole"), b"w" * 300000)

    def test_a_cut_within_a_record_is_no_end_whoever_is_excepted(self):
        for version in VERSIONS:
            for begun in (b"\x17", b"\x17\x03\x03\x40\x00", b"\x17\x03\x03\x40\x00abc"):
                client = self.client("old", context=client_context(minimum=version, maximum=version))
                data = client.transfer("STOR within")
                data.sendall(b"w" * 300000)
                raw = socket.socket(fileno=data.detach())
                raw.sendall(begun)
                raw.shutdown(socket.SHUT_WR)
                self.expect(client, 426)
                raw.close()
                self.assertFalse(os.path.exists(self.server.path("old", "within")), (version, begun))

    def test_plain_text_instead_of_a_handshake_is_answered_522(self):
        client = self.client()
        for line in ("STOR plain", "LIST"):
            data = client.passive()
            client.cmd(line)
            data.sendall(b"this is no TLS at all\r\n")
            self.expect(client, 522)
            data.close()
        self.assertFalse(os.path.exists(self.server.path("alice", "plain")))

    def test_abor_ends_a_download_that_nobody_reads(self):
        make_file(self.server.path("alice", "unread"), 40 << 20)
        self.server.own(self.server.path("alice", "unread"))
        client = self.client()
        data = client.transfer("RETR unread")
        data.read(1)
        self.server.wait_rest()
        self.assertEqual(client.code("ABOR"), 426)
        self.expect(client, 226)
        data.close()
        self.assertEqual(client.code("NOOP"), 200)

    def test_abor_ends_an_upload_whose_client_stands_still_in_a_record(self):
        client = self.client()
        data = client.transfer("STOR half-a-record")
        data.sendall(b"h" * 50000)
        raw = socket.socket(fileno=data.detach())
        raw.sendall(b"\x17\x03\x03\x40\x00" + b"?" * 100)     # of 16 KiB
        wait_until(lambda: self.server.staged("alice"), what="the staged file")
        self.assertEqual(client.code("ABOR"), 426)
        self.expect(client, 226)
        raw.close()
        self.assertEqual(client.code("NOOP"), 200)
        self.assertFalse(os.path.exists(self.server.path("alice", "half-a-record")))

    def test_of_an_upload_that_is_aborted_all_that_came_is_kept(self):
        for version in VERSIONS:
            for kind in "IA":
                name = "aborted-%s-%d" % (kind, version)
                client = self.client(context=client_context(minimum=version, maximum=version))
                client.code("TYPE " + kind)
                data = client.transfer("STOR " + name)
                data.sendall(b"k" * 300000)
                self.server.wait_rest()     # what was not read yet is not kept
                self.assertEqual(client.code("ABOR"), 426)
                self.expect(client, 226)
                client.code("TYPE I")
                self.assertEqual(client.cmd("SIZE " + name), "213 300000")
                data = client.transfer("APPE " + name)
                data.sendall(b"l" * 1000)
                finish(data)
                self.expect(client, 226)
                self.assertEqual(self.server.read_file("alice", name), b"k" * 300000 + b"l" * 1000)

    def test_abor_ends_a_handshake_that_does_not_come(self):
        client = self.client()
        data = client.passive()
        client.cmd("LIST")
        self.assertEqual(client.code("ABOR"), 426)
        self.expect(client, 226)
        data.close()

    def test_a_download_that_nobody_reads_stalls(self):
        make_file(self.server.path("alice", "stalled"), 40 << 20)
        self.server.own(self.server.path("alice", "stalled"))
        client = self.client()
        data = client.transfer("RETR stalled")
        data.read(1)
        self.assertRegex(self.expect(client, 426), "stalled")
        data.close()

    def test_an_aborted_download_does_not_look_whole(self):
        make_file(self.server.path("alice", "broken"), 40 << 20)
        self.server.own(self.server.path("alice", "broken"))
        client = self.client()
        data = client.transfer("RETR broken")
        data.read(1)
        self.assertEqual(client.code("ABOR"), 426)
        self.expect(client, 226)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            read_all(data)
        data.close()

    def test_a_slow_reader_is_no_stalled_one(self):
        make_file(self.server.path("alice", "slow"), 6 << 20)
        self.server.own(self.server.path("alice", "slow"))
        client = self.client()
        data = client.transfer("RETR slow")
        got = 0
        for _ in range(5):
            got += len(data.read(1 << 20))
            time.sleep(0.6)     # not scaled: stall_timeout is not either
        got += len(read_all(data))
        finish(data)
        self.expect(client, 226)
        self.assertGreater(got, 5 << 20)


class Heard(WithServer):
    """What a client says in a download, or after it, costs it nothing of the file."""

    CONTENT = os.urandom(1 << 20) * 3

    def begin(self, version, line="RETR heard"):
        """A client that takes little at a time."""
        self.server.write_file("strict", "heard", self.CONTENT)
        context = client_context(minimum=version, maximum=version)
        client = self.client("strict", context=context)
        raw = socket.socket()
        self.addCleanup(raw.close)
        raw.settimeout(20 * SCALE)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        raw.connect(("127.0.0.1", int(re.search(r"\|(\d+)\|", client.cmd("EPSV")).group(1))))
        client.send(line + "\r\n")
        self.expect(client, 150)
        return client, TlsInMemory(raw, context, client.sock.session)

    def words(self):
        return (("close_notify", lambda tls: tls.seal_end()), ("noise", lambda tls: tls.seal(b"noise" * 1000)),
                ("both", lambda tls: tls.seal(b"noise") + tls.seal_end()))

    def expect_whole(self, client, tls):
        received = read_all(tls.plain)      # a reset raises
        # OpenSSL reads no more once it has said the end itself: the bytes of the records tell that all have come.
        self.assertGreater(len(received), len(self.CONTENT))
        self.assertLess(len(received), len(self.CONTENT) + (len(self.CONTENT) >> 8) + 1000)

    def test_before_the_end(self):
        for version in VERSIONS:
            for what, word in self.words():
                with self.subTest(what, version=version):
                    client, tls = self.begin(version)
                    tls.plain.sendall(word(tls))
                    self.expect_whole(client, tls)
                    self.expect(client, 226)

    def test_after_the_server_has_said_that_all_is_sent(self):
        for version in VERSIONS:
            for what, word in self.words():
                with self.subTest(what, version=version):
                    client, tls = self.begin(version)
                    taken = 0
                    while not select.select([client.sock], [], [], 0)[0]:
                        taken += len(tls.plain.recv(1024))
                    self.expect(client, 226)
                    tls.plain.sendall(word(tls))
                    self.assertGreater(taken + len(read_all(tls.plain)), len(self.CONTENT))

    def test_no_command_waits_for_who_does_not_close(self):
        for version in VERSIONS:
            context = client_context(minimum=version, maximum=version)
            client = self.client("strict", context=context)
            self.server.write_file("strict", "small", b"small")
            kept = []
            for _ in range(5):
                data = client.transfer("RETR small")
                self.assertEqual(read_all(data), b"small")
                self.expect(client, 226)
                kept.append(data)
            self.assertEqual(client.code("ABOR"), 226)
            self.assertEqual(client.code("NOOP"), 200)
            self.assertEqual(client.code("QUIT"), 221)
            self.assertEqual(client.sock.recv(1), b"")
            for data in kept:
                data.close()

    def test_rein_does_not_wait_either(self):
        client = self.client("strict")
        self.server.write_file("strict", "small", b"small")
        data = client.transfer("RETR small")
        self.assertEqual(read_all(data), b"small")
        self.expect(client, 226)
        self.assertEqual(client.code("REIN"), 220)
        client.sock.unwrap()
        data.close()

    def sockets(self):
        """Of all fronts that serve somebody."""
        self.server.wait_rest()
        return sum(link.startswith("socket:") for pid in self.server.pids("front ftp")
                   for link in proc_fds(pid).values())

    def test_one_socket_stays_and_only_until_the_client_has_closed(self):
        wait_until(lambda: not self.server.pids("front ftp"), what="the end of earlier sessions")
        client = self.client("strict")
        self.server.write_file("strict", "small", b"small")
        before = self.sockets()
        kept = []
        for _ in range(5):
            data = client.transfer("RETR small")
            self.assertEqual(read_all(data), b"small")
            self.expect(client, 226)
            kept.append(data)
        self.assertEqual(self.sockets(), before + 1)
        for data in kept:
            data.close()
        wait_until(lambda: self.sockets() == before, what="the last socket's end")


class SlowHandshake(unittest.TestCase):

    def test_a_data_connection_that_never_shakes_hands_is_answered_522(self):
        server = TransomServer(users=ALICE, listeners=FTPS_BOTH, tls={"handshake_timeout": "1s"})
        server.makes_certificate = True
        with server, FtpsClient(server.port_of("ftp")) as client:
            client.login("alice", "secret")
            client.protect()
            data = client.passive()
            client.cmd("LIST")
            start = time.monotonic()
            self.assertTrue(client.reply().startswith("522"))
            self.assertLess(time.monotonic() - start, 5 * SCALE)
            data.close()
            server.wait_event("negotiation-failed", reason=re.compile("too long"))


class Together(WithServer):

    def test_the_control_connection_answers_while_data_flows(self):
        make_file(self.server.path("alice", "flow"), 64 << 20)
        self.server.own(self.server.path("alice", "flow"))
        client = self.client()
        data = client.transfer("RETR flow")
        for _ in range(5):
            data.read(1 << 20)
            self.assertIn("211", client.cmd("STAT"))
        self.assertEqual(select.select([client.sock], [], [], 0)[0], [])
        read_all(data)
        finish(data)
        self.expect(client, 226)

    def test_a_trickle_of_uploads_bytes_arrives(self):
        client = self.client()
        data = client.transfer("STOR trickle")
        for index in range(200):
            data.sendall(b"%04d" % index)
        wait_until(lambda: self.server.staged("alice"), what="the staged file")
        finish(data)
        self.expect(client, 226)
        self.assertEqual(self.server.read_file("alice", "trickle"), b"".join(b"%04d" % i for i in range(200)))


if __name__ == "__main__":
    unittest.main()
