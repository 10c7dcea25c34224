"""ncftp's programs against transom: ncftpput and ncftpget with whole trees, ncftpls, and the shell."""

import os
import unittest

from client import FILE_BYTES, Client, make_nested_tree, read_times
from transom import sha256_file

MODES = {"passive": "-F", "active": "-E"}


class Ncftp(Client):
    tools = ("ncftp", "ncftpget", "ncftpput", "ncftpls")

    def ncftp(self, program, *arguments, status=0, **options):
        """Run ncftpget, ncftpput or ncftpls, logged in as alice; what it wrote."""
        login = ["-u", "alice", "-p", "secret", "-P", str(self.server.port), "-t", "20", "-d", self.local("trace")]
        if program != "ncftpls":
            login.append("-V")
        return self.execute([program, *login, *arguments], status, **options)[0]

    def ncftpls(self, path, *arguments):
        return self.ncftp("ncftpls", *arguments, "ftp://127.0.0.1" + path).splitlines()

    def shell(self, *lines):
        """Run the interactive program; what it said."""
        opened = "open -u alice -p secret -P %d 127.0.0.1" % self.server.port
        return self.interact(["ncftp"], [opened, *lines, "bye"])

    def test_trees_both_ways(self):
        make_nested_tree(self.local("tree"))
        os.utime(self.local("tree", "sub", "f1"), (1000000000, 1000000000))
        for name, option in MODES.items():
            with self.subTest(name):
                self.ncftp("ncftpput", option, "-R", "-m", "127.0.0.1", "/" + name, "tree")
                self.assertSameTree(self.remote(name, "tree"), self.local("tree"))
                self.assertEqual(read_times(self.remote(name, "tree")), read_times(self.local("tree")))
                os.mkdir(self.local(name))
                self.ncftp("ncftpget", option, "-R", "-T", "127.0.0.1", self.local(name), "/%s/tree" % name)
                self.assertSameTree(self.local(name, "tree"), self.local("tree"))
                self.assertEqual(read_times(self.local(name, "tree")), read_times(self.local("tree")))

    def test_files_by_pattern(self):
        self.server.make_dir("alice", "globs")
        for name in ("a1", "a2", "a 3", "b1"):
            self.make_remote("globs/" + name, 5000)
        self.ncftp("ncftpget", "127.0.0.1", self.scratch, "/globs/a*")
        for name in ("a1", "a2", "a 3"):
            self.assertFile(self.local(name), sha256_file(self.remote("globs", name)))
        self.assertFalse(os.path.exists(self.local("b1")))

    def test_a_download_is_continued(self):
        digest = self.make_remote("half")
        with open(self.remote("half"), "rb") as whole, open(self.local("half"), "wb") as part:
            part.write(whole.read(123456))
        for path in (self.local("half"), self.remote("half")):  # the same time: the same file
            os.utime(path, (1000000000, 1000000000))
        self.ncftp("ncftpget", "-z", "127.0.0.1", self.scratch, "/half")
        self.assertFile(self.local("half"), digest)
        self.server.wait_event("download", path="/half", offset=123456)

    def test_an_upload_is_continued(self):
        digest = self.make_local("longer")
        with open(self.local("longer"), "rb") as whole:
            self.server.write_file("alice", "longer", whole.read(123456))
        for path in (self.local("longer"), self.remote("longer")):
            os.utime(path, (1000000000, 1000000000))
        # -s: with sendfile() ncftpput 3.2 sends the whole file after its REST.
        self.ncftp("ncftpput", "-z", "-s", "127.0.0.1", "/", self.local("longer"))
        self.assertFile(self.remote("longer"), digest)
        event = self.server.wait_event("upload", path="/longer")
        self.assertEqual(event["bytes"], FILE_BYTES - 123456)

    def test_an_upload_is_added_to_the_end(self):
        self.server.write_file("alice", "log", b"first ")
        with open(self.local("log"), "wb") as file:
            file.write(b"second")
        self.ncftp("ncftpput", "-A", "127.0.0.1", "/", self.local("log"))
        self.assertEqual(self.server.read_file("alice", "log"), b"first second")

    def test_uploads_under_another_name_first(self):
        digest = self.make_local("named")
        for option in ("-T", "-S"):
            self.ncftp("ncftpput", option, ".tmp.", "-m", "127.0.0.1", "/temp" + option, self.local("named"))
            self.assertEqual(os.listdir(self.remote("temp" + option)), ["named"])
            self.assertFile(self.remote("temp" + option, "named"), digest)

    def test_from_standard_input_and_to_standard_output(self):
        digest = self.make_local("up")
        with open(self.local("up"), "rb") as source:
            self.ncftp("ncftpput", "-c", "127.0.0.1", "/piped", stdin=source)
        self.assertFile(self.remote("piped"), digest)
        with open(self.local("down"), "wb") as target:
            self.ncftp("ncftpget", "-c", "127.0.0.1", "/piped", stdout=target)
        self.assertFile(self.local("down"), digest)

    def test_moving_removes_the_source(self):
        digest = self.make_local("moved")
        self.ncftp("ncftpput", "-DD", "127.0.0.1", "/", self.local("moved"))
        self.assertFalse(os.path.exists(self.local("moved")))
        self.assertFile(self.remote("moved"), digest)
        self.ncftp("ncftpget", "-DD", "127.0.0.1", self.scratch, "/moved")
        self.assertFalse(os.path.exists(self.remote("moved")))
        self.assertFile(self.local("moved"), digest)

    def test_ascii_type(self):
        text = b"one\ntwo\n\nlast\n" * 5000
        with open(self.local("text"), "wb") as file:
            file.write(text)
        self.ncftp("ncftpput", "-a", "127.0.0.1", "/", self.local("text"))
        self.assertEqual(self.server.read_file("alice", "text"), text)
        os.unlink(self.local("text"))
        self.ncftp("ncftpget", "-a", "127.0.0.1", self.scratch, "/text")
        self.assertEqual(open(self.local("text"), "rb").read(), text)

    def test_commands_of_ones_own(self):
        """-W after the login, -X after each file, -Y at the end."""
        digest = self.make_local("file")
        self.ncftp("ncftpput", "-W", "MKD own", "-X", "SITE CHMOD 600 file", "-Y", "RNFR /own",
                   "-Y", "RNTO /mine", "127.0.0.1", "/own", self.local("file"))
        self.assertFile(self.remote("mine/file"), digest)
        self.assertEqual(os.stat(self.remote("mine/file")).st_mode & 0o777, 0o600)

    def test_listings(self):
        self.make_remote_tree("listed")
        os.utime(self.remote("listed", "a file"), (1000000000, 1000000000))
        names = ["a file", "empty", "other", "sub"]
        for option in MODES.values():
            self.assertEqual(sorted(self.ncftpls("/listed/", "-1", option)), names)
        lines = self.ncftpls("/listed/", "-l")
        self.assertEqual(len(lines), len(names))
        self.assertRegex(lines[0], r"^-rw-r--r-- +1 \w+ +\w+ +1000 Sep +9 +2001 a file$")
        self.assertRegex(lines[3], r"^drwxr-xr-x .* sub$")
        facts = self.ncftpls("/listed/", "-m")
        self.assertEqual(sorted(line.split("; ", 1)[1] for line in facts), names)
        self.assertTrue(any("type=file;size=1000;modify=20010909014640;" in line for line in facts), facts)
        self.assertIn("sub/d e e p:", self.ncftpls("/listed/", "-R"))
        self.assertEqual(len(self.ncftpls("/listed/", "-l", "-i", "*e*")), 3)

    def test_the_shell_moves_files(self):
        digests = {name: self.make_local(name, seed=seed) for seed, name in enumerate(("s1", "s2", "t 3"))}
        make_nested_tree(self.local("tree"))
        said = self.shell("mkdir shell", "cd shell", "put s1", "put s?", "put 't 3'", "put -R tree", "pwd",
                          "mv s1 'new name'", "chmod 600 s2", "ls -l", "mkdir gone", "rmdir gone",
                          "lcd " + self.local("tree", "other"), "get s2", "get 't 3'", "rm s2", "cd tree/sub", "ls")
        self.assertIn("new name", said)
        self.assertIn("/shell", said)
        self.assertEqual(sorted(os.listdir(self.remote("shell"))), ["new name", "t 3", "tree"])
        self.assertFile(self.remote("shell", "new name"), digests["s1"])
        for name in ("s2", "t 3"):
            self.assertFile(self.local("tree", "other", name), digests[name])
            os.unlink(self.local("tree", "other", name))
        self.assertSameTree(self.remote("shell", "tree"), self.local("tree"))

    def test_the_shell_is_told_what_failed(self):
        said = self.shell("cd nonesuch", "get nonesuch", "rmdir nonesuch", "pwd")
        self.assertIn("rmdir nonesuch: server said: No such file or directory", said)
        self.assertEqual(os.listdir(self.scratch), [name for name in os.listdir(self.scratch) if name[0] == "."])

    def test_anonymous_may_read_and_not_write(self):
        self.server.write_file("anonymous", "public", b"for all")
        there = "ftp://127.0.0.1:%d" % self.server.port
        self.execute(["ncftpget", "-V", "-t", "20", there + "/public"])
        self.assertEqual(open(self.local("public"), "rb").read(), b"for all")
        self.execute(["ncftpput", "-V", "-t", "20", "-P", str(self.server.port), "127.0.0.1", "/",
                      self.make_and_name("intruder")], status=3)
        self.assertEqual(os.listdir(self.server.root("anonymous")), ["public"])

    def make_and_name(self, name):
        self.make_local(name, 10)
        return self.local(name)

    def test_a_wrong_password_is_refused(self):
        self.ncftp("ncftpls", "-p", "wrong", "ftp://127.0.0.1/", status=1)


class NcftpAsRoot(Ncftp, unittest.TestCase):
    mode = "root"


class NcftpAsUser(Ncftp, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
