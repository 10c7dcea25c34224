"""TLS on the control connection: AUTH, PBSZ, PROT, CCC, implicit listeners, names, bounds."""

import http.client
import re
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from certificates import Authority, make_server_certificate
from ftps import FtpsClient, client_context, finish
from transom import FTP_ONLY, FTPS_BOTH, SCALE, RawFtp, TransomServer, need_tool, read_all, run, wait_until

ALICE = {"alice": {"password": "secret"}}


class WithServer(unittest.TestCase):
    """One server for all tests of a class."""

    OPTIONS = {}

    @classmethod
    def setUpClass(cls):
        cls.server = TransomServer(**{"users": ALICE, "listeners": FTPS_BOTH, "tls": True, **cls.OPTIONS})
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    def explicit(self, **options):
        client = FtpsClient(self.server.port_of("ftp"), **options)
        self.addCleanup(client.close)
        return client

    def implicit(self, **options):
        client = FtpsClient(self.server.port_of("ftps"), implicit=True, **options)
        self.addCleanup(client.close)
        return client

    def plain(self, **options):
        client = RawFtp(self.server.port_of("ftp"), **options)
        self.addCleanup(client.close)
        return client


class Explicit(WithServer):

    def test_every_name_of_the_mechanism_begins_a_handshake(self):
        for mechanism, protects in (("TLS", False), ("TLS-C", False), ("SSL", True), ("TLS-P", True),
                                    ("tls", False)):
            client = self.explicit(explicit=False)
            client.auth(mechanism)
            self.assertTrue(client.login("alice", "secret").startswith("230"), mechanism)
            # With some, data connections are protected from the start.
            data = client.passive()
            self.assertTrue(client.cmd("LIST").startswith("150"))
            if protects:
                data = client.shake_hands(data)
            read_all(data)
            self.assertEqual(client.reply()[:3], "226", mechanism)

    def test_blanks_around_an_argument_are_none_of_it(self):
        for mechanism in (" TLS", "TLS ", "  tls  "):
            client = self.explicit(explicit=False)
            client.auth(mechanism)
            for line in ("PBSZ  0 ", "PROT P ", "PROT  C"):
                self.assertEqual(client.code(line), 200, line)
        self.assertEqual(self.plain().code("AUTH TLS 1"), 504)

    def test_other_mechanisms_are_unknown(self):
        client = self.plain()
        for name in ("GSSAPI", "KERBEROS_V4", "TLS1", "x", "SSLv3"):
            self.assertEqual(client.code("AUTH " + name), 504, name)
        self.assertEqual(client.code("AUTH"), 501)

    def test_a_certificate_makes_the_features(self):
        features = self.plain().cmd("FEAT")
        for line in ("AUTH TLS", "PBSZ", "PROT", "CCC"):
            self.assertIn("\n %s\n" % line, features)

    def test_auth_is_served_once(self):
        client = self.explicit()
        self.assertEqual(client.code("AUTH TLS"), 503)
        self.assertEqual(self.implicit().code("AUTH TLS"), 503)

    def test_commands_behind_auth_end_the_connection(self):
        for behind in (b"USER alice\r\n", b"N", b"\xff"):
            client = self.plain()
            client.send(b"AUTH TLS\r\n" + behind)
            self.assertTrue(client.reply().startswith("421"))
            self.assertTrue(client.closed())

    def test_plain_text_instead_of_a_handshake_ends_the_connection(self):
        client = self.plain()
        client.cmd("AUTH TLS")
        client.send(b"USER alice\r\n")
        self.assertTrue(client.closed())
        self.server.wait_event("negotiation-failed")

    def test_nothing_said_before_auth_survives(self):
        client = self.explicit(explicit=False)
        # Whatever is served before a login, and is more than talk; the rest is refused there anyway.
        for line, code in (("USER alice", 331), ("OPTS HASH MD5", 200), ("OPTS MLST size;", 200), ("CLNT forger", 200),
                           ("EPSV", 530), ("PASV", 530), ("PORT 127,0,0,1,200,0", 530), ("EPSV ALL", 530),
                           ("TYPE I", 530), ("REST 7", 530), ("RANG 1 2", 530), ("ALLO 9", 530), ("RNFR a", 530),
                           ("SITE CPFR a", 530), ("SITE UMASK 077", 530), ("SITE IDLE 10", 530), ("CWD /", 530)):
            self.assertEqual(client.code(line), code, line)
        client.auth()
        self.assertEqual(client.code("PASS secret"), 503)
        client.login("alice", "secret")
        features = client.cmd("FEAT")
        self.assertIn("SHA-256*", features)
        self.assertIn("modify*", features)
        self.assertNotIn("client", self.server.log_events_so_far("login", user="alice")[-1])
        self.assertEqual(client.code("LIST"), 425)

    def test_auth_after_a_login_is_refused_and_changes_nothing(self):
        self.server.make_dir("alice", "inside")
        self.server.write_file("alice", "inside/file", b"content")
        client = self.explicit(explicit=False)
        client.login("alice", "secret")
        client.cmd("CWD inside")
        client.cmd("REST 3")
        data = client.passive()
        for line in ("AUTH TLS", "AUTH SSL"):
            self.assertRegex(client.cmd(line), "^503 .*REIN")
        self.assertTrue(client.cmd("PWD").startswith('257 "/inside"'))
        self.assertIn("Logged in as alice", client.cmd("STAT"))
        self.assertEqual(client.code("USER alice"), 530)
        # The port, and REST, are those from before.
        self.assertEqual(client.code("RETR file"), 150)
        self.assertEqual(read_all(data), b"tent")
        self.assertEqual(client.reply()[:3], "226")
        self.assertIn(" alice ", client.cmd("STAT ."))
        # And so it goes.
        self.assertEqual(client.code("REIN"), 220)
        client.auth()
        client.login("alice", "secret")
        client.protect()
        read_all(client.transfer("LIST"))
        self.assertEqual(client.reply()[:3], "226")

    def test_the_log_knows_what_was_agreed(self):
        self.explicit().login("alice", "secret")
        event = self.server.wait_event("login", algorithms=re.compile("TLSv1.3 TLS_AES_128_GCM_SHA256"))
        self.assertEqual(event["protocol"], "ftp")

    def test_the_clients_close_notify_is_answered(self):
        client = self.explicit()
        plain = client.sock.unwrap()
        self.assertEqual(read_all(plain), b"")
        plain.close()

    def test_quit_ends_with_close_notify(self):
        client = self.explicit()
        self.assertEqual(client.code("QUIT"), 221)
        self.assertEqual(client.sock.recv(1), b"")

    def test_commands_sent_ahead_are_served_in_order(self):
        client = self.explicit()
        client.login("alice", "secret")
        client.send(b"NOOP\r\n" * 2000)
        for _ in range(2000):
            self.assertEqual(client.reply()[:3], "200")


