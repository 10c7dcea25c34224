"""rclone's sftp backend against transom: copied, synchronised, and checked with and without hashes."""
# run-tests: timeout 900

import os
import unittest

from client import make_nested_tree, make_tree, read_times
from sftp_client import SftpClient
from transom import FULL, run

BIG_BYTES = (1 << 30) if FULL else (128 << 20)


class Rclone(SftpClient):
    tools = ("rclone",)

    def rclone(self, *arguments, status=0, key=True):
        """Run rclone; ":sftp:path" is the server's.  Its standard output."""
        command = ["rclone", "--config", self.local("rclone.conf"), "--retries", "1", "--low-level-retries", "1",
                   "--contimeout", "10s", "--timeout", "60s", "--sftp-host", "127.0.0.1", "--sftp-port",
                   str(self.port), "--sftp-user", "alice", "--sftp-known-hosts-file", self.known_hosts()]
        if key:
            command += ["--sftp-key-file", self.private_key()]
        else:
            command += ["--sftp-pass", run(["rclone", "obscure", "secret"]).stdout.strip()]
        return self.execute(command + list(arguments), status, timeout=600)[0]

    def tree(self):
        make_nested_tree(self.local("tree"))
        os.utime(self.local("tree", "sub", "f1"), (1000000000, 1000000000))
        return self.local("tree")

    def test_copy_both_ways_keeps_content_and_times(self):
        tree = self.tree()
        for key in (True, False):
            name = "copy-%s" % key
            self.rclone("copy", tree, ":sftp:" + name, key=key)
            self.assertSameTree(self.remote(name), tree)
            self.assertEqual(read_times(self.remote(name)), read_times(tree))
            self.rclone("copy", ":sftp:" + name, self.local(name), key=key)
            self.assertSameTree(self.local(name), tree)
            self.assertEqual(read_times(self.local(name)), read_times(tree))

    def test_many_files_over_several_connections(self):
        make_tree(self.local("many"), 500)
        self.rclone("copy", self.local("many"), ":sftp:many", "--transfers", "8", "--checkers", "8")
        self.assertSameTree(self.remote("many"), self.local("many"))
        self.rclone("check", "--download", self.local("many"), ":sftp:many", "--checkers", "8")

    def test_sync_moves_what_differs_and_removes_what_is_gone(self):
        tree = self.tree()
        self.rclone("sync", tree, ":sftp:sync")
        moved = len(self.server.log_events("upload", result="complete"))
        self.rclone("sync", tree, ":sftp:sync")
        self.assertEqual(len(self.server.log_events("upload", result="complete")), moved)
        with open(os.path.join(tree, "sub", "f2"), "ab") as file:
            file.write(b"more")
        os.unlink(os.path.join(tree, "empty"))
        self.rclone("sync", tree, ":sftp:sync")
        self.assertSameTree(self.remote("sync"), tree)
        self.assertFalse(os.path.exists(self.remote("sync", "empty")))
        self.rclone("sync", ":sftp:sync", self.local("back"))
        self.assertSameTree(self.local("back"), tree)

    def test_check_finds_what_differs(self):
        tree = self.tree()
        self.rclone("copy", tree, ":sftp:check")
        self.rclone("check", tree, ":sftp:check")
        self.rclone("check", "--download", tree, ":sftp:check")
        with open(self.remote("check", "sub", "f1"), "r+b") as file:
            file.write(b"other bytes")
        self.rclone("check", "--download", tree, ":sftp:check", status=1)

    def test_check_with_hashes_that_were_made_beforehand(self):
        tree = self.tree()
        self.rclone("copy", tree, ":sftp:sums")
        with open(self.local("SHA256SUMS"), "w") as file:
            file.write(self.rclone("hashsum", "sha256", tree))
        self.rclone("checksum", "sha256", self.local("SHA256SUMS"), ":sftp:sums", "--download")

    def test_a_big_file_both_ways(self):
        digest = self.make_local("big", BIG_BYTES)
        self.rclone("copyto", self.local("big"), ":sftp:big")
        self.assertFile(self.remote("big"), digest)
        self.rclone("copyto", ":sftp:big", self.local("back"), "--multi-thread-streams", "4")
        self.assertFile(self.local("back"), digest)
        os.unlink(self.remote("big"))

    def test_move_rcat_about_and_purge(self):
        tree = self.tree()
        self.rclone("copy", tree, ":sftp:moved")
        self.rclone("moveto", ":sftp:moved/a file", ":sftp:moved/new/name")
        self.assertTrue(os.path.exists(self.remote("moved/new/name")))
        self.rclone("move", ":sftp:moved/sub", ":sftp:moved/elsewhere")
        self.assertSameTree(self.remote("moved", "elsewhere"), os.path.join(tree, "sub"))
        self.rclone("purge", ":sftp:moved")
        self.assertFalse(os.path.exists(self.remote("moved")))
        self.assertIn("Total:", self.rclone("about", ":sftp:"))


class RcloneAsRoot(Rclone, unittest.TestCase):
    mode = "root"


class RcloneAsUser(Rclone, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
