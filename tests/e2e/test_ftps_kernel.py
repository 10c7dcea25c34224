"""Downloads that the kernel encrypts (kernel_tls): skipped where it has no kTLS, that is, without its module tls."""

import errno
import hashlib
import os
import re
import socket
import ssl
import time
import unittest

from ftps import FtpsClient, SClient, client_context
from transom import FTPS_BOTH, SCALE, TransomServer, make_file, read_all

TCP_ULP, SOL_TLS, TLS_TX = 31, 282, 1
INFO_OF_AES_128 = b"\x04\x03" + b"\x33\x00" + bytes(36)     # struct tls12_crypto_info_aes_gcm_128 for TLS 1.3

USERS = {"alice": {"password": "secret"}, "easy": {"password": "secret", "data_session": "off"}}
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
LEAST = 256 << 10   # FTP_KERNEL_TLS_BYTES


def need_kernel_tls():
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as sock:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
            sock.setsockopt(SOL_TLS, TLS_TX, INFO_OF_AES_128)
        except OSError as error:
            raise unittest.SkipTest("the kernel does not encrypt TLS 1.3 here: %s (modprobe tls?)"
                                    % errno.errorcode.get(error.errno, error)) from None


class WithServer(unittest.TestCase):

    TLS = {}
    FTP = {}

    @classmethod
    def setUpClass(cls):
        need_kernel_tls()
        cls.server = TransomServer(users=USERS, listeners=FTPS_BOTH, tls=cls.TLS, ftp=cls.FTP)
        cls.server.makes_certificate = True
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def client(self, user="alice", context=None):
        client = FtpsClient(self.server.port_of("ftp"), context)
        self.addCleanup(client.close)
        client.login(user, "secret")
        client.cmd("TYPE I")
        client.protect()
        return client

    def expect(self, client, code):
        reply = client.reply()
        self.assertEqual(int(reply[:3]), code, reply)
        return reply

    def make(self, name, size, user="alice"):
        path = self.server.path(user, name)
        digest = make_file(path, size)
        self.server.own(path)
        return digest

    def read_to_the_end(self, client, data):
        """All of a download, which must end with close_notify."""
        content = read_all(data)
        data.unwrap().close()
        self.expect(client, 226)
        return content

    def retrieve(self, client, line):
        return self.read_to_the_end(client, client.transfer(line))

    def who_encrypted(self, name, count=1, **fields):
        return self.server.wait_event("download", path="/" + name, count=count, **fields).get("encrypted_by")


class Downloads(WithServer):

    def test_sizes_around_the_edges_of_records_and_of_what_is_worth_it(self):
        client = self.client()
        for edge in (0, 1, 16384, LEAST, LEAST + 16384, 1 << 20, 8 << 20):
            for size in sorted({max(edge - 1, 0), edge, edge + 1}):
                name = "sized-%d" % size
                digest = self.make(name, size)
                content = self.retrieve(client, "RETR " + name)
                self.assertEqual(len(content), size)
                self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
                self.assertEqual(self.who_encrypted(name), "kernel" if size >= LEAST else None, size)

    def test_every_suite_carries_the_same_bytes(self):
        digest = self.make("suites", 5 << 20, "easy")
        for count, suite in enumerate(SUITES, 1):
            client = self.client("easy")
            port = int(re.search(r"\|(\d+)\|", client.cmd("EPSV")).group(1))
            client.send(b"RETR suites\r\n")
            with SClient(port, suite) as data:
                content = data.process.stdout.read()
            self.expect(client, 150)
            self.expect(client, 226)
            self.assertEqual(hashlib.sha256(content).hexdigest(), digest, suite)
            self.assertEqual(self.who_encrypted("suites", count, user="easy"), "kernel", suite)
            client.close()

    def test_restart_and_range(self):
        client = self.client()
        self.make("parts", 3 << 20)
        whole = self.server.read_file("alice", "parts")
        client.cmd("REST 5")
        self.assertEqual(self.retrieve(client, "RETR parts"), whole[5:])
        client.cmd("RANG 1000000 2000000")
        self.assertEqual(self.retrieve(client, "RETR parts"), whole[1000000:2000001])
        for event in self.server.log_events("download", path="/parts"):
            self.assertEqual(event.get("encrypted_by"), "kernel")

    def test_tls_1_2_and_ascii_are_encrypted_by_the_server(self):
        self.make("ours", LEAST)
        old = client_context(maximum=ssl.TLSVersion.TLSv1_2)
        self.retrieve(self.client(context=old), "RETR ours")
        client = self.client()
        client.cmd("TYPE A")
        self.retrieve(client, "RETR ours")
        for event in self.server.log_events("download", path="/ours"):
            self.assertNotIn("encrypted_by", event)

    def test_a_client_with_a_small_window_loses_nothing_of_the_end(self):
        """Records that TCP has no room for wait in the kernel's TLS, which drops them when the socket is closed."""
        for size in range(6 << 20, (6 << 20) + 5 * 8191, 8191):      # more than the kernel takes at once
            digest = self.make("narrow", size)
            client = self.client()
            raw = client.passive()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
            self.assertTrue(client.cmd("RETR narrow").startswith("150"))
            data = client.shake_hands(raw)
            self.assertEqual(hashlib.sha256(self.read_to_the_end(client, data)).hexdigest(), digest)
            client.close()
        self.assertEqual(self.who_encrypted("narrow"), "kernel")

    def pause(self, name, size):
        """A download that has begun, and whose client reads no more."""
        client = self.client()
        self.make(name, size)
        data = client.transfer("RETR " + name)
        return client, data, data.read(1 << 16)

    def test_a_file_that_grows_is_sent_as_it_has_become(self):
        client, data, content = self.pause("grows", 16 << 20)
        with open(self.server.path("alice", "grows"), "ab") as file:
            file.write(b"more" * 100001)
        content += self.read_to_the_end(client, data)
        self.assertEqual(content, self.server.read_file("alice", "grows"))

    def test_a_file_that_shrinks_ends_where_it_does(self):
        client, data, content = self.pause("shrinks", 32 << 20)
        os.truncate(self.server.path("alice", "shrinks"), (30 << 20) + 5)
        content += self.read_to_the_end(client, data)
        self.assertEqual(content, self.server.read_file("alice", "shrinks"))

    def test_an_aborted_download_does_not_look_whole(self):
        client, data, _ = self.pause("broken", 40 << 20)
        self.assertEqual(client.code("ABOR"), 426)
        self.expect(client, 226)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            read_all(data)
        data.close()
        self.assertEqual(self.who_encrypted("broken", result="aborted"), "kernel")
        self.assertEqual(client.code("NOOP"), 200)

    def test_the_control_connection_answers_while_data_flows(self):
        client, data, content = self.pause("flow", 64 << 20)
        for _ in range(5):
            content += data.read(1 << 20)
            self.assertIn("211", client.cmd("STAT"))
        content += self.read_to_the_end(client, data)
        self.assertEqual(len(content), 64 << 20)


