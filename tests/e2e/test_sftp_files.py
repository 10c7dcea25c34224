"""SFTP on the whole server: when uploads appear, what breaks off, what a session sees of its own, flags and names."""
# run-tests: timeout 900

import os
import unittest

from sftp import (APPEND, ATTRS, CREAT, EXCL, EXTENDED, FAILURE, FSETSTAT, LSTAT, MKDIR, NEW, NO_SUCH_FILE, OK,
                  PERMISSION_DENIED, READ_FLAG, READLINK, REALPATH, REMOVE, RENAME, RMDIR, SETSTAT, STAT, SYMLINK, TRUNC,
                  WRITE, WRITE_REQUEST, Sftp, SftpStatus, attrs, string, u32, u64)
from ssh import OpenSsh
from transom import SFTP_ONLY, SharedServer, make_file, need_root, run, sha256_file, wait_until

USERS = {"alice": {"password": "secret"}}


class SftpTest(SharedServer):
    settings = {"users": USERS, "listeners": SFTP_ONLY}
    user = "alice"

    def session(self, user=None):
        sftp = Sftp(self.server, user or self.user)
        self.addCleanup(sftp.break_off)
        return sftp

    def refused(self, code, call, *arguments):
        with self.assertRaises(SftpStatus) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.code, code, caught.exception.message)


class Publication(SftpTest, unittest.TestCase):
    def test_an_upload_appears_at_close_and_the_log_tells_of_it(self):
        self.server.write_file("alice", "published", b"old")
        sftp = self.session()
        handle = sftp.open("published", NEW)
        self.assertEqual(sftp.write(handle, 0, b"new content"), OK)
        self.assertEqual(self.server.read_file("alice", "published"), b"old")
        self.assertEqual(sftp.stat("published").size, 11)
        self.assertEqual(sftp.close_handle(handle), OK)
        self.assertEqual(self.server.read_file("alice", "published"), b"new content")
        self.server.wait_event("upload", user="alice", path="/published", bytes=11, size=11, result="complete")
        self.assertEqual(sftp.get("published"), b"new content")
        self.server.wait_event("download", user="alice", path="/published", bytes=11, result="complete")

    def test_what_breaks_off_is_not_published_but_kept_and_continued(self):
        sftp = self.session()
        handle = sftp.open("broken", NEW)
        for number in range(100):
            self.assertEqual(sftp.write(handle, number * 1000, b"%03d" % number + b"x" * 997), OK)
        sftp.break_off()
        self.server.wait_event("upload", path="/broken", result="aborted", bytes=100000)
        self.assertFalse(os.path.exists(self.server.path("alice", "broken")))
        sftp = self.session()
        self.assertEqual(sftp.stat("broken").size, 100000)
        self.assertIn("broken", sftp.names("/"))
        handle = sftp.open("broken", WRITE | CREAT)
        self.assertEqual(sftp.write(handle, 100000, b"the end"), OK)
        self.assertEqual(sftp.close_handle(handle), OK)
        data = self.server.read_file("alice", "broken")
        self.assertEqual((len(data), data[99000:99003], data[-7:]), (100007, b"099", b"the end"))

    def test_reput_of_openssh_continues_what_was_kept(self):
        local = os.path.join(self.server.dir, "whole")
        digest = make_file(local, 3000000)
        sftp = self.session()
        handle = sftp.open("resumed", NEW)
        with open(local, "rb") as file:
            for number in range(10):
                self.assertEqual(sftp.write(handle, number * 32768, file.read(32768)), OK)
        sftp.break_off()
        self.server.wait_event("upload", path="/resumed", result="aborted")
        done = OpenSsh(self.server, "alice").batch(["reput %s resumed" % local])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sha256_file(self.server.path("alice", "resumed")), digest)

    def test_handles_left_open_when_the_client_hangs_up_publish_nothing(self):
        sftp = self.session()
        handle = sftp.open("left", NEW)
        self.assertEqual(sftp.write(handle, 0, b"x"), OK)
        sftp.close()
        self.server.wait_event("upload", path="/left", result="aborted")
        self.assertFalse(os.path.exists(self.server.path("alice", "left")))


