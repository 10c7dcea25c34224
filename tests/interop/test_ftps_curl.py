"""curl over TLS: explicit and implicit, TLS 1.2 and 1.3, many files over one control connection, client certificates."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from certificates import Authority, make_server_certificate
from client import ANY, FTPS_LISTENERS, FILE_BYTES, FtpsClient
from transom import TransomServer, is_root, make_file, run, sha256_file, wait_until

VERSIONS = {"1.2": ("--tlsv1.2", "--tls-max", "1.2"), "1.3": ("--tlsv1.3",)}
MANY = 8
LOGIN_DENIED = 67
USE_SSL_FAILED = 64
PEER_FAILED_VERIFICATION = 60


class Curl(FtpsClient):
    """The tests; the classes below run them in each mode."""

    tools = ("curl",)

    def command(self, url, *arguments):
        wish = () if "--ftp-ssl-control" in arguments else ("--ssl-reqd",)      # which means more, and counts more
        return ["curl", "-q", "-sS", "--max-time", "60", *wish, "--cacert", self.trusted, url, *arguments]

    def curl(self, listener, path, *arguments, status=0, user="alice"):
        return self.execute(self.command(self.url_of(listener, path, user), *arguments), status)

    def round_trip(self, listener, name, *arguments, size=FILE_BYTES):
        digest = self.make_local("up", size)
        self.curl(listener, "/" + name, "-T", self.local("up"), *arguments)
        self.assertFile(self.remote(name), digest)
        self.curl(listener, "/" + name, "-o", self.local("down"), *arguments)
        self.assertFile(self.local("down"), digest)

    def test_files_of_all_kinds_of_sizes_over_every_version(self):
        for listener in ("explicit", "implicit"):
            for version, arguments in VERSIONS.items():
                for size in (0, 16385, 5000001):
                    with self.subTest(listener=listener, version=version, size=size):
                        self.round_trip(listener, "size-%d" % size, *arguments, size=size)

    def test_a_small_file_at_a_time_resumes_again_and_again(self):
        """More files than the tickets that TLS 1.3 gives at first."""
        for number in range(MANY):
            self.make_local("f%02d" % number, 1000 + number, seed=number)
        for listener in ("explicit", "implicit"):
            for version, arguments in VERSIONS.items():
                with self.subTest(listener=listener, version=version):
                    where = "many-%s-%s" % (listener, version)
                    self.server.make_dir("alice", where)
                    names = "{%s}" % ",".join(self.local("f%02d" % number) for number in range(MANY))
                    self.curl(listener, "/%s/" % where, "-T", names, *arguments)
                    self.curl(listener, "/%s/f[00-%02d]" % (where, MANY - 1), "-o", self.local("d#1"), *arguments)
                    for number in range(MANY):
                        self.assertFile(self.local("d%02d" % number), sha256_file(self.local("f%02d" % number)))
        self.assertEqual(self.new_events("data-failed"), [])

    def test_several_connections_with_one_cache_of_sessions(self):
        """-Z: the two ways that transom.conf(5) has for it."""
        for number in range(MANY):
            self.make_local("f%02d" % number, 300000 + number, seed=number)
        names = "{%s}" % ",".join(self.local("f%02d" % number) for number in range(MANY))
        for user, arguments in (("parallel", ()), ("alice", ("--no-sessionid",))):
            for listener in ("lenient", "lenient-implicit"):
                with self.subTest(user=user, listener=listener):
                    where = self.server.make_dir(user, "parallel-" + listener)
                    self.curl(listener, "/parallel-%s/" % listener, "-Z", "-T", names, *arguments, user=user)
                    for number in range(MANY):
                        self.assertFile(os.path.join(where, "f%02d" % number),
                                        sha256_file(self.local("f%02d" % number)))
        self.assertEqual(self.new_events("data-failed"), [])

    def test_listings(self):
        self.server.write_file("alice", "listed", b"x")
        for listener in ("explicit", "implicit"):
            self.assertIn("listed", self.curl(listener, "/")[0])
            self.assertIn("listed", self.curl(listener, "/", "--list-only")[0].splitlines())

    def test_active_mode(self):
        if re.match(r"curl 7\.8[78]\.", run(["curl", "--version"]).stdout):
            self.skipTest("this curl sends its data in the clear then (github.com/curl/curl/issues/10666)")
        for version, arguments in VERSIONS.items():
            with self.subTest(version):
                self.round_trip("explicit", "active-" + version, "-P", "-", *arguments)
                self.round_trip("implicit", "active-" + version, "-P", "-", "--disable-eprt", *arguments)

    def test_only_the_control_connection_is_protected(self):
        self.round_trip("explicit", "control-only", "--ftp-ssl-control")
        self.make_remote("secret-file")
        self.curl("strict", "/secret-file", "--ftp-ssl-control", "-o", self.local("never"), status=None)
        self.assertFalse(os.path.exists(self.local("never")) and os.path.getsize(self.local("never")))

    def test_the_control_connection_is_protected_for_the_login_only(self):
        """CCC; curl that waits for our close_notify (passive) gives its session up, so that it cannot be resumed."""
        if re.match(r"curl 8\.14\.", run(["curl", "--version"]).stdout):
            self.skipTest("this curl goes on with TLS when it has been ended (Debian 13's)")
        for listener, mode in (("lenient", "passive"), ("explicit", "active")):
            with self.subTest(mode):
                self.round_trip(listener, "ccc-" + mode, "--ftp-ssl-ccc", "--ftp-ssl-ccc-mode", mode)

    def test_nobody_gets_in_without_tls_where_it_is_required(self):
        self.execute(["curl", "-q", "-sS", self.url_of("strict")], LOGIN_DENIED)
        self.round_trip("strict", "protected")

    def test_a_download_is_continued(self):
        digest = self.make_remote("continued", 3000000)
        with open(self.remote("continued"), "rb") as whole, open(self.local("down"), "wb") as part:
            part.write(whole.read(1234567))
        self.curl("implicit", "/continued", "-C", "-", "-o", self.local("down"))
        self.assertFile(self.local("down"), digest)

    def test_an_upload_that_is_cut_is_not_published_and_is_continued(self):
        digest = self.make_local("up", 8 << 20)
        url = self.url_of("explicit", "/cut")
        process = subprocess.Popen(self.command(url, "-T", self.local("up"), "--limit-rate", "1M"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: any(os.path.getsize(path) > 1000000 for path in self.server.staged("alice")),
                       20, "some bytes of the upload")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.assertFalse(os.path.exists(self.remote("cut")))
        self.curl("explicit", "/cut", "-T", self.local("up"), "-C", "-")
        self.assertFile(self.remote("cut"), digest)

    def test_a_stranger_is_not_taken_for_the_server(self):
        stranger = Authority(self.scratch, "stranger")
        self.execute(["curl", "-q", "-sS", "--ssl-reqd", "--cacert", stranger.certificate,
                      self.url_of("explicit")], PEER_FAILED_VERIFICATION)

    def test_old_versions_are_refused(self):
        self.curl("explicit", "/", "--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0", status=35)

    def test_a_server_without_a_certificate_offers_no_tls(self):
        with TransomServer(mode=self.mode, users={"alice": {"password": "secret"}}) as server:
            self.execute(["curl", "-q", "-sS", "--ssl-reqd", server.url("alice")], USE_SSL_FAILED)


class CurlAsRoot(Curl, unittest.TestCase):
    mode = "root"


class CurlAsUser(Curl, unittest.TestCase):
    mode = "user"


class ClientCertificates(FtpsClient, unittest.TestCase):
    """curl --cert: instead of the password, and beside it."""

    tools = ("curl",)
    listeners = {
        "optional": {"protocol": "ftp", "client_certs": "optional", "data_session": "require", **ANY},
        "required": {"protocol": "ftp", "client_certs": "required", "data_session": "require", **ANY},
        "required-implicit": {"protocol": "ftps", "client_certs": "required", "data_session": "require", **ANY},
    }

    @classmethod
    def setUpClass(cls):
        cls.mode = "root" if is_root() else "user"
        cls.settings = {"users": {"alice": {"password": "secret", "certificates": ["CN:alice"]},
                                  "bob": {"password": "hidden", "certificates": ["SAN:bob@example.org"],
                                          "require": ["password", "certificate"]}},
                        "listeners": cls.listeners}
        # The authority of the clients must be there before the server starts.
        cls.keep = tempfile.mkdtemp(prefix="transom-authority-")
        cls.addClassCleanup(shutil.rmtree, cls.keep)
        os.chmod(cls.keep, 0o755)
        cls.people = Authority(cls.keep, "people")
        os.chmod(cls.people.directory, 0o755)
        cls.alice = cls.people.issue("alice", kind="client")
        cls.bob = cls.people.issue("bob", ["bob@example.org"], kind="client")
        cls.revoked = cls.people.issue("alice", kind="client", file="revoked")
        cls.people.revoke(cls.revoked)
        made = make_server_certificate(cls.keep)
        os.chmod(os.path.dirname(made.certificate), 0o755)
        cls.settings["tls"] = {"certificate": made.certificate, "key": made.key,
                               "client_ca": cls.people.certificate, "client_crl": cls.people.revocation_list()}
        cls.made = made
        super().setUpClass()
        cls.server.certificate = made

    def curl(self, listener, certificate=None, status=0, user="alice", password=None, path="/"):
        url = self.url_of(listener, path, user)
        if password is not None:
            url = url.replace(":%s@" % self.server.users[user]["password"], ":%s@" % password)
        identity = ("--cert", certificate.certificate, "--key", certificate.key) if certificate else ()
        return self.execute(["curl", "-q", "-sS", "--max-time", "60", "--ssl-reqd", "--cacert", self.trusted,
                             *identity, url], status)[0]

    def test_a_certificate_logs_in_and_carries_data(self):
        self.server.write_file("alice", "seen", b"x")
        for listener in ("optional", "required", "required-implicit"):
            with self.subTest(listener):
                self.assertIn("seen", self.curl(listener, self.alice, password="whatever"))
        self.server.wait_event("login", user="alice")

    def test_certificate_and_password_where_both_are_needed(self):
        self.server.write_file("bob", "seen", b"x")
        self.assertIn("seen", self.curl("optional", self.bob, user="bob"))
        self.curl("optional", self.bob, LOGIN_DENIED, user="bob", password="wrong")
        self.curl("optional", None, LOGIN_DENIED, user="bob")

    def test_without_a_certificate(self):
        self.server.write_file("alice", "seen", b"x")
        self.assertIn("seen", self.curl("optional"))
        for listener in ("required", "required-implicit"):
            said, errors = self.execute(["curl", "-q", "-sS", "--max-time", "60", "--ssl-reqd", "--cacert",
                                         self.trusted, self.url_of(listener)], status=None)
            self.assertEqual(said, "")
            self.assertNotEqual(errors, "")

    def test_a_certificate_of_somebody_else(self):
        self.curl("optional", self.bob, LOGIN_DENIED, password="wrong")

    def test_a_revoked_certificate_and_one_of_a_stranger(self):
        stranger = Authority(self.scratch, "stranger").issue("alice", kind="client")
        for name, certificate in (("revoked", self.revoked), ("stranger", stranger)):
            with self.subTest(name):
                said, errors = self.execute(
                    ["curl", "-q", "-sS", "--max-time", "60", "--ssl-reqd", "--cacert", self.trusted, "--cert",
                     certificate.certificate, "--key", certificate.key, self.url_of("required")], status=None)
                self.assertEqual(said, "")
                self.assertNotEqual(errors, "")


class ServerNames(unittest.TestCase):
    """SNI chooses among certificates."""

    def test_each_name_gets_its_certificate(self):
        keep = tempfile.mkdtemp(prefix="transom-names-")
        self.addCleanup(shutil.rmtree, keep)
        os.chmod(keep, 0o755)
        authority = Authority(keep)
        os.chmod(authority.directory, 0o755)
        made = {name: authority.issue(name, [name]) for name in ("ftp.example.org", "other.example.org")}
        hosts = {name: {"certificate": one.certificate, "key": one.key} for name, one in made.items()}
        mode = "root" if is_root() else "user"
        with TransomServer(mode=mode, users={"alice": {"password": "secret"}}, listeners=FTPS_LISTENERS,
                           tls=hosts["ftp.example.org"],
                           tls_hosts={"other.example.org": hosts["other.example.org"]}) as server:
            make_file(server.path("alice", "file"), 1000)
            server.own(server.path("alice", "file"))
            for name in made:
                for listener in ("explicit", "implicit"):
                    with self.subTest(name=name, listener=listener):
                        port = server.ports[listener]
                        scheme = "ftps" if listener == "implicit" else "ftp"
                        done = subprocess.run(
                            ["curl", "-q", "-sS", "--max-time", "60", "--ssl-reqd", "--cacert",
                             authority.certificate, "--resolve", "%s:%d:127.0.0.1" % (name, port),
                             "%s://alice:secret@%s:%d/file" % (scheme, name, port)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.assertEqual(len(done.stdout), 1000)


if __name__ == "__main__":
    unittest.main()
