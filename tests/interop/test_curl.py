"""curl against transom: what a script does with a server."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from transom import SharedServer, TransomServer, make_file, modes, need_tool, run, sha256_file, wait_until

BIG_BYTES = 1 << 30
USERS = {"alice": {"password": "secret"}}


class Curl(SharedServer):
    """The tests; the classes below run them in each mode."""

    settings = {"users": USERS, "anonymous": {}}

    @classmethod
    def setUpClass(cls):
        need_tool("curl")
        super().setUpClass()

    def setUp(self):
        self.scratch = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.scratch)

    def local(self, name):
        return os.path.join(self.scratch, name)

    def curl(self, path, *arguments, user="alice", status=0):
        """Run curl on a path of the server; its standard output."""
        done = run(["curl", "-sS", "--max-time", "240", self.server.url(user, path), *arguments], timeout=300)
        self.assertEqual(done.returncode, status, "curl said: %s\n%s" % (done.stderr, self.server.log_tail()))
        return done.stdout

    def round_trip(self, name, size, *arguments):
        digest = make_file(self.local("up"), size)
        path = "/" + urllib.parse.quote(name)
        self.curl(path, "-T", self.local("up"), *arguments)
        self.assertEqual(sha256_file(self.server.path("alice", name)), digest)
        self.curl(path, "-o", self.local("down"), *arguments)
        self.assertEqual(sha256_file(self.local("down")), digest)

    def test_files_of_all_kinds_of_sizes_come_back_as_they_were(self):
        for size in (0, 1, 4095, 4096, 65537, 5000001):
            with self.subTest(size=size):
                self.round_trip("size-%d" % size, size)

    def test_pasv_epsv_port_and_eprt_carry_data(self):
        for name, arguments in (("epsv", ()), ("pasv", ("--disable-epsv",)),
                                ("eprt", ("-P", "-")), ("port", ("-P", "-", "--disable-eprt"))):
            with self.subTest(name):
                self.round_trip(name, 300000, *arguments)

    def test_non_ascii_names(self):
        for name in ("Grüße aus Köln.txt", "日本語の名前", "emoji \U0001f600", "sp ace+plus%percent", "#hash;semi"):
            with self.subTest(name):
                self.round_trip(name, 1000)
        self.assertIn("Grüße aus Köln.txt", self.curl("/", "--list-only").splitlines())

    def test_names_are_bytes_even_when_they_are_no_text(self):
        make_file(self.local("up"), 1000)
        self.curl("/latin-%FC%E4-%80", "-T", self.local("up"))
        self.assertIn(b"latin-\xfc\xe4-\x80", os.listdir(os.fsencode(self.server.root("alice"))))
        self.curl("/latin-%FC%E4-%80", "-o", self.local("down"))
        self.assertEqual(sha256_file(self.local("down")), sha256_file(self.local("up")))

    def test_missing_directories_are_made_on_request(self):
        make_file(self.local("up"), 1000)
        self.curl("/a/b/c/file", "-T", self.local("up"), "--ftp-create-dirs")
        self.assertEqual(os.path.getsize(self.server.path("alice", "a/b/c/file")), 1000)

    def test_size_and_time_of_a_file(self):
        path = self.server.write_file("alice", "dated", b"x" * 12345)
        os.utime(path, (1000000000, 1000000000))
        head = self.curl("/dated", "-I")
        self.assertIn("Content-Length: 12345", head)
        self.assertIn("Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT", head)

    def test_delete_and_rename_by_quote(self):
        self.server.write_file("alice", "old", b"1")
        self.server.write_file("alice", "gone", b"2")
        self.curl("/", "-Q", "-RNFR old", "-Q", "-RNTO new", "-Q", "-DELE gone")
        names = os.listdir(self.server.root("alice"))
        self.assertIn("new", names)
        self.assertNotIn("old", names)
        self.assertNotIn("gone", names)

    def test_a_long_listing_has_a_line_for_each_file(self):
        where = self.server.make_dir("alice", "listing")
        for number in range(50):
            with open(os.path.join(where, "f%02d" % number), "wb") as file:
                file.write(b"x" * number)
        lines = self.curl("/listing/").splitlines()
        self.assertEqual(len(lines), 50)
        self.assertTrue(all(line.startswith("-rw") for line in lines), lines[0])

    def test_a_wrong_password_is_refused(self):
        url = "ftp://alice:wrong@127.0.0.1:%d/" % self.server.port
        self.assertEqual(run(["curl", "-sS", url]).returncode, 67)

    def test_a_missing_file_is_an_error(self):
        self.curl("/nonesuch", status=78)

    def test_a_download_is_continued(self):
        digest = make_file(self.local("whole"), 3000000)
        with open(self.local("whole"), "rb") as file:
            content = file.read()
        self.server.write_file("alice", "continued", content)
        with open(self.local("down"), "wb") as file:
            file.write(content[:1234567])
        self.curl("/continued", "-C", "-", "-o", self.local("down"))
        self.assertEqual(sha256_file(self.local("down")), digest)
        self.server.wait_event("download", path="/continued", offset=1234567)

    def test_an_upload_that_was_cut_is_continued(self):
        digest = make_file(self.local("up"), 8 << 20)
        url = self.server.url("alice", "/cut")
        cut = subprocess.Popen(["curl", "-sS", "--limit-rate", "1M", "-T", self.local("up"), url],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: any(os.path.getsize(path) > 600000 for path in self.server.staged("alice")),
                       what="some bytes of the upload")
        finally:
            cut.send_signal(signal.SIGKILL)
            cut.wait(10)
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.assertFalse(os.path.exists(self.server.path("alice", "cut")))
        self.curl("/cut", "-C", "-", "-T", self.local("up"))
        self.assertEqual(sha256_file(self.server.path("alice", "cut")), digest)
        self.assertEqual(self.server.staged("alice"), [])

    def test_anonymous_may_read_and_not_write(self):
        self.server.write_file("anonymous", "public", b"for all")
        self.assertEqual(self.curl("/public", user=None), "for all")
        make_file(self.local("up"), 10)
        self.curl("/public", "-T", self.local("up"), user=None, status=25)
        self.assertEqual(self.server.read_file("anonymous", "public"), b"for all")


class CurlAsRoot(Curl, unittest.TestCase):
    mode = "root"


class CurlAsUser(Curl, unittest.TestCase):
    mode = "user"


class Big(unittest.TestCase):
    """A gibibyte, once; and how long it took, for whoever reads the log."""

    def test_one_gibibyte_both_ways(self):
        need_tool("curl")
        with tempfile.TemporaryDirectory() as scratch, TransomServer(mode=modes()[0], users=USERS) as server:
            if shutil.disk_usage(scratch).free < 4 * BIG_BYTES:
                self.skipTest("needs 4 GiB of free space in %s" % scratch)
            source = os.path.join(scratch, "up")
            digest = make_file(source, BIG_BYTES)
            url = server.url("alice", "/big")
            start = time.monotonic()
            self.assertEqual(run(["curl", "-sS", "-T", source, url], timeout=300).returncode, 0)
            middle = time.monotonic()
            os.unlink(source)
            self.assertEqual(sha256_file(server.path("alice", "big")), digest)
            again = time.monotonic()
            self.assertEqual(run(["curl", "-sS", "-o", source, url], timeout=300).returncode, 0)
            end = time.monotonic()
            self.assertEqual(sha256_file(source), digest)
            print("1 GiB: up %.2f s, down %.2f s" % (middle - start, end - again))
            event = server.wait_event("upload", path="/big")
            self.assertEqual((event["bytes"], event["result"]), (BIG_BYTES, "complete"))


if __name__ == "__main__":
    unittest.main()
