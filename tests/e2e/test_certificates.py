"""Certificates and keys that change, and that end, under a running server."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from certificates import Authority
from ftps import FtpsClient, client_context, finish
from transom import FTPS_BOTH, SCALE, ServerFailed, TransomServer, modes, program, read_all, run, wait_until

NOTICED = 30        # seconds within which a change must be noticed and in force
DAY = 86400
USERS = {"alice": {"password": "secret"}}


class Certificates(unittest.TestCase):
    """An authority, and a server whose certificate and key are files of its own directory."""

    mode = None

    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.mkdtemp(prefix="transom-certificates-")
        cls.addClassCleanup(shutil.rmtree, cls.keep)
        cls.authority = Authority(cls.keep, days=3650)
        cls.old = cls.issue("old.example.org")
        cls.new = cls.issue("new.example.org")

    @classmethod
    def issue(cls, name, days=365, **options):
        return cls.authority.issue(name, [name, "ftp.example.org"], days=days, **options)

    def server(self, made=None, links=False, mode=None, **options):
        """A running server with a copy of this certificate; with links, its files are symbolic ones."""
        server = TransomServer(mode=mode, users=USERS, listeners=FTPS_BOTH, **options)
        server.prepare()
        self.addCleanup(server.__exit__, None, None, None)
        self.tls_dir = os.path.join(server.dir, "tls")
        os.mkdir(self.tls_dir)
        self.owner = (os.stat(server.conf).st_uid, os.stat(server.conf).st_gid)
        names = {"certificate": os.path.join(self.tls_dir, "cert.pem"), "key": os.path.join(self.tls_dir, "key.pem")}
        self.place(made or self.old, **({"suffix": "1", "links": True} if links else {}))
        server.tls_options.update(names)
        server.write_conf()
        server.start()
        return server

    def copy(self, source, name, mode=0o600):
        """Put a file into the server's directory by rename, as whoever starts the server."""
        path = os.path.join(self.tls_dir, name)
        shutil.copy(source, path + ".new")
        os.chmod(path + ".new", mode)
        os.chown(path + ".new", *self.owner)
        os.rename(path + ".new", path)
        return path

    def place(self, made, suffix="", links=False):
        renames = []
        for source, name in ((made.certificate, "cert"), (made.key, "key")):
            path = self.copy(source, "%s%s.pem" % (name, suffix))
            if links:
                link = os.path.join(self.tls_dir, name + ".pem")
                os.symlink(os.path.basename(path), link + ".new")
                renames.append((link + ".new", link))
        for one in renames:     # both at once: a certificate without its key would be told of
            os.rename(*one)

    def served(self, server, implicit=True):
        """The common name of the certificate that a new client is shown."""
        context = client_context(self.authority.certificate)
        port = server.port_of("ftps" if implicit else "ftp")
        with FtpsClient(port, context, implicit=implicit) as ftp:
            subject = dict(pair[0] for pair in ftp.sock.getpeercert()["subject"])
        return subject["commonName"]

    def wait_served(self, server, name):
        wait_until(lambda: self.served(server) == name, NOTICED, name)

    def logged_in(self, server, **options):
        ftp = FtpsClient(server.port_of("ftps"), client_context(self.authority.certificate), implicit=True, **options)
        self.addCleanup(ftp.close)
        ftp.login("alice", "secret")
        ftp.protect()
        ftp.cmd("TYPE I")
        return ftp

    def check_transfer(self, ftp, content):
        data = ftp.transfer("RETR file")
        self.assertEqual(read_all(data), content)
        finish(data)
        self.assertTrue(ftp.reply().startswith("226"))


