"""Certificates of every type of key, alone, side by side and for one name; and authorities of clients in any number."""

import os
import shutil
import ssl
import tempfile
import unittest

from certificates import Authority, openssl
from ftps import FtpsClient, client_context, finish
from transom import FTPS_BOTH, TransomServer, need_tool, read_all, run

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
KINDS = ("ec", "rsa", "p384", "ed25519")
USERS = {"alice": {"password": "secret", "data_session": "require"}}


class WithAuthority(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.mkdtemp(prefix="transom-keys-")
        cls.addClassCleanup(shutil.rmtree, cls.keep)
        os.chmod(cls.keep, 0o755)
        cls.authority = Authority(cls.keep)

    def serve(self, certificate, hosts=None, **options):
        def files(made):
            return {"certificate": made.certificate, "key": made.key}

        server = TransomServer(**{"users": USERS, "listeners": FTPS_BOTH, "tls": files(certificate),
                                  "tls_hosts": {name: files(made) for name, made in (hosts or {}).items()}, **options})
        self.enterContext(server)
        server.write_file("alice", "file", b"content")
        return server

    def client(self, server, name=None, version=None, suites=None):
        context = client_context(self.authority.certificate, minimum=version, maximum=version)
        if suites is not None:
            context.set_ciphers(suites)
        client = FtpsClient(server.port_of("ftps"), context, implicit=True, host_name=name)
        self.addCleanup(client.close)
        return client

    def shown(self, client):
        return dict(pair[0] for pair in client.sock.getpeercert()["subject"])["commonName"]

    def check_transfer(self, client):
        client.login("alice", "secret")
        client.protect()
        data = client.transfer("RETR file")
        self.assertEqual(read_all(data), b"content")
        finish(data)
        self.assertEqual(client.reply()[:3], "226")


class Types(WithAuthority):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = {kind: cls.authority.issue(kind + ".example", [kind + ".example"], key_type=kind) for kind in KINDS}

    def test_each_type_alone(self):
        for kind in KINDS:
            server = self.serve(self.made[kind])
            for version in VERSIONS:
                for name in (None, kind + ".example", "nobody.example"):
                    with self.subTest(kind, version=version, name=name):
                        client = self.client(server, name, version)
                        self.assertEqual(self.shown(client), kind + ".example")
                        self.check_transfer(client)

    def test_each_type_beside_all_others(self):
        for first in KINDS:
            others = {kind + ".example": self.made[kind] for kind in KINDS if kind != first}
            server = self.serve(self.made[first], others)
            for version in VERSIONS:
                for kind in KINDS:
                    with self.subTest(first=first, asked=kind, version=version):
                        client = self.client(server, kind + ".example", version)
                        self.assertEqual(self.shown(client), kind + ".example")
                        self.check_transfer(client)
            self.assertEqual(server.log_events("negotiation-failed"), [])


class OneName(WithAuthority):
    """ECDSA and RSA for the same name, for clients that know only one of them."""

    def setUp(self):
        self.ec = self.authority.issue("ec", ["ftp.example"], key_type="ec", file="one-ec")
        self.rsa = self.authority.issue("rsa", ["ftp.example"], key_type="rsa", file="one-rsa")

    def test_a_client_of_tls_1_2_is_shown_what_its_suites_can_verify(self):
        for first, second in ((self.ec, self.rsa), (self.rsa, self.ec)):
            server = self.serve(first, {"second.example": second})
            for name in (None, "ftp.example"):
                for suites, common_name in (("ECDHE-RSA-AES128-GCM-SHA256", "rsa"),
                                            ("ECDHE-ECDSA-AES128-GCM-SHA256", "ec"),
                                            (None, "ec" if first is self.ec else "rsa")):
                    with self.subTest(suites=suites, name=name):
                        client = self.client(server, name, ssl.TLSVersion.TLSv1_2, suites)
                        self.assertEqual(self.shown(client), common_name)
                        self.check_transfer(client)

    def test_a_client_of_tls_1_3_is_shown_what_its_signatures_can_verify(self):
        # Python's ssl has no word for them.
        for first, second in ((self.ec, self.rsa), (self.rsa, self.ec)):
            server = self.serve(first, {"second.example": second})
            for signatures, subject in (("rsa_pss_rsae_sha256", "rsa"), ("ecdsa_secp256r1_sha256", "ec")):
                said = run([need_tool("openssl"), "s_client", "-connect", "127.0.0.1:%d" % server.port_of("ftps"),
                            "-tls1_3", "-sigalgs", signatures, "-servername", "ftp.example"]).stdout
                with self.subTest(signatures=signatures):
                    self.assertRegex(said, "subject=.*CN ?= ?%s\n" % subject)


class ManyAuthorities(WithAuthority):
    """client_ca is a bundle whose names alone are more than a client of TLS 1.2 can sign for the guard."""

    COUNT = 24
    UNITS = "".join("/OU=%s" % (letter * 60) for letter in "abcdefghijkl")

    def bundle(self):
        path = os.path.join(self.keep, "bundle.pem")
        with open(self.authority.certificate) as ours:
            content = ours.read()
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "one.key",
                directory=self.keep)
        for index in range(self.COUNT):
            content += openssl("req", "-x509", "-key", "one.key", "-days", "2", "-subj",
                               "/CN=%d%s" % (index, self.UNITS), directory=self.keep)
        with open(path, "w") as file:
            file.write(content)
        return path

    def test_a_certificate_of_one_of_them_logs_in(self):
        made = self.authority.issue("localhost", ["localhost"])
        alice = self.authority.issue("alice", kind="client")
        server = self.serve(
            made, users={"alice": {"certificates": ["CN:alice"]}, "bob": {"password": "secret"}},
            tls={"certificate": made.certificate, "key": made.key, "client_ca": self.bundle()},
            listeners={"ftps": {"protocol": "ftps", "address": "127.0.0.1:0", "client_certs": "optional"}})
        for version in VERSIONS:
            for certificate, code in ((alice, 232), (None, 331)):
                with self.subTest(version=version, code=code):
                    context = client_context(minimum=version, maximum=version, certificate=certificate)
                    with FtpsClient(server.port_of("ftps"), context, implicit=True) as client:
                        self.assertEqual(client.code("USER alice"), code)


if __name__ == "__main__":
    unittest.main()