class Order(WithServer):

    def test_pbsz_and_prot_need_auth(self):
        client = self.plain()
        self.assertEqual(client.code("PBSZ 0"), 503)
        self.assertEqual(client.code("PROT P"), 503)
        client.login("alice", "secret")
        self.assertEqual(client.code("CCC"), 503)

    def test_prot_needs_pbsz(self):
        client = self.explicit()
        self.assertEqual(client.code("PROT P"), 503)
        self.assertEqual(client.cmd("PBSZ 0"), "200 PBSZ=0")
        self.assertEqual(client.code("PROT P"), 200)

    def test_pbsz_takes_any_number_and_nothing_else(self):
        client = self.explicit()
        for argument, code in (("0", 200), ("16384", 200), ("4294967296", 501), ("-1", 501), ("x", 501)):
            self.assertEqual(client.code("PBSZ " + argument), code, argument)

    def test_levels(self):
        client = self.explicit()
        client.cmd("PBSZ 0")
        for level, code in (("C", 200), ("P", 200), ("S", 536), ("E", 536), ("X", 504), ("p", 200)):
            self.assertEqual(client.code("PROT " + level), code, level)

    def test_ccc_needs_a_login(self):
        self.assertEqual(self.explicit().code("CCC"), 530)

    def test_rein_says_why_not_where_there_is_nothing_but_tls(self):
        client = self.implicit()
        self.assertRegex(client.cmd("REIN"), "^502 .*TLS")
        client.login("alice", "secret")
        self.assertRegex(client.cmd("REIN"), "^502 .*TLS")
        self.assertEqual(client.code("PWD"), 257)


