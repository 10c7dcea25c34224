"""transomctl check: every fault that it promises to find is found, with cause and cure, and nothing else is."""

import json
import os
import shutil
import socket
import tempfile
import time
import unittest

from certificates import Authority, openssl
from transom import (CLERK_UID, FILES_UID, FRONT_UID, KEEPER_UID, TransomServer, conf_lines, conf_section, conf_value,
                     is_root, need_tool, program, run)


class Check(unittest.TestCase):
    """A configuration without a fault, for each test to put one in."""

    authority = None

    @classmethod
    def setUpClass(cls):
        need_tool("openssl")
        cls.keep = tempfile.mkdtemp(prefix="transom-check-")
        cls.authority = Authority(cls.keep, days=3650)
        cls.good = cls.issue("ftp.example.org")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.keep)

    @classmethod
    def issue(cls, name, **options):
        options.setdefault("days", 365)
        return cls.authority.issue(name, options.pop("names", [name]), **options)

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="transom-check-")
        self.addCleanup(shutil.rmtree, self.top)
        self.listeners = {"ftp": {"protocol": "ftp", "address": "127.0.0.1:0"}}
        self.options = {"users_dir": "users.d", "state_dir": "state", "runtime_dir": "run"}
        if is_root():
            self.options.update(clerk_user=CLERK_UID, front_user=FRONT_UID, keeper_user=KEEPER_UID)
        self.sections = {"ftp": {"passive_ports": "0"},
                         "defaults": {"root": self.path("srv", "%u"), "files_user": FILES_UID}}
        for name in ("users.d", "srv"):
            os.mkdir(self.path(name), 0o700)

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def user(self, name, text="", root=True):
        self.write("users.d/%s.conf" % name, text)
        if root:
            os.mkdir(self.path("srv", name))
            if is_root():
                os.chown(self.path("srv", name), FILES_UID, FILES_UID)

    def use(self, made, **more):
        """Name a certificate and its key in tls { }."""
        self.sections["tls"] = {"certificate": made.certificate, "key": made.key, **more}

    def combine(self, name, *certificates):
        """A file of the first certificates of these files."""
        text = ""
        for each in certificates:
            with open(each) as file:
                text += file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        return self.write(name, text, 0o644)

    def run_check(self, *arguments, environment=None):
        text = "\n".join(conf_lines(self.options)) + "\n"
        for title, listener in self.listeners.items():
            text += "\n".join(conf_section("listener " + conf_value(title), listener)) + "\n"
        for name, section in self.sections.items():
            text += "\n".join(conf_section(name, section)) + "\n"
        self.conf = self.write("transom.conf", text)
        # So that the authority of these tests is one that this machine knows.
        environment = environment or dict(os.environ, SSL_CERT_FILE=self.authority.certificate)
        return run([program("transomctl"), "-c", self.conf, "check", *arguments], env=environment)

    def check(self, status, *lines, environment=None):
        """Run it; each of `lines` ("level: what: part of the rest") is there, and no other warning or error."""
        done = self.run_check(environment=environment)
        findings = done.stdout.splitlines()
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, status, done.stdout)
        for line in lines:
            level, what, part = line.split(": ", 2)
            match = [one for one in findings if one.startswith("%s: %s: " % (level, what)) and part in one]
            self.assertTrue(match, "no %r in:\n%s" % (line, done.stdout))
            findings.remove(match[0])
            if level != "ok":
                self.assertIn("; ", match[0], "no cure")
        left = [one for one in findings if not one.startswith("ok: ")]
        self.assertEqual(left, [])
        return done.stdout

    def test_a_good_configuration_is_ok(self):
        self.use(self.good)
        self.user("alice")
        said = self.check(0, "ok: configuration: transom.conf", "ok: listener ftp: 127.0.0.1:0",
                          "ok: tls: for ftp.example.org, until", "ok: users: 1 of 1",
                          "ok: passive_ports: chooses", "ok: public_address: dialled")
        self.assertNotIn("host_keys", said)

    def test_findings_as_json(self):
        self.user("alice", root=False)
        done = self.run_check("--json")
        self.assertEqual(done.returncode, 2)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        found, = [one for one in findings if one["level"] == "error"]
        self.assertEqual(sorted(found), ["cause", "cure", "level", "what"])
        self.assertEqual(found["what"], "user alice")
        self.assertIn("No such file or directory", found["cause"])

    # --- configuration and directories ---

    def test_a_wrong_configuration(self):
        self.options["nonsense"] = "1"
        self.check(2, "error: configuration: transom.conf:")

    def test_a_missing_configuration(self):
        done = run([program("transomctl"), "-c", self.path("nonesuch"), "check"])
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stdout.startswith("error: configuration: "), done.stdout)

    @unittest.skipUnless(is_root(), "accounts count for a server that is started as root")
    def test_an_account_that_does_not_exist(self):
        self.use(self.good)
        for option in ("clerk_user", "front_user", "keeper_user"):
            with self.subTest(option):
                kept = self.options[option]
                self.options[option] = "no-such-account"
                self.check(2, "error: configuration: no such account")
                self.options[option] = kept

    def test_directories_of_ours(self):
        os.mkdir(self.path("state"))
        os.chmod(self.path("state"), 0o777)
        self.options["runtime_dir"] = "missing/run"
        self.sections["log"] = {"target": "nowhere/log"}
        self.check(2, "error: state_dir: others may write", "error: runtime_dir: there is no",
                   "error: log: there is no directory")

    # --- what clients connect to ---

    def test_an_address_of_another_machine(self):
        self.listeners["ftp"]["address"] = "192.0.2.1:2121"
        self.check(2, "error: listener ftp: no such address")

    def test_a_port_that_another_program_has(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.listeners["ftp"]["address"] = "127.0.0.1:%d" % taken.getsockname()[1]
            self.check(2, "error: listener ftp: process %d" % os.getpid())

    def test_a_port_that_the_running_server_has(self):
        with TransomServer(users={"alice": {"password": "secret"}}) as server:
            server.listeners["ftp"]["address"] = "127.0.0.1:%d" % server.port
            server.write_conf()
            done = run([program("transomctl"), "-c", server.conf, "check"])
            self.assertIn("ok: listener ftp: 127.0.0.1:%d is held by the running server" % server.port, done.stdout)

    def run_as_somebody(self, name, *arguments):
        """A program of ours, by an ordinary user who may read the configuration."""
        os.chmod(self.top, 0o755)
        os.chmod(self.conf, 0o644)
        shutil.copy(program(name), self.path(name))
        return run(["setpriv", "--reuid=64999", "--regid=64999", "--clear-groups", "--", self.path(name), "-c", self.conf,
                    *arguments])

    def test_a_key_that_only_root_may_read(self):
        if not is_root() or not shutil.which("setpriv"):
            self.skipTest("needs root, to become somebody else")
        os.chmod(self.keep, 0o755)
        self.addCleanup(os.chmod, self.keep, 0o700)
        os.chmod(self.authority.directory, 0o755)
        self.use(self.good)
        self.check(0)
        done = self.run_as_somebody("transomctl", "check")
        self.assertIn("error: tls: %s: this user may not read it; as root, transomctl check can" % self.good.key, done.stdout)
        done = self.run_as_somebody("transomd", "-t")
        self.assertEqual(done.returncode, 1)
        self.assertIn("key = \"%s\": this user may not read it; allowed: " % self.good.key, done.stderr)

    def test_a_port_below_1024_of_a_user(self):
        if not is_root() or not shutil.which("setpriv"):
            self.skipTest("needs root, to become somebody else")
        self.listeners["ftp"]["address"] = "127.0.0.1:21"
        self.run_check()
        done = self.run_as_somebody("transomctl", "check")
        self.assertRegex(done.stdout, r"warning: listener ftp: 127.0.0.1:21: ports below 1024 are not for this"
                                      r"|ok: listener ftp")

    def test_tls_without_a_certificate(self):
        self.listeners = {"a": {"protocol": "ftps", "address": "127.0.0.1:0"},
                          "b": {"protocol": "ftp", "address": "127.0.0.1:0", "require_tls": "both"}}
        self.check(2, "error: configuration: listener \"a\": protocol", "error: listener b: require_tls")

    def test_client_certificates_that_nobody_issues(self):
        self.use(self.good)
        self.listeners["ftp"]["client_certs"] = "required"
        self.check(1, "warning: listener ftp: nobody is trusted")

    def test_passive_ports(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.sections["ftp"]["passive_ports"] = "%d-%d" % (port - 1, port + 1)
            self.check(1, "warning: passive_ports: 3 ports serve",
                       "warning: passive_ports: port %d in the range is taken" % port)
        self.sections["ftp"] = {"passive_ports": "0", "public_address": "8.8.8.8"}
        self.check(1, "warning: passive_ports: cannot forward them all", "ok: public_address: told 8.8.8.8")

    @unittest.skipUnless(is_root(), "as an ordinary user the server opens no such ports at all")
    def test_passive_ports_below_1024(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
            if int(file.read()) < 1000:
                self.skipTest("this system lets everybody have low ports")
        self.sections["ftp"]["passive_ports"] = "900-999"
        self.check(2, "error: passive_ports: no right to open port 900")

    def test_a_listener_within_the_passive_ports(self):
        self.sections["ftp"]["passive_ports"] = "50000-50999"
        self.listeners["ftp"]["address"] = "127.0.0.1:50001"
        self.check(2, "error: configuration: one of passive_ports")

    def test_public_address(self):
        for address, status, line in (
                ("192.168.1.5", 1, "warning: public_address: which is private"),
                ("no-such-host.invalid", 2, "error: public_address: has no IPv4 address")):
            with self.subTest(address):
                self.sections["ftp"] = {"public_address": address, "passive_ports": "50000-50099"}
                self.check(status, line)

    def test_public_addresses_for_networks(self):
        self.sections["ftp"]["public_addresses"] = ["10.0.0.0/8 10.0.0.5", "8.0.0.0/8 192.168.1.5",
                                                    "9.0.0.0/8 no-such-host.invalid", "11.0.0.0/8 dialled"]
        self.check(2, "ok: public_addresses 10.0.0.0/8: told 10.0.0.5",
                   "warning: public_addresses 8.0.0.0/8: private",
                   "error: public_addresses 9.0.0.0/8: has no IPv4 address")

    # --- certificates ---

    def test_files_that_are_missing_or_something_else(self):
        empty = self.write("empty.pem", "nothing")
        for tls, line in (
                ({"certificate": self.path("nonesuch"), "key": self.good.key}, "error: tls: No such file"),
                ({"certificate": empty, "key": self.good.key}, "error: tls: holds no certificate"),
                ({"certificate": self.good.certificate, "key": self.path("nonesuch")}, "error: tls: No such file"),
                ({"certificate": self.top, "key": self.good.key}, "error: tls: it is a directory"),
                ({"certificate": self.good.certificate, "key": empty}, "error: tls: there is no private key in it"),
                ({"certificate": self.good.certificate, "key": self.top}, "error: tls: it is a directory")):
            with self.subTest(line, **tls):
                self.sections["tls"] = tls
                self.check(2, line)
                self.refused_by_start(line.split(": ", 2)[2])

    def test_a_key_of_another_certificate(self):
        other = self.issue("other.example.org")
        self.sections["tls"] = {"certificate": self.good.certificate, "key": other.key}
        self.check(2, "error: tls: is not that of the first certificate")
        self.refused_by_start("it belongs to none of the private keys; allowed: ")

    def make_self_signed(self, name, *key):
        openssl("req", "-x509", "-newkey", *key, "-nodes", "-keyout", name + ".key", "-out", name + ".crt", "-days", "60",
                "-subj", "/CN=x", "-addext", "subjectAltName=DNS:ftp.example.org", directory=self.top)
        os.chmod(self.path(name + ".key"), 0o600)
        return {"certificate": name + ".crt", "key": name + ".key"}

    def test_keys_of_every_kind_that_is_served(self):
        for kind in ("ec", "rsa", "ed25519"):
            with self.subTest(kind):
                self.use(self.issue("ftp.example.org", key_type=kind, file="kind-" + kind))
                self.check(0, "ok: tls: for ftp.example.org")
                self.accepted_by_start()

    def test_keys_of_kinds_that_are_not(self):
        for name, key in (("ed448", ("ed448",)), ("rsa-pss", ("rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048")),
                          ("secp256k1", ("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"))):
            with self.subTest(name):
                self.sections["tls"] = self.make_self_signed(name, *key)
                self.check(2, "error: tls: kind that is not supported; allowed: Ed25519, RSA", "warning: tls: is self-signed")
                self.refused_by_start("kind that is not supported; allowed: Ed25519, RSA")

    def test_what_no_check_has_words_for_is_told_as_the_start_would(self):
        self.use(self.good, groups="ffdhe2048")
        self.check(2, "error: start: groups of tls { }")
        self.refused_by_start("groups of tls { }")

    def start_check(self):
        """transomd -t with the configuration of the last check."""
        return run([program("transomd"), "-t", "-c", self.conf])

    def refused_by_start(self, part):
        done = self.start_check()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(part, done.stderr)
        self.assertNotRegex(done.stderr, "PEM lib|Invalid argument")

    def accepted_by_start(self):
        done = self.start_check()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_ciphers_and_groups_that_a_start_would_fail_at(self):
        for option, value in (("ciphers", "NOSUCH"), ("ciphers", "AES128-SHA"), ("ciphersuites", "FOO"),
                              ("groups", "X25519:foo")):
            with self.subTest(option=option, value=value):
                self.sections["tls"] = {"certificate": self.good.certificate, "key": self.good.key, option: value}
                self.check(2, "error: tls: tls { %s = \"%s\" }" % (option, value))
                self.refused_by_start("tls { %s = \"%s\" }" % (option, value))
        self.sections["tls"].update(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256", ciphersuites="TLS_AES_128_GCM_SHA256",
                                    groups="X25519:P-256")
        self.check(0)

    def test_a_key_with_a_passphrase(self):
        locked = self.path("locked.key")
        openssl("pkey", "-in", self.good.key, "-aes128", "-passout", "pass:x", "-out", locked, directory=self.top)
        os.chmod(locked, 0o600)
        self.sections["tls"] = {"certificate": self.good.certificate, "key": locked}
        self.check(2, "error: tls: has a passphrase")
        self.refused_by_start("it has a passphrase, which nobody is there to type")

    def test_a_key_that_others_may_read(self):
        key = shutil.copy(self.good.key, self.path("open.key"))
        self.sections["tls"] = {"certificate": self.good.certificate, "key": key}
        for mode, status, line in ((0o644, 2, "error: tls: not private any more"), (0o660, 2, "error: tls: not private"),
                                   (0o640, 0, "ok: tls: until")):
            with self.subTest(oct(mode)):
                os.chmod(key, mode)
                self.check(status, line)

    def test_dates(self):
        for days, status, line in ((-1, 2, "error: tls: expired on"), (20, 1, "warning: tls: expires on"),
                                   (22, 0, "ok: tls: until")):
            with self.subTest(days=days):
                self.use(self.issue("ftp.example.org", days=days, file="days%d" % days))
                self.check(status, line)

    def test_a_certificate_that_is_not_valid_yet(self):
        made = self.issue("early.example.org")
        early = self.path("early.crt")
        openssl("ca", "-config", "settings", "-batch", "-notext", "-cert", self.authority.certificate, "-keyfile",
                self.authority.key, "-in", made.certificate.replace(".crt", ".csr"), "-out", early, "-startdate",
                "20490101000000Z", "-enddate", "20491231000000Z", "-outdir", self.top,
                "-create_serial", "-policy", "policy_any", "-extfile", made.certificate.replace(".crt", ".ext"),
                directory=self.policy())
        self.sections["tls"] = {"certificate": early, "key": made.key}
        self.check(2, "error: tls: is not valid before 2049-01-01")

    def policy(self):
        """The authority's directory, its settings good for `openssl ca` with a certificate request."""
        settings = os.path.join(self.authority.directory, "settings")
        with open(settings) as file:
            text = file.read()
        if "policy_any" not in text:
            with open(settings, "a") as file:
                file.write("serial = serial\n[policy_any]\ncommonName = supplied\n")
        return self.authority.directory

    def test_an_intermediate_that_ends_first(self):
        ending = Authority(self.top, "ending", days=2)
        self.use(ending.issue("ftp.example.org", ["ftp.example.org"], days=365))
        self.check(1, "warning: tls: certificate 2 in",
                   environment=dict(os.environ, SSL_CERT_FILE=ending.certificate))

    def test_chains(self):
        private = dict(os.environ, SSL_CERT_FILE="/nonexistent", SSL_CERT_DIR="/nonexistent")
        stranger = Authority(self.top, "stranger", days=3650)
        own = self.combine("own.crt", self.good.certificate)
        self.sections["tls"] = {"certificate": own, "key": self.good.key}
        self.check(1, "warning: tls: ends before an authority", environment=private)
        self.sections["tls"]["certificate"] = self.combine("odd.crt", own, stranger.certificate)
        self.check(2, "error: tls: certificate 2 in")
        self.sections["tls"]["certificate"] = self.combine("reverse.crt", self.authority.certificate, own)
        said = self.run_check()
        self.assertIn("begins with an authority's certificate", said.stdout)
        self.assertEqual(said.returncode, 2)

    def test_a_private_authority_and_a_self_signed_certificate(self):
        private = dict(os.environ, SSL_CERT_FILE="/nonexistent", SSL_CERT_DIR="/nonexistent")
        self.use(self.good, expiry_warning="0")
        self.check(1, "warning: tls: is a private one", environment=private)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out", "self.crt", "-days",
                "60", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:ftp.example.org", directory=self.top)
        os.chmod(self.path("self.key"), 0o600)
        self.sections["tls"] = {"certificate": "self.crt", "key": "self.key"}
        self.check(1, "warning: tls: is self-signed", environment=private)

    def test_weak_ones(self):
        for name, key, digest, lines in (
                ("short", "rsa:1024", "sha256", ("error: tls: weak key of 1024 bits", "error: tls: too short to be safe")),
                ("sha1", "rsa:2048", "sha1", ("error: tls: signed with SHA1",))):
            with self.subTest(name):
                openssl("req", "-x509", "-newkey", key, "-" + digest, "-nodes", "-keyout", name + ".key", "-out",
                        name + ".crt", "-days", "60", "-subj", "/CN=x", "-addext",
                        "subjectAltName=DNS:ftp.example.org", directory=self.top)
                os.chmod(self.path(name + ".key"), 0o600)
                self.sections["tls"] = {"certificate": name + ".crt", "key": name + ".key"}
                self.check(2, *lines, "warning: tls: is self-signed")

    def test_names(self):
        self.use(self.good)
        self.sections['tls_host "other.example.org"'] = dict(self.sections["tls"])
        self.check(2, "error: tls_host other.example.org: is not for other.example.org, only for ftp.example.org")
        wild = self.issue("wild", names=["*.example.org"])
        self.sections['tls_host "other.example.org"'] = {"certificate": wild.certificate, "key": wild.key}
        self.check(0, "ok: tls_host other.example.org: for *.example.org")
        self.sections["ftp"]["host_names"] = ["ftp.example.org", "elsewhere.example.net"]
        self.check(1, "warning: host_names: elsewhere.example.net")

    def test_a_certificate_of_a_client(self):
        self.use(self.issue("ftp.example.org", kind="client", file="of-a-client"))
        self.check(2, "error: tls: is not for servers")

    # --- who may certify clients ---

    def test_client_authorities(self):
        self.listeners["ftp"]["client_certs"] = "optional"
        self.use(self.good, client_ca=self.authority.certificate, client_crl=self.authority.revocation_list(),
                 expiry_warning="1d")
        self.check(0, "ok: client_ca: 1 in", "ok: client_crl: the list of CN=")
        stranger = Authority(self.top, "stranger", days=3650)
        self.sections["tls"]["client_crl"] = stranger.revocation_list()
        self.check(1, "warning: client_crl: was issued by nobody")
        self.sections["tls"]["client_crl"] = self.good.certificate
        self.check(2, "error: client_crl: holds no revocation list")
        # Where nobody is asked for a certificate nobody looks.
        self.listeners["ftp"]["client_certs"] = "off"
        self.check(0, "ok: client_ca: 1 in")
        self.accepted_by_start()
        self.listeners["ftp"]["client_certs"] = "optional"
        self.check(2, "error: client_crl: holds no revocation list")
        self.refused_by_start("it holds no revocation list in PEM form; allowed: ")
        self.sections["tls"].update(client_ca=self.path("nonesuch"), client_crl="")
        self.check(2, "error: client_ca: No such file")
        self.refused_by_start("client_ca = \"%s\": No such file or directory; allowed: " % self.path("nonesuch"))
        for ca, wrong in ((self.top, "it is a directory"), (self.good.key, "it holds no certificate in PEM form")):
            self.sections["tls"]["client_ca"] = ca
            self.check(2, "error: client_ca: " + wrong)
            self.refused_by_start("client_ca = \"%s\": %s; allowed: " % (ca, wrong))

    def revocation_list(self, begun, left):
        """Of the authority, that began so many days ago and is good for so many more."""
        crl = self.path("%d-%d.crl" % (begun, left))
        begins, ends = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400)) for days in (-begun, left))
        openssl("ca", "-config", "settings", "-cert", self.authority.certificate, "-keyfile", self.authority.key,
                "-gencrl", "-crl_lastupdate", begins, "-crl_nextupdate", ends, "-out", crl,
                directory=self.authority.directory)
        return crl

    def test_revocation_lists_in_time(self):
        self.listeners["ftp"]["client_certs"] = "optional"
        for begun, left, status, line in ((9, -3, 2, "error: client_crl: out of date"),
                                          (-1, 9, 2, "error: client_crl: begins in the future"),
                                          (8, 1, 1, "warning: client_crl: is out of date on"),
                                          (3, 1, 0, "ok: client_crl: ")):
            self.use(self.good, client_ca=self.authority.certificate, client_crl=self.revocation_list(begun, left))
            self.check(status, line)

    def test_of_an_authority_the_list_that_ends_last_counts(self):
        self.listeners["ftp"]["client_certs"] = "optional"
        both = ""
        for begun, left in ((9, -3), (3, 5), (8, 1)):
            with open(self.revocation_list(begun, left)) as file:
                both += file.read()
        self.use(self.good, client_ca=self.authority.certificate, client_crl=self.write("both.crl", both, 0o644))
        self.assertEqual(self.check(0, "ok: client_crl: ").count("client_crl: the list"), 1)

    def test_nobody_is_waited_for(self):
        """A fifo in the place of a file, and what only a password opens."""
        self.listeners["ftp"]["client_certs"] = "optional"
        os.mkfifo(self.path("fifo"))
        self.use(self.good, client_ca=self.authority.certificate, client_crl=self.path("fifo"))
        self.check(2, "error: client_crl: holds no revocation list")
        self.refused_by_start("it is no regular file")

    # --- host keys ---

    def make_host_key(self, name, *arguments):
        done = run([need_tool("ssh-keygen"), "-q", "-f", self.path(name), "-C", "", "-N", "", *arguments])
        self.assertEqual(done.returncode, 0, done.stderr)
        return name

    def test_host_keys(self):
        self.listeners["ssh"] = {"protocol": "sftp", "address": "127.0.0.1:0"}
        self.check(0, "ok: host_keys: are made in")
        self.sections["ssh"] = {"host_keys": [self.make_host_key("a", "-t", "ed25519"),
                                              self.make_host_key("b", "-t", "ecdsa")]}
        shown = run([need_tool("ssh-keygen"), "-l", "-f", self.path("a")]).stdout.split()[1]
        self.check(0, "ok: host_keys: ssh-ed25519 " + shown, "ok: host_keys: ecdsa-sha2-nistp256 SHA256:")
        self.sections["ssh"]["host_keys"].append(self.make_host_key("c", "-t", "ed25519"))
        self.check(2, "error: host_keys: are of the same type")

    def test_host_keys_that_are_of_no_use(self):
        self.listeners["ssh"] = {"protocol": "sftp", "address": "127.0.0.1:0"}
        for name, arguments, line in (
                ("locked", ("-t", "ed25519", "-N", "secret"), "passphrase"),
                ("weak", ("-t", "rsa", "-b", "1024"), "too short to be safe")):
            with self.subTest(name):
                self.sections["ssh"] = {"host_keys": [self.make_host_key(name, *arguments)]}
                self.check(2, "error: host_keys: " + line)
        os.chmod(self.path(self.make_host_key("open", "-t", "ed25519")), 0o644)
        self.sections["ssh"] = {"host_keys": ["open"]}
        self.check(2, "error: host_keys: not private any more")
        self.sections["ssh"] = {"host_keys": ["nonesuch"]}
        self.check(2, "error: host_keys: No such file")

    # --- users ---

    def test_users(self):
        self.user("good")
        self.user("typo", "rot = \"/\"\n")
        self.user("rootless", root=False)
        self.user("mounted", 'mount "/in" { source = "%s" }\n' % self.path("srv", "nonesuch"))
        self.user("plain", 'password = "secret"\n')
        self.write("srv/file", "")
        self.user("file", root=False)
        self.check(2, "error: user typo: typo.conf:1", "error: user rootless: No such file",
                   "error: user mounted: /in", "error: user plain: is no hash", "error: user file: is no directory",
                   "ok: users: 1 of 6")

    @unittest.skipUnless(is_root(), "accounts count for a server that is started as root")
    def test_what_the_users_account_may(self):
        self.user("foreign")
        self.user("reader", 'access = "read-only"\n')
        self.user("nobody", 'files_user = "no-such-account"\n')
        for name in ("foreign", "reader"):
            os.chown(self.path("srv", name), 0, 0)
        self.check(2, "warning: user foreign: read and write there", "error: user nobody: is no account",
                   "ok: users: 1 of 3")

    def test_a_directory_of_users_that_is_missing_or_open(self):
        os.chmod(self.path("users.d"), 0o755)
        self.check(1, "warning: users_dir: anybody may look")
        os.chmod(self.path("users.d"), 0o777)
        self.check(2, "error: users_dir: anybody may write")
        os.rmdir(self.path("users.d"))
        self.check(1, "warning: users_dir: No such file")

    def test_the_anonymous_user(self):
        self.sections["anonymous"] = {"root": self.path("pub"), "files_user": FILES_UID}
        self.check(2, "error: anonymous: No such file")
        os.mkdir(self.path("pub"), 0o755)
        self.check(0, "ok: anonymous: pub")


if __name__ == "__main__":
    unittest.main()