class Reloaded(Certificates):
    def test_hup_takes_the_new_files_and_running_sessions_go_on(self):
        for mode in modes():
            with self.subTest(mode):
                server = self.server(mode=mode)
                server.write_file("alice", "file", b"x" * 100000)
                self.assertEqual(self.served(server), "old.example.org")
                self.assertEqual(self.served(server, implicit=False), "old.example.org")
                ftp = self.logged_in(server)
                self.check_transfer(ftp, b"x" * 100000)
                self.place(self.new)
                self.assertEqual(server.reload()["event"], "reload")
                self.assertEqual(self.served(server), "new.example.org")
                self.assertEqual(self.served(server, implicit=False), "new.example.org")
                # Its own certificate, its own tickets: nothing of it has changed.
                for _ in range(5):
                    self.check_transfer(ftp, b"x" * 100000)
                self.assertEqual(ftp.code("QUIT"), 221)

    def test_hup_in_the_middle_of_a_transfer(self):
        server = self.server()
        content = os.urandom(1 << 20) * 8
        server.write_file("alice", "file", content)
        ftp = self.logged_in(server)
        data = ftp.transfer("RETR file")
        begun = data.recv(1000)
        self.place(self.new)
        self.assertEqual(server.reload()["event"], "reload")
        self.assertEqual(begun + read_all(data), content)
        finish(data)
        self.assertTrue(ftp.reply().startswith("226"))

    def test_handshakes_during_a_storm_of_reloads_all_succeed(self):
        server = self.server()
        names = set()
        end = time.monotonic() + 4
        made = [self.new, self.old]
        next_hup = 0.0
        while time.monotonic() < end or len(names) < 2 and time.monotonic() < end + NOTICED * SCALE:
            if time.monotonic() > next_hup:
                made.reverse()
                self.place(made[0])
                server.signal(1)
                next_hup = time.monotonic() + 0.7
            names.add(self.served(server))
        self.assertEqual(names, {"old.example.org", "new.example.org"})

    def test_a_bad_certificate_leaves_the_old_one_in_force(self):
        server = self.server()
        broken = os.path.join(self.keep, "broken")
        with open(broken, "w") as file:
            file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        for name, source in (("cert.pem", broken), ("key.pem", broken), ("key.pem", self.new.key)):
            with self.subTest(name=name, source=os.path.basename(source)):
                self.place(self.old)
                self.copy(source, name)
                event = server.reload()
                self.assertEqual(event["event"], "reload-failed")
                self.assertIn(".pem", event["reason"])
                self.assertTrue(event["cure"])
                self.assertEqual(self.served(server), "old.example.org")
        self.place(self.new)
        self.assertEqual(server.reload()["event"], "reload")
        self.assertEqual(self.served(server), "new.example.org")

    def test_a_bad_certificate_stops_a_start_with_its_name(self):
        server = self.server()
        server.stop()
        self.copy(self.new.key, "key.pem")
        with self.assertRaises(ServerFailed) as caught:
            server.start()
        self.assertIn("cert.pem", caught.exception.stderr)


class Noticed(Certificates):
    """Nobody sends HUP."""

    def test_a_certificate_that_is_replaced_before_its_key(self):
        server = self.server()
        ftp = self.logged_in(server)
        self.copy(self.new.certificate, "cert.pem")
        event = server.wait_event("reload-failed", NOTICED)
        self.assertIn("cert.pem", event["reason"])
        self.assertEqual(self.served(server), "old.example.org")
        self.copy(self.new.key, "key.pem")
        self.wait_served(server, "new.example.org")
        changed = server.log_events("certificate-changed")
        self.assertEqual([os.path.basename(one["file"]) for one in changed], ["cert.pem", "key.pem"])
        self.assertEqual(ftp.code("NOOP"), 200)
        # Once for each change, and no more.
        time.sleep(8 * SCALE)
        self.assertEqual(len(server.log_events("certificate-changed")), 2)
        self.assertEqual(len(server.log_events("reload")), 1)
        self.assertEqual(server.log_events("crash"), [])

    def test_symbolic_links_that_are_pointed_elsewhere(self):
        """What certbot does."""
        server = self.server(links=True)
        self.assertEqual(self.served(server), "old.example.org")
        self.place(self.new, suffix="2", links=True)
        self.wait_served(server, "new.example.org")
        self.assertEqual(server.log_events("reload-failed"), [])

    def test_a_configuration_that_is_being_edited_is_not_taken(self):
        server = self.server()
        with open(server.conf, "a") as file:
            file.write("half a sentence")
        self.place(self.new)
        self.wait_served(server, "new.example.org")
        server.wait_event("reload")     # the certificate's, which may be logged after it is served
        self.assertEqual(server.reload()["event"], "reload-failed")