class Anew(WithServer):
    """REIN under TLS (RFC 4217 11): its reply is protected, then TLS ends, and nobody is logged in."""

    OPTIONS = {"users": dict(ALICE, bob={"password": "secret"}, strict={"password": "secret", "require_tls": "both"})}

    def uncover(self, client):
        client.sock = client.sock.unwrap()

    def uncover_without_a_word(self, client):
        self.assertEqual(client.sock.recv(1), b"")
        client.sock = socket.socket(fileno=client.sock.detach())
        client.sock.settimeout(20 * SCALE)

    def test_after_a_login_another_pair_goes_on_in_plain_text(self):
        for uncover in (self.uncover, self.uncover_without_a_word):
            client = self.explicit()
            client.login("alice", "secret")
            client.protect()
            first = self.server.session_pids("alice")
            self.assertEqual(client.code("REIN"), 220)
            uncover(client)
            self.assertEqual(client.code("PWD"), 530)
            self.assertEqual(client.code("PBSZ 0"), 503)
            client.login("bob", "secret")
            self.assertFalse(set(first) & set(self.server.session_pids("bob")))
            # Data connections are in the clear again, too.
            data = client.passive()
            self.assertTrue(client.cmd("NLST").startswith("150"))
            read_all(data)
            self.assertEqual(client.reply()[:3], "226")
            client.close()
            wait_until(lambda: not self.server.pids("guard bob"), what="end of the session")
        self.server.wait_event("logout", user="alice", reason=re.compile("REIN"), count=2)

    def test_and_tls_may_begin_anew(self):
        client = self.explicit()
        client.login("alice", "secret")
        for user in ("bob", "alice", "strict"):
            session = client.sock.session
            self.assertEqual(client.code("REIN"), 220)
            self.uncover(client)
            client.auth()
            self.assertFalse(client.sock.session_reused)
            client.login(user, "secret")
            client.protect()
            # What the ticket of the earlier session opened is closed.
            data = client.transfer("NLST", session=session)
            self.assertFalse(data.session_reused)
            read_all(data)
            self.assertEqual(client.reply()[:3], "226")

    def test_before_a_login_too_and_what_was_said_is_forgotten(self):
        client = self.explicit()
        for _ in range(3):
            client.cmd("USER alice")
            self.assertEqual(client.code("REIN"), 220)
            self.uncover(client)
            self.assertEqual(client.code("PASS secret"), 503)
            self.assertEqual(client.code("PBSZ 0"), 503)
            client.auth()
            self.assertEqual(client.code("PASS secret"), 503)
        client.login("alice", "secret")

    def test_what_must_be_protected_stays_so(self):
        """Whatever went before REIN: its TLS protects no password after it, and none is told of in the log."""
        for before in ((), ("NOOP",), ("USER strict",), ("USER strict", "PASS wrong"), ("USER alice", "PASS wrong"),
                       ("USER strict", "PASS secret"), ("USER alice", "PASS secret", "CCC"), ("again",),
                       ("USER strict", "again", "USER strict")):
            for uncover in (self.uncover, self.uncover_without_a_word):
                with self.subTest(before=before, uncover=uncover.__name__):
                    self.check_unprotected(before, uncover)

    def check_unprotected(self, before, uncover):
        client = self.explicit()
        for line in before:
            if line == "again":
                self.assertEqual(client.code("REIN"), 220)
                uncover(client)
                client.auth()
                continue
            client.cmd(line)
            if line == "CCC":
                uncover(client)
        self.assertEqual(client.code("REIN"), 220)
        if "CCC" not in before:
            uncover(client)
        self.assertEqual(client.code("USER strict"), 331)
        self.assertRegex(client.cmd("PASS secret"), "^530 .*AUTH TLS")
        self.assertEqual(client.code("PWD"), 530)
        client.login("alice", "secret")
        self.assertNotIn("algorithms", self.server.log_events_so_far("login", user="alice")[-1])
        # And with TLS it is as ever.
        self.assertEqual(client.code("REIN"), 220)
        client.auth()
        client.login("strict", "secret")
        client.close()

    def test_tls_begins_only_so_often_without_a_login(self):
        client = self.explicit()
        for _ in range(3):
            self.assertEqual(client.code("REIN"), 220)
            self.uncover(client)
            client.auth()
        # One that has logged in counts anew.
        client.login("alice", "secret")
        for _ in range(4):
            self.assertEqual(client.code("REIN"), 220)
            self.uncover(client)
            client.auth()
        self.assertEqual(client.code("REIN"), 220)
        self.uncover(client)
        self.assertRegex(client.cmd("AUTH TLS"), "^421 .*connect again")
        self.assertTrue(client.closed())
        self.server.wait_event("negotiation-failed", reason=re.compile("AUTH after REIN"),
                               cure=re.compile("connect again"))

    def test_commands_behind_it_end_the_connection(self):
        for login in (False, True):
            client = self.explicit()
            if login:
                client.login("alice", "secret")
            client.send(b"REIN\r\nUSER bob\r\n")
            self.assertTrue(client.reply().startswith("421"))

    def test_a_client_that_leaves_instead(self):
        before = len(self.server.log_events("logout", user="alice"))
        for words in (b"REIN\r\n", b"REIN\r\nQUIT\r\n"):
            client = self.explicit()
            client.login("alice", "secret")
            client.send(words)
            client.close()
        self.server.wait_event("logout", user="alice", count=before + 2)
        wait_until(lambda: not self.server.pids("guard alice"), what="end of the sessions")


