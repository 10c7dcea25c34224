"""lftp against transom: mirrors, many files, many connections."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from transom import FULL, SharedServer, make_file, need_tool, run, sha256_file, wait_until

SMALL_FILES = 10000
LARGE_BYTES = (1 << 30) if FULL else (128 << 20)
SETTINGS = ("set ftp:ssl-allow no; set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; "
            "set xfer:clobber yes; set file:charset UTF-8; set ftp:charset UTF-8; ")


def make_tree(top, count):
    """`count` small files in directories of a hundred; {relative path: digest}."""
    digests = {}
    for number in range(count):
        name = "d%03d/f%05d" % (number // 100, number)
        if number % 100 == 0:
            os.makedirs(os.path.join(top, os.path.dirname(name)))
        content = b"%d\n" % number * (number % 97)
        with open(os.path.join(top, name), "wb") as file:
            file.write(content)
        digests[name] = hashlib.sha256(content).digest()
    return digests


def read_tree(top):
    digests = {}
    for where, _, names in os.walk(top):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                digests[os.path.relpath(path, top)] = hashlib.sha256(file.read()).digest()
    return digests


class Lftp(SharedServer):
    settings = {"users": {"alice": {"password": "secret"}}, "anonymous": {}}
    small_files = SMALL_FILES

    @classmethod
    def setUpClass(cls):
        need_tool("lftp")
        super().setUpClass()

    def setUp(self):
        self.scratch = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.scratch)

    def local(self, name):
        return os.path.join(self.scratch, name)

    def command(self, script, user="alice"):
        login = "-u alice,secret" if user else ""
        opened = "open %s -p %d ftp://127.0.0.1; " % (login, self.server.port)
        return ["lftp", "--norc", "-c", SETTINGS + opened + script]

    def lftp(self, script, user="alice", ok=True):
        done = run(self.command(script, user), timeout=300, env=dict(
            os.environ, LC_ALL="C.UTF-8", HOME=self.scratch, LFTP_HOME=self.scratch))
        if ok:
            self.assertEqual(done.returncode, 0, "lftp said: %s%s\n%s" % (
                done.stdout, done.stderr, self.server.log_tail(10)))
        else:
            self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_ten_thousand_small_files_both_ways(self):
        digests = make_tree(self.local("tree"), self.small_files)
        self.lftp("mirror -R --parallel=4 %s /tree" % self.local("tree"))
        self.assertEqual(read_tree(self.server.path("alice", "tree")), digests)
        self.lftp("mirror --parallel=4 /tree %s" % self.local("back"))
        self.assertEqual(read_tree(self.local("back")), digests)
        shutil.rmtree(self.server.path("alice", "tree"))

    def test_a_mirror_that_is_up_to_date_moves_nothing(self):
        make_tree(self.local("tree"), 200)
        self.lftp("mirror -R %s /again" % self.local("tree"))
        said = self.lftp("mirror -R -v %s /again" % self.local("tree"))
        self.assertNotIn("Transferring", said)

    def test_a_large_file_both_ways(self):
        digest = make_file(self.local("up"), LARGE_BYTES)
        self.lftp("put %s -o /large" % self.local("up"))
        self.assertEqual(sha256_file(self.server.path("alice", "large")), digest)
        self.lftp("pget -n 4 /large -o %s" % self.local("down"))
        self.assertEqual(sha256_file(self.local("down")), digest)
        os.unlink(self.server.path("alice", "large"))

    def test_non_ascii_names(self):
        os.mkdir(self.local("names"))
        for name in ("Grüße", "日本語", "sp ace", "'quote'"):
            make_file(os.path.join(self.local("names"), name), 100)
        self.lftp("mirror -R %s /names" % self.local("names"))
        self.assertEqual(read_tree(self.server.path("alice", "names")), read_tree(self.local("names")))
        self.lftp("mirror /names %s" % self.local("back"))
        self.assertEqual(read_tree(self.local("back")), read_tree(self.local("names")))

    def test_a_download_is_continued(self):
        digest = make_file(self.local("whole"), 3000000)
        with open(self.local("whole"), "rb") as file:
            content = file.read()
        self.server.write_file("alice", "half", content)
        with open(self.local("down"), "wb") as file:
            file.write(content[:1000000])
        self.lftp("get -c /half -o %s" % self.local("down"))
        self.assertEqual(sha256_file(self.local("down")), digest)

    def test_an_upload_that_was_cut_is_continued(self):
        digest = make_file(self.local("up"), 8 << 20)
        cut = subprocess.Popen(self.command("set net:limit-rate 1000000; put %s -o /cut" % self.local("up")),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: any(os.path.getsize(path) > 600000 for path in self.server.staged("alice")),
                       what="some bytes of the upload")
        finally:
            cut.send_signal(signal.SIGKILL)
            cut.wait(10)
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.lftp("put -c %s -o /cut" % self.local("up"))
        self.assertEqual(sha256_file(self.server.path("alice", "cut")), digest)
        self.assertEqual(self.server.staged("alice"), [])

    def test_names_are_renamed_removed_and_listed(self):
        for name in ("one", "two", "three"):
            self.server.write_file("alice", "listed-" + name, b"x" * 10)
        self.lftp("mkdir -p sub/deep; mv listed-one sub/deep/moved; rm listed-two; rmdir -f nonesuch || true")
        self.assertEqual(self.lftp("cls -1 sub/deep/").split(), ["sub/deep/moved"])
        self.assertIn("listed-three", self.lftp("ls"))
        self.assertNotIn("listed-two", self.lftp("nlist"))
        self.lftp("rm -r sub")
        self.assertFalse(os.path.exists(self.server.path("alice", "sub")))

    def test_permissions_are_set(self):
        self.server.write_file("alice", "mode", b"x", mode=0o644)
        self.lftp("chmod 600 mode")
        self.assertIn(os.stat(self.server.path("alice", "mode")).st_mode & 0o777, (0o600, 0o644))

    def test_anonymous_may_read_and_not_write(self):
        self.server.write_file("anonymous", "public", b"for all")
        self.assertEqual(self.lftp("cat public", user=None), "for all")
        make_file(self.local("up"), 10)
        self.lftp("put %s -o intruder" % self.local("up"), user=None, ok=False)
        self.assertEqual(os.listdir(self.server.root("anonymous")), ["public"])


class LftpAsRoot(Lftp, unittest.TestCase):
    mode = "root"


class LftpAsUser(Lftp, unittest.TestCase):
    mode = "user"
    small_files = SMALL_FILES if FULL or os.geteuid() != 0 else 1000


if __name__ == "__main__":
    unittest.main()