class Expiring(Certificates):
    def ending_in(self, seconds):
        """A certificate that ends then: openssl counts in days, `openssl ca` in seconds."""
        made = self.issue("ending.example.org", file="ending-%d" % seconds)
        end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))
        settings = os.path.join(self.authority.directory, "settings")
        with open(settings) as file:
            text = file.read()
        if "policy_any" not in text:
            with open(settings, "a") as file:
                file.write("serial = serial\n[policy_any]\ncommonName = supplied\n")
        base = made.certificate[:-len(".crt")]
        subprocess.run(["openssl", "ca", "-config", "settings", "-batch", "-notext", "-create_serial", "-cert",
                        self.authority.certificate, "-keyfile", self.authority.key, "-in", base + ".csr", "-out",
                        made.certificate, "-startdate", "20200101000000Z", "-enddate", end, "-outdir", self.keep,
                        "-policy", "policy_any", "-extfile", base + ".ext"],
                       cwd=self.authority.directory, check=True, capture_output=True, timeout=60 * SCALE)
        return made

    def test_one_that_ends_soon(self):
        made = self.issue("soon.example.org", days=20, file="soon")
        server = self.server(made)
        event = server.wait_event("certificate-expires")
        self.assertEqual(event["level"], "warning")
        self.assertEqual(event["names"], "soon.example.org ftp.example.org")
        self.assertIn(event["days"], (19, 20))    # whole days: a second later there is a little less than 20
        told = run(["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", made.certificate]).stdout
        self.assertIn("notAfter=%s " % event["expires"], told)
        self.assertTrue(event["file"].endswith("/tls/cert.pem"))
        # Not again with each reload, but for another certificate.
        server.reload()
        server.reload()
        self.assertEqual(len(server.log_events("certificate-expires")), 1)
        self.place(self.issue("other.example.org", days=3, file="other-soon"))
        server.reload()
        self.assertIn(server.wait_event("certificate-expires", count=2)["days"], (2, 3))
        self.place(self.new)
        server.reload()
        self.assertEqual(len(server.log_events("certificate-expires")), 2)

    def test_one_that_does_not(self):
        server = self.server(self.issue("late.example.org", days=23, file="late"))
        server.reload()
        self.assertEqual(server.log_events("certificate-expires"), [])

    def test_the_time_of_the_warning_is_the_administrators(self):
        server = self.server(self.issue("late.example.org", days=300, file="very-late"), tls={"expiry_warning": "365d"})
        server.wait_event("certificate-expires")

    def test_one_that_ends_while_the_server_runs(self):
        server = self.server(self.ending_in(8 * SCALE))
        self.assertEqual(server.wait_event("certificate-expires")["days"], 0)
        event = server.wait_event("certificate-expired", 20)
        self.assertEqual(event["level"], "error")

    def test_a_renewal_that_is_not_taken_does_not_silence_the_end(self):
        """What is served is what ends, whatever lies in the file by then."""
        server = self.server(self.ending_in(8 * SCALE))
        server.wait_event("certificate-expires")
        self.copy(self.new.certificate, "cert.pem")     # and the former one's key
        self.assertEqual(server.reload()["event"], "reload-failed")
        server.wait_event("certificate-expired", 20)
        metrics = subprocess.run([program("transomctl"), "-c", server.conf, "metrics"], check=True, capture_output=True,
                                 timeout=60 * SCALE, text=True).stdout
        ends = re.search(r"^transom_certificate_expiry_timestamp_seconds{.*} (\d+)$", metrics, re.M)
        self.assertLess(int(ends.group(1)), time.time())

    def test_one_that_has_ended(self):
        """The server starts all the same: clients that do not look are served, and the log says it."""
        server = self.server(self.ending_in(-3 * DAY - 10))
        event = server.wait_event("certificate-expired")
        self.assertEqual(event["days"], 3)
        with FtpsClient(server.port_of("ftps"), implicit=True) as ftp:
            ftp.login("alice", "secret")

    def test_an_authority_that_ends_before_the_servers_own(self):
        ending = Authority(tempfile.mkdtemp(dir=self.keep), days=5)
        server = self.server(ending.issue("ftp.example.org", ["ftp.example.org"], days=300))
        event = server.wait_event("certificate-expires")
        self.assertIn(event["days"], (4, 5))
        self.assertEqual(event["names"], "ftp.example.org")
        self.assertIn("chain", event["reason"])