class Clearing(WithServer):

    def cleared(self):
        client = self.explicit()
        client.login("alice", "secret")
        client.protect()
        self.assertEqual(client.code("CCC"), 200)
        return client

    def test_with_a_close_notify_of_the_client(self):
        client = self.cleared()
        client.sock = client.sock.unwrap()
        self.assertEqual(client.code("NOOP"), 200)
        self.assertEqual(client.code("AUTH TLS"), 503)
        self.server.wait_event("protection", reason=re.compile("CCC"))

    def test_with_a_client_that_says_nothing(self):
        client = self.cleared()
        # curl's --ftp-ssl-ccc-mode passive: take the server's close_notify, and go on in plain text.
        self.assertEqual(client.sock.recv(1), b"")
        client.sock = socket.socket(fileno=client.sock.detach())
        client.sock.settimeout(20 * SCALE)
        self.assertEqual(client.code("NOOP"), 200)

    def test_data_connections_stay_protected(self):
        client = self.cleared()
        session = client.sock.session
        client.sock = client.sock.unwrap()
        data = client.transfer("LIST", session=session)
        self.assertTrue(data.session_reused)
        read_all(data)
        self.assertEqual(client.reply()[:3], "226")

    def test_commands_behind_ccc_end_the_connection(self):
        client = self.explicit()
        client.login("alice", "secret")
        client.send(b"CCC\r\nNOOP\r\n")
        self.assertTrue(client.reply().startswith("421"))

    def test_not_on_an_implicit_listener(self):
        client = self.implicit()
        client.login("alice", "secret")
        self.assertEqual(client.code("CCC"), 534)


