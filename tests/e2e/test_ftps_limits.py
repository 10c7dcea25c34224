"""What TLS clients cannot make the server hold or do."""

import re
import socket
import ssl
import subprocess
import time
import unittest

from ftps import FtpsClient, client_context, finish
from transom import (FTPS_BOTH, SCALE, TransomServer, memory_kib, need_root, need_tool, read_all, sanitized, wait_until)

ALICE = {"alice": {"password": "secret"}}
IDLE_KIB = 0.9 * 1024
HANDSHAKES = 400


class Limits(unittest.TestCase):

    def test_an_idle_session_is_small(self):
        need_root()
        if sanitized():
            self.skipTest("built with sanitizers")
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True) as server:
            def connect():
                client = FtpsClient(server.port_of("ftp"))
                self.addCleanup(client.close)
                client.login("alice", "secret")
                client.protect()
                data = client.transfer("STOR small-%d" % client.sock.fileno())
                data.sendall(b"x" * 10000)
                finish(data)
                self.assertTrue(client.reply().startswith("226"))

            self.assertLess(server.kib_of_one_more(connect), IDLE_KIB)

    def test_a_client_too_many_hears_an_alert_where_tls_is_expected(self):
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True,
                           options={"max_sessions_per_address": 1}) as server:
            with FtpsClient(server.port_of("ftps"), implicit=True):
                with socket.create_connection(("127.0.0.1", server.port_of("ftps")), timeout=20 * SCALE) as sock:
                    self.assertEqual(read_all(sock), b"\x15\x03\x03\x00\x02\x02\x50")

    def test_a_flood_of_key_updates_ends_the_session(self):
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True) as server:
            client = subprocess.Popen(
                [need_tool("openssl"), "s_client", "-connect", "127.0.0.1:%d" % server.port_of("ftps"), "-tls1_3"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                # One order is what s_client reads at once, however many lines of "k" that is: so until it has gone.
                deadline = time.monotonic() + 30 * SCALE
                while client.poll() is None and time.monotonic() < deadline:
                    client.stdin.write(b"k\n")
                    client.stdin.flush()
                    time.sleep(0.02)
            except BrokenPipeError:
                pass
            finally:
                client.kill()
                client.communicate()
            server.wait_event("logout", reason="protocol error")

    def test_a_client_that_does_not_read_its_replies_is_cut(self):
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True, ftp={"stall_timeout": "1s"}) as server:
            client = FtpsClient(server.port_of("ftp"))
            client.login("alice", "secret")
            client.sock.setblocking(False)
            flood = b"HELP\r\n" * 1000

            def ended():
                try:
                    client.sock.send(flood)
                except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    pass
                except (OSError, ssl.SSLError):
                    return True
                return False

            wait_until(ended, timeout=15, what="the end of a client that does not read")
            server.wait_event("logout", reason="did not read its replies")
            client.close()

    def test_garbage_within_tls_ends_the_session(self):
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True) as server:
            client = FtpsClient(server.port_of("ftp"))
            raw = socket.socket(fileno=client.sock.detach())
            raw.settimeout(20 * SCALE)
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"?" * 32)
            try:
                read_all(raw)
            except ConnectionError:
                pass
            raw.close()
            server.wait_event("logout", reason="protocol error")

    def test_a_handshake_without_end_is_cut(self):
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True) as server:
            with socket.create_connection(("127.0.0.1", server.port_of("ftps")), timeout=20 * SCALE) as sock:
                body = b"\x01\x01\xf0\x00" + bytes(16380)
                with self.assertRaises(ConnectionError):
                    for _ in range(100):
                        sock.sendall(b"\x16\x03\x01\x40\x00" + body)
                        body = bytes(16384)
                        time.sleep(0.02)
            server.wait_event("negotiation-failed", reason=re.compile("too long"))

    def test_many_data_handshakes_leave_no_memory_behind(self):
        need_root()
        if sanitized():
            self.skipTest("built with sanitizers")
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True,
                           defaults={"data_session": "off"}) as server:
            context = client_context(maximum=ssl.TLSVersion.TLSv1_2, tickets=False)
            with FtpsClient(server.port_of("ftp"), context) as client:
                client.login("alice", "secret")
                client.protect()

                def list_once():
                    data = client.transfer("NLST", resume=False)
                    read_all(data)
                    finish(data)
                    self.assertTrue(client.reply().startswith("226"))

                for _ in range(HANDSHAKES // 4):
                    list_once()
                front = server.pids("front ftp")[0]
                # Not Pss: it grows when a spare pair goes that shared pages with this one.
                before = memory_kib(front, "Anonymous")
                for _ in range(HANDSHAKES):
                    list_once()
                wait_until(lambda: memory_kib(front, "Anonymous") - before < 64, what="memory as small as before")


if __name__ == "__main__":
    unittest.main()