class OwnSession(SftpTest, unittest.TestCase):
    """What sshfs, WinSCP and rclone do with a file while it is open, or just after."""

    def test_names_of_open_files_can_be_looked_at_changed_renamed_and_removed(self):
        sftp = self.session()
        handle = sftp.open("own.part", READ_FLAG | NEW)
        self.assertEqual(sftp.write(handle, 0, b"0123456789"), OK)
        self.assertEqual(sftp.stat("own.part", LSTAT).size, 10)
        self.assertEqual(sftp.names(".")["own.part"].size, 10)
        self.assertEqual(sftp.read(handle, 2, 3), b"234")
        self.assertEqual(sftp.status(SETSTAT, string("own.part"), attrs(permissions=0o640, times=(5, 6))), OK)
        self.assertEqual(sftp.fstat(handle).mtime, 6)
        self.assertEqual(sftp.status(RENAME, string("own.part"), string("own")), OK)
        self.assertEqual(sftp.close_handle(handle), OK)
        self.assertEqual(self.server.read_file("alice", "own"), b"0123456789")
        found = os.stat(self.server.path("alice", "own"))
        self.assertEqual((found.st_mode & 0o777, found.st_mtime), (0o640, 6))
        handle = sftp.open("gone", NEW)
        self.assertEqual(sftp.status(REMOVE, string("gone")), OK)
        self.refused(NO_SUCH_FILE, sftp.stat, "gone")
        sftp.close_handle(handle)
        self.assertFalse(os.path.exists(self.server.path("alice", "gone")))

    def test_a_pipeline_of_requests_is_answered_by_id_in_order(self):
        sftp = self.session()
        handle = sftp.open("pipelined", READ_FLAG | NEW)
        wanted = []
        for number in range(200):
            wanted.append(sftp.send(WRITE_REQUEST, string(handle), u64(number * 4096), string(b"%4d" % number * 1024)))
            wanted.append(sftp.send(STAT, string("pipelined")))
        answers = [sftp.receive() for _ in wanted]
        self.assertEqual([answer.id for answer in answers], wanted)
        for number, answer in enumerate(answers[1::2]):
            self.assertEqual(answer.type, ATTRS)
            self.assertEqual(int.from_bytes(answer.body[4:12], "big"), (number + 1) * 4096)
        self.assertEqual(sftp.close_handle(handle), OK)

    def test_writes_out_of_order_and_over_each_other(self):
        sftp = self.session()
        handle = sftp.open("order", NEW)
        for offset, data in ((20, b"C" * 10), (0, b"A" * 10), (10, b"B" * 10), (40, b"E" * 10), (5, b"ab" * 5)):
            self.assertEqual(sftp.write(handle, offset, data), OK)
        self.assertEqual(sftp.close_handle(handle), OK)
        self.assertEqual(self.server.read_file("alice", "order"),
                         b"A" * 5 + b"ab" * 5 + b"B" * 5 + b"C" * 10 + b"\0" * 10 + b"E" * 10)

    def test_a_thousand_files_may_be_open(self):
        sftp = self.session()
        self.server.write_file("alice", "many", b"x")
        requests = [sftp.send(3, string("many"), u32(READ_FLAG), u32(0)) for _ in range(1001)]
        kinds = [sftp.receive().type for _ in requests]
        self.assertEqual(kinds, [102] * 1000 + [101])


class Flags(SftpTest, unittest.TestCase):
    def test_modes_of_open(self):
        sftp = self.session()
        self.assertEqual(sftp.put("flags", b"content"), OK)
        self.refused(FAILURE, sftp.open, "flags", WRITE | CREAT | EXCL)
        self.refused(NO_SUCH_FILE, sftp.open, "absent", WRITE)
        self.refused(NO_SUCH_FILE, sftp.open, "absent", READ_FLAG)
        handle = sftp.open("flags", READ_FLAG | WRITE | APPEND)
        self.assertEqual(sftp.write(handle, 0, b" more"), OK)
        self.assertEqual(sftp.read(handle, 0, 100), b"content more")
        self.assertEqual(sftp.close_handle(handle), OK)
        handle = sftp.open("flags", READ_FLAG | WRITE)
        self.assertEqual(sftp.write(handle, 0, b"CON"), OK)
        self.assertEqual(self.server.read_file("alice", "flags")[3:], b"tent more")
        self.assertEqual(sftp.close_handle(handle), OK)
        self.assertEqual(self.server.read_file("alice", "flags"), b"CONtent more")
        handle = sftp.open("flags", READ_FLAG | WRITE | TRUNC)
        self.assertEqual(sftp.write(handle, 0, b"staged"), OK)
        self.assertEqual(sftp.read(handle, 0, 100), b"staged")
        self.assertEqual(self.server.read_file("alice", "flags"), b"CONtent more")
        self.assertEqual(sftp.close_handle(handle), OK)
        self.assertEqual(self.server.read_file("alice", "flags"), b"staged")

    def test_bytes_written_in_place_show_to_others_soon_though_the_file_stays_open(self):
        self.server.write_file("alice", "log", b"start\n")
        sftp = self.session()
        handle = sftp.open("log", WRITE | APPEND)
        self.assertEqual(sftp.write(handle, 0, b"line\n"), OK)
        wait_until(lambda: self.server.read_file("alice", "log") == b"start\nline\n", what="the line", timeout=5)
        self.assertEqual(sftp.close_handle(handle), OK)


