"""tnftp (the BSD ftp) against transom: scripts on its standard input, and URLs on its command line."""

import os
import re
import unittest

from client import Client
from transom import sha256_file

# What makes it choose each of the four ways to a data connection.
WAYS = {
    "epsv": (),
    "pasv": ("epsv4",),                     # a toggle: now off
    "eprt": ("passive off",),
    "port": ("passive off", "epsv4"),
}


class Tnftp(Client):
    tools = ("tnftp",)

    def tnftp(self, *lines, user="alice", password="secret"):
        """Run it with these commands after the login; what it and the server said."""
        opened = ("open 127.0.0.1 %d" % self.server.port, "user %s %s" % (user, password), "binary")
        return self.interact(["tnftp", "-n", "-i", "-v", "-N", "/dev/null"], [*opened, *lines, "quit"])

    def fetch(self, *arguments, status=0):
        return self.execute(["tnftp", "-V", "-N", "/dev/null", "-q", "20", *arguments], status)

    def listed(self, name):
        """Lines that the client wrote to a local file."""
        with open(self.local(name)) as file:
            return file.read().splitlines()

    def test_each_way_to_a_data_connection(self):
        digest = self.make_local("up")
        for way, settings in WAYS.items():
            with self.subTest(way):
                said = self.tnftp(*settings, "put up %s" % way, "get %s down-%s" % (way, way))
                self.assertFile(self.remote(way), digest)
                self.assertFile(self.local("down-" + way), digest)
                self.assertEqual(len(re.findall("(?m)^226 ", said)), 2, said)
                self.assertEqual("229 Entering" in said, way == "epsv")
                self.assertEqual("227 Entering" in said, way == "pasv")

    def test_many_files_by_pattern(self):
        digests = {name: self.make_local(name, 2000 + seed, seed) for seed, name in enumerate(("a1", "a2", "b1", "b2"))}
        os.mkdir(self.local("down"))
        self.tnftp("mkdir many", "cd many", "mput a? b1", "put b2", "lcd down", "mget a* b2", "mdelete a*")
        self.assertEqual(sorted(os.listdir(self.remote("many"))), ["b1", "b2"])
        self.assertEqual(sorted(os.listdir(self.local("down"))), ["a1", "a2", "b2"])
        for name in os.listdir(self.local("down")):
            self.assertFile(self.local("down", name), digests[name])

    def test_downloads_continue_and_start_anywhere(self):
        digest = self.make_remote("whole")
        content = self.server.read_file("alice", "whole")
        for name in ("whole", "offset"):
            with open(self.local(name), "wb") as file:
                file.write(content[:123456])
        self.tnftp("reget whole", "restart 123456", "get whole offset")
        self.assertFile(self.local("whole"), digest)
        self.assertFile(self.local("offset"), digest)
        self.server.wait_event("download", path="/whole", offset=123456, count=2)

    def test_uploads_continue_and_are_added(self):
        digest = self.make_local("up")
        with open(self.local("up"), "rb") as file:
            content = file.read()
        self.server.write_file("alice", "restarted", content[:100000])
        self.server.write_file("alice", "appended", b"begin ")
        self.tnftp("restart 100000", "put up restarted", "append up appended")
        self.assertFile(self.remote("restarted"), digest)
        self.assertEqual(self.server.read_file("alice", "appended"), b"begin " + content)

    def test_ascii_type(self):
        text = b"one\ntwo\n\nlast\n" * 5000
        with open(self.local("text"), "wb") as file:
            file.write(text)
        self.tnftp("ascii", "put text", "get text back", "cr", "get text crlf")
        self.assertEqual(self.server.read_file("alice", "text"), text)
        for name, wanted in (("back", text), ("crlf", text.replace(b"\n", b"\r\n"))):
            with open(self.local(name), "rb") as file:
                self.assertEqual(file.read(), wanted)

    def test_names_and_facts(self):
        self.make_remote("facts", 4321)
        os.utime(self.remote("facts"), (1000000000, 1000000000))
        said = self.tnftp("size facts", "modtime facts", "mlst facts", "mkdir facts.d", "cd facts.d", "pwd", "cdup",
                          "rename facts facts.d/new", "chmod 600 facts.d/new", "mkdir gone", "rmdir gone",
                          "rmdir facts.d")
        self.assertIn("facts\t4321", said)
        self.assertIn("Sun, 09 Sep 2001 01:46:40 +0000", said)
        self.assertIn("type=file;size=4321;modify=20010909014640;", said)
        self.assertIn("Remote directory: /facts.d", said)
        self.assertIn("550 Directory not empty", said)
        self.assertEqual(os.stat(self.remote("facts.d/new")).st_mode & 0o777, 0o600)
        self.assertFalse(os.path.exists(self.remote("gone")))

    def test_listings(self):
        self.make_remote_tree("listed")
        self.tnftp("cd listed", "nlist . names", "ls . long", "mls other sub both", "nlist *f* none", "nlist o* glob",
                   "mlsd", "page sub/f1")
        names = ["a file", "empty", "other", "sub"]
        self.assertEqual(sorted(self.listed("names")), names)
        self.assertEqual(len(self.listed("long")), len(names))
        self.assertRegex(self.listed("long")[0], r"^-rw-r--r-- +1 .* 1000 .* a file$")
        self.assertEqual(sorted(self.listed("both")), ["other/Grüße", "sub/d e e p", "sub/f1", "sub/f2"])
        self.assertEqual(self.listed("glob"), ["other"])

    def test_time_is_kept_and_decides(self):
        digest = self.make_remote("timed")
        os.utime(self.remote("timed"), (1000000000, 1000000000))
        said = self.tnftp("get timed", "newer timed")
        self.assertFile(self.local("timed"), digest)
        self.assertEqual(os.stat(self.local("timed")).st_mtime, 1000000000)
        self.assertEqual(len(re.findall("(?m)^226 ", said)), 1)
        os.utime(self.remote("timed"), (1100000000, 1100000000))
        self.assertIn("\n226 ", self.tnftp("newer timed"))
        self.assertEqual(os.stat(self.local("timed")).st_mtime, 1100000000)

    def test_unique_names(self):
        digests = [self.make_local("up%d" % number, seed=number) for number in (1, 2)]
        self.tnftp("sunique", "put up1 unique", "put up2 unique", "runique", "get unique down", "get unique down")
        made = sorted(name for name in os.listdir(self.remote()) if name.startswith("unique"))
        self.assertEqual(len(made), 2, made)
        self.assertEqual({sha256_file(self.remote(name)) for name in made}, set(digests))
        self.assertFile(self.local("down.1"), digests[0])

    def test_what_the_server_tells(self):
        said = self.tnftp("system", "rstatus", "features", "rhelp", "remopts MLST type;size;", "mlst /", "idle",
                          "umask", "site help", "quote NOOP")
        for part in ("215 UNIX Type: L8", "211-transom", "211-Features", "214-", "type=dir; /", "200 "):
            self.assertIn(part, said)
        self.assertNotIn("\n500 ", said)

    def test_urls(self):
        self.make_remote_tree("urls")
        os.utime(self.remote("urls", "a file"), (1000000000, 1000000000))
        digest = sha256_file(self.remote("urls", "a file"))
        for arguments in ((), ("-A",)):
            self.fetch(*arguments, "-o", self.local("down"), self.server.url("alice", "/urls/a%20file"))
            self.assertFile(self.local("down"), digest)
            self.assertEqual(os.stat(self.local("down")).st_mtime, 1000000000)
        self.fetch("-o", self.local("down2"), self.server.url("alice", "/%2Furls/sub/f1"))
        self.assertFile(self.local("down2"), sha256_file(self.remote("urls/sub/f1")))
        self.fetch(self.server.url("alice", "/urls/sub/f*"))
        for name in ("f1", "f2"):
            self.assertFile(self.local(name), sha256_file(self.remote("urls/sub", name)))
        os.truncate(self.local("f2"), 70000)
        self.fetch("-R", self.server.url("alice", "/urls/sub/f2"))
        self.assertFile(self.local("f2"), sha256_file(self.remote("urls/sub/f2")))
        self.fetch(self.server.url("alice", "/urls/nonesuch"), status=1)

    def test_uploads_to_urls(self):
        digests = [self.make_local("u%d" % number, seed=number) for number in (1, 2)]
        self.server.make_dir("alice", "into")
        self.fetch("-u", self.server.url("alice", "/into/named"), "u1")
        self.fetch("-u", self.server.url("alice", "/into/"), "u1", "u2")
        for name, digest in (("named", digests[0]), ("u1", digests[0]), ("u2", digests[1])):
            self.assertFile(self.remote("into", name), digest)

    def test_anonymous_may_read_and_not_write(self):
        self.server.write_file("anonymous", "public", b"for all")
        self.fetch("-a", "-o", self.local("down"), self.server.url(None, "/public"))
        with open(self.local("down"), "rb") as file:
            self.assertEqual(file.read(), b"for all")
        said = self.tnftp("put down intruder", "delete public", user="anonymous", password="guest@example.org")
        self.assertEqual(said.count("\n550 "), 2, said)
        self.assertEqual(os.listdir(self.server.root("anonymous")), ["public"])


class TnftpAsRoot(Tnftp, unittest.TestCase):
    mode = "root"


class TnftpAsUser(Tnftp, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
