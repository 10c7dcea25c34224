"""The ftp of GNU inetutils against transom: scripts on its standard input, as in many a cron job."""

import os
import re
import unittest

from client import Client
from transom import sha256_file

# How to choose each of the four ways to a data connection.
WAYS = {
    "pasv": ("-p", ()),
    "epsv": ("-p", ("epsv4",)),
    "port": ("-A", ()),
    "eprt": ("-A", ("epsv4",)),
}


class Inetutils(Client):
    tools = ("inetutils-ftp",)

    def ftp(self, *lines, option="-p", user="alice", password="secret"):
        """Run it with these commands after the login; what it and the server said."""
        opened = ("open 127.0.0.1 %d" % self.server.port, "user %s %s" % (user, password), "binary")
        return self.interact(["inetutils-ftp", option, "-n", "-i", "-v"], [*opened, *lines, "quit"])

    def read_local(self, name):
        with open(self.local(name), "rb") as file:
            return file.read()

    def test_each_way_to_a_data_connection(self):
        digest = self.make_local("up")
        for way, (option, settings) in WAYS.items():
            with self.subTest(way):
                said = self.ftp(*settings, "put up %s" % way, "get %s down-%s" % (way, way), option=option)
                self.assertFile(self.remote(way), digest)
                self.assertFile(self.local("down-" + way), digest)
                self.assertEqual(len(re.findall("(?m)^226 ", said)), 2, said)
                self.assertEqual("229 Entering" in said, way == "epsv")
                self.assertEqual("227 Entering" in said, way == "pasv")

    def test_many_files_by_pattern(self):
        digests = {name: self.make_local(name, 2000 + seed, seed) for seed, name in enumerate(("a1", "a2", "b1", "b2"))}
        for option in ("-p", "-A"):
            with self.subTest(option):
                there, here = "many" + option, "down" + option
                os.mkdir(self.local(here))
                self.ftp("mkdir " + there, "cd " + there, "mput a1 a2 b1 b2", "lcd " + here, "mget a* b2",
                         "mdelete a*", option=option)
                self.assertEqual(sorted(os.listdir(self.remote(there))), ["b1", "b2"])
                self.assertEqual(sorted(os.listdir(self.local(here))), ["a1", "a2", "b2"])
                for name in os.listdir(self.local(here)):
                    self.assertFile(self.local(here, name), digests[name])

    def test_downloads_continue_and_start_anywhere(self):
        digest = self.make_remote("whole")
        content = self.server.read_file("alice", "whole")
        for name in ("whole", "offset"):
            with open(self.local(name), "wb") as file:
                file.write(content[:123456])
        self.ftp("reget whole", "restart 123456", "get whole offset")
        self.assertFile(self.local("whole"), digest)
        self.assertFile(self.local("offset"), digest)
        self.server.wait_event("download", path="/whole", offset=123456, count=2)

    def test_uploads_continue_and_are_added(self):
        digest = self.make_local("up")
        content = self.read_local("up")
        self.server.write_file("alice", "restarted", content[:100000])
        self.server.write_file("alice", "appended", b"begin ")
        self.ftp("restart 100000", "put up restarted", "append up appended")
        self.assertFile(self.remote("restarted"), digest)
        self.assertEqual(self.server.read_file("alice", "appended"), b"begin " + content)

    def test_ascii_type(self):
        text = b"one\ntwo\n\nlast\n" * 5000
        with open(self.local("text"), "wb") as file:
            file.write(text)
        self.ftp("ascii", "put text", "get text back", "cr", "get text crlf")
        self.assertEqual(self.server.read_file("alice", "text"), text)
        self.assertEqual(self.read_local("back"), text)
        self.assertEqual(self.read_local("crlf"), text.replace(b"\n", b"\r\n"))

    def test_names_and_facts(self):
        self.make_remote("facts", 4321)
        os.utime(self.remote("facts"), (1000000000, 1000000000))
        said = self.ftp("size facts", "modtime facts", "mkdir facts.d", "cd facts.d", "pwd", "cdup",
                        "rename facts facts.d/new", "chmod 600 facts.d/new", "mkdir gone", "rmdir gone",
                        "rmdir facts.d", "delete facts.d/new", "delete facts.d/new")
        self.assertIn("213 4321", said)
        self.assertRegex(said, r"0?9/0?9/2001 0?1:46:40 GMT")
        self.assertIn('257 "/facts.d"', said)
        self.assertIn("550 Directory not empty", said)
        self.assertIn("550 No such file", said)
        self.assertEqual(os.listdir(self.remote("facts.d")), [])
        self.assertFalse(os.path.exists(self.remote("gone")))

    def test_listings(self):
        self.make_remote_tree("listed")
        names = ["a file", "empty", "other", "sub"]
        for option in ("-p", "-A"):
            with self.subTest(option):
                self.ftp("cd listed", "nlist . names", "ls . long", "mls other sub both", "nlist o* glob", option=option)
                self.assertEqual(sorted(self.read_local("names").decode().splitlines()), names)
                lines = self.read_local("long").decode().splitlines()
                self.assertEqual(len(lines), len(names))
                self.assertRegex(lines[0], r"^-rw-r--r-- +1 .* 1000 .* a file$")
                self.assertEqual(self.read_local("glob"), b"other\n")
                self.assertEqual(sorted(self.read_local("both").decode().splitlines()),
                                 ["other/Grüße", "sub/d e e p", "sub/f1", "sub/f2"])

    def test_time_decides(self):
        digest = self.make_remote("timed")
        os.utime(self.remote("timed"), (1000000000, 1000000000))
        said = self.ftp("get timed", "newer timed")
        self.assertFile(self.local("timed"), digest)
        self.assertEqual(len(re.findall("(?m)^226 ", said)), 1)
        # Month, day and hour are earlier too: the client compares them without looking at the year.
        os.utime(self.local("timed"), (950000000, 950000000))
        self.assertIn("\n226 ", self.ftp("newer timed"))

    def test_unique_names(self):
        digests = [self.make_local("up%d" % number, seed=number) for number in (1, 2)]
        self.ftp("sunique", "put up1 unique", "put up2 unique", "runique", "get unique down", "get unique down")
        made = sorted(name for name in os.listdir(self.remote()) if name.startswith("unique"))
        self.assertEqual(len(made), 2, made)
        self.assertEqual({sha256_file(self.remote(name)) for name in made}, set(digests))
        self.assertFile(self.local("down.1"), digests[0])

    def test_what_the_server_tells(self):
        said = self.ftp("system", "rstatus", "rstatus /", "rhelp", "rhelp STOR", "idle", "umask", "site help",
                        "quote NOOP")
        for part in ("215 UNIX Type: L8", "211-transom", "212", "214-", "214 STOR", "200 "):
            self.assertIn(part, said)
        self.assertNotIn("\n500 ", said)

    def test_a_second_login_on_the_same_connection_is_refused(self):
        self.assertIn("\n530 ", self.ftp("user alice secret", "pwd"))

    def test_several_connections_after_each_other(self):
        digest = self.make_local("up")
        again = ("disconnect", "open 127.0.0.1 %d" % self.server.port, "user alice secret", "binary")
        said = self.ftp("put up first", *again, "get first down", *again, "delete first")
        self.assertFile(self.local("down"), digest)
        self.assertFalse(os.path.exists(self.remote("first")))
        self.assertEqual(said.count("\n221 "), 3)

    def test_anonymous_may_read_and_not_write(self):
        self.server.write_file("anonymous", "public", b"for all")
        said = self.ftp("get public", "put public intruder", "delete public", user="anonymous",
                        password="guest@example.org")
        self.assertEqual(self.read_local("public"), b"for all")
        self.assertEqual(said.count("\n550 "), 2, said)
        self.assertEqual(os.listdir(self.server.root("anonymous")), ["public"])


class InetutilsAsRoot(Inetutils, unittest.TestCase):
    mode = "root"


class InetutilsAsUser(Inetutils, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
