"""Every timeout: it comes, says which one it was, and nothing but that; and the client that vanishes."""

import os
import re
import socket
import time
import unittest

from netns import Cable, SocketFtp
from transom import SCALE, RawFtp, TransomServer, modes, read_all, wait_until

ALICE = {"alice": {"password": "secret"}}
MEBIBYTE = 1 << 20


def drip(sock, seconds, data=b"x"):
    """Send a byte every tenth of a second for so long; the number of bytes."""
    end = time.monotonic() + seconds
    sent = 0
    while time.monotonic() < end:
        sock.sendall(data)
        sent += 1
        time.sleep(0.1)
    return sent


def begin(client, line):
    """The data connection of a transfer that has begun."""
    data = client.passive()
    reply = client.cmd(line)
    if not reply.startswith("150"):
        raise AssertionError("%s: %s" % (line, reply))
    return data


class Timeouts(unittest.TestCase):

    def serve(self, mode=None, **settings):
        server = TransomServer(mode=mode, users=ALICE, **settings)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def assert_ends(self, server, client, reply, reason, said=None):
        """The next thing the client hears, unless that was said already, is this reply, then the end; the log says why."""
        self.assertRegex(said or client.reply(), reply)
        self.assertTrue(client.closed())
        self.assertEqual(server.wait_event("logout")["reason"], reason)
        client.close()

    def keep_asking(self, client):
        """NOOP until the answer is another one; that."""
        while (reply := client.cmd("NOOP")).startswith("200"):
            time.sleep(0.2)
        return reply

    # --- each of them ---

    def test_login(self):
        for mode in modes():
            with self.subTest(mode=mode):
                server = self.serve(mode, options={"login_timeout": "1s"})
                client = server.raw()
                # What a client does meanwhile does not matter.
                said = self.keep_asking(client)
                self.assert_ends(server, client, r"^421 Login timeout\.$", "login timeout", said)

    def test_idle(self):
        server = self.serve(ftp={"idle_timeout": "1s"})
        client = server.raw("alice")
        self.assert_ends(server, client, r"^421 Idle timeout: no command for 1 seconds\.$", "idle timeout")

    def test_data_connection_that_never_comes(self):
        server = self.serve(ftp={"data_timeout": "2s"})
        with server.raw("alice") as client:
            client.cmd("EPSV")
            self.assertEqual(client.code("LIST"), 150)
            self.assertEqual(client.reply(), "425 Cannot open the data connection: Timed out.")
            event = server.wait_event("data-failed")
            self.assertEqual(event["reason"], "nobody connected to the passive port in time")
            self.assertIn("firewalls", event["cure"])
            # The session goes on.
            data = begin(client, "LIST")
            read_all(data)
            self.assertEqual(client.reply()[:3], "226")

    def test_data_connection_that_is_never_accepted(self):
        server = self.serve(ftp={"data_timeout": "1s"})
        with server.raw("alice") as client, socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            # The queue is full: the kernel lets further ones wait for an answer.
            waiting = [socket.socket() for _ in range(3)]
            for sock in waiting:
                sock.setblocking(False)
                sock.connect_ex(deaf.getsockname())
                self.addCleanup(sock.close)
            client.cmd("EPRT |1|127.0.0.1|%d|" % deaf.getsockname()[1])
            self.assertEqual(client.code("LIST"), 150)
            self.assertEqual(client.reply(), "425 Cannot open the data connection: Timed out.")
            event = server.wait_event("data-failed")
            self.assertEqual(event["reason"], "the client's port did not answer")
            self.assertIn("passive", event["cure"])
            self.assertEqual(client.code("NOOP"), 200)

    def test_transfer_that_stalls(self):
        server = self.serve(ftp={"stall_timeout": "1s"})
        server.write_file("alice", "large", b"x" * (64 * MEBIBYTE))
        with server.raw("alice") as client:
            client.cmd("TYPE I")
            for line, name in (("RETR large", "download"), ("STOR some", "upload")):
                data = begin(client, line)
                self.assertEqual(client.reply(),
                                 "426 Data connection stalled for 1 seconds; transfer aborted.")
                event = server.wait_event(name)
                self.assertEqual((event["result"], event["reason"]), ("aborted", "Timed out"))
                data.close()
            self.assertEqual(client.code("NOOP"), 200)

    def test_an_upload_that_stops_after_a_byte(self):
        """In plain FTP few bytes do not wake the session by themselves."""
        server = self.serve(ftp={"stall_timeout": "1s"})
        with server.raw("alice") as client:
            client.cmd("TYPE I")
            for sent in (b"x", b"x" * 100000):
                with begin(client, "STOR some") as data:
                    data.sendall(sent)
                    self.assertEqual(client.reply(), "426 Data connection stalled for 1 seconds; transfer aborted.")
                self.assertFalse(os.path.exists(server.path("alice", "some")))
            server.wait_event("upload", result="aborted", reason="Timed out", count=2)
            self.assertEqual(client.code("NOOP"), 200)

    def test_session(self):
        for mode in modes():
            with self.subTest(mode=mode):
                server = self.serve(mode, options={"session_timeout": "2s"})
                client = server.raw("alice")
                said = self.keep_asking(client)
                self.assert_ends(server, client, r"^421 Session timeout\.$", "session timeout", said)

    def test_session_before_login(self):
        server = self.serve(options={"session_timeout": "1s"})
        self.assert_ends(server, server.raw(), r"^421 Session timeout\.$", "session timeout")

    def test_session_lets_a_transfer_finish(self):
        server = self.serve(options={"session_timeout": "2s"})
        client = server.raw("alice")
        client.cmd("TYPE I")
        data = begin(client, "STOR slow")
        sent = drip(data, 3.2)
        data.close()
        self.assertEqual(client.reply()[:3], "226")
        self.assert_ends(server, client, r"^421 Session timeout\.$", "session timeout")
        self.assertEqual(len(server.read_file("alice", "slow")), sent)

    def test_a_session_without_a_limit_has_none(self):
        server = self.serve(ftp={"idle_timeout": "3s"})
        with server.raw("alice") as client:
            for _ in range(5):
                time.sleep(0.8)
                self.assertEqual(client.code("NOOP"), 200)

    # --- while data flows ---

    def test_no_idle_timeout_while_an_upload_drips(self):
        server = self.serve(ftp={"idle_timeout": "2s", "stall_timeout": "2s"})
        client = server.raw("alice")
        client.cmd("TYPE I")
        data = begin(client, "STOR drip")
        sent = drip(data, 4.2)
        data.close()
        self.assertEqual(client.reply()[:3], "226")
        self.assertEqual(len(server.read_file("alice", "drip")), sent)
        # From here on nobody does anything.
        self.assert_ends(server, client, "^421 Idle timeout", "idle timeout")

    def test_no_idle_timeout_while_a_download_is_read_slowly(self):
        server = self.serve(ftp={"idle_timeout": "1s", "stall_timeout": "2s"})
        content = os.urandom(16 * MEBIBYTE)
        server.write_file("alice", "large", content)
        client = server.raw("alice")
        client.cmd("TYPE I")
        port = int(re.search(r"\|\|\|(\d+)\|", client.cmd("EPSV")).group(1))
        data = socket.socket()
        self.addCleanup(data.close)
        # Small buffers: what is not read soon stops the sender.
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        data.settimeout(20 * SCALE)
        data.connect(("127.0.0.1", port))
        self.assertEqual(client.code("RETR large"), 150)
        received = b""
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            received += data.recv(65536)
            time.sleep(0.05)
        self.assertLess(len(received), len(content))
        received += read_all(data)
        self.assertEqual(client.reply()[:3], "226")
        self.assertEqual(received, content)
        self.assert_ends(server, client, "^421 Idle timeout", "idle timeout")

    def test_waiting_for_a_data_connection_is_not_idle(self):
        server = self.serve(ftp={"idle_timeout": "1s", "data_timeout": "2s"})
        with server.raw("alice") as client:
            client.cmd("EPSV")
            self.assertEqual(client.code("LIST"), 150)
            self.assertEqual(client.reply()[:3], "425")

    # --- too many ---

    def test_one_more_session_is_refused_with_421(self):
        server = self.serve(options={"max_sessions_per_address": 1})
        with server.raw("alice") as first:
            with RawFtp(server.port) as second:
                self.assertEqual(second.greeting,
                                 "421 Too many connections from your address, try again later.")
                self.assertTrue(second.closed())
            self.assertEqual(first.code("NOOP"), 200)


