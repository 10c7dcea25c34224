"""rclone's ftp backend against transom: trees copied, synchronised and compared."""

import json
import os
import re
import unittest

from client import Client, make_nested_tree, make_tree, read_times, read_tree
from transom import run, wait_until


class Rclone(Client):
    tools = ("rclone",)

    def rclone(self, *arguments, status=0, options=(), **more):
        """Run rclone; ":ftp:path" is the server's.  Its standard output."""
        command = ["rclone", "--config", self.local("rclone.conf"), "--retries", "1", "--low-level-retries", "1",
                   "--contimeout", "10s", "--timeout", "30s", "--ftp-host", "127.0.0.1", "--ftp-port",
                   str(self.server.port), "--ftp-user", "alice", "--ftp-pass", self.obscured("secret"), *options]
        return self.execute(command + list(arguments), status, **more)[0]

    @classmethod
    def obscured(cls, password):
        done = run(["rclone", "obscure", password])
        if done.returncode != 0:
            raise AssertionError("rclone obscure: " + done.stderr)
        return done.stdout.strip()

    def tree(self, name="tree"):
        """A nested tree on the client's side, one file of it old; its path."""
        make_nested_tree(self.local(name))
        os.utime(self.local(name, "sub", "f1"), (1000000000, 1000000000))
        return self.local(name)

    def round_trip(self, name, *options):
        tree = self.tree()
        self.rclone("copy", tree, ":ftp:" + name, options=options)
        self.assertSameTree(self.remote(name), tree)
        self.rclone("copy", ":ftp:" + name, self.local("back"), options=options)
        self.assertSameTree(self.local("back"), tree)

    def test_copy_both_ways_keeps_content_and_times(self):
        self.round_trip("copy")
        self.assertEqual(read_times(self.remote("copy")), read_times(self.local("tree")))
        self.assertEqual(read_times(self.local("back")), read_times(self.local("tree")))

    def test_copy_with_pasv(self):
        self.round_trip("pasv", "--ftp-disable-epsv")

    def test_copy_with_list(self):
        self.round_trip("list", "--ftp-disable-mlsd")

    def test_copy_with_list_of_hidden_files(self):
        tree = self.tree()
        with open(os.path.join(tree, ".hidden"), "w") as file:
            file.write("hidden")
        hidden = ("--ftp-force-list-hidden",)
        self.rclone("copy", tree, ":ftp:hidden", options=hidden)
        self.rclone("copy", ":ftp:hidden", self.local("back"), options=hidden)
        self.assertSameTree(self.local("back"), tree)

    def test_times_are_set_with_mdtm(self):
        self.rclone("copy", self.tree(), ":ftp:mdtm", options=("--ftp-writing-mdtm",))
        self.assertEqual(read_times(self.remote("mdtm")), read_times(self.local("tree")))

    def test_many_files_over_several_connections(self):
        make_tree(self.local("many"), 300)
        self.rclone("copy", self.local("many"), ":ftp:many", "--transfers", "8", "--checkers", "8")
        self.assertSameTree(self.remote("many"), self.local("many"))
        self.rclone("check", "--download", self.local("many"), ":ftp:many", "--checkers", "8")

    def test_sync_moves_what_differs_and_removes_what_is_gone(self):
        def moved():
            return self.server.log_events("upload", path=re.compile("^/sync/"))

        tree = self.tree()
        files = sum(len(names) for _, _, names in os.walk(tree))
        self.rclone("sync", tree, ":ftp:sync")
        wait_until(lambda: len(moved()) >= files, what="the log of all uploads")
        self.rclone("sync", tree, ":ftp:sync")
        self.assertEqual(len(moved()), files)
        with open(os.path.join(tree, "sub", "f2"), "ab") as file:
            file.write(b"more")
        os.unlink(os.path.join(tree, "empty"))
        os.unlink(os.path.join(tree, "other", "Grüße"))
        os.rmdir(os.path.join(tree, "other"))
        self.rclone("sync", tree, ":ftp:sync")
        wait_until(lambda: len(moved()) > files, what="the log of the upload")
        self.assertEqual([event["path"] for event in moved()[files:]], ["/sync/sub/f2"])
        self.assertSameTree(self.remote("sync"), tree)
        self.assertFalse(os.path.exists(self.remote("sync", "other")))
        self.rclone("sync", ":ftp:sync", self.local("back"))
        self.assertSameTree(self.local("back"), tree)

    def test_check_finds_what_differs(self):
        tree = self.tree()
        self.rclone("copy", tree, ":ftp:check")
        self.rclone("check", tree, ":ftp:check")
        self.rclone("check", "--download", tree, ":ftp:check")
        with open(self.remote("check", "sub", "f1"), "r+b") as file:
            file.write(b"other bytes")
        self.rclone("check", "--download", tree, ":ftp:check", status=1)
        os.truncate(self.remote("check", "sub", "f1"), 5)
        self.rclone("check", tree, ":ftp:check", status=1)

    def test_lsl_tells_sizes_and_times(self):
        tree = self.tree()
        self.rclone("copy", tree, ":ftp:lsl")
        listed = {}
        for line in self.rclone("lsl", ":ftp:lsl").splitlines():
            size, day, clock, name = line.split(maxsplit=3)
            listed[name] = (int(size), day, clock)
        self.assertEqual(set(listed), set(read_tree(tree)))
        for name, (size, _, _) in listed.items():
            self.assertEqual(size, os.path.getsize(os.path.join(tree, name)), name)
        self.assertEqual(listed["sub/f1"][1:], ("2001-09-09", "01:46:40.000000000"))

    def test_directories_are_listed(self):
        self.rclone("copy", self.tree(), ":ftp:json")
        entries = {entry["Path"]: entry for entry in json.loads(self.rclone("lsjson", "-R", ":ftp:json"))}
        self.assertEqual({path for path, entry in entries.items() if entry["IsDir"]}, {"sub", "sub/d e e p", "other"})
        self.assertEqual({path for path, entry in entries.items() if not entry["IsDir"]},
                         set(read_tree(self.local("tree"))))

    def test_a_part_of_a_file(self):
        self.make_remote("part", 9 << 20)
        content = self.server.read_file("alice", "part")
        said = run(["rclone", "--config", self.local("none"), "--ftp-host", "127.0.0.1", "--ftp-port",
                    str(self.server.port), "--ftp-user", "alice", "--ftp-pass", self.obscured("secret"), "cat",
                    "--offset", "4000000", "--count", "70000", ":ftp:part"], text=False, errors=None,
                   env=self.environment())
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(said.stdout, content[4000000:4070000])

    def test_a_stream_of_unknown_length(self):
        self.make_local("streamed")
        with open(self.local("streamed"), "rb") as source:
            self.rclone("rcat", ":ftp:stream/of/unknown length", stdin=source)
            source.seek(0)
            self.assertEqual(self.server.read_file("alice", "stream/of/unknown length"), source.read())

    def test_move_and_purge(self):
        tree = self.tree()
        self.rclone("copy", tree, ":ftp:moved")
        self.rclone("moveto", ":ftp:moved/a file", ":ftp:moved/new/name")
        self.assertTrue(os.path.exists(self.remote("moved/new/name")))
        self.assertFalse(os.path.exists(self.remote("moved/a file")))
        self.rclone("move", ":ftp:moved/sub", ":ftp:moved/elsewhere")
        self.assertSameTree(self.remote("moved", "elsewhere"), os.path.join(tree, "sub"))
        self.rclone("deletefile", ":ftp:moved/new/name")
        self.rclone("purge", ":ftp:moved")
        self.assertFalse(os.path.exists(self.remote("moved")))
        self.rclone("lsl", ":ftp:moved", status=3)


class RcloneAsRoot(Rclone, unittest.TestCase):
    mode = "root"


class RcloneAsUser(Rclone, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
