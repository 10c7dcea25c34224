"""require_tls of listeners and users, and client certificates."""

import os
import re
import ssl
import unittest

from certificates import Authority
from ftps import FtpsClient, client_context, finish
from transom import RawFtp, TransomServer, is_root, read_all, run

POLICIES = ("no", "control", "data", "both")
PLAIN_LISTENERS = {policy: {"protocol": "ftp", "address": "127.0.0.1:0", "require_tls": policy}
                   for policy in POLICIES}
USERS = {policy: {"password": "secret", "require_tls": policy} for policy in POLICIES}


class RequireTls(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = TransomServer(users=USERS, listeners=PLAIN_LISTENERS, tls=True)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def try_login(self, client, user):
        reply = client.cmd("USER " + user)
        if reply.startswith("331"):
            reply = client.cmd("PASS secret")
        return reply

    def try_list(self, client, protected):
        """The reply to a listing, or its first one when it was begun."""
        data = client.passive()
        reply = client.cmd("LIST")
        if reply.startswith("150"):
            if protected:
                data = client.shake_hands(data)
            read_all(data)
            reply = client.reply()
        data.close()
        return reply

    def test_the_stricter_of_listener_and_user_counts(self):
        for listener in POLICIES:
            for user in POLICIES:
                with self.subTest(listener=listener, user=user):
                    control = {listener, user} & {"control", "both"}
                    data = {listener, user} & {"data", "both"}
                    self.check_plain(listener, user, control, data)
                    self.check_protected(listener, user, control, data)

    def check_plain(self, listener, user, control, data):
        with RawFtp(self.server.ports[listener]) as client:
            reply = self.try_login(client, user)
            if control:
                self.assertRegex(reply, "^530 .*AUTH TLS")
                return
            self.assertTrue(reply.startswith("230"), reply)
            reply = self.try_list(client, False)
            if data:
                self.assertRegex(reply, "^521 .*PROT P")
            else:
                self.assertTrue(reply.startswith("226"), reply)

    def check_protected(self, listener, user, control, data):
        with FtpsClient(self.server.ports[listener]) as client:
            reply = self.try_login(client, user)
            self.assertTrue(reply.startswith("230"), reply)
            reply = self.try_list(client, False)
            self.assertEqual(reply[:3], "521" if data else "226", reply)
            client.protect()
            self.assertEqual(client.code("PROT C"), 534 if data else 200)
            client.cmd("PROT P")
            reply = self.try_list(client, True)
            self.assertTrue(reply.startswith("226"), reply)
            self.assertEqual(client.code("CCC"), 534 if control else 200)

    def test_a_wrong_password_hears_nothing_of_the_users_policy(self):
        with RawFtp(self.server.ports["no"]) as client:
            client.cmd("USER both")
            self.assertEqual(client.cmd("PASS wrong"), "530 Login incorrect.")
            client.cmd("USER nobody-at-all")
            self.assertEqual(client.cmd("PASS wrong"), "530 Login incorrect.")

    def test_a_password_that_was_sent_in_the_clear_is_in_the_log_as_such(self):
        with RawFtp(self.server.ports["no"]) as client:
            self.try_login(client, "control")
        event = self.server.wait_event("login-failed", user="control")
        self.assertIn("TLS", event["reason"] + event["cure"])


class Lists(unittest.TestCase):
    def test_a_list_that_openssl_does_not_know_is_found_before_the_start(self):
        for option, value in (("ciphers", "ROT13"), ("ciphersuites", "TLS_ROT13_SHA256"), ("groups", "P-255")):
            with self.subTest(option):
                server = TransomServer(users=USERS, tls={option: value})
                self.addCleanup(server.discard)
                server.prepare()
                done = run(server.command("-c", server.conf, "-t"))
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stderr, r'tls \{ %s = "%s" \}: OpenSSL knows none of it' % (option, value))


