"""Bad input and failure: nothing false is said, nothing half is shown, nothing is left behind."""

import ftplib
import io
import os
import re
import signal
import socket
import subprocess
import unittest

from transom import (SCALE, RawFtp, ServerFailed, TransomServer, modes, need_root, own_mounts, program,
                     read_all, run, wait_until)

PIECE_BYTES = 1 << 20
SMALL_FILES = 40                # enough for a burst, and less than a sender may have unacknowledged
KEPT_BYTES = PIECE_BYTES // 2   # of a piece: the last of it may still wait in the front or the socket
USERS = {"alice": {"password": "secret"}, "bob": {"password": "secret"}}


class Upload:
    """An upload that has begun, moved a piece, and goes no further by itself."""

    def __init__(self, server, user, name, content):
        self.server, self.user, self.name, self.content = server, user, name, content
        self.staged_before = set(server.staged(user))
        self.control = server.raw(user)
        self.control.cmd("TYPE I")
        self.data = self.control.passive()
        reply = self.control.cmd("STOR " + name)
        if not reply.startswith("150"):
            raise AssertionError("STOR: " + reply)
        self.data.sendall(content[:PIECE_BYTES])
        self.staged = wait_until(self._piece_on_disk, what="a piece of %s" % name)

    def _piece_on_disk(self):
        for path in set(self.server.staged(self.user)) - self.staged_before:
            if os.path.getsize(path) >= KEPT_BYTES:
                return path
        return None

    def finish(self):
        """Send the rest and close in order; the final reply."""
        self.data.sendall(self.content[PIECE_BYTES:])
        self.data.close()
        return self.control.reply()

    def replies_until_closed(self):
        """What the server still says after a fault, until it closes the control connection."""
        replies = []
        try:
            while True:
                replies.append(self.control.reply())
        except (EOFError, ConnectionError):
            return replies

    def close(self):
        self.data.close()
        self.control.close()


def both_modes(test):
    """Run a test method once for each mode, as sub-tests."""
    def run_in_each(self):
        for mode in modes():
            with self.subTest(mode=mode):
                test(self, mode)
    run_in_each.__name__, run_in_each.__doc__ = test.__name__, test.__doc__
    return run_in_each


