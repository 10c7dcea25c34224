"""Python's ftplib against transom: what programs do with a server, and very large directories."""

import ftplib
import hashlib
import io
import os
import shutil
import socket
import unittest

from transom import FULL, SharedServer, make_file, proc_status, sanitized, sha256_file

LARGE_BYTES = (1 << 30) if FULL else (128 << 20)
DIRECTORY_ENTRIES = 100000
GROWTH_MAX_KIB = 8192   # what a session's process may grow by while it lists them


class Ftplib(SharedServer):
    settings = {"users": {"alice": {"password": "secret"}}, "anonymous": {}}

    def connect(self, user="alice"):
        ftp = self.server.ftp(user, timeout=60)
        self.addCleanup(ftp.close)
        return ftp

    def download(self, ftp, name, rest=None):
        data = io.BytesIO()
        ftp.retrbinary("RETR " + name, data.write, rest=rest)
        return data.getvalue()

    def test_store_and_retrieve(self):
        ftp = self.connect()
        data = os.urandom(1000003)
        self.assertTrue(ftp.storbinary("STOR stored", io.BytesIO(data)).startswith("226"))
        self.assertEqual(self.server.read_file("alice", "stored"), data)
        self.assertEqual(self.download(ftp, "stored"), data)
        self.assertEqual(ftp.size("stored"), len(data))
        self.assertTrue(ftp.quit().startswith("221"))

    def test_a_large_file_both_ways(self):
        ftp = self.connect()
        source = os.path.join(self.server.dir, "large")
        digest = make_file(source, LARGE_BYTES)
        with open(source, "rb") as file:
            ftp.storbinary("STOR large", file, blocksize=1 << 18)
        os.unlink(source)
        self.assertEqual(sha256_file(self.server.path("alice", "large")), digest)
        received = hashlib.sha256()
        ftp.retrbinary("RETR large", received.update, blocksize=1 << 18)
        self.assertEqual(received.hexdigest(), digest)
        ftp.delete("large")

    def test_a_directory_of_a_hundred_thousand_entries(self):
        where = self.server.make_dir("alice", "many")
        first = os.path.join(where, "e000000")
        with open(first, "wb"):
            pass
        self.server.own(first)
        for number in range(1, DIRECTORY_ENTRIES):      # links are made faster than files
            if number % 30000 == 0:
                first = os.path.join(where, "e%06d" % number)
                with open(first, "wb"):
                    pass
            else:
                os.link(first, os.path.join(where, "e%06d" % number))
        self.addCleanup(shutil.rmtree, where)
        ftp = self.connect()
        ftp.cwd("many")
        pids = self.server.session_pids("alice")
        before = [int(proc_status(pid)["VmRSS"][0]) for pid in pids]
        wanted = {"e%06d" % number for number in range(DIRECTORY_ENTRIES)}
        self.assertEqual(set(ftp.nlst()), wanted)
        lines = []
        ftp.dir(lines.append)
        self.assertEqual({line.split()[-1] for line in lines}, wanted)
        self.assertEqual(len(lines), DIRECTORY_ENTRIES)
        facts = {name: fact for name, fact in ftp.mlsd() if name not in (".", "..")}
        self.assertEqual(set(facts), wanted)
        self.assertEqual({fact["type"] for fact in facts.values()}, {"file"})
        after = [int(proc_status(pid)["VmRSS"][0]) for pid in pids]
        for was, now in zip(before, after) if not sanitized() else ():
            self.assertLess(now - was, GROWTH_MAX_KIB, "guard, front: %s KiB, then %s" % (before, after))
        ftp.close()

    def test_non_ascii_names(self):
        ftp = self.connect()
        for name in ("Grüße", "日本語 テスト", " leading and trailing "):
            with self.subTest(name):
                ftp.storbinary("STOR " + name, io.BytesIO(b"x"))
                self.assertIn(name, ftp.nlst())
                self.assertIn(name, [entry for entry, _ in ftp.mlsd()])
                self.assertEqual(self.server.read_file("alice", name), b"x")
                ftp.delete(name)

    def test_a_download_continues_where_it_was_told(self):
        data = os.urandom(500000)
        self.server.write_file("alice", "rest", data)
        self.assertEqual(self.download(self.connect(), "rest", rest=123456), data[123456:])

    def test_an_upload_that_was_cut_is_continued_in_another_session(self):
        data = os.urandom(2000000)
        ftp = self.connect()
        ftp.voidcmd("TYPE I")
        sock = ftp.transfercmd("STOR cut")
        sock.sendall(data[:1200000])
        # A reset, not an orderly end: that would be a complete, shorter file.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        with self.assertRaises(ftplib.Error):
            ftp.voidresp()
        ftp.close()
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.assertFalse(os.path.exists(self.server.path("alice", "cut")))
        again = self.connect()
        again.voidcmd("TYPE I")
        kept = again.size("cut")
        self.assertTrue(0 < kept <= 1200000, kept)
        again.storbinary("STOR cut", io.BytesIO(data[kept:]), rest=kept)
        self.assertEqual(self.server.read_file("alice", "cut"), data)
        self.assertEqual(self.server.staged("alice"), [])

    def test_append_adds_to_the_end(self):
        ftp = self.connect()
        self.server.write_file("alice", "appended", b"one ")
        ftp.storbinary("APPE appended", io.BytesIO(b"two"))
        self.assertEqual(self.server.read_file("alice", "appended"), b"one two")

    def test_ascii_lines_both_ways(self):
        ftp = self.connect()
        ftp.storlines("STOR lines", io.BytesIO(b"a\nb\nc\n"))
        self.assertEqual(self.server.read_file("alice", "lines"), b"a\nb\nc\n")
        lines = []
        ftp.retrlines("RETR lines", lines.append)
        self.assertEqual(lines, ["a", "b", "c"])

    def test_directories(self):
        ftp = self.connect()
        self.assertEqual(ftp.mkd('quo"ted'), '/quo"ted')
        ftp.cwd('quo"ted')
        self.assertEqual(ftp.pwd(), '/quo"ted')
        ftp.mkd("inner")
        ftp.rename("inner", "renamed")
        self.assertEqual([name for name, fact in ftp.mlsd() if fact["type"] == "dir"], ["renamed"])
        ftp.rmd("renamed")
        ftp.cwd("..")
        ftp.rmd('quo"ted')
        self.assertEqual(ftp.pwd(), "/")

    def test_active_mode(self):
        ftp = self.connect()
        ftp.set_pasv(False)
        data = os.urandom(100000)
        ftp.storbinary("STOR active", io.BytesIO(data))
        self.assertEqual(self.download(ftp, "active"), data)

    def test_an_aborted_download_leaves_the_session_usable(self):
        path = self.server.path("alice", "long")
        make_file(path, 64 << 20)
        self.server.own(path)
        ftp = self.connect()
        ftp.voidcmd("TYPE I")
        sock = ftp.transfercmd("RETR long")
        sock.recv(65536)
        ftp.abort()
        sock.close()
        # Whatever order the two replies come in, the next command gets its own.
        ftp.putcmd("NOOP")
        replies = [ftp.getmultiline()]
        while not replies[-1].startswith("200"):
            replies.append(ftp.getmultiline())
        self.assertLessEqual(len(replies), 2, replies)
        self.assertEqual(ftp.size("long"), 64 << 20)

    def test_features_are_those_that_work(self):
        said = self.connect().sendcmd("FEAT")
        for feature in ("MDTM", "SIZE", "MLST", "REST STREAM", "UTF8", "EPSV"):
            self.assertIn(feature, said)

    def test_anonymous_may_read_and_not_write(self):
        self.server.write_file("anonymous", "public", b"for all")
        ftp = self.connect("anonymous")
        self.assertEqual(self.download(ftp, "public"), b"for all")
        for attempt in (lambda: ftp.storbinary("STOR new", io.BytesIO(b"x")),
                        lambda: ftp.delete("public"), lambda: ftp.mkd("new"),
                        lambda: ftp.rename("public", "new")):
            with self.assertRaises(ftplib.error_perm):
                attempt()
        self.assertEqual(os.listdir(self.server.root("anonymous")), ["public"])


class FtplibAsRoot(Ftplib, unittest.TestCase):
    mode = "root"


class FtplibAsUser(Ftplib, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