class Names(SftpTest, unittest.TestCase):
    def test_rename_refuses_and_posix_rename_replaces(self):
        sftp = self.session()
        self.server.write_file("alice", "from", b"F")
        self.server.write_file("alice", "to", b"T")
        self.assertEqual(sftp.status(RENAME, string("from"), string("to")), FAILURE)
        self.assertEqual(self.server.read_file("alice", "to"), b"T")
        self.assertEqual(sftp.code(sftp.extended("posix-rename@openssh.com", string("from"), string("to"))), OK)
        self.assertEqual(self.server.read_file("alice", "to"), b"F")

    def test_links_lead_nowhere_out_of_the_root(self):
        sftp = self.session()
        for number, target in enumerate(("/etc/passwd", "../../../etc/passwd", "/proc/self/environ")):
            name = "out%d" % number
            self.assertEqual(sftp.status(SYMLINK, string(target), string(name)), OK)
            self.assertEqual(sftp.name_of(sftp.ask(READLINK, string(name))), target)
            self.refused(NO_SUCH_FILE, sftp.open, name, READ_FLAG)
            self.refused(NO_SUCH_FILE, sftp.stat, name)
            self.assertEqual(sftp.code(sftp.extended("hardlink@openssh.com", string(name + "/x"), string("y"))), NO_SUCH_FILE)

    def test_realpath_shows_the_users_view_only(self):
        sftp = self.session()
        for asked, told in ((".", "/"), ("", "/"), ("../..", "/"), ("a//b/../c/", "/a/c"), ("/../etc", "/etc")):
            self.assertEqual(sftp.name_of(sftp.ask(REALPATH, string(asked))), told)

    def test_names_are_bytes_and_reserved_ones_are_refused(self):
        sftp = self.session()
        for name in (b"caf\xe9", b"\xff\xfe", b"a\nb", b"-rf", b"quo\"te"):
            self.assertEqual(sftp.put(name, b"x"), OK)
            self.assertEqual(sftp.get(name), b"x")
        self.assertIn("caf\udce9", sftp.names("/"))
        self.refused(PERMISSION_DENIED, sftp.open, ".transom-x", NEW)
        self.refused(PERMISSION_DENIED, sftp.open, b"nul\0", NEW)
        self.refused(FAILURE, sftp.open, "x" * 256, NEW)
        self.refused(FAILURE, sftp.open, "x/" * 3000, NEW)

    def test_directories(self):
        sftp = self.session()
        self.assertEqual(sftp.status(MKDIR, string("dir"), u32(0)), OK)
        self.assertEqual(sftp.status(MKDIR, string("dir"), u32(0)), FAILURE)
        self.assertEqual(sftp.put("dir/f", b"x"), OK)
        self.assertEqual(sftp.status(RMDIR, string("dir")), FAILURE)
        self.assertEqual(sftp.status(REMOVE, string("dir/f")), OK)
        self.assertEqual(sftp.status(RMDIR, string("dir")), OK)