class Killed(unittest.TestCase):
    """SIGKILL to one process in the middle of two uploads into the same directory."""

    def server(self, mode, **options):
        """A prepared server whose users alice and bob share one root."""
        server = TransomServer(mode=mode, options=options, allow_crash=True)
        server.prepare()
        self.addCleanup(server.discard)
        shared = os.path.join(server.dir, "srv", "shared")
        os.mkdir(shared)
        server.own(shared)
        for name, user in USERS.items():
            server.add_user(name, {**user, "root": shared})
        return server

    def assert_only_alice_lost(self, server, upload, other):
        """After the end of alice's session by force: no success was reported, nothing is published, and what
        arrived is kept for her alone; bob's upload ends well; and the slot is free again."""
        for reply in upload.replies_until_closed():
            self.assertRegex(reply, "^4", "a session that died must not report success")
        upload.close()
        self.assertFalse(os.path.exists(server.path("alice", "victim")))
        self.assertTrue(other.finish().startswith("226"))
        self.assertEqual(server.read_file("bob", "other"), other.content)
        other.control.cmd("QUIT")
        other.close()
        # The slot: with max_sessions 2, two new sessions are admitted only when the dead one no longer counts.
        wait_until(lambda: len(server.pids("front ftp")) == 0, what="end of the old sessions")
        alice = self.connect_when_admitted(server, "alice")
        bob = self.connect_when_admitted(server, "bob")
        self.addCleanup(alice.close)
        self.addCleanup(bob.close)
        self.assertNotIn("victim", bob.nlst())
        self.assertIn("victim", alice.nlst())
        self.continue_upload(server, alice, upload)
        self.assertEqual(server.staged("alice"), [])

    @staticmethod
    def connect_when_admitted(server, user):
        """A login that is tried again while the clerk still counts a session that is ending."""
        def attempt():
            ftp = ftplib.FTP(timeout=20 * SCALE)
            try:
                ftp.connect("127.0.0.1", server.port)
                ftp.login(user, "secret")
                return ftp
            except ftplib.error_temp:
                ftp.close()
                return None
        return wait_until(attempt, what="a free slot for " + user, interval=0.1)

    def continue_upload(self, server, alice, upload):
        alice.voidcmd("TYPE I")
        kept = alice.size("victim")
        self.assertGreaterEqual(kept, KEPT_BYTES)
        alice.storbinary("STOR victim", io.BytesIO(upload.content[kept:]), rest=kept)
        self.assertEqual(server.read_file("alice", "victim"), upload.content)

    def begin(self, mode, **options):
        server = self.server(mode, max_sessions=2, **options)
        server.start()
        upload = Upload(server, "alice", "victim", os.urandom(3 * PIECE_BYTES))
        # Fronts have no name of their own in ps: hers is the one that is there before bob comes.
        self.alice_front, = server.pids("front ftp")
        other = Upload(server, "bob", "other", os.urandom(2 * PIECE_BYTES))
        self.addCleanup(upload.close)
        self.addCleanup(other.close)
        return server, upload, other

    def front_of_alice(self, server):
        """(guard, front) of alice's session."""
        guard, = server.pids("guard alice")
        return guard, self.alice_front

    @both_modes
    def test_front_in_the_middle_of_an_upload(self, mode):
        server, upload, other = self.begin(mode)
        _, front = self.front_of_alice(server)
        server.kill(front)
        self.assert_only_alice_lost(server, upload, other)
        server.wait_event("crash", role="front")
        server.wait_event("upload", user="alice", path="/victim", result="aborted")
        server.stop()

    @both_modes
    def test_guard_in_the_middle_of_an_upload(self, mode):
        server, upload, other = self.begin(mode)
        guard, _ = self.front_of_alice(server)
        server.kill(guard)
        # The front may still move bytes of the open file; end the transfer as a client would.
        try:
            upload.data.sendall(upload.content[PIECE_BYTES:])
        except OSError:
            pass
        upload.data.close()
        self.assert_only_alice_lost(server, upload, other)
        server.wait_event("crash", role="guard")
        server.stop()

    @both_modes
    def test_guard_right_after_many_small_files(self, mode):
        """The clerk takes the lines of a burst together; what was answered with 226 is logged all the same."""
        server = self.server(mode)
        server.start()
        ftp = server.ftp("alice", "secret")
        for number in range(SMALL_FILES):
            ftp.storbinary("STOR f%d" % number, io.BytesIO(b"small"))
        guard, = server.pids("guard alice")
        server.kill(guard)
        ftp.close()
        server.wait_event("crash", role="guard")
        server.wait_event("upload", count=SMALL_FILES, user="alice", result="complete")
        logged = server.log_events("upload", user="alice")
        self.assertEqual([event["path"] for event in logged], ["/f%d" % number for number in range(SMALL_FILES)])
        server.stop()

    @both_modes
    def test_clerk_in_the_middle_of_an_upload(self, mode):
        server, upload, other = self.begin(mode)
        clerk, = server.pids("clerk")
        server.kill(clerk)
        wait_until(lambda: server.pids("clerk"), what="a new clerk")
        server.wait_event("crash", role="clerk")
        # Both sessions have introduced themselves again, so the limit of two is reached.
        def third_is_refused():
            with RawFtp(server.port, greeting=False) as third:
                return third.reply().startswith("421")
        wait_until(third_is_refused, what="counts in the new clerk", interval=0.1)
        self.assertTrue(upload.finish().startswith("226"))
        self.assertTrue(other.finish().startswith("226"))
        self.assertEqual(server.read_file("alice", "victim"), upload.content)
        self.assertEqual(server.read_file("bob", "other"), other.content)
        server.wait_event("upload", user="alice", path="/victim", result="complete")
        upload.control.cmd("QUIT")
        self.connect_when_admitted(server, "alice").quit()
        server.stop()

    @both_modes
    def test_nursery_in_the_middle_of_an_upload(self, mode):
        server, upload, other = self.begin(mode)
        old, = server.pids("nursery")
        server.kill(old)
        wait_until(lambda: [pid for pid in server.pids("nursery") if pid != old], what="a new nursery")
        server.wait_event("crash", role="nursery")
        self.assertTrue(upload.finish().startswith("226"))
        self.assertTrue(other.finish().startswith("226"))
        self.assertEqual(server.read_file("alice", "victim"), upload.content)
        upload.control.cmd("QUIT")
        other.control.cmd("QUIT")
        self.connect_when_admitted(server, "bob").quit()
        server.stop()

    @staticmethod
    def kill_one(server, role):
        """Kill a process of this role, unless there is none, or it goes by itself just then."""
        try:
            server.kill(server.pids(role)[0])
        except (IndexError, ProcessLookupError, AssertionError):
            return False
        return True

    @both_modes
    def test_every_kind_of_process_again_and_again(self, mode):
        """After each blow the server serves, and its processes are those of an idle server."""
        server = self.server(mode)
        server.start()
        for role in ("front idle", "guard idle", "clerk", "nursery") * 2:
            wait_until(lambda role=role: self.kill_one(server, role), what=role)
            ftp = self.connect_when_admitted(server, "alice")
            ftp.storbinary("STOR again", io.BytesIO(b"x" * 1000))
            ftp.quit()

        def idle_again():
            roles = [title.split()[1] for title in server.processes().values()
                     if title.startswith("transomd: ")]
            return (roles.count("clerk"), roles.count("nursery")) == (1, 1) \
                and not server.pids("front ftp") and roles.count("guard") == roles.count("front")
        wait_until(idle_again, what="an idle server; there are %s" % server.processes())
        server.stop()