class Implicit(WithServer):

    def test_the_greeting_comes_behind_the_handshake(self):
        client = self.implicit()
        self.assertTrue(client.greeting.startswith("220"))
        client.login("alice", "secret")

    def test_data_connections_are_protected_from_the_start(self):
        client = self.implicit()
        client.login("alice", "secret")
        data = client.transfer("LIST")
        read_all(data)
        self.assertEqual(client.reply()[:3], "226")
        self.assertEqual(client.code("PROT C"), 200)
        self.assertEqual(client.code("PROT P"), 200)

    def test_another_protocol_gets_nothing_it_could_read(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port_of("ftps"), timeout=20 * SCALE)
        self.addCleanup(connection.close)
        with self.assertRaises((http.client.HTTPException, ConnectionError)):
            connection.request("GET", "/")
            connection.getresponse()


class Protocol(WithServer):

    def refused(self, pattern=None, **options):
        with self.assertRaises((ssl.SSLError, ConnectionError)) as caught:
            self.implicit(**options)
        if pattern is not None:
            self.assertRegex(str(caught.exception), pattern)

    def test_both_versions_are_spoken(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.implicit(context=client_context(minimum=version, maximum=version))
            client.login("alice", "secret")

    def test_older_versions_are_not_and_the_log_says_so(self):
        with self.subTest("1.1"):
            context = client_context()
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
            self.refused(context=context)
        self.server.wait_event("negotiation-failed", reason=re.compile("version|protocol"), ours=re.compile("AES"))

    def test_a_cipher_of_the_last_century_is_refused_and_the_log_has_both_offers(self):
        context = client_context(maximum=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("AES256-SHA")
        self.refused(context=context)
        event = self.server.wait_event("negotiation-failed", reason=re.compile("cipher"))
        self.assertIn("ECDHE", event["ours"])
        self.assertIn("AES256-SHA", event["theirs"])
        self.assertIn("set algorithms of this listener to", event["cure"])

    def test_alpn_of_another_protocol_is_refused(self):
        # Python tells of alert 120 in its number or its words, as its OpenSSL knows it.
        self.refused("no application protocol|NO_APPLICATION_PROTOCOL|120",
                     context=client_context(alpn=["http/1.1"]))
        self.refused(context=client_context(alpn=["h2", "imap"]))

    def test_alpn_of_ftp_is_taken(self):
        client = self.implicit(context=client_context(alpn=["x-filezilla-ftp", "ftp"]))
        self.assertEqual(client.sock.selected_alpn_protocol(), "ftp")

    def s_client(self, order, last=None, *arguments):
        """openssl s_client with one of its orders, and a command when that is served; all that it printed.

        Its input stays open until it has ended: at the end of its input it would leave, whatever is on its way.
        """
        command = [need_tool("openssl"), "s_client", "-connect", "127.0.0.1:%d" % self.server.port_of("ftps"),
                   *arguments]
        with tempfile.TemporaryFile() as output:
            def printed():
                output.seek(0)
                return output.read().decode("utf-8", "replace")

            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output) as process:
                try:
                    # A greeting that comes in the middle of a renegotiation is an unexpected record to it, and says so.
                    wait_until(lambda: "\n220 " in printed(), what="the greeting")
                    # An order is what stands at the start of what it reads at once.
                    process.stdin.write(order[0].encode() + b"\n")
                    process.stdin.flush()
                    wait_until(lambda: order in printed(), what=order)
                    if last is not None:
                        process.stdin.write(last.encode() + b"\r\n")
                        process.stdin.flush()
                    process.wait(20 * SCALE)
                finally:
                    process.kill()
            return printed()

    def test_renegotiation_is_refused(self):
        said = self.s_client("RENEGOTIATING", None, "-tls1_2")
        self.assertRegex(said, "no renegotiation|NO_RENEGOTIATION|no_renegotiation")
        self.assertIn("Secure Renegotiation IS supported", said)
        self.assertRegex(said, "Compression: NONE")

    def test_keys_are_updated_when_the_client_asks(self):
        self.assertRegex(self.s_client("KEYUPDATE", "NOOP\r\nquit", "-tls1_3"), r"(?s)KEYUPDATE.*\n200 .*\n221 ")

    def test_a_guard_that_dies_makes_no_plain_text_within_tls(self):
        self.server.allow_crash = True
        client = self.implicit()
        client.login("alice", "secret")
        guard, _ = self.server.session_pids("alice")
        raw = socket.socket(fileno=client.sock.detach())
        raw.settimeout(20 * SCALE)
        run(["kill", "-KILL", str(guard)])
        try:
            left = read_all(raw)
        except ConnectionError:
            left = b""
        raw.close()
        self.assertNotIn(b"421", left)


class Cures(WithServer):
    """What an administrator is told about a handshake that failed: it helps, and weaker algorithms are no cure of what they
    have nothing to do with."""

    OPTIONS = {"users": {**ALICE, "strict": {"password": "secret", "data_session": "require"}}}

    def expect(self, reason, cure, **fields):
        event = self.server.wait_event("negotiation-failed", reason=re.compile(reason), cure=re.compile(cure), **fields)
        self.assertNotRegex(event["cure"], "legacy|compat")

    def attempt(self, context, implicit=True):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            if implicit:
                self.implicit(context=context)
            else:
                self.explicit(context=context)

    def test_a_client_that_does_not_know_our_authority(self):
        with tempfile.TemporaryDirectory() as directory:
            stranger = Authority(directory, "stranger").certificate
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                self.attempt(client_context(stranger, minimum=version, maximum=version))
        self.server.wait_event("negotiation-failed", reason=re.compile("alert unknown ca"), count=2)
        self.expect("alert unknown ca", "does not trust this server's certificate")

    def test_versions_and_protocols_of_others(self):
        context = client_context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        self.attempt(context)
        self.expect("unsupported protocol|version too low", "min_version")
        self.attempt(client_context(alpn=["http/1.1"]))
        self.expect("no application protocol", "ALPN")

    def test_plain_text(self):
        for listener, said, reason, cure in (
                ("ftps", b"GET / HTTP/1.0\r\n\r\n", "http request", "HTTP"),
                ("ftps", b"USER alice\r\n", "wrong version number|packet length", "implicit TLS"),
                ("ftp", b"AUTH TLS\r\n", "wrong version number|packet length", "AUTH TLS")):
            with self.subTest(listener=listener, said=said), \
                    socket.create_connection(("127.0.0.1", self.server.port_of(listener)), timeout=20 * SCALE) as client:
                client.sendall(said)
                if listener == "ftp":
                    received = b""
                    while b"234" not in received:
                        received += client.recv(4096)
                    client.sendall(b"USER alice\r\n")
                try:
                    read_all(client)
                except ConnectionError:
                    pass
                self.expect(reason, cure, protocol=listener)

    def data_events(self, user):
        client = self.explicit()
        client.login(user, "secret")
        client.protect()
        self.server.write_file(user, "file", b"x" * 1000)
        return client

    def check_transfer_line(self, event, user, reason):
        line = self.server.wait_event(event, user=user, result="aborted", reason=re.compile(reason))
        self.assertNotIn("algorithms", line)

    def test_data_connections_whose_handshake_fails_say_so(self):
        client = self.data_events("alice")
        data = client.passive()
        self.assertEqual(client.code("RETR file"), 150)
        data.sendall(b"this is no handshake, by far")
        self.assertEqual(client.reply()[:3], "522")
        data.close()
        self.expect("wrong version number|packet length", "PROT P", user="alice")
        self.check_transfer_line("download", "alice", "TLS handshake of the data connection failed")
        # One that is closed before it has begun is told of, too.
        data = client.passive()
        self.assertEqual(client.code("STOR other"), 150)
        data.close()
        self.assertEqual(client.reply()[:3], "522")
        self.server.wait_event("negotiation-failed", user="alice", reason=re.compile("closed the data connection"))
        self.check_transfer_line("upload", "alice", "TLS handshake of the data connection failed")

    def test_data_connections_that_do_not_resume_say_so(self):
        client = self.data_events("strict")
        for line, event in (("RETR file", "download"), ("STOR other", "upload")):
            data = client.passive()
            self.assertEqual(client.code(line), 150)
            try:
                client.shake_hands(data, resume=False).close()
            except (OSError, ssl.SSLError):
                data.close()
            self.assertEqual(client.reply()[:3], "522")
            self.check_transfer_line(event, "strict", "did not resume the TLS session")


class Told(WithServer):
    """`algorithms` of a transfer: how that was protected which carried it."""

    def moved(self, client, line, session=None, protected=True):
        data = client.passive()
        self.assertEqual(client.code(line), 150)
        if protected:
            data = client.shake_hands(data, session=session)
        if line.startswith("STOR"):
            data.sendall(b"content")
            finish(data) if protected else data.close()
        else:
            read_all(data)
            data.close()
        self.assertEqual(client.reply()[:3], "226")

    def test_what_carried_a_transfer(self):
        client = self.explicit()
        client.login("alice", "secret")
        self.assertEqual(client.code("MKD dir"), 257)
        self.moved(client, "STOR dir/file", protected=False)
        session = client.sock.session

        def expect(event, pattern):
            self.server.wait_rest()
            algorithms = self.server.log_events(event)[-1].get("algorithms", "")
            self.assertRegex(algorithms, pattern, event)

        everything = (("RETR dir/file", "download"), ("STOR a", "upload"), ("LIST -R", "list"), ("MLSD dir", "list"))
        for line, event in everything:
            self.moved(client, line, protected=False)
            expect(event, "^$")
        client.protect()
        for line, event in everything:
            self.moved(client, line)
            expect(event, "^TLSv1.3 TLS_AES_.* resumed$")
        for algorithms in [one.get("algorithms", "") for one in self.server.log_events("list")][-3:]:
            self.assertRegex(algorithms, "resumed$", "each directory of LIST -R, and MLSD")
        self.assertEqual(client.code("STAT dir"), 212)
        expect("list", "^TLSv1.3 TLS_AES_[^ ]* [^ ]*$")
        client.protect("C")
        self.moved(client, "RETR dir/file", protected=False)
        expect("download", "^$")
        client.protect()
        self.assertEqual(client.code("CCC"), 200)
        client.sock = client.sock.unwrap()
        self.moved(client, "RETR dir/file", session=session)
        expect("download", "^TLSv1.3 .* resumed$")
        self.assertEqual(client.code("STAT dir"), 212)
        expect("list", "^$")

    def test_what_no_connection_carried(self):
        """A transfer whose data connection never came has nothing of the one before it."""
        self.server.write_file("alice", "file", b"x")
        client = self.explicit()
        client.login("alice", "secret")
        client.protect()
        self.moved(client, "RETR file")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        for line, event in (("RETR file", "download"), ("LIST", "list")):
            self.assertEqual(client.code("STAT /"), 212)
            self.assertEqual(client.code("EPRT |1|127.0.0.1|%d|" % port), 200)
            client.send(line + "\r\n")
            while not client.reply().startswith("425"):
                pass
            self.assertNotIn("algorithms", self.server.wait_event(event, result="aborted"))


class Slow(WithServer):

    @classmethod
    def setUpClass(cls):
        server = TransomServer(users=ALICE, listeners=FTPS_BOTH, tls={"handshake_timeout": "1s"})
        server.makes_certificate = True
        server.__enter__()
        cls.server = server

    def test_a_handshake_that_is_never_begun_ends(self):
        for port, lead in ((self.server.port_of("ftps"), b""), (self.server.port_of("ftp"), b"AUTH TLS\r\n")):
            with socket.create_connection(("127.0.0.1", port), timeout=20 * SCALE) as sock:
                sock.sendall(lead)
                start = time.monotonic()
                try:
                    read_all(sock)
                except ConnectionError:
                    pass
                self.assertLess(time.monotonic() - start, 5 * SCALE)
        self.server.wait_event("negotiation-failed", reason=re.compile("too long"), count=2)
        # Who waits for a greeting there has to be told that there is none before TLS.
        event = self.server.wait_event("negotiation-failed", reason=re.compile("too long"), protocol="ftps")
        self.assertIn("implicit TLS", event["cure"])
        event = self.server.wait_event("negotiation-failed", reason=re.compile("too long"), protocol="ftp")
        self.assertNotIn("cure", event)

    def test_a_handshake_in_drips_ends_too(self):
        context = client_context()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing)
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.server.port_of("ftps")), timeout=20 * SCALE) as sock:
            with self.assertRaises(ConnectionError):
                for byte in hello:
                    sock.sendall(bytes([byte]))
                    time.sleep(0.05)
                for _ in range(100):
                    sock.sendall(b"\x16")
                    time.sleep(0.05)
        self.assertLess(time.monotonic() - start, 10 * SCALE)


