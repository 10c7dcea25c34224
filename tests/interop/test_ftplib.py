"""Python's ftplib against transom: what programs do with a server, and very large directories."""

import ftplib
import hashlib
import io
import os
import shutil
import socket
import unittest

from transom import FULL, SharedServer, make_file, proc_status, read_all, sanitized, sha256_file, wait_until

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

    def test_site_mkdir_makes_parents_and_takes_what_is_there(self):
        ftp = self.connect()
        for path in ("deep/er/est", "deep/er/est", "deep/other", "/deep/x/../y/z", "flat"):
            self.assertTrue(ftp.sendcmd("SITE MKDIR " + path).startswith("257"), path)
            self.assertTrue(os.path.isdir(self.server.path("alice", path.replace("x/../", "").lstrip("/"))), path)
        self.assertEqual(sorted(os.listdir(self.server.path("alice", "deep"))), ["er", "other", "y"])
        self.server.write_file("alice", "deep/file", b"x")
        for path in ("deep/file", "deep/file/below/this"):
            with self.assertRaisesRegex(ftplib.error_perm, "^550"):
                ftp.sendcmd("SITE MKDIR " + path)
        anonymous = self.connect("anonymous")
        with self.assertRaisesRegex(ftplib.error_perm, "^550"):
            anonymous.sendcmd("SITE MKDIR not/allowed")
        self.assertNotIn("not", os.listdir(self.server.root("anonymous")))

    def test_active_mode(self):
        ftp = self.connect()
        ftp.set_pasv(False)
        data = os.urandom(100000)
        ftp.storbinary("STOR active", io.BytesIO(data))
        self.assertEqual(self.download(ftp, "active"), data)

    def test_a_download_is_aborted_while_its_data_is_unread(self):
        """Both replies come although the client has read next to nothing and keeps its data connection open."""
        digest = make_file(self.server.path("alice", "long"), 64 << 20)
        self.server.own(self.server.path("alice", "long"))
        for passive in (True, False):
            with self.subTest(passive=passive):
                ftp = self.connect()
                ftp.set_pasv(passive)
                ftp.voidcmd("TYPE I")
                sock = ftp.transfercmd("RETR long")
                sock.recv(65536)
                self.assertTrue(ftp.abort().startswith("426"))
                self.assertTrue(ftp.voidresp().startswith("226"))
                sock.close()
                self.assertEqual(ftp.size("long"), 64 << 20)
                received = hashlib.sha256()
                ftp.retrbinary("RETR long", received.update)
                self.assertEqual(received.hexdigest(), digest)

    def test_an_upload_is_aborted(self):
        ftp = self.connect()
        ftp.voidcmd("TYPE I")
        sock = ftp.transfercmd("STOR aborted")
        sock.sendall(b"x" * 4000000)
        wait_until(lambda: [path for path in self.server.staged("alice")
                            if path.endswith("-aborted") and os.path.getsize(path) > 0], what="the first bytes on disk")
        self.assertTrue(ftp.abort().startswith("426"))
        self.assertTrue(ftp.voidresp().startswith("226"))
        sock.close()
        self.assertFalse(os.path.exists(self.server.path("alice", "aborted")))
        ftp.delete("aborted")       # what had come was kept, to be continued
        self.assertEqual([path for path in self.server.staged("alice") if path.endswith("-aborted")], [])

    def test_abort_without_a_transfer(self):
        ftp = self.connect()
        self.assertTrue(ftp.abort().startswith("226"))
        self.assertEqual(ftp.pwd(), "/")

    def test_greeting_login_and_quit(self):
        with ftplib.FTP(timeout=20) as ftp:
            self.assertTrue(ftp.connect("127.0.0.1", self.server.port).startswith("220"))
            self.assertTrue(ftp.getwelcome().startswith("220"))
            with self.assertRaisesRegex(ftplib.error_perm, "^530"):
                ftp.login("alice", "wrong")
            with self.assertRaisesRegex(ftplib.error_perm, "^530"):
                ftp.pwd()
            self.assertTrue(ftp.login("alice", "secret").startswith("230"))
            self.assertEqual(ftp.pwd(), "/")
            self.assertTrue(ftp.quit().startswith("221"))

    def test_what_is_not_there_is_a_permanent_error(self):
        ftp = self.connect()
        self.server.write_file("alice", "full", b"x")
        for attempt in (lambda: ftp.cwd("missing"), lambda: ftp.rmd("missing"), lambda: ftp.delete("missing"),
                        lambda: ftp.rename("missing", "new"), lambda: ftp.size("missing"), lambda: ftp.cwd("full"),
                        lambda: ftp.nlst("missing"), lambda: ftp.dir("missing"), lambda: list(ftp.mlsd("missing")),
                        lambda: ftp.mkd("missing/new"), lambda: self.download(ftp, "missing"), lambda: ftp.rmd("full"),
                        lambda: ftp.storbinary("STOR missing/new", io.BytesIO(b"x"))):
            with self.assertRaisesRegex(ftplib.error_perm, "^55"):
                attempt()
        self.assertEqual(ftp.pwd(), "/")

    def test_listings_of_a_path(self):
        ftp = self.connect()
        self.server.make_dir("alice", "listed")
        path = self.server.write_file("alice", "listed/a b", b"x" * 321)
        os.utime(path, (1000000000, 1000000000))
        self.server.make_dir("alice", "listed/sub")
        for passive in (True, False):
            with self.subTest(passive=passive):
                ftp.set_pasv(passive)
                self.assertEqual(sorted(ftp.nlst("listed")), ["listed/a b", "listed/sub"])
                ftp.cwd("listed")
                self.assertEqual(sorted(ftp.nlst()), ["a b", "sub"])
                lines = []
                ftp.dir(lines.append)
                self.assertRegex(lines[0], r"^-rw-r--r-- +1 \S+ +\S+ +321 Sep +9 +2001 a b$")
                self.assertRegex(lines[1], r"^drwxr-xr-x .* sub$")
                ftp.cwd("/")
                lines = []
                ftp.dir("-a", "listed", lines.append)
                self.assertEqual(len(lines), 2)
                facts = dict(ftp.mlsd("listed", facts=["type", "size", "modify"]))
                self.assertEqual(facts["a b"], {"type": "file", "size": "321", "modify": "20010909014640"})
                self.assertEqual(facts["sub"]["type"], "dir")
        self.assertEqual(dict(ftp.mlsd("listed", facts=["size"]))["a b"], {"size": "321"})

    def test_an_upload_starts_where_it_was_told(self):
        data = os.urandom(500000)
        self.server.write_file("alice", "restarted", data[:200000] + b"overwritten")
        ftp = self.connect()
        ftp.storbinary("STOR restarted", io.BytesIO(data[200000:]), rest=200000)
        self.assertEqual(self.server.read_file("alice", "restarted"), data)

    def test_the_size_is_known_before_the_data_comes(self):
        ftp = self.connect()
        self.server.write_file("alice", "sized", b"x" * 12345)
        ftp.voidcmd("TYPE I")
        sock, size = ftp.ntransfercmd("RETR sized")
        self.assertEqual(size, 12345)
        sock.close()
        ftp.voidresp()

    def test_text_is_translated_on_the_wire(self):
        ftp = self.connect()
        self.server.write_file("alice", "text", b"one\ntwo\n\nlast")
        ftp.voidcmd("TYPE A")
        with ftp.transfercmd("RETR text") as sock:
            self.assertEqual(read_all(sock), b"one\r\ntwo\r\n\r\nlast")
        ftp.voidresp()
        with self.assertRaisesRegex(ftplib.error_perm, "^550"):
            ftp.sendcmd("SIZE text")

    def test_features_are_those_that_work(self):
        said = self.connect().sendcmd("FEAT")
        for feature in ("MDTM", "SIZE", "MLST", "REST STREAM", "UTF8", "EPSV"):
            self.assertIn(feature, said)

    def test_the_connection_begins_anew_as_another_user(self):
        ftp = self.connect()
        ftp.mkd("anew")
        ftp.cwd("anew")
        self.assertTrue(ftp.sendcmd("REIN").startswith("220"))
        self.server.write_file("anonymous", "public", b"for all")
        ftp.login()
        self.assertEqual(ftp.pwd(), "/")
        self.assertEqual(self.download(ftp, "public"), b"for all")

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