class WrongConfiguration(unittest.TestCase):
    """A wrong configuration: one line that says where, what and what would be right; nothing is started."""

    GLOBAL = (
        ('nonesuch = "1"\n', "unknown option"),
        ('max_sessions = "many"\n', "no number"),
        ('max_sessions = "0"\n', "too small"),
        ('max_sessions = "99999999999999999999"\n', "too large"),
        ('max_sessions = "-1"\n', "negative"),
        ('login_timeout = "5 parsecs"\n', "no unit"),
        ('login_timeout = "5h59999999m"\n', "no duration"),
        ('allow_weak_confinement = "perhaps"\n', "no boolean"),
        ('spare_min = "20"\nspare_max = "3"\n', "range upside down"),
        ('max_sessions = "5\n', "string without an end"),
        ('max_sessions = \n', "no value"),
        ('= "5"\n', "no name"),
        ('}\n', "brace too many"),
    )
    SECTIONS = (
        ('listener "x" { protocol = "gopher" }\n', "unknown protocol"),
        ('listener "x" { address = "127.0.0.1" }\n', "no port"),
        ('listener "x" { address = "localhost:21" }\n', "no address"),
        ('listener "x" { address = "127.0.0.1:65536" }\n', "port too large"),
        ('listener { address = "127.0.0.1:0" }\n', "no title"),
        ('nonesuch { }\n', "unknown section"),
        ('defaults { nonesuch = "1" }\n', "unknown option in a section"),
        ('defaults { access = "everything" }\n', "unknown preset"),
        ('defaults { file_mode = "0999" }\n', "no octal number"),
        ('defaults { publish = "never" }\n', "no such choice"),
        ('defaults { mount "inbox" { source = "/tmp" } }\n', "mount without a slash"),
        ('defaults { start_dir = "/a\x01b" }\n', "control character"),
        ('ftp { passive_ports = "3000-2000" }\n', "ports upside down"),
        ('ftp { passive_ports = "0-70000" }\n', "port too large"),
        ('ftp { greeting = "x" \n', "section without an end"),
        ('log { format = "xml" }\n', "unknown format"),
    )

    def check(self, server, text, what):
        server.write_conf(text)
        for arguments in (("-t", "-c", server.conf), ("-c", server.conf)):
            with self.subTest(what=what, arguments=arguments[0]):
                done = run(server.command(*arguments), timeout=20)
                self.assertEqual(done.returncode, 1, "accepted: %r\n%s" % (text[-200:], done.stderr))
                said = done.stderr.strip().splitlines()
                self.assertEqual(len(said), 1, done.stderr)
                self.assertRegex(said[0], r"transom\.conf(:\d+)?: \S")

    def test_each_is_refused_with_file_and_line(self):
        server = TransomServer(mode=modes()[-1], users=USERS)
        server.prepare()
        self.addCleanup(server.discard)
        good = server.conf_text()
        self.assertEqual(self.line_of(server, good + "# fine\n"), None)
        for text, what in self.GLOBAL:
            self.check(server, text + good, what)
        for text, what in self.SECTIONS:
            self.check(server, re.sub(r"(?ms)^(%s)\b.*?^}\n" % re.escape(text.split()[0]), "", good) + text
                       if text.split()[0] in ("ftp", "log", "defaults") else good + text, what)
        self.assertEqual(os.listdir(os.path.join(server.dir, "state")), [])

    @staticmethod
    def line_of(server, text):
        """The line number that -t complains about; None when it is content."""
        server.write_conf(text)
        done = run(server.command("-t", "-c", server.conf), timeout=20)
        if done.returncode == 0:
            return None
        found = re.search(r"transom\.conf:(\d+):", done.stderr)
        return int(found.group(1)) if found else done.stderr

    def test_the_line_is_the_right_one(self):
        server = TransomServer(mode=modes()[-1])
        server.prepare()
        self.addCleanup(server.discard)
        good = server.conf_text()
        lines = good.count("\n")
        self.assertEqual(self.line_of(server, "\n# c\n\nnonesuch = \"1\"\n" + good), 4)
        self.assertEqual(self.line_of(server, good + "\nanonymous {\n\n\tumask = \"9\"\n}\n"), lines + 4)

    def test_a_missing_file(self):
        server = TransomServer(mode=modes()[-1])
        server.prepare()
        self.addCleanup(server.discard)
        os.unlink(server.conf)
        done = run(server.command("-c", server.conf), timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No such file", done.stderr)

    def test_a_port_that_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            address = "127.0.0.1:%d" % other.getsockname()[1]
            server = TransomServer(mode=modes()[-1], listeners={"ftp": {"protocol": "ftp", "address": address}})
            self.addCleanup(server.discard)
            with self.assertRaises(ServerFailed) as failed:
                server.start()
            self.assertIn(address, failed.exception.stderr + server.log_tail())

    def test_an_unknown_account(self):
        need_root()
        server = TransomServer(mode="root", options={"front_user": "no-such-account-here"})
        self.addCleanup(server.discard)
        with self.assertRaises(ServerFailed) as failed:
            server.start()
        self.assertIn("no-such-account-here", failed.exception.stderr)

    def test_root_is_no_account_for_sessions_or_fronts(self):
        need_root()
        for settings in ({"options": {"front_user": "0"}}, {"options": {"clerk_user": "root"}},
                         {"defaults": {"files_user": "0"}}, {"defaults": {"files_user": "root"}}):
            with self.subTest(settings):
                server = TransomServer(mode="root", **settings)
                self.addCleanup(server.discard)
                with self.assertRaises(ServerFailed):
                    server.start()

    def test_a_reload_with_a_wrong_file_keeps_the_old_one(self):
        with TransomServer(users=USERS) as server:
            good = server.conf_text()
            server.write_conf(good.replace("spare_max", "spare_mx"))
            event = server.reload()
            self.assertEqual(event["event"], "reload-failed")
            self.assertIn("spare_mx", str(event))
            server.ftp("alice").quit()
            server.write_conf(good)
            self.assertEqual(server.reload()["event"], "reload")
            server.ftp("alice").quit()


class WrongUser(unittest.TestCase):
    """What is wrong with one user's file hurts that user only, and the log has the cause."""

    def refused(self, server, user):
        ftp = server.ftp()
        self.addCleanup(ftp.close)
        with self.assertRaises(ftplib.Error) as error:
            ftp.login(user, "secret")
        self.assertRegex(str(error.exception), "^[45]")
        return server.wait_event("login-failed", user=user)

    def test_a_file_with_an_error_in_it(self):
        with TransomServer(users=USERS) as server:
            path = os.path.join(server.users_dir, "bob.conf")
            with open(path, "a") as file:
                file.write('\nnonesuch = "1"\n')
            event = self.refused(server, "bob")
            self.assertIn("bob.conf:", str(event))
            server.ftp("alice").quit()

    def test_a_root_that_does_not_exist(self):
        with TransomServer(users={**USERS, "carol": {"password": "secret", "root": "/nonexistent/carol"}}) as server:
            event = self.refused(server, "carol")
            self.assertIn("/nonexistent/carol", str(event))
            self.assertTrue(event.get("cure"), event)
            server.ftp("alice").quit()

    def test_locked_disabled_and_empty_passwords(self):
        users = {"locked": {"password_hash": "!"}, "empty": {"password_hash": ""}, "none": {},
                 "disabled": {"password": "secret", "enabled": False}}
        with TransomServer(users=users) as server:
            for user in users:
                with self.subTest(user):
                    self.refused(server, user)


class DiskFull(unittest.TestCase):
    """A filesystem of a few MiB, in a mount namespace that only this process and its server see."""

    def test_the_reply_says_so_and_the_space_is_back(self):
        own_mounts()
        for mode in modes():
            with self.subTest(mode=mode):
                self.fill(mode)

    def fill(self, mode):
        server = TransomServer(mode=mode, users=USERS)
        server.prepare()
        small = server.root("alice")
        self.assertEqual(run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", small]).returncode, 0)
        try:
            server.own(small)
            server.start()
            ftp = server.ftp("alice")
            ftp.voidcmd("TYPE I")
            ftp.storbinary("STOR kept", io.BytesIO(b"k" * 1000))
            free = os.statvfs(small).f_bavail
            sock = ftp.transfercmd("STOR kept")
            try:
                sock.sendall(os.urandom(8 << 20))
            except OSError:
                pass                # the server need not read what it cannot store
            sock.close()
            with self.assertRaises(ftplib.Error) as error:
                ftp.voidresp()
            self.assertRegex(str(error.exception), "^(452|552)")
            self.assertEqual(server.staged("alice"), [])
            self.assertEqual(os.statvfs(small).f_bavail, free)
            self.assertEqual(server.read_file("alice", "kept"), b"k" * 1000)
            server.wait_event("upload", path="/kept", result="failed")
            ftp.storbinary("STOR fits", io.BytesIO(b"f" * 100000))
            self.assertEqual(server.read_file("alice", "fits"), b"f" * 100000)
            ftp.quit()
            server.stop()
            server.check_log()
        finally:
            if server.process is not None:
                server.stop()
            run(["umount", small])
            server.discard()


class Escapes(unittest.TestCase):
    """Nothing that a client says, and no link that lies in its root, leads out of the root."""

    SECRET = b"the canary outside"

    def setUp(self):
        self.outside = None

    def prepare(self, server):
        outside = os.path.join(server.dir, "srv", "outside")
        os.mkdir(outside)
        with open(os.path.join(outside, "canary"), "wb") as file:
            file.write(self.SECRET)
        os.chmod(outside, 0o777)
        os.chmod(os.path.join(outside, "canary"), 0o666)
        root = server.root("alice")
        for name, target in (("absolute", outside + "/canary"), ("relative", "../outside/canary"),
                             ("directory", outside), ("parent", "../outside"), ("top", "/"),
                             ("passwd", "/etc/passwd"), ("proc", "/proc/self/root"),
                             ("chain", "directory/canary")):
            os.symlink(target, os.path.join(root, name))
        return outside

    def canary_is_untouched(self, outside):
        self.assertEqual(os.listdir(outside), ["canary"])
        with open(os.path.join(outside, "canary"), "rb") as file:
            self.assertEqual(file.read(), self.SECRET)

    def retrieve(self, ftp, path):
        """Content of a file, or None when the server refuses."""
        data = ftp.passive()
        reply = ftp.cmd("RETR " + path)
        if not reply.startswith("150"):
            data.close()
            self.assertRegex(reply, "^5")
            return None
        content = read_all(data)
        data.close()
        self.assertTrue(ftp.reply().startswith("226"))
        return content

    def store(self, ftp, path):
        data = ftp.passive()
        reply = ftp.cmd("STOR " + path)
        if reply.startswith("150"):
            data.sendall(b"intruder")
            data.close()
            reply = ftp.reply()
        data.close()
        return reply

    @both_modes
    def test_reading(self, mode):
        with TransomServer(mode=mode, users=USERS) as server:
            outside = self.prepare(server)
            ftp = server.raw("alice")
            for path in ("absolute", "relative", "directory/canary", "parent/canary", "chain", "passwd",
                         "../outside/canary", "/../../outside/canary", outside + "/canary", "top/etc/passwd",
                         "proc/etc/passwd", "....//outside/canary", "..\\outside\\canary",
                         "..%2foutside/canary", b"\xc0\xae\xc0\xae/outside/canary".decode("utf-8", "surrogateescape")):
                with self.subTest(path):
                    self.assertIsNone(self.retrieve(ftp, path))
            self.canary_is_untouched(outside)
            ftp.close()

    @both_modes
    def test_walking(self, mode):
        with TransomServer(mode=mode, users=USERS) as server:
            outside = self.prepare(server)
            ftp = server.raw("alice")
            for path in ("directory", "parent", outside, "proc"):
                with self.subTest(path):
                    self.assertRegex(ftp.cmd("CWD " + path), "^5")
            for path in ("..", "../..", "/../..", "top"):
                with self.subTest(path):
                    self.assertRegex(ftp.cmd("CWD " + path), "^250")
                    data = ftp.passive()
                    self.assertRegex(ftp.cmd("NLST"), "^150")
                    self.assertIn(b"absolute", read_all(data))
                    ftp.reply()
            self.assertRegex(ftp.cmd("CDUP"), "^2")
            self.assertIn('"/', ftp.cmd("PWD"))
            ftp.close()

    @both_modes
    def test_writing(self, mode):
        with TransomServer(mode=mode, users=USERS) as server:
            outside = self.prepare(server)
            ftp = server.raw("alice")
            for path in ("directory/new", "parent/new", "../outside/new", outside + "/new", "absolute", "relative"):
                with self.subTest(path):
                    self.store(ftp, path)
                    self.canary_is_untouched(outside)
            for command in ("DELE directory/canary", "DELE ../outside/canary", "MKD directory/sub", "MKD ../outside/sub",
                            "RMD directory", "SITE CHMOD 000 absolute", "MFMT 20000101000000 relative"):
                with self.subTest(command):
                    ftp.cmd(command)
                    self.canary_is_untouched(outside)
            server.write_file("alice", "mine", b"mine")
            for target in ("../outside/mine", "directory/mine", outside + "/mine"):
                with self.subTest(target):
                    if ftp.cmd("RNFR mine").startswith("350"):
                        ftp.cmd("RNTO " + target)
                    self.canary_is_untouched(outside)
            ftp.close()

    def test_special_files_are_not_opened(self):
        """A fifo must not hang the session, a device must not be read."""
        with TransomServer(users=USERS) as server:
            os.mkfifo(server.path("alice", "fifo"))
            server.own(server.path("alice", "fifo"))
            with socket.socket(socket.AF_UNIX) as unix:
                here = os.open(server.root("alice"), os.O_RDONLY)
                unix.bind("/proc/self/fd/%d/socket" % here)
                os.close(here)
                ftp = server.raw("alice")
                for name in ("fifo", "socket"):
                    with self.subTest(name):
                        self.assertIsNone(self.retrieve(ftp, name))
                self.assertRegex(ftp.cmd("NOOP"), "^200")
                ftp.close()


class Stopping(unittest.TestCase):
    """TERM lets a transfer finish; INT does not; both leave nothing behind."""

    @both_modes
    def test_term_waits_for_a_transfer(self, mode):
        with TransomServer(mode=mode, users=USERS, options={"drain_timeout": "20s"}) as server:
            upload = Upload(server, "alice", "draining", os.urandom(2 * PIECE_BYTES))
            idle = server.raw("bob")
            server.signal(signal.SIGTERM)
            self.assertTrue(idle.closed())
            self.assertTrue(upload.finish().startswith("226"))
            self.assertEqual(server.read_file("alice", "draining"), upload.content)
            self.assertEqual(server.process.wait(15 * SCALE), 0)
            wait_until(lambda: not server.processes(), what="end of all processes")
            upload.close()
            idle.close()

    @both_modes
    def test_int_does_not_wait(self, mode):
        with TransomServer(mode=mode, users=USERS, options={"drain_timeout": "1h"}) as server:
            upload = Upload(server, "alice", "cut", os.urandom(2 * PIECE_BYTES))
            server.signal(signal.SIGINT)
            self.assertEqual(server.process.wait(10 * SCALE), 0)
            self.assertFalse(any(reply.startswith("226") for reply in upload.replies_until_closed()))
            self.assertFalse(os.path.exists(server.path("alice", "cut")))
            self.assertEqual(len(server.staged("alice")), 1)
            wait_until(lambda: not server.processes(), what="end of all processes")
            upload.close()


class Programs(unittest.TestCase):
    """-V and -T, and options that do not exist."""

    def test_the_version(self):
        done = run([program("transomd"), "-V"])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^transom\w* \d+\.\d+")

    def test_the_effective_configuration_is_a_configuration(self):
        server = TransomServer(mode=modes()[-1], users=USERS)
        server.prepare()
        self.addCleanup(server.discard)
        dumped = run(server.command("-T", "-c", server.conf))
        self.assertEqual(dumped.returncode, 0, dumped.stderr)
        server.write_conf(dumped.stdout)
        again = run(server.command("-T", "-c", server.conf))
        self.assertEqual(again.stdout, dumped.stdout, again.stderr)

    def test_unknown_arguments(self):
        for arguments in (["-x"], ["-c"], ["surplus"]):
            with self.subTest(arguments):
                done = subprocess.run([program("transomd"), *arguments], timeout=20, check=False,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(b"usage", done.stderr.lower())


if __name__ == "__main__":
    unittest.main()
