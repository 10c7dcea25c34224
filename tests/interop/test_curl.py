"""curl against transom: what a script does with a server."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from client import Client
from transom import TransomServer, make_file, modes, need_tool, run, sha256_file, wait_until

BIG_BYTES = 1 << 30
USERS = {"alice": {"password": "secret"}}


class Curl(Client):
    """The tests; the classes below run them in each mode."""

    tools = ("curl",)

    def curl(self, path, *arguments, user="alice", status=0):
        """Run curl on a path of the server; its standard output."""
        command = ["curl", "-q", "-sS", "--max-time", "240", self.server.url(user, path), *arguments]
        return self.execute(command, status, timeout=300)[0]

    def random_remote(self, name, size=300001):
        """A file in alice's root; its content."""
        self.make_remote(name, size)
        return self.server.read_file("alice", name)

    def downloaded(self, name="down"):
        with open(self.local(name), "rb") as file:
            return file.read()

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
            # Two seconds of it: the longer an upload took, the longer its client's desertion is waited for.
            wait_until(lambda: any(os.path.getsize(path) > 2000000 for path in self.server.staged("alice")),
                       what="some bytes of the upload")
        finally:
            cut.send_signal(signal.SIGKILL)
            cut.wait(10)
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.assertFalse(os.path.exists(self.server.path("alice", "cut")))
        self.curl("/cut", "-C", "-", "-T", self.local("up"))
        self.assertEqual(sha256_file(self.server.path("alice", "cut")), digest)
        self.assertEqual(self.server.staged("alice"), [])

    def test_a_download_starts_at_the_byte_that_is_asked_for(self):
        content = self.random_remote("offset")
        self.curl("/offset", "-C", "200000", "-o", self.local("down"))
        self.assertEqual(self.downloaded(), content[200000:])

    def test_an_upload_is_added_to_the_end(self):
        content = self.random_remote("longer")
        self.make_local("up", 50000, seed=2)
        self.curl("/longer", "-a", "-T", self.local("up"))
        with open(self.local("up"), "rb") as file:
            self.assertEqual(self.server.read_file("alice", "longer"), content + file.read())

    def test_ranges(self):
        """Ranges that end early are broken off by curl; the next on the same connection gets its own bytes."""
        content = self.random_remote("ranges", 9 << 20)
        self.server.write_file("alice", "ranges-too", content[::-1])
        for option, begin, end in (("0-0", 0, 1), ("0-99", 0, 100), ("100-4999999", 100, 5000000),
                                   ("8000000-", 8000000, None), ("-70000", -70000, None)):
            with self.subTest(option):
                self.curl("/ranges", "-r", option, "-o", self.local("down"), "-o", self.local("down2"),
                          self.server.url("alice", "/ranges-too"))
                self.assertEqual(self.downloaded(), content[begin:end])
                self.assertEqual(self.downloaded("down2"), content[::-1][begin:end])

    def test_type_a_translates_line_ends(self):
        text = b"one\ntwo\n\nfour" * 20000 + b"\n"
        self.server.write_file("alice", "text", text)
        received = self.curl("/text;type=a", "-w", "%{size_download}", "-o", self.local("down"))
        self.assertEqual(int(received), len(text) + text.count(b"\n"))
        self.assertEqual(self.downloaded(), text)       # curl translates back what came
        sent = self.curl("/text-back;type=a", "--crlf", "-w", "%{size_upload}", "-T", self.local("down"))
        self.assertEqual(int(sent), len(text) + text.count(b"\n"))
        self.assertEqual(self.server.read_file("alice", "text-back"), text)
        self.curl("/text;type=i", "-o", self.local("down"))
        self.assertEqual(self.downloaded(), text)

    def test_commands_before_and_after_a_transfer(self):
        """-Q without a sign runs first, with + right before the transfer, with - after it."""
        digest = self.make_remote("before")
        self.curl("/sub/between", "-Q", "MKD sub", "-Q", "RNFR before", "-Q", "RNTO sub/during",
                  "-Q", "+RNFR during", "-Q", "+RNTO between", "-Q", "-RNFR between", "-Q", "-RNTO after",
                  "-o", self.local("down"))
        self.assertFile(self.local("down"), digest)
        self.assertEqual(os.listdir(self.remote("sub")), ["after"])

    def test_a_command_that_fails_stops_all_unless_it_may_fail(self):
        digest = self.make_remote("kept")
        self.curl("/kept", "-Q", "DELE nonesuch", "-o", self.local("down"), status=21)
        self.assertFalse(os.path.exists(self.local("down")))
        self.curl("/kept", "-Q", "*DELE nonesuch", "-Q", "-*RMD nonesuch", "-o", self.local("down"))
        self.assertFile(self.local("down"), digest)
        self.curl("/kept", "-Q", "-DELE nonesuch", "-o", self.local("down"), status=21)

    def test_each_way_to_reach_a_directory(self):
        for method in ("multicwd", "nocwd", "singlecwd"):
            with self.subTest(method):
                options = ("--ftp-method", method)
                below = "%s/d e/deep" % method
                digest = self.make_local("up")
                self.curl("/" + urllib.parse.quote(below + "/file"), "-T", self.local("up"),
                          "--ftp-create-dirs", "--ftp-method", "multicwd")
                self.curl("/" + urllib.parse.quote(below + "/other"), "-T", self.local("up"), *options)
                self.assertFile(self.remote(below, "other"), digest)
                for path in ("/", "//"):        # from the login directory, and from the root
                    self.curl(path + urllib.parse.quote(below + "/file"), "-o", self.local("down"), *options)
                    self.assertFile(self.local("down"), digest)
                names = self.curl("/" + urllib.parse.quote(below + "/"), "-l", *options).splitlines()
                self.assertEqual(sorted(os.path.basename(name) for name in names), ["file", "other"])
                self.assertEqual(len(self.curl("/%s/" % method, *options).splitlines()), 1)
                self.curl("/%s/nonesuch/file" % method, *options,
                          status={"multicwd": 9, "nocwd": 78, "singlecwd": 9}[method])

    def test_names_only(self):
        self.server.make_dir("alice", "names")
        wanted = [".hidden", "a", "b c", "dir"]
        for name in wanted[:3]:
            self.server.write_file("alice", "names/" + name, b"x")
        self.server.make_dir("alice", "names/dir")
        self.assertEqual(sorted(self.curl("/names/", "-l").splitlines()), wanted[1:])
        self.assertEqual(self.curl("/names/dir/", "-l"), "")
        self.assertEqual(sorted(self.curl("/names/;type=d").splitlines()), wanted[1:])

    def test_time_of_a_file_is_taken_over_and_compared(self):
        digest = self.make_remote("timed")
        os.utime(self.remote("timed"), (1000000000, 1000000000))
        self.curl("/timed", "-R", "-o", self.local("down"))
        self.assertEqual(os.stat(self.local("down")).st_mtime, 1000000000)
        self.curl("/timed", "-z", "20010910", "-o", self.local("newer"))
        self.assertFalse(os.path.exists(self.local("newer")))
        self.curl("/timed", "-z", "20010908", "-o", self.local("newer"))
        self.assertFile(self.local("newer"), digest)

    def test_several_transfers_share_a_connection_and_run_side_by_side(self):
        digests = [self.make_local("up%d" % number, seed=number) for number in range(8)]
        logins = len(self.server.log_events("login"))
        self.curl("/", "-T", self.local("up[0-7]"))
        self.server.wait_event("login", count=logins + 1)
        self.assertEqual(len(self.server.log_events("login")), logins + 1)
        for number, digest in enumerate(digests):
            self.assertFile(self.remote("up%d" % number), digest)
        self.execute(["curl", "-q", "-sS", "-Z", self.server.url("alice", "/up[0-7]"), "-o", "#1"])
        for number, digest in enumerate(digests):
            self.assertFile(self.local(str(number)), digest)

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