class Names(unittest.TestCase):

    def test_the_name_that_is_asked_for_chooses_the_certificate_and_host_must_agree(self):
        server = TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True)
        server.prepare()
        authority = Authority(server.dir, "second")
        other = make_server_certificate(server.dir, ["other.example", "third.example"], authority=authority)
        server.tls_hosts = {"other.example": {"certificate": other.certificate, "key": other.key}}
        server.write_conf()
        if server.mode == "user":
            server._give_away(server.dir)
        with server:
            trusting_other = client_context(authority.certificate)
            trusting_other.check_hostname = True
            trusting_first = client_context(server.certificate.authority.certificate)
            trusting_first.check_hostname = True
            for port, implicit in ((server.port_of("ftp"), False), (server.port_of("ftps"), True)):
                for context, name in ((trusting_other, "other.example"), (trusting_other, "third.example"),
                                      (trusting_first, "localhost")):
                    with FtpsClient(port, context, implicit=implicit, host_name=name) as client:
                        self.assertEqual(client.code("HOST nobody.example"), 504)
                        self.assertEqual(client.code("HOST " + name.upper()), 220)
                        client.login("alice", "secret")
                        client.protect()
                        data = client.transfer("LIST")
                        read_all(data)
                        self.assertEqual(client.reply()[:3], "226")

    def test_without_sni_any_host_is_as_good_as_in_plain_text(self):
        with TransomServer(users=ALICE, listeners=FTPS_BOTH, tls=True) as server:
            with FtpsClient(server.port_of("ftp")) as client:
                self.assertEqual(client.code("HOST anything.example"), 220)


class WithoutCertificate(unittest.TestCase):

    def test_there_is_no_tls_and_no_word_of_it(self):
        with TransomServer(users=ALICE, listeners=FTP_ONLY) as server, RawFtp(server.port) as client:
            self.assertEqual(client.code("AUTH TLS"), 502)
            self.assertEqual(client.code("PBSZ 0"), 502)
            self.assertEqual(client.code("PROT P"), 502)
            features = client.cmd("FEAT")
            for word in ("AUTH", "PBSZ", "PROT", "CCC"):
                self.assertNotIn("\n %s" % word, features)
                self.assertNotIn(" %s" % word, client.cmd("HELP"))


if __name__ == "__main__":
    unittest.main()
