"""wget against transom: whole trees, and only what is new."""

import os
import time
import unittest

from client import Client, make_nested_tree, read_tree
from transom import sha256_file, wait_until


class Wget(Client):
    tools = ("wget",)

    def wget(self, path, *arguments, user="alice", status=0):
        """Run wget in self.scratch on a path of the server; what it said."""
        return "".join(self.execute(
            ["wget", "--no-config", "-nv", "-t", "1", "-T", "20", *arguments, self.server.url(user, path)], status))

    def downloads(self):
        """Paths of all downloads so far, as the server logged them; "/x/y" from a URL's directory on."""
        return [event["path"] for event in self.server.log_events("download")]

    def test_a_tree(self):
        self.make_remote_tree("tree")
        self.wget("/tree/", "-r", "-l", "inf", "-nH")
        self.assertSameTree(self.local("tree"), self.remote("tree"))

    def test_a_tree_in_active_mode(self):
        self.make_remote_tree("active")
        self.wget("/active/", "-r", "-nH", "--no-passive-ftp")
        self.assertSameTree(self.local("active"), self.remote("active"))

    def test_time_stamps_decide_what_is_fetched_again(self):
        self.make_remote_tree("stamps")
        old = self.remote("stamps", "a file")
        os.utime(old, (1000000000, 1000000000))
        self.wget("/stamps/", "-r", "-N", "-nH")
        self.assertSameTree(self.local("stamps"), self.remote("stamps"))
        # A listing tells of old files the day, of young ones the minute.
        self.assertEqual(os.stat(self.local("stamps", "a file")).st_mtime // 86400, 1000000000 // 86400)
        self.assertLess(abs(os.stat(self.local("stamps", "sub", "f1")).st_mtime -
                            os.stat(self.remote("stamps", "sub", "f1")).st_mtime), 61)
        before = len(self.downloads())
        self.wget("/stamps/", "-r", "-N", "-nH")
        self.assertEqual(self.downloads()[before:], [])
        self.server.write_file("alice", "stamps/sub/f1", b"changed, and of another size")
        newer = time.time() - 86400
        os.utime(old, (newer, newer))
        self.wget("/stamps/", "-r", "-N", "-nH")
        wait_until(lambda: len(self.downloads()) >= before + 2, what="the log of the downloads")
        self.assertEqual(sorted(self.downloads()[before:]), ["/stamps/a file", "/stamps/sub/f1"])
        self.assertSameTree(self.local("stamps"), self.remote("stamps"))

    def test_a_download_is_continued(self):
        digest = self.make_remote("half")
        with open(self.remote("half"), "rb") as whole, open(self.local("half"), "wb") as part:
            part.write(whole.read(123456))
        self.wget("/half", "-c")
        self.assertEqual(sha256_file(self.local("half")), digest)
        self.server.wait_event("download", path="/half", offset=123456)
        self.wget("/half", "-c")        # nothing is left to do
        self.assertEqual(sha256_file(self.local("half")), digest)

    def test_names_by_pattern(self):
        self.server.make_dir("alice", "globs")
        for name in ("a1", "a2", "b1", "a[1]"):
            self.make_remote("globs/" + name, 5000)
        self.wget("/globs/a?")
        self.assertEqual(sorted(read_tree(self.scratch)), ["a1", "a2"])
        self.assertEqual(sha256_file(self.local("a1")), sha256_file(self.remote("globs/a1")))
        self.wget("/globs/a%5B1%5D", "--no-glob")
        self.assertEqual(sha256_file(self.local("a[1]")), sha256_file(self.remote("globs/a[1]")))

    def test_symbolic_links(self):
        self.server.make_dir("alice", "links")
        digest = self.make_remote("links/file", 5000)
        os.symlink("file", self.remote("links/link"))
        self.server.own(self.remote("links/link"))
        self.wget("/links/", "-r", "-nH", "--retr-symlinks=no")
        self.assertEqual(os.readlink(self.local("links/link")), "file")
        self.wget("/links/", "-r", "-nH", "--retr-symlinks", "-P", "followed")
        self.assertFalse(os.path.islink(self.local("followed/links/link")))
        self.assertEqual(sha256_file(self.local("followed/links/link")), digest)

    def test_a_listing_is_a_page(self):
        self.server.make_dir("alice", "page")
        self.make_remote("page/file & more", 4321)
        self.wget("/page/", "-O", self.local("index.html"))
        with open(self.local("index.html")) as page:
            text = page.read()
        self.assertRegex(text, r'href="ftp://[^"]*/page/file%20%26%20more">file&#32;&amp;&#32;more</a>  \(4321 bytes\)')

    def test_what_is_not_there_is_an_error(self):
        self.wget("/nonesuch", status=8)
        self.wget("/nonesuch/", "-r", status=8)
        self.server.make_dir("alice", "there")
        self.make_remote("there/file", 10)
        self.wget("/there/file", "--spider")
        self.wget("/there/nonesuch", "--spider", status=8)

    def test_anonymous(self):
        make_nested_tree(os.path.join(self.server.root("anonymous"), "pub"))
        self.wget("/pub/", "-r", "-nH", user=None)
        self.assertSameTree(self.local("pub"), os.path.join(self.server.root("anonymous"), "pub"))

    def test_a_wrong_password_is_refused(self):
        self.execute(["wget", "--no-config", "-q", "-t", "1",
                      "ftp://alice:wrong@127.0.0.1:%d/" % self.server.port], status=6)


class WgetAsRoot(Wget, unittest.TestCase):
    mode = "root"


class WgetAsUser(Wget, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