class Vanished(unittest.TestCase):
    """The cable is cut: nobody says goodbye, and the session ends all the same, its slot free."""

    STALL = "2s"    # the bound for a client that does not answer is derived from it

    def setUp(self):
        self.cable = Cable()
        self.cable.__enter__()
        self.addCleanup(self.cable.__exit__)
        self.server = TransomServer(
            users=ALICE, options={"max_sessions": 1}, listeners={"ftp": {"address": "*:0"}},
            ftp={"stall_timeout": self.STALL, "idle_timeout": "1h"})
        self.server.__enter__()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.client = SocketFtp(self.cable.connect(self.server.port), self.cable.connect)
        self.addCleanup(self.client.close)
        self.client.login("alice", "secret")
        self.client.cmd("TYPE I")

    def assert_ended(self):
        """The logout is logged, and the only slot is there for somebody else."""
        self.server.wait_event("logout", 20)

        def admitted():
            with self.server.raw() as client:
                return client.greeting.startswith("220")
        wait_until(admitted, 5, "a free slot")
        self.server.wait_event("logout", count=2)

    def log_in(self):
        """A session from this machine; None while the slot is taken."""
        client = RawFtp(self.server.port)
        if client.greeting.startswith("220"):
            client.login("alice", "secret")
            return client
        client.close()
        return None

    def test_while_it_is_idle(self):
        self.cable.cut()
        self.assert_ended()
        self.assertEqual(self.server.log_events("logout")[0]["reason"], "connection lost")

    def test_in_the_middle_of_a_download(self):
        self.server.write_file("alice", "large", b"x" * (64 * MEBIBYTE))
        data = begin(self.client, "RETR large")
        self.addCleanup(data.close)
        self.assertTrue(data.recv(1000))
        self.cable.cut()
        self.assert_ended()
        self.assertEqual(self.server.wait_event("download")["result"], "aborted")

    def test_in_the_middle_of_an_upload(self):
        content = os.urandom(MEBIBYTE)
        data = begin(self.client, "STOR kept")
        self.addCleanup(data.close)
        data.sendall(content)
        wait_until(lambda: any(os.path.getsize(path) >= MEBIBYTE // 2 for path in self.server.staged("alice")),
                   what="the upload on the disk")
        self.cable.cut()
        self.assert_ended()
        self.assertEqual(self.server.wait_event("upload")["result"], "aborted")
        self.assertFalse(os.path.exists(self.server.path("alice", "kept")))
        # It is there for its user to continue.
        with wait_until(self.log_in, 5, "a free slot") as again:
            again.cmd("TYPE I")
            size = int(again.cmd("SIZE kept").split()[1])
            self.assertGreaterEqual(size, MEBIBYTE // 2)
            self.assertEqual(again.code("REST %d" % size), 350)
            data = begin(again, "STOR kept")
            data.sendall(content[size:])
            data.close()
            self.assertEqual(again.reply()[:3], "226")
        self.assertEqual(self.server.read_file("alice", "kept"), content)

    def test_with_a_reply_on_its_way(self):
        self.cable.cut()
        self.client.send("NOOP\r\n")
        self.server.reload()
        self.assert_ended()

    def test_while_it_has_not_logged_in(self):
        self.client.cmd("QUIT")
        self.client.close()
        self.server.wait_event("logout")
        self.server.wait_rest()     # the clerk counts it until it is gone
        with self.cable.connect(self.server.port) as silent:
            self.assertTrue(silent.recv(100).startswith(b"220"))
            self.cable.cut()
            self.server.wait_event("logout", 20, count=2)


if __name__ == "__main__":
    unittest.main()
