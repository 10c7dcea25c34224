"""lftp over TLS (GnuTLS): mirrors both ways, explicit and implicit, many connections, resumption required."""

import os
import unittest

from client import FtpsClient, make_nested_tree, make_tree, read_tree
from transom import run

SMALL_FILES = 300
SETTINGS = ("set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ftp:ssl-protect-list yes; "
            "set ssl:verify-certificate yes; set net:max-retries 1; set net:persist-retries 0; set net:timeout 20; "
            "set net:reconnect-interval-base 1; set cmd:fail-exit yes; "
            "set xfer:clobber yes; set ftp:charset UTF-8; set file:charset UTF-8; ")
VERSIONS = {"1.2": "set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS1.2; ", "1.3": "set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS1.3; "}


class Lftp(FtpsClient):
    """The tests; the classes below run them in each mode."""

    tools = ("lftp",)

    def lftp(self, listener, script, settings="", ok=True):
        scheme = "ftps" if "implicit" in listener else "ftp"
        opened = "set ssl:ca-file %s; %sopen -u alice,secret -p %d %s://127.0.0.1; " % (
            self.trusted, settings, self.server.ports[listener], scheme)
        done = run(["lftp", "--norc", "-c", SETTINGS + opened + script], timeout=120,
                   env=dict(self.environment(), LFTP_HOME=self.scratch))
        if ok:
            self.assertEqual(done.returncode, 0, "lftp said: %s%s\n%s" % (
                done.stdout, done.stderr, self.server.log_tail()))
        return done

    def test_mirrors_both_ways(self):
        make_nested_tree(self.local("tree"))
        for listener in ("explicit", "implicit"):
            for version, settings in VERSIONS.items():
                with self.subTest(listener=listener, version=version):
                    name = "tree-%s-%s" % (listener, version)
                    self.lftp(listener, "mirror -R %s /%s" % (self.local("tree"), name), settings)
                    self.assertSameTree(self.remote(name), self.local("tree"))
                    self.lftp(listener, "mirror /%s %s" % (name, self.local(name)), settings)
                    self.assertSameTree(self.local(name), self.local("tree"))
        self.assertEqual(self.new_events("data-failed"), [])

    def test_many_small_files_over_many_connections(self):
        digests = make_tree(self.local("tree"), SMALL_FILES)
        for listener in ("explicit", "implicit"):
            with self.subTest(listener):
                self.lftp(listener, "mirror -R --parallel=4 %s /many-%s" % (self.local("tree"), listener))
                self.assertEqual(read_tree(self.remote("many-" + listener)), digests)
                self.lftp(listener, "mirror --parallel=4 /many-%s %s" % (listener, self.local(listener)))
                self.assertEqual(read_tree(self.local(listener)), digests)

    def test_a_file_in_segments(self):
        digest = self.make_remote("segments", 40 << 20)
        self.lftp("explicit", "pget -n 4 /segments -o %s" % self.local("down"))
        self.assertFile(self.local("down"), digest)

    def test_active_mode(self):
        make_nested_tree(self.local("tree"))
        self.lftp("explicit", "mirror -R %s /active" % self.local("tree"), "set ftp:passive-mode off; ")
        self.assertSameTree(self.remote("active"), self.local("tree"))

    def test_what_is_not_protected_is_refused_where_it_must_be(self):
        self.make_remote("secret-file", 1000)
        plain = "set ftp:ssl-force no; set ftp:ssl-allow no; "
        never = "get /secret-file -o %s" % self.local("never")
        self.assertIn("AUTH TLS", self.lftp("strict", never, plain, ok=False).stderr)
        clear = "set ftp:ssl-protect-data no; set ftp:ssl-protect-list no; "
        self.assertIn("521", self.lftp("strict", never, clear, ok=False).stderr)
        self.assertFalse(os.path.exists(self.local("never")) and os.path.getsize(self.local("never")))
        self.lftp("strict", "get /secret-file -o %s" % self.local("down"))

    def test_a_client_that_does_not_resume_is_refused_and_told_why(self):
        self.make_remote("unresumed", 1000)
        once = "set ftp:ssl-copy-sid no; "
        said = self.lftp("explicit", "get /unresumed -o %s" % self.local("never"), once, ok=False)
        self.assertIn("522", said.stderr)
        event = self.server.wait_event("data-failed")
        self.assertIn("resum", event["reason"])
        self.assertIn("cure", event)
        self.lftp("lenient", "get /unresumed -o %s" % self.local("down"), once)


class LftpAsRoot(Lftp, unittest.TestCase):
    mode = "root"


class LftpAsUser(Lftp, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