class Rights(SftpTest, unittest.TestCase):
    settings = {"listeners": SFTP_ONLY, "users": {
        "reader": {"password": "secret", "access": "read-only"},
        "dropper": {"password": "secret", "access": "inbox"},
        "ruled": {"password": "secret", "deny_names": ["*.exe"], "setattr": "refuse",
                  "access": ["list", "read", "upload", "overwrite"]},
    }}

    def test_a_reader_changes_nothing(self):
        self.server.write_file("reader", "f", b"content")
        sftp = self.session("reader")
        self.assertEqual(sftp.get("f"), b"content")
        for flags in (NEW, WRITE, WRITE | APPEND, WRITE | CREAT, READ_FLAG | WRITE, READ_FLAG | NEW):
            self.refused(PERMISSION_DENIED, sftp.open, "f", flags)
            self.refused(PERMISSION_DENIED, sftp.open, "new", flags | CREAT)
        self.refused(PERMISSION_DENIED, sftp.open, "new", READ_FLAG | CREAT)
        for request in ((REMOVE, string("f")), (RENAME, string("f"), string("g")), (MKDIR, string("d"), u32(0)),
                        (SYMLINK, string("f"), string("l")),
                        (SETSTAT, string("f"), attrs(size=1)),
                        (EXTENDED, string("posix-rename@openssh.com"), string("f"), string("g")),
                        (EXTENDED, string("hardlink@openssh.com"), string("f"), string("g")),
                        (EXTENDED, string("copy-file"), string("f"), string("g"), b"\1")):
            self.assertEqual(sftp.status(*request), PERMISSION_DENIED, request)
        self.assertEqual(os.listdir(self.server.path("reader")), ["f"])

    def test_an_inbox_takes_and_shows_ones_own_only(self):
        self.server.write_file("dropper", "theirs", b"theirs")
        sftp = self.session("dropper")
        self.assertEqual(sftp.put("mine", b"mine"), OK)
        self.assertEqual(sftp.stat("mine").size, 4)
        self.refused(NO_SUCH_FILE, sftp.stat, "theirs")
        self.refused(PERMISSION_DENIED, sftp.open, "mine", READ_FLAG)
        self.assertEqual(sftp.put("theirs", b"a duplicate"), OK)
        self.assertEqual(self.server.read_file("dropper", "theirs"), b"theirs")
        self.assertEqual(self.server.read_file("dropper", "theirs.1"), b"a duplicate")
        self.assertEqual(sftp.status(REMOVE, string("theirs")), PERMISSION_DENIED)
        answer = sftp.extended("check-file-name", string("mine"), string("md5"), u64(0), u64(0), u32(0))
        self.assertEqual(answer.type, 201, "a checksum of one's own")

    def test_name_rules_and_refused_attributes(self):
        sftp = self.session("ruled")
        self.refused(PERMISSION_DENIED, sftp.open, "virus.exe", NEW)
        handle = sftp.open("f", NEW)
        self.assertEqual(sftp.status(FSETSTAT, string(handle), attrs(permissions=0o777)), PERMISSION_DENIED)
        self.assertEqual(sftp.close_handle(handle), OK)
        self.assertEqual(sftp.status(REMOVE, string("f")), PERMISSION_DENIED)


class FullDisk(SftpTest, unittest.TestCase):
    settings = {"listeners": SFTP_ONLY, "users": {"alice": {"password": "secret"}}}

    def setUp(self):
        need_root()
        self.mounted = self.server.path("alice", "small")
        os.makedirs(self.mounted, exist_ok=True)
        done = run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "tmpfs", self.mounted])
        if done.returncode != 0:
            self.skipTest("no tmpfs can be mounted here: " + done.stderr)
        self.addCleanup(run, ["umount", "-l", self.mounted])
        self.server.own(self.mounted)

    def test_a_full_disk_fails_write_or_close_keeps_the_old_file_and_gives_the_space_back(self):
        sftp = self.session()
        self.assertEqual(sftp.put("small/f", b"old"), OK)
        handle = sftp.open("small/f", NEW)
        codes = [sftp.write(handle, number * 32768, b"x" * 32768) for number in range(128)]
        self.assertEqual(set(codes), {OK, FAILURE})
        self.assertEqual(codes, sorted(codes), "after the first failure every WRITE fails")
        self.assertEqual(sftp.close_handle(handle), FAILURE)
        self.assertEqual(sftp.get("small/f"), b"old")
        self.assertEqual(os.listdir(self.mounted), ["f"])
        self.server.wait_event("upload", path="/small/f", result="failed", reason="No space left")
        self.assertEqual(sftp.put("small/g", b"y" * 1000000), OK, "the space is back")

    def test_a_full_disk_met_only_at_close_fails_it(self):
        sftp = self.session()
        with open(os.path.join(self.mounted, "filler"), "wb") as file:
            file.write(b"x" * ((2 << 20) - 16384))
        handle = sftp.open("small/late", NEW)
        self.assertEqual(sftp.write(handle, 0, b"x" * 100000), OK, "gathered")
        self.assertEqual(sftp.close_handle(handle), FAILURE)
        self.assertFalse(os.path.exists(os.path.join(self.mounted, "late")))


if __name__ == "__main__":
    unittest.main()