class ClientCertificates(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        server = TransomServer(
            users={
                "alice": {"certificates": ["SAN:alice@example.org"]},
                "bob": {"password": "secret", "certificates": ["CN:bob"], "require": ["certificate", "password"]},
                "carol": {"password": "secret"},
            },
            listeners={"explicit": {"protocol": "ftp", "address": "127.0.0.1:0", "client_certs": "optional"},
                       "demanding": {"protocol": "ftp", "address": "127.0.0.1:0", "client_certs": "required"},
                       **{kind: {"protocol": "ftps", "address": "127.0.0.1:0", "client_certs": kind}
                          for kind in ("optional", "required", "off")}},
            tls=True)
        cls.server = server
        server.prepare()
        cls.authority = Authority(server.dir, "clients")
        server.tls_options["client_ca"] = cls.authority.certificate
        server.write_conf()
        if server.mode == "user" and is_root():
            server._give_away(server.dir)
        cls.alice = cls.authority.issue("alice", ["alice@example.org"], kind="client")
        cls.bob = cls.authority.issue("bob", kind="client", key_type="rsa")
        cls.stranger = Authority(server.dir, "strangers").issue("alice", ["alice@example.org"], kind="client")
        server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def client(self, kind, certificate=None, version=None):
        client = FtpsClient(self.server.ports[kind], client_context(
            certificate=certificate, minimum=version, maximum=version), implicit=True)
        self.addCleanup(client.close)
        return client

    def test_a_certificate_alone_logs_its_user_in(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for kind in ("optional", "required"):
                client = self.client(kind, self.alice, version)
                self.assertEqual(client.code("USER alice"), 232)
                data = client.transfer("LIST")
                read_all(data)
                finish(data)
                self.assertEqual(client.reply()[:3], "226")

    def test_certificate_and_password(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.client("optional", self.bob, version)
            self.assertEqual(client.code("USER bob"), 331)
            self.assertEqual(client.code("PASS secret"), 230)
        client = self.client("optional")
        self.assertEqual(client.code("USER bob"), 331)
        self.assertEqual(client.code("PASS secret"), 530)

    def test_somebody_elses_certificate_is_none(self):
        for certificate in (self.bob, self.stranger):
            client = self.client("optional", certificate)
            self.assertEqual(client.code("USER alice"), 331)
            self.assertEqual(client.code("PASS x"), 530)

    def test_without_a_certificate_the_password_does(self):
        client = self.client("optional")
        self.assertEqual(client.code("USER carol"), 331)
        self.assertEqual(client.code("PASS secret"), 230)

    def test_required_ends_the_handshake_of_who_has_none(self):
        with self.assertRaises((ssl.SSLError, ConnectionError, EOFError)):
            # In TLS 1.3 the client learns it after its own side is done.
            client = self.client("required")
            client.cmd("NOOP")
        self.server.wait_event("negotiation-failed")

    def test_a_certificate_is_forgotten_with_rein(self):
        for login in (False, True):
            for again in (None, self.bob, self.alice):
                with self.subTest(login=login, again=again):
                    client = FtpsClient(self.server.ports["explicit"], client_context(certificate=self.alice))
                    self.addCleanup(client.close)
                    if login:
                        self.assertEqual(client.code("USER alice"), 232)
                    self.assertEqual(client.code("REIN"), 220)
                    client.sock = client.sock.unwrap()
                    client.context = client_context(certificate=again)
                    client.auth()
                    self.assertEqual(client.code("USER alice"), 232 if again is self.alice else 331)

    def anew(self, kind, certificate, *lines, version=None, tickets=True):
        """A client that shows a certificate, says something, and REIN; it is in plain text then."""
        client = FtpsClient(self.server.ports[kind], client_context(
            certificate=certificate, maximum=version, tickets=tickets))
        self.addCleanup(client.close)
        for line in lines:
            client.cmd(line)
        session = client.sock.session
        self.assertEqual(client.code("REIN"), 220)
        client.sock = client.sock.unwrap()
        return client, session

    def test_a_certificate_from_before_rein_is_no_factor_after_it(self):
        for lines in ((), ("USER bob",), ("USER bob", "PASS wrong")):
            client, _ = self.anew("explicit", self.bob, *lines)
            self.assertEqual(client.code("USER bob"), 331)
            self.assertEqual(client.code("PASS secret"), 530)
            self.server.wait_event("login-failed", user="bob", reason=re.compile("has not shown"))

    def test_nor_is_it_what_the_listener_requires(self):
        for lines in ((), ("USER carol",), ("USER carol", "PASS wrong")):
            client, _ = self.anew("demanding", self.alice, *lines)
            self.assertEqual(client.code("USER carol"), 331)
            self.assertEqual(client.code("PASS secret"), 530)
            self.server.wait_event("login-failed", user="carol", reason=re.compile("none was shown"))

    def test_no_ticket_from_before_rein_makes_a_certificate_unnecessary(self):
        for version, tickets in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_2, False),
                                 (ssl.TLSVersion.TLSv1_3, True)):
            client, session = self.anew("demanding", self.bob, "USER bob", version=version, tickets=tickets)
            self.assertEqual(client.code("AUTH TLS"), 234)
            client.sock = client.context.wrap_socket(client.sock, session=session)
            self.assertFalse(client.sock.session_reused)
            # It was asked for anew, and has been shown.
            self.assertEqual(client.code("USER bob"), 331)
            self.assertEqual(client.code("PASS secret"), 230)

    def test_a_certificate_that_was_refused_is_told_from_none(self):
        client = self.client("required", self.stranger)
        self.assertEqual(client.code("USER carol"), 331)
        self.assertEqual(client.code("PASS secret"), 530)
        self.server.wait_event("login-failed", user="carol", method="certificate")
        self.server.wait_event("login-failed", user="carol", method="password", reason=re.compile("does not do"))

    def test_user_without_end_is_no_violation(self):
        client = self.client("optional", self.alice)
        for _ in range(200):
            reply = client.cmd("USER carol")
            if not reply.startswith("331"):
                break
        self.assertTrue(reply.startswith("421"), reply)
        self.server.wait_event("logout", reason="too many failed logins")

    def test_off_asks_for_none(self):
        client = self.client("off", self.alice)
        self.assertEqual(client.code("USER alice"), 331)


if __name__ == "__main__":
    unittest.main()
