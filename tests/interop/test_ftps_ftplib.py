"""Python's ftplib.FTP_TLS: as it ships, which resumes nothing, and with the few lines that people add to it."""

import ftplib
import io
import os
import socket
import ssl
import unittest

from client import FtpsClient
from transom import SCALE


class Resuming(ftplib.FTP_TLS):
    """Data connections resume the control connection's session: what the web recommends for strict servers."""

    def ntransfercmd(self, cmd, rest=None):
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            data = self.context.wrap_socket(data, server_hostname=self.host, session=self.sock.session)
        return data, size


class Implicit(ftplib.FTP_TLS):
    """TLS from the first byte: FTP_TLS has no such mode, so the socket is wrapped before the greeting is read."""

    def connect(self, host="", port=0, timeout=-999, source_address=None):
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), 20 * SCALE)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


class ImplicitResuming(Implicit, Resuming):
    """Both."""


class FtpTls(FtpsClient):
    """The tests; the classes below run them in each mode."""

    def connect(self, listener, kind=ftplib.FTP_TLS, version=None, protect=True, login=True):
        context = ssl.create_default_context(cafile=self.trusted)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        client = kind(context=context, timeout=20 * SCALE, encoding="utf-8")
        client.connect("127.0.0.1", self.server.ports[listener])
        self.addCleanup(client.close)
        if login:
            client.login("alice", "secret")
            if protect:
                client.prot_p()
        return client

    def round_trip(self, client, name, size=300001):
        data = os.urandom(size)
        self.assertTrue(client.storbinary("STOR " + name, io.BytesIO(data)).startswith("226"))
        self.assertEqual(self.server.read_file("alice", name), data)
        got = io.BytesIO()
        client.retrbinary("RETR " + name, got.write)
        self.assertEqual(got.getvalue(), data)
        self.assertIn(name, client.nlst())

    def test_as_it_ships(self):
        for listener, kind in (("lenient", ftplib.FTP_TLS), ("lenient-implicit", Implicit)):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(listener=listener, version=version.name):
                    client = self.connect(listener, kind, version)
                    self.assertEqual(client.sock.version(), version.name.replace("_", "."))
                    for number in range(5):
                        self.round_trip(client, "shipped%d" % number)
                    self.assertTrue(client.quit().startswith("221"))

    def test_in_the_clear_after_the_login(self):
        client = self.connect("lenient", protect=False)
        self.round_trip(client, "clear-data")
        client.prot_p()
        self.round_trip(client, "protected-data")
        client.prot_c()
        self.round_trip(client, "clear-again")

    def test_ccc(self):
        client = self.connect("lenient")
        client.ccc()
        self.assertIsNone(client.sock.cipher())
        self.assertTrue(client.voidcmd("NOOP").startswith("200"))
        self.round_trip(client, "after-ccc")
        self.assertTrue(client.quit().startswith("221"))

    def test_refused_where_resumption_is_required(self):
        self.server.write_file("alice", "wanted", b"x" * 1000)
        for listener, kind in (("explicit", ftplib.FTP_TLS), ("implicit", Implicit)):
            with self.subTest(listener):
                client = self.connect(listener, kind)
                got = io.BytesIO()
                with self.assertRaises((ftplib.error_perm, ssl.SSLError, OSError, EOFError)) as caught:
                    client.retrbinary("RETR wanted", got.write)
                self.assertEqual(got.getvalue(), b"")
                if isinstance(caught.exception, ftplib.error_perm):
                    self.assertTrue(str(caught.exception).startswith("522"), caught.exception)
        event = self.server.wait_event("data-failed", user="alice")
        self.assertIn("cure", event)

    def test_522_is_what_a_client_reads_that_ends_its_data_connection_in_order(self):
        client = self.connect("explicit")
        host, port = client.makepasv()
        data = socket.create_connection((host, port), 20 * SCALE)
        self.addCleanup(data.close)
        client.putcmd("NLST")
        self.assertTrue(client.getresp().startswith("150"))
        try:
            context = ssl.create_default_context(cafile=self.trusted)
            wrapped = context.wrap_socket(data, server_hostname="127.0.0.1")
            self.assertEqual(wrapped.recv(100), b"")
        except OSError:
            pass
        with self.assertRaises(ftplib.error_perm) as caught:
            client.getresp()
        self.assertTrue(str(caught.exception).startswith("522"), caught.exception)
        self.assertTrue(client.voidcmd("NOOP").startswith("200"))

    def test_resuming(self):
        """TLS 1.2: Python resumes as often as it likes; 1.3: a ticket may be used again."""
        for listener, kind in (("explicit", Resuming), ("implicit", ImplicitResuming)):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(listener=listener, version=version.name):
                    client = self.connect(listener, kind, version)
                    for number in range(5):
                        self.round_trip(client, "resumed%d" % number)
                    self.assertTrue(client.quit().startswith("221"))

    def test_the_login_is_protected_by_itself(self):
        """FTP_TLS.login() says AUTH first; on a server that insists on TLS a plain FTP does not get in."""
        client = self.connect("strict", Resuming)
        self.round_trip(client, "strict")
        plain = ftplib.FTP(timeout=20 * SCALE)
        plain.connect("127.0.0.1", self.server.ports["strict"])
        self.addCleanup(plain.close)
        with self.assertRaises(ftplib.error_perm) as caught:
            plain.login("alice", "secret")
        self.assertIn("AUTH TLS", str(caught.exception))

    def test_a_hundred_transfers_on_one_connection(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                client = self.connect("explicit", Resuming, version)
                for number in range(100):
                    client.storbinary("STOR of-many", io.BytesIO(b"%d" % number))
                    self.assertEqual(self.server.read_file("alice", "of-many"), b"%d" % number)

    def test_rein_ends_tls_and_the_login(self):
        client = self.connect("lenient")
        self.round_trip(client, "before-rein")
        self.assertTrue(client.sendcmd("REIN").startswith("220"))
        client.file.close()
        # What unwrap returns still says that it is an SSLSocket, so that ftplib would not say AUTH.
        client.sock = socket.socket(fileno=client.sock.unwrap().detach())
        client.sock.settimeout(20 * SCALE)
        client.file = client.sock.makefile("r", encoding="utf-8")
        with self.assertRaises(ftplib.error_perm) as caught:
            client.pwd()
        self.assertTrue(str(caught.exception).startswith("530"), caught.exception)
        client.login("alice", "secret")     # says AUTH TLS first
        client.prot_p()
        self.round_trip(client, "after-rein")
        client.quit()


class FtpTlsAsRoot(FtpTls, unittest.TestCase):
    mode = "root"


class FtpTlsAsUser(FtpTls, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
