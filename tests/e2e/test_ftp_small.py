"""What some clients and some networks need: trees removed with one command, marks in listings, other spellings of
verbs, data from another address, and the client that sends just enough to stay."""

import os
import re
import socket
import threading
import time
import unittest

from transom import SCALE, RawFtp, TransomServer, modes, read_all, wait_until

ALICE = {"alice": {"password": "secret"}}
STRANGER = "127.0.0.2"      # another address of the loopback


class Small:
    """The tests; each mode below runs all of them."""

    def start(self, **settings):
        server = TransomServer(mode=self.mode, **dict({"users": ALICE}, **settings))
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        raw = server.raw("alice")
        self.addCleanup(raw.close)
        self.assertEqual(raw.code("TYPE I"), 200)
        return server, raw

    def listing(self, raw, line):
        sock = raw.passive()
        self.assertEqual(raw.code(line), 150)
        received = read_all(sock).decode()
        sock.close()
        self.assertEqual(raw.reply()[:3], "226")
        return received.splitlines()

    def make_tree(self, server, top, depth=3, files=4):
        for level in range(depth):
            server.make_dir("alice", top)
            for number in range(files):
                server.write_file("alice", "%s/file %d" % (top, number), b"x")
            top = "%s/sub %d" % (top, level)
        server.make_dir("alice", top)

    # --- SITE RMDIR ---

    def test_a_tree_is_removed_with_one_command(self):
        server, raw = self.start()
        self.make_tree(server, "tree")
        server.make_dir("alice", "kept")
        server.write_file("alice", "kept/file", b"x")
        os.symlink("../kept", server.path("alice", "tree/link"))
        os.symlink("nowhere", server.path("alice", "tree/dead"))
        os.mkfifo(server.path("alice", "tree/sub 0/fifo"))
        self.assertEqual(raw.code("RMD tree"), 550)
        self.assertEqual(raw.code("SITE RMDIR tree"), 250)
        self.assertEqual(os.listdir(server.root("alice")), ["kept"])
        self.assertEqual(os.listdir(server.path("alice", "kept")), ["file"], "links are not followed")
        server.wait_event("rmdir", path="/tree")
        server.wait_event("delete", path="/tree/sub 0/file 1")

    def test_what_is_no_tree_is_refused(self):
        server, raw = self.start()
        server.make_dir("alice", "real")
        server.write_file("alice", "real/file", b"x")
        os.symlink("real", server.path("alice", "link"))
        for name in ("real/file", "link", "absent", "/", "real/.."):
            self.assertEqual(raw.code("SITE RMDIR " + name), 550, name)
        self.assertEqual(server.read_file("alice", "real/file"), b"x")

    def test_a_mount_inside_a_tree_stays_with_all_that_is_in_it(self):
        server = TransomServer(mode=self.mode, users=ALICE)
        server.prepare()
        self.addCleanup(server.discard)
        inner = os.path.join(server.dir, "inner")
        os.makedirs(os.path.join(inner, "here"))
        server.own(inner)
        server.own(os.path.join(inner, "here"))
        server.add_user("alice", {"password": "secret", "root": server.path("alice"),
                                  "mounts": {"/top/in": {"source": inner}}})
        server.start()
        with server.raw("alice") as raw:
            server.make_dir("alice", "top")
            server.write_file("alice", "top/file", b"x")
            self.assertEqual(raw.code("SITE RMDIR top"), 550)
            self.assertEqual(raw.code("SITE RMDIR top/in"), 550)
            self.assertEqual(self.listing(raw, "NLST top"), ["top/file", "top/in"])
            self.assertEqual(raw.code("SITE RMDIR top/in/here"), 250)
        self.assertEqual(os.listdir(inner), [])
        server.stop()

    def test_a_tree_larger_than_one_batch(self):
        server, raw = self.start()
        server.make_dir("alice", "many")
        for number in range(3000):
            server.write_file("alice", "many/%s%d" % ("n" * 60, number), b"")
        self.assertEqual(raw.code("SITE RMDIR many"), 250)
        self.assertEqual(os.listdir(server.root("alice")), [])

    def test_an_upload_that_runs_in_it_stops_the_removal(self):
        server, raw = self.start()
        server.make_dir("alice", "busy")
        with server.raw("alice") as other:
            sock = other.passive()
            self.assertEqual(other.code("STOR busy/new"), 150)
            sock.sendall(b"x")
            wait_until(lambda: os.listdir(server.path("alice", "busy")), what="staged file")
            self.assertEqual(raw.code("SITE RMDIR busy"), 550)
            sock.close()
            self.assertEqual(other.reply()[:3], "226")
        self.assertEqual(raw.code("SITE RMDIR busy"), 250)

    # --- other spellings ---

    def test_other_spellings_of_verbs(self):
        server, raw = self.start()
        self.assertEqual(raw.code("NOP"), 200)
        self.assertEqual(raw.code("nop"), 200)
        reply = raw.cmd("P@SW")
        self.assertRegex(reply, r"^227 .*\(127,0,0,1,\d+,\d+\)")
        high, low = (int(number) for number in re.search(r",(\d+),(\d+)\)", reply).groups())
        with socket.create_connection(("127.0.0.1", high * 256 + low)) as sock:
            self.assertEqual(raw.code("NLST"), 150)
            self.assertEqual(read_all(sock), b"")
        self.assertEqual(raw.reply()[:3], "226")
        server.write_file("alice", "file", b"x")
        self.assertEqual(raw.code("MFF Modify=20200101000000;UNIX.mode=600 file"), 213)
        self.assertEqual(os.stat(server.path("alice", "file")).st_mode & 0o777, 0o600)

    def test_marks_tell_what_names_are(self):
        server, raw = self.start()
        server.make_dir("alice", "dir")
        server.write_file("alice", "plain", b"x")
        server.write_file("alice", "program", b"x", mode=0o755)
        os.symlink("plain", server.path("alice", "link"))
        marked = ["dir/", "link@", "plain", "program*"]
        self.assertEqual(self.listing(raw, "NLST -F"), marked)
        self.assertEqual(self.listing(raw, "NLST -CF"), marked)
        self.assertEqual([line.split(None, 8)[8] for line in self.listing(raw, "LIST -aF")],
                         ["dir/", "link -> plain", "plain", "program*"])
        self.assertEqual(self.listing(raw, "NLST"), ["dir", "link", "plain", "program"])

    # --- data connections ---

    def dial_as_stranger(self, raw):
        port = int(re.search(r"\|\|\|(\d+)\|", raw.cmd("EPSV")).group(1))
        return socket.create_connection(("127.0.0.1", port), source_address=(STRANGER, 0), timeout=20)

    def test_data_may_come_from_another_address_where_that_is_allowed(self):
        server, raw = self.start(ftp={"data_peers": "any"})
        server.write_file("alice", "file", b"content")
        with self.dial_as_stranger(raw) as sock:
            self.assertEqual(raw.code("RETR file"), 150)
            self.assertEqual(read_all(sock), b"content")
        self.assertEqual(raw.reply()[:3], "226")

    def test_data_from_another_address_is_refused_elsewhere(self):
        server, raw = self.start(ftp={"data_timeout": "1s"})
        server.write_file("alice", "file", b"content")
        with self.dial_as_stranger(raw) as sock:
            self.assertEqual(raw.code("RETR file"), 150)
            self.assertEqual(raw.reply()[:3], "425")
            self.assertEqual(sock.recv(1), b"")
        event = server.wait_event("data-failed", reason=re.compile("^dropped a connection from 127.0.0.2:"))
        self.assertIn("data_peers", event["cure"])

    def drip(self, raw, line, seconds):
        """Take a download a few bytes at a time; the final reply and when it came."""
        sock = raw.passive()
        self.assertEqual(raw.code(line), 150)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stop = threading.Event()

        def read_slowly():
            try:
                while not stop.wait(0.2) and sock.recv(10):
                    pass
            except OSError:
                pass
        reader = threading.Thread(target=read_slowly)
        reader.start()
        began = time.monotonic()
        try:
            raw.sock.settimeout(seconds)
            return raw.reply(), time.monotonic() - began
        finally:
            stop.set()
            reader.join()
            sock.close()

    def test_a_client_that_takes_a_byte_now_and_then_is_cut_at_min_rate(self):
        server, raw = self.start(ftp={"min_rate": 100000, "stall_timeout": "1s"})
        server.write_file("alice", "big", b"x" * (32 << 20))
        reply, _ = self.drip(raw, "RETR big", 20 * SCALE)
        self.assertRegex(reply, "^426 .*(100000 bytes a second|stalled)")
        self.assertEqual(raw.code("NOOP"), 200)

    def test_an_upload_of_a_byte_now_and_then_is_cut_at_min_rate(self):
        server, raw = self.start(ftp={"min_rate": 1000, "stall_timeout": "2s"})
        sock = raw.passive()
        self.assertEqual(raw.code("STOR slow"), 150)
        began = time.monotonic()
        raw.sock.settimeout(0.1)
        reply = None
        while reply is None and time.monotonic() - began < 20 * SCALE:
            try:
                sock.sendall(b"x")
                reply = raw.reply()
            except socket.timeout:
                pass
            except OSError:
                raw.sock.settimeout(20)
                reply = raw.reply()
        sock.close()
        self.assertIn("slower than 1000 bytes a second", reply)
        self.assertLess(time.monotonic() - began, 15 * SCALE)


for mode in modes():
    name = "Small%s" % mode.capitalize()
    globals()[name] = type(name, (Small, unittest.TestCase), {"mode": mode})


if __name__ == "__main__":
    unittest.main()