class NewKeys(WithServer):
    """openssl s_client's orders: k renews its own keys, K wants ours renewed too."""

    def order(self, name, letter):
        client = self.client("easy")
        port = int(re.search(r"\|(\d+)\|", client.cmd("EPSV")).group(1))
        client.send(b"RETR " + name.encode() + b"\r\n")
        data = self.enterContext(SClient(port, SUITES[0]))
        self.expect(client, 150)
        content = data.process.stdout.read(100000)
        data.send(letter + b"\n")
        return client, data, content

    def test_of_its_own_a_client_may_renew(self):
        digest = self.make("renewed", 30 << 20, "easy")
        client, data, content = self.order("renewed", b"k")
        content += data.process.stdout.read()
        self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
        self.expect(client, 226)
        self.assertEqual(self.who_encrypted("renewed"), "kernel")

    def test_those_of_the_kernel_it_may_not(self):
        self.make("refused", 64 << 20, "easy")
        client, data, content = self.order("refused", b"K")
        content += data.process.stdout.read()
        self.expect(client, 426)
        # What came until then is the file's, and nothing else.
        self.assertEqual(content, self.server.read_file("easy", "refused")[:len(content)])
        self.assertLess(len(content), 64 << 20)
        event = self.server.wait_event("data-failed", user="easy", reason=re.compile("new keys"))
        self.assertIn("kernel_tls = off", event["cure"])
        self.assertEqual(client.code("NOOP"), 200)


class Patience(WithServer):

    FTP = {"stall_timeout": "2s"}

    def test_a_download_that_nobody_reads_stalls(self):
        self.make("stalled", 40 << 20)
        client = self.client()
        data = client.transfer("RETR stalled")
        data.read(1)
        self.assertRegex(self.expect(client, 426), "stalled")
        data.close()
        self.assertEqual(self.who_encrypted("stalled", result="aborted"), "kernel")

    def test_a_slow_reader_is_no_stalled_one(self):
        digest = self.make("slow", 12 << 20)
        client = self.client()
        data = client.transfer("RETR slow")
        content = b""
        for _ in range(5):
            content += data.read(1 << 20)
            time.sleep(0.6)     # not scaled: stall_timeout is not either
        content += read_all(data)
        data.unwrap().close()
        self.expect(client, 226)
        self.assertEqual(hashlib.sha256(content).hexdigest(), digest)


class Off(WithServer):

    TLS = {"kernel_tls": "off"}

    def test_the_server_encrypts(self):
        digest = self.make("ours", 4 << 20)
        self.assertEqual(hashlib.sha256(self.retrieve(self.client(), "RETR ours")).hexdigest(), digest)
        self.assertIsNone(self.who_encrypted("ours"))


if __name__ == "__main__":
    unittest.main()