class OutOfDate(Certificates):
    """Revocation lists."""

    def list_until(self, name, seconds, begun=DAY):
        """One of the authority's, that began so long ago and ends then."""
        path = os.path.join(self.keep, name)
        dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + when)) for when in (-begun, seconds)]
        subprocess.run(["openssl", "ca", "-config", "settings", "-cert", self.authority.certificate, "-keyfile",
                        self.authority.key, "-gencrl", "-crl_lastupdate", dates[0], "-crl_nextupdate", dates[1], "-out",
                        path], cwd=self.authority.directory, check=True, capture_output=True, timeout=60 * SCALE)
        return path

    def server_with(self, crl, client_certs="optional", **tls):
        """Its client_crl is a copy of the file."""
        server = self.server(tls=tls)
        server.stop()
        for listener in server.listeners.values():
            listener["client_certs"] = client_certs
        server.tls_options.update(client_ca=self.copy(self.authority.certificate, "ca.pem"), client_crl=self.copy(crl, "crl"))
        server.write_conf()
        server.start()
        return server

    def expiry(self, server):
        metrics = subprocess.run([program("transomctl"), "-c", server.conf, "metrics"], check=True, capture_output=True,
                                 timeout=60 * SCALE, text=True).stdout
        return re.findall(r"^transom_crl_expiry_timestamp_seconds{file=\"([^\"]*)\",issuer=\"([^\"]*)\"} (\d+)$", metrics, re.M)

    def test_one_that_is_out_of_date(self):
        server = self.server_with(self.list_until("old", -2 * DAY - 10, begun=9 * DAY))
        event = server.wait_event("crl-expired")
        self.assertEqual((event["level"], event["days"], os.path.basename(event["file"])), ("error", 2, "crl"))
        self.assertIn("CN=transom test authority", event["names"])
        self.assertTrue(event["cure"])
        server.reload()
        self.assertEqual(len(server.log_events("crl-expired")), 1)
        (file, issuer, end), = self.expiry(server)
        self.assertEqual((os.path.basename(file), issuer), ("crl", event["names"]))
        self.assertLess(int(end), time.time())
        status = subprocess.run([program("transomctl"), "-c", server.conf, "status"], check=True, capture_output=True,
                                timeout=60 * SCALE, text=True).stdout
        self.assertRegex(status, r"(?m)^revocation list .*/crl: has ended .* 2 days ago; by CN=")
        # A new one in its place is taken, and has nothing to tell.
        self.copy(self.list_until("new", 6 * DAY), "crl")
        server.wait_event("reload", NOTICED, count=2)
        self.assertGreater(int(self.expiry(server)[0][2]), time.time())
        self.assertEqual(server.log_events("crl-expires"), [])

    def test_the_last_fifth_of_its_life_is_told(self):
        server = self.server_with(self.list_until("ending", DAY, begun=6 * DAY))
        self.assertIn(server.wait_event("crl-expires")["days"], (0, 1))
        server = self.server_with(self.list_until("young", 2 * DAY, begun=6 * DAY))
        self.assertEqual(server.log_events("crl-expires"), [])

    def test_one_that_ends_while_the_server_runs(self):
        server = self.server_with(self.list_until("running", 8 * SCALE))
        server.wait_event("crl-expires")
        server.wait_event("crl-expired", 20)

    def test_where_nobody_is_asked_for_a_certificate_it_does_not_matter(self):
        server = self.server_with(self.list_until("idle", -DAY, begun=9 * DAY), client_certs="off")
        self.assertEqual(server.log_events("crl-expired"), [])
        self.assertEqual(self.expiry(server), [])


if __name__ == "__main__":
    unittest.main()
