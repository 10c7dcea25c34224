"""sshfs against transom: a file system on which git, make and rsync work as they do at home."""
# run-tests: timeout 900

import os
import subprocess
import unittest

from client import make_nested_tree, make_tree
from sftp_client import SftpClient
from transom import is_root, need_tool, run, wait_until

MAKEFILE = """\
program: main.o part.o
\tgcc -o $@ main.o part.o
%.o: %.c part.h
\tgcc -c -o $@ $<
"""
MAIN = '#include <stdio.h>\n#include "part.h"\nint main(void)\n{\n\tprintf("%d\\n", part(20));\n\treturn 0;\n}\n'
PART = '#include "part.h"\nint part(int n)\n{\n\treturn n * 2 + 2;\n}\n'


def need_fuse():
    """Skip unless this machine lets us mount."""
    need_tool("fusermount3")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise unittest.SkipTest("/dev/fuse cannot be opened: sshfs was not tried")


class Mount(SftpClient):
    tools = ("sshfs", "git", "gcc", "make", "rsync")
    closes_late = True

    def setUp(self):
        need_fuse()
        super().setUp()
        self.point = self.local("mount")
        os.mkdir(self.point)
        client = self.openssh()
        options = [option for option in client.options if option not in ("-F", "/dev/null", "-o")]
        command = ["sshfs", "-f", "-F", "/dev/null", "-p", str(self.port), client.target("/"), self.point,
                   "-o", "idmap=user,reconnect"]
        for option in options:
            command += ["-o", option]
        self.log = open(self.local("sshfs.log"), "w+")
        self.addCleanup(self.log.close)
        self.mount = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                      env=client.environment)
        self.addCleanup(self.unmount)
        try:
            wait_until(lambda: os.path.ismount(self.point) or self.mount.poll() is not None, 20, "the mount")
        finally:
            self.said = open(self.log.name).read()
        if self.mount.poll() is not None:
            if "Operation not permitted" in self.said or "Permission denied" in self.said and is_root():
                raise unittest.SkipTest("this machine does not let us mount: " + self.said.strip())
            self.fail("sshfs: %s\n%s" % (self.said, self.server.log_tail()))

    def unmount(self):
        run(["fusermount3", "-u", "-z", self.point])
        try:
            self.mount.wait(10)
        except subprocess.TimeoutExpired:
            self.mount.kill()
            self.mount.wait(10)

    def there(self, *parts):
        return os.path.join(self.point, *parts)

    def wait_for_size(self, name, size):
        """sshfs closes a file without waiting for the answer: what it wrote is on the server's disk a little later."""
        wait_until(lambda: os.path.exists(self.remote(name)) and os.path.getsize(self.remote(name)) == size,
                   what="%s of %d bytes" % (name, size))

    def git(self, *arguments):
        return self.execute(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c",
                             "safe.directory=*", "-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false",
                             *arguments], timeout=300)[0]

    def test_a_repository_is_cloned_and_committed_to(self):
        source = self.local("source")
        os.mkdir(source)
        make_tree(os.path.join(source, "files"), 200)
        make_nested_tree(os.path.join(source, "nested"))
        self.git("init", "-q", source)
        self.git("-C", source, "add", "-A")
        self.git("-C", source, "commit", "-q", "-m", "first")
        self.git("clone", "-q", "--no-local", source, self.there("clone"))
        self.assertSameTree(self.remote("clone", "files"), os.path.join(source, "files"))
        self.assertSameTree(self.remote("clone", "nested"), os.path.join(source, "nested"))
        with open(self.there("clone", "more"), "w") as file:
            file.write("more\n")
        self.git("-C", self.there("clone"), "add", "-A")
        self.git("-C", self.there("clone"), "commit", "-q", "-m", "second")
        self.git("-C", self.there("clone"), "mv", "more", "moved")
        self.git("-C", self.there("clone"), "commit", "-q", "-m", "third")
        self.git("-C", self.there("clone"), "gc", "-q")
        self.git("-C", self.there("clone"), "fsck", "--strict")
        self.assertEqual(self.git("-C", self.there("clone"), "status", "--porcelain"), "")
        wait_until(lambda: self.server.staged("alice") == [], what="the end of all uploads")

    def test_something_is_built(self):
        top = self.there("project")
        os.mkdir(top)
        for name, content in (("Makefile", MAKEFILE), ("main.c", MAIN), ("part.c", PART),
                              ("part.h", "int part(int n);\n")):
            with open(os.path.join(top, name), "w") as file:
                file.write(content)
        self.execute(["make", "-C", top])
        self.assertEqual(self.execute([os.path.join(top, "program")])[0], "42\n")
        self.assertIn("up to date", self.execute(["make", "-C", top])[0])

    def test_rsync_in_place_and_by_renaming(self):
        make_nested_tree(self.local("tree"))
        for options in (["--inplace"], [], ["--inplace", "--append-verify"]):
            self.execute(["rsync", "-rlt", *options, self.local("tree") + "/", self.there("synced")])
            self.assertSameTree(self.remote("synced"), self.local("tree"))
            with open(self.local("tree", "sub", "f1"), "ab") as file:
                file.write(b"and more" * 1000)
        self.execute(["rsync", "-rlt", "--inplace", "--no-whole-file", self.local("tree") + "/", self.there("synced")])
        self.assertSameTree(self.remote("synced"), self.local("tree"))
        self.assertEqual(self.execute(["rsync", "-rltni", self.local("tree") + "/", self.there("synced")])[0], "")

    def test_files_are_changed_in_every_way(self):
        path = self.there("file")
        with open(path, "wb") as file:
            file.write(b"0123456789" * 1000)
        with open(path, "r+b") as file:
            file.seek(5000)
            file.write(b"CHANGED")
            file.truncate(9000)
            file.flush()
            os.fsync(file.fileno())
            file.seek(4998)
            self.assertEqual(file.read(11), b"89CHANGED78")
        with open(path, "ab") as file:
            file.write(b"the end")
        self.assertEqual(os.path.getsize(path), 9007)
        self.wait_for_size("file", 9007)
        os.truncate(path, 5)
        self.wait_for_size("file", 5)
        self.assertEqual(self.server.read_file("alice", "file"), b"01234")
        os.utime(path, (1000000000, 1000000000))
        os.chmod(path, 0o640)
        os.link(path, self.there("hard"))
        os.symlink("file", self.there("soft"))
        os.rename(path, self.there("renamed"))
        os.rename(self.there("hard"), self.there("renamed-hard"))
        self.assertEqual(os.readlink(self.there("soft")), "file")
        self.assertEqual(os.stat(self.remote("renamed")).st_mode & 0o777, 0o640)
        self.assertEqual(int(os.stat(self.remote("renamed")).st_mtime), 1000000000)
        os.unlink(self.there("renamed"))
        self.assertEqual(os.statvfs(self.point).f_bavail > 0, True)

    def test_a_file_is_opened_to_write_while_it_is_open_to_write(self):
        """What a program closes and another opens at once comes to us so, too: sshfs closes late."""
        with open(self.there("log"), "w") as first:
            first.write("first ")
            first.flush()
            with open(self.there("log"), "a") as second:
                second.write("second ")
            with open(self.there("log"), "r+") as third:
                self.assertEqual(third.read(), "first second ")
                third.seek(0)
                third.write("FIRST")
        wait_until(lambda: os.path.exists(self.remote("log")) and
                   self.server.read_file("alice", "log") == b"FIRST second ", what="what was written last")

    def test_a_file_is_removed_or_renamed_while_it_is_being_replaced(self):
        os.mkdir(self.there("dir"))
        for name in ("gone", "moved"):
            self.server.write_file("alice", os.path.join("dir", name), b"old")
        with open(self.there("dir", "gone"), "w") as gone, open(self.there("dir", "moved"), "w") as moved:
            gone.write("new")
            gone.flush()
            moved.write("new")
            moved.flush()
            os.unlink(self.there("dir", "gone"))
            os.rename(self.there("dir", "moved"), self.there("dir", "here"))
            # The kernel gives a file that is removed while it is open another name until it is closed.
            shown = [name for name in os.listdir(self.there("dir")) if not name.startswith(".fuse_hidden")]
            self.assertEqual(shown, ["here"])
        wait_until(lambda: os.listdir(self.remote("dir")) == ["here"], what="the one file that was closed")
        wait_until(lambda: self.server.read_file("alice", "dir/here") == b"new", what="its new content")

    def test_a_file_is_seen_while_it_is_being_written(self):
        with open(self.there("growing"), "wb") as file:
            file.write(b"x" * 100000)
            file.flush()
            os.fsync(file.fileno())
            self.assertEqual(os.stat(self.there("growing")).st_size, 100000)
            self.assertIn("growing", os.listdir(self.point))
            os.rename(self.there("growing"), self.there("grown"))
            file.write(b"y")
        self.wait_for_size("grown", 100001)


class MountAsRoot(Mount, unittest.TestCase):
    mode = "root"


class MountAsUser(Mount, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
