"""lftp against transom: mirrors, many files, many connections."""

import os
import shutil
import signal
import subprocess
import unittest

from client import Client, make_nested_tree, make_tree, read_times, read_tree
from transom import FULL, make_file, run, sha256_file, wait_until

SMALL_FILES = 10000
LARGE_BYTES = (1 << 30) if FULL else (128 << 20)
SETTINGS = ("set ftp:ssl-allow no; set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; "
            "set xfer:clobber yes; set file:charset UTF-8; set ftp:charset UTF-8; ")


class Lftp(Client):
    tools = ("lftp",)
    small_files = SMALL_FILES

    def command(self, script, user="alice"):
        login = "-u alice,secret" if user else ""
        opened = "open %s -p %d ftp://127.0.0.1; " % (login, self.server.port)
        return ["lftp", "--norc", "-c", SETTINGS + opened + script]

    def lftp(self, script, user="alice", ok=True):
        done = run(self.command(script, user), timeout=300, env=dict(
            self.environment(), LFTP_HOME=self.scratch))
        self.server.wait_rest()
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
            wait_until(lambda: any(os.path.getsize(path) > 2000000 for path in self.server.staged("alice")),
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
        self.lftp("mkdir -p sub/deep sub/deeper/still; rm -r sub")
        self.assertFalse(os.path.exists(self.server.path("alice", "sub")))

    def test_names_by_pattern_both_ways(self):
        self.server.make_dir("alice", "globs")
        wanted = {}
        for number, name in enumerate(("a1", "a2", "a 3", "b1", "b2", "c")):
            wanted[name] = self.make_remote("globs/" + name, 1000 + number, seed=number)
        os.mkdir(self.local("down"))
        self.lftp("lcd %s; cd globs; mget a* b[2-9] ?" % self.local("down"))
        self.assertEqual(sorted(os.listdir(self.local("down"))), ["a 3", "a1", "a2", "b2", "c"])
        for name in os.listdir(self.local("down")):
            self.assertFile(self.local("down", name), wanted[name])
        self.lftp("mget -O %s /globs/b?" % self.local("down"))
        self.assertFile(self.local("down", "b1"), wanted["b1"])
        self.lftp("lcd %s; mkdir globs/back; mput -O /globs/back *1" % self.local("down"))
        self.assertEqual(sorted(os.listdir(self.remote("globs", "back"))), ["a1", "b1"])
        self.assertFile(self.remote("globs/back/a1"), wanted["a1"])
        self.lftp("cd globs; glob -- rm a*; mrm b*")
        self.assertEqual(sorted(os.listdir(self.remote("globs"))), ["back", "c"])

    def test_active_mode(self):
        make_nested_tree(self.local("tree"))
        active = "set ftp:passive-mode off; "
        self.lftp(active + "mirror -R %s /active" % self.local("tree"))
        self.assertSameTree(self.remote("active"), self.local("tree"))
        self.lftp(active + "mirror /active %s" % self.local("back"))
        self.assertSameTree(self.local("back"), self.local("tree"))

    def test_a_mirror_keeps_times_and_removes_what_is_gone(self):
        make_nested_tree(self.local("tree"))
        os.utime(self.local("tree", "a file"), (1000000000, 1000000000))
        self.lftp("mirror -R %s /timed" % self.local("tree"))
        self.assertEqual(read_times(self.remote("timed")), read_times(self.local("tree")))
        os.unlink(self.local("tree", "sub", "f1"))
        shutil.rmtree(self.local("tree", "other"))
        self.lftp("mirror -R --delete %s /timed" % self.local("tree"))
        self.assertSameTree(self.remote("timed"), self.local("tree"))
        self.assertFalse(os.path.exists(self.remote("timed", "other")))
        self.lftp("mirror /timed %s" % self.local("back"))
        self.assertEqual(read_times(self.local("back")), read_times(self.local("tree")))

    def test_a_mirror_that_was_cut_is_continued(self):
        make_nested_tree(self.local("tree"))
        os.utime(self.local("tree", "sub", "f2"), (1000000000, 1000000000))     # older than what will be there
        self.lftp("mirror -R %s /cut-tree" % self.local("tree"))
        shutil.copytree(self.local("tree"), self.local("back"))
        os.unlink(self.local("back", "sub", "f1"))
        os.truncate(self.local("back", "sub", "f2"), 100000)
        self.lftp("mirror -c /cut-tree %s" % self.local("back"))
        self.assertSameTree(self.local("back"), self.local("tree"))
        self.server.wait_event("download", path="/cut-tree/sub/f2", offset=100000)

    def test_symbolic_links(self):
        digest = self.make_remote("linked")
        self.lftp("ln -s linked link; get link -o %s" % self.local("down"))
        self.assertEqual(os.readlink(self.remote("link")), "linked")
        self.assertFile(self.local("down"), digest)
        self.lftp("mirror -L -I link / %s" % self.local("back"))
        self.assertFile(self.local("back", "link"), digest)
        self.assertFalse(os.path.islink(self.local("back", "link")))

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
