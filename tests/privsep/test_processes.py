"""The processes: what /proc says of each role in each phase, and what happens when one dies or is told to stop."""

import fcntl
import ftplib
import io
import os
import re
import socket
import subprocess
import sys
import time
import unittest
from signal import SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1, SIGUSR2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from ssh_raw import RawSsh, string, u32  # noqa: E402
from transom import (CLERK_UID, FILES_UID, FRONT_UID, SCALE, SFTP_ONLY, USER_UID, RawFtp, ServerFailed,  # noqa: E402
                     TransomServer, is_root, modes, need_root, need_tool, proc_fds, proc_status, proc_title, run,
                     wait_until)

ALICE = {"alice": {"password": "secret"}}
CAPABILITIES_LOGIN = {"cap_dac_read_search": 2, "cap_setgid": 6, "cap_setuid": 7, "cap_sys_chroot": 18}
CAPABILITY_KILL = 5


def bits(status, name):
    return int(status[name][0], 16)


def mapping_of(pid, what):
    """Start address of the first mapping whose line ends in `what`."""
    with open("/proc/%d/maps" % pid) as file:
        for line in file:
            if line.rstrip().endswith(what):
                return line.split("-")[0]
    raise AssertionError("no mapping of %s in %d" % (what, pid))


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled(server, minimum=2):
    """Wait until as many pairs are idle as shall be, and confined; (guards, fronts)."""
    def look():
        guards, fronts = ([pid for pid in server.pids(role) if proc_status(pid).get("Seccomp") == ["2"]]
                          for role in ("guard idle", "front idle"))
        return (guards, fronts) if len(guards) >= minimum and len(fronts) >= minimum else None
    return wait_until(look, 10, "idle pairs")


class Picture(unittest.TestCase):
    """One server a mode: look at every role, before and after a login."""

    def check_status(self, pid, uid, gid, groups, effective, bounding, seccomp):
        status = proc_status(pid)
        title = proc_title(pid)
        self.assertEqual(status["Uid"], [str(uid)] * 4, title)
        self.assertEqual(status["Gid"], [str(gid)] * 4, title)
        self.assertEqual(status["Groups"], [str(group) for group in groups], title)
        self.assertEqual(bits(status, "CapEff"), effective, title)
        self.assertEqual(bits(status, "CapPrm"), effective, title)
        self.assertEqual(bits(status, "CapInh"), 0, title)
        self.assertEqual(bits(status, "CapAmb"), 0, title)
        if bounding is not None:
            self.assertEqual(bits(status, "CapBnd"), bounding, title)
        self.assertEqual(status["Seccomp"], [str(seccomp)], title)
        if seccomp:
            self.assertEqual(status["NoNewPrivs"], ["1"], title)

    def roots_view(self, pid):
        return os.readlink("/proc/%d/root" % pid)

    def test_root_mode(self):
        need_root()
        login = sum(1 << bit for bit in CAPABILITIES_LOGIN.values())
        with TransomServer(mode="root", users=ALICE) as server:
            guards, fronts = settled(server)
            clerk, = server.pids("clerk")
            nursery, = server.pids("nursery")
            empty = os.path.join(server.dir, "run", "empty")
            self.check_status(clerk, CLERK_UID, CLERK_UID, [], 0, 0, 2)
            self.assertEqual(self.roots_view(clerk), empty)
            self.check_status(nursery, 0, 0, proc_status(nursery)["Groups"], login | 1 << CAPABILITY_KILL, 0, 0)
            for pid in guards:
                self.check_status(pid, 0, 0, proc_status(pid)["Groups"], login, 0, 2)
            for pid in fronts:
                self.check_status(pid, FRONT_UID, FRONT_UID, [], 0, 0, 2)
                self.assertEqual(self.roots_view(pid), empty)
            client = server.ftp("alice")
            guard, front = server.session_pids("alice")
            self.check_status(guard, FILES_UID, FILES_UID, [], 0, 0, 2)
            self.assertEqual(self.roots_view(guard), server.root("alice"))
            self.check_status(front, FRONT_UID, FRONT_UID, [], 0, 0, 2)
            self.assertEqual(self.roots_view(front), empty)
            # Two filters: the one of the login and the one of the user.
            self.assertEqual(proc_status(guard)["Seccomp_filters"], ["2"])
            client.quit()

    def test_user_mode(self):
        with TransomServer(mode="user", users=ALICE) as server:
            uid = USER_UID if is_root() else os.geteuid()
            gid = USER_UID if is_root() else os.getegid()
            settled(server)
            client = server.ftp("alice")
            server.wait_rest()      # the pair that takes the place of hers is made, and confined
            for pid, title in server.processes().items():
                status = proc_status(pid)
                self.assertEqual(status["Uid"], [str(uid)] * 4, title)
                self.assertEqual(status["Gid"], [str(gid)] * 4, title)
                self.assertEqual(bits(status, "CapEff"), 0, title)
                confined = re.search("guard|front|clerk", title) is not None
                self.assertEqual(status["Seccomp"], ["2" if confined else "0"], title)
                self.assertEqual(status["NoNewPrivs"], ["1" if confined else "0"], title)
            client.quit()

    def test_descriptors_of_each_role(self):
        need_root()
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE) as server:
                guards, fronts = settled(server)
                for pid in fronts:
                    self.assertEqual(self.without_null(pid), ["socket"], "idle front: the wall")
                client = server.ftp("alice")
                guard, front = server.session_pids("alice")
                self.assertEqual(self.without_null(front), ["socket", "socket"], "wall and client")
                held = self.without_null(guard)
                # Wall, door, clerk and leash; epoll and signals; the root directory.
                self.assertEqual(held.count("socket"), 4, held)
                self.assertEqual(held.count("anon_inode"), 2, held)
                self.assertEqual([text for text in held if text.startswith("/")], [server.root("alice")])
                server.wait_rest()
                # The log is the clerk's alone.
                for pid in server.processes():
                    holds_log = server.log_file in proc_fds(pid).values()
                    self.assertEqual(holds_log, pid in server.pids("clerk"), proc_title(pid))
                client.quit()

    def test_sessions_of_sftp_are_confined_like_those_of_ftp(self):
        need_root()
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE, listeners=SFTP_ONLY) as server, \
                    RawSsh(server.port_of("sftp")) as ssh:
                ssh.login("alice", ALICE["alice"]["password"])
                channel = ssh.start_sftp()
                guard, front = server.session_pids("alice")
                self.assertEqual(self.without_null(front), ["socket", "socket"], "wall and client")
                held = self.without_null(guard)
                # A directory stays in the guard; of a file the front gets the descriptor, and nothing else.
                ssh.send_data(channel, string(b"\x0b" + u32(1) + string("/")))
                self.assertEqual(ssh.read_sftp()[:5], b"\x66" + u32(1))
                self.assertEqual(self.without_null(front), ["socket", "socket"])
                self.assertEqual(len(self.without_null(guard)), len(held) + 1)
                ssh.send_data(channel, string(b"\x03" + u32(2) + string("/new") + u32(0x1a) + u32(0)))
                self.assertEqual(ssh.read_sftp()[:5], b"\x66" + u32(2))
                files = [text for text in self.without_null(front) if text != "socket"]
                self.assertEqual([text.startswith(server.root("alice")) for text in files], [True], files)
                status = proc_status(front)
                self.assertEqual((status["Seccomp"], status["NoNewPrivs"], bits(status, "CapPrm")), (["2"], ["1"], 0))
                if mode == "root":
                    self.check_status(guard, FILES_UID, FILES_UID, [], 0, 0, 2)
                    self.assertEqual(self.roots_view(guard), server.root("alice"))
                    self.check_status(front, FRONT_UID, FRONT_UID, [], 0, 0, 2)
                    self.assertEqual(self.roots_view(front), os.path.join(server.dir, "run", "empty"))

    @staticmethod
    def without_null(pid):
        """Kinds of a process's descriptors; what the sanitizers keep (standard error) does not count."""
        return sorted(text.split(":")[0] for number, text in proc_fds(pid).items()
                      if text != "/dev/null" and number > 2)

    def test_fronts_cannot_start_processes_nor_be_traced(self):
        with TransomServer(users=ALICE) as server:
            guards, fronts = settled(server)
            for pid in fronts:
                with open("/proc/%d/limits" % pid) as file:
                    limits = file.read()
                self.assertRegex(limits, r"Max processes +0 +0 ")
                self.assertRegex(limits, r"Max core file size +0 +0 ")
                self.assertRegex(limits, r"Max open files +1064 +1064 ")
            if is_root():
                # Undumpable: the files in /proc belong to root.
                for pid in fronts + guards + server.pids("clerk"):
                    self.assertEqual(os.stat("/proc/%d/environ" % pid).st_uid, 0)

    def test_each_nursery_has_an_address_layout_of_its_own(self):
        need_root()
        with TransomServer(users=ALICE) as server:
            seen = set()
            for generation in (1, 2, 3):
                nursery, = wait_until(lambda: server.pids("nursery %d" % generation), 10, "nursery")
                seen.add((mapping_of(nursery, "[stack]"), mapping_of(nursery, "/transomd")))
                if generation < 3:
                    self.assertEqual(server.reload()["event"], "reload")
            clerk, = server.pids("clerk")
            seen.add((mapping_of(clerk, "[stack]"), mapping_of(clerk, "/transomd")))
            seen.add((mapping_of(server.pid, "[stack]"), mapping_of(server.pid, "/transomd")))
            self.assertEqual(len(seen), 5)


class Death(unittest.TestCase):
    """kill -9 of each role: it is replaced, and nobody else notices."""

    def serves(self, server):
        client = server.ftp("alice")
        client.storbinary("STOR probe", io.BytesIO(b"x" * 1000))
        self.assertEqual(server.read_file("alice", "probe"), b"x" * 1000)
        client.quit()

    def each_mode(self):
        for mode in modes():
            with self.subTest(mode=mode):
                with TransomServer(mode=mode, users=ALICE, allow_crash=True) as server:
                    settled(server)
                    yield server

    def test_clerk(self):
        for server in self.each_mode():
            client = server.ftp("alice")
            clerk, = server.pids("clerk")
            server.kill(clerk)
            server.wait_event("crash", role="clerk", pid=clerk, signal="KILL")
            server.wait_event("clerk-back")
            self.assertNotEqual(wait_until(lambda: server.pids("clerk"), 10, "a new clerk"), [clerk])
            # The old session goes on, and its lines come through the new clerk.
            client.storbinary("STOR after", io.BytesIO(b"y" * 5000))
            server.wait_event("upload", user="alice", path="/after", result="complete")
            self.serves(server)
            client.quit()
            server.wait_event("logout", count=2)

    def test_no_line_is_lost_over_the_death_of_a_clerk(self):
        for server in self.each_mode():
            client = server.ftp("alice")
            for number in range(60):
                if number % 20 == 10:
                    server.kill(wait_until(lambda: server.pids("clerk"), 10, "clerk")[0])
                client.mkd("d%d" % number)
            client.quit()
            server.wait_event("logout")
            made = [event["path"] for event in server.log_events("mkdir")]
            self.assertEqual(sorted(set(made)), sorted("/d%d" % number for number in range(60)))

    def test_counts_survive_a_new_clerk(self):
        with TransomServer(users=ALICE, options={"max_sessions": 2}, allow_crash=True) as server:
            settled(server)
            first, second = server.raw("alice"), server.raw("alice")
            server.kill(server.pids("clerk")[0])
            server.wait_event("clerk-back")
            self.addCleanup(second.close)
            self.assertEqual(first.code("NOOP"), 200)
            self.assertEqual(second.code("NOOP"), 200)

            def refused():
                with RawFtp(server.port) as third:
                    return third.greeting.startswith("421")
            wait_until(refused, 5, "refusal of a third session")
            first.close()

            def admitted():
                with RawFtp(server.port) as third:
                    return third.greeting.startswith("220")
            wait_until(admitted, 5, "a place after one left")
            second.close()

    def test_nursery(self):
        for server in self.each_mode():
            client = server.ftp("alice")
            nursery, = server.pids("nursery")
            server.kill(nursery)
            server.wait_event("crash", role="nursery", pid=nursery, signal="KILL")
            wait_until(lambda: server.pids("nursery 2"), 10, "a new nursery")
            settled(server)
            client.storbinary("STOR after", io.BytesIO(b"z" * 5000))
            self.serves(server)
            client.quit()
            server.wait_event("logout", count=2)

    def test_idle_pairs_of_a_dead_nursery_go(self):
        for server in self.each_mode():
            old = server.pids("guard idle") + server.pids("front idle")
            server.kill(server.pids("nursery")[0])
            wait_until(lambda: not set(old) & set(server.processes()), 10, "end of the old pairs")

    def test_a_crash_of_an_orphaned_session_is_logged(self):
        for server in self.each_mode():
            client = server.ftp("alice")
            front = server.session_pids("alice")[1]
            server.kill(server.pids("nursery")[0])
            wait_until(lambda: server.pids("nursery 2"), 10, "a new nursery")
            server.kill(front)
            server.wait_event("crash", pid=front, signal="KILL")
            server.wait_event("logout", user="alice")
            client.close()

    def test_front(self):
        for server in self.each_mode():
            other = server.ftp("alice")
            other_front = server.session_pids("alice")[1]
            victim = RawFtp(server.port)
            front, = [pid for pid in server.pids("front ftp") if pid != other_front]
            server.kill(front)
            server.wait_event("crash", role="front", pid=front, signal="KILL", generation=1)
            self.assertTrue(victim.closed())
            victim.close()
            wait_until(lambda: server.pids("nursery 2"), 10, "a fresh nursery")
            self.assertEqual(other.voidcmd("NOOP")[:3], "200")
            self.serves(server)
            other.quit()

    def test_guard(self):
        for server in self.each_mode():
            client = server.ftp("alice")
            guard, front = server.session_pids("alice")
            server.kill(guard)
            server.wait_event("crash", role="guard", pid=guard, signal="KILL")
            wait_until(lambda: front not in server.processes(), 10, "end of the front")
            with self.assertRaises((EOFError, OSError, ftplib.Error)):
                client.voidcmd("NOOP")
                client.voidcmd("NOOP")
            client.close()
            wait_until(lambda: server.pids("nursery 2"), 10, "a fresh nursery")
            self.serves(server)
            self.assertEqual(len(server.log_events("crash", role="front")), 0)

    def test_idle_pair(self):
        for server in self.each_mode():
            guards, fronts = settled(server)
            server.kill(guards[0])
            server.wait_event("crash", role="guard", pid=guards[0])
            settled(server)
            self.serves(server)

    def test_many_crashes_make_few_nurseries(self):
        with TransomServer(users=ALICE, allow_crash=True) as server:
            settled(server)
            start = time.monotonic()
            for _ in range(8):
                with RawFtp(server.port):
                    for pid in server.pids("front ftp"):
                        try:
                            os.kill(pid, SIGABRT)
                        except ProcessLookupError:
                            pass
            server.wait_event("crash", role="front")

            def generation():
                titles = [proc_title(pid).split() for pid in server.pids("nursery")]
                return max([int(words[2]) for words in titles if len(words) > 2], default=0)
            wait_until(lambda: generation() >= 2, 10, "a fresh nursery")
            self.assertLessEqual(generation(), 2 + (time.monotonic() - start))
            self.serves(server)

    def test_the_pool_grows_in_a_rush(self):
        with TransomServer(users=ALICE, options={"spare_min": 2, "spare_max": 48}) as server:
            settled(server)
            crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(90)]
            for sock in crowd:
                sock.settimeout(20 * SCALE)
                self.assertTrue(sock.recv(100).startswith(b"220"))
            peak = len(settled(server, 3)[0])
            self.assertLessEqual(peak, 48)
            for sock in crowd:
                sock.close()
            wait_until(lambda: len(server.pids("guard idle")) < peak, 30, "fewer pairs in the calm")

    def test_more_pairs_than_a_front_may_have_descriptors(self):
        """Nothing that belongs to the nursery or to other pairs is in the way of a new one."""
        with TransomServer(users=ALICE, options={"spare_min": 48, "spare_max": 60}) as server:
            settled(server, 48)
            self.serves(server)

    def test_a_system_without_processes_left_is_told_of(self):
        """RLIMIT_NPROC in user mode: no pair can be forked, nothing spins, and it goes on by itself."""
        need_root()
        with TransomServer(mode="user", users=ALICE, allow_crash=True) as server:
            settled(server)
            nursery, = server.pids("nursery")
            with open("/proc/%d/limits" % nursery) as file:
                before = re.search(r"Max processes +(\w+)", file.read()).group(1)

            def limit(processes):
                done = run(["setpriv", "--reuid=%d" % USER_UID, "--regid=%d" % USER_UID, "--clear-groups",
                            need_tool("prlimit"), "--pid", str(nursery), "--nproc=%s:" % processes])
                self.assertEqual(done.returncode, 0, done.stderr)
            limit(1)
            first = server.raw("alice")
            server.wait_event("fork-failed")
            spent = cpu_seconds(nursery)
            time.sleep(1)
            self.assertLess(cpu_seconds(nursery) - spent, 0.5)
            limit(before)
            settled(server)
            self.serves(server)
            first.close()

    def test_master(self):
        """Without a master the sessions live to their end, and everything ends with the last."""
        for server in self.each_mode():
            client = server.ftp("alice")
            session = server.pid
            os.kill(server.pid, SIGKILL)
            server.process.wait(5)
            client.storbinary("STOR alone", io.BytesIO(b"m" * 1000))
            self.assertEqual(server.read_file("alice", "alone"), b"m" * 1000)
            wait_until(lambda: not server.pids("guard idle"), 10, "end of the idle pairs")
            client.quit()
            wait_until(lambda: not server._alive(session), 10, "end of all processes")
            self.assertEqual(len(server.log_events("logout", user="alice")), 1)
            server.process = None


class Signals(unittest.TestCase):

    def test_hup_takes_a_good_configuration_and_keeps_sessions(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE) as server:
                client = server.ftp("alice")
                server.ftp_options["greeting"] = "Changed."
                server.write_conf()
                event = server.reload()
                self.assertEqual(event["event"], "reload")
                self.assertEqual(event["generation"], 2)
                with RawFtp(server.port) as raw:
                    self.assertIn("Changed.", raw.greeting)
                client.storbinary("STOR old-session", io.BytesIO(b"o" * 1000))
                wait_until(lambda: server.pids("nursery 1 retired"), 5, "retired nursery")
                client.quit()
                wait_until(lambda: not server.pids("nursery 1"), 5, "end of the old nursery")

    def test_hup_with_a_bad_configuration_keeps_the_old_one(self):
        with TransomServer(users=ALICE) as server:
            good = server.conf_text()
            for bad, what in ((good + "no_such_option = 1\n", "no_such_option"),
                              (good + "max_sessions = 0\n", "max_sessions"),
                              (good + "listener \"x\" { address = \"192.0.2.1:0\" }\n", "192.0.2.1")):
                server.write_conf(bad)
                event = server.reload()
                self.assertEqual(event["event"], "reload-failed")
                self.assertIn(what, event["reason"])
                self.assertIn("transom.conf", event["reason"])
                with server.ftp("alice") as client:
                    client.voidcmd("NOOP")
            self.assertEqual(server.pids("nursery 1"), server.pids("nursery"))
            server.write_conf(good)
            self.assertEqual(server.reload()["event"], "reload")

    def test_hup_opens_and_closes_listeners(self):
        with TransomServer(users=ALICE) as server:
            # It stays bound: nobody else is given the port, and the server may listen on it all the same.
            probe = socket.socket()
            self.addCleanup(probe.close)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
            held = server.ftp("alice")
            keep = dict(server.listeners)
            server.listeners["more"] = {"address": "127.0.0.1:%d" % free}
            server.write_conf()
            self.assertEqual(server.reload()["event"], "reload")
            more = RawFtp(free)
            more.login("alice", "secret")
            with RawFtp(server.port) as raw:    # port 0 stayed where it was
                self.assertTrue(raw.greeting.startswith("220"))
            server.listeners = keep
            server.write_conf()
            self.assertEqual(server.reload()["event"], "reload")

            def closed():
                try:
                    socket.create_connection(("127.0.0.1", free), 1).close()
                    return False
                except ConnectionRefusedError:
                    return True
            wait_until(closed, 5, "the removed listener to close")
            self.assertEqual(more.code("NOOP"), 200)    # its session lives
            more.close()
            held.quit()

    def test_hup_storm(self):
        with TransomServer(users=ALICE) as server:
            client = server.ftp("alice")
            for _ in range(20):
                server.signal(SIGHUP)
                time.sleep(0.02)
                with server.ftp("alice") as other:
                    other.voidcmd("NOOP")
            client.voidcmd("NOOP")
            client.quit()
            wait_until(lambda: len(server.pids("nursery")) == 1, 10, "one nursery left")

    def test_usr1_opens_the_log_again(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE) as server:
                old = server.log_file + ".1"
                os.rename(server.log_file, old)
                with server.ftp("alice"):
                    pass
                server.signal(SIGUSR1)
                server.wait_event("log-reopened", result="ok")
                with server.ftp("alice"):
                    pass
                server.wait_event("login", user="alice")
                with open(old) as file:
                    self.assertEqual(file.read().count('"event":"ready"'), 1)
                self.assertEqual(os.stat(server.log_file).st_mode & 0o777, 0o640)

    def test_a_full_disk_costs_lines_and_nothing_else(self):
        with TransomServer(users=ALICE) as server:
            real = server.log_file
            server.log_options["target"] = "/dev/full"
            server.write_conf()
            server.signal(SIGHUP)
            wait_until(lambda: server.pids("nursery 2"), 10, "the new nursery")
            wait_until(lambda: "/dev/full" in proc_fds(server.pids("clerk")[0]).values(), 5, "the new log")
            with server.ftp("alice") as client:
                client.mkd("made")
            server.wait_rest()
            server.log_options["target"] = real
            server.write_conf()
            server.signal(SIGHUP)
            self.assertGreaterEqual(server.wait_event("log-dropped")["lines"], 3)
            with server.ftp("alice") as client:
                client.voidcmd("NOOP")

    def test_stderr_and_logfmt(self):
        """The ready line in logfmt on standard error, which is a pipe here."""
        for mode in modes():
            server = TransomServer(mode=mode, users=ALICE)
            server.log_options = {"target": "stderr", "format": "logfmt"}
            with self.subTest(mode=mode):
                process = None
                try:
                    server.prepare()
                    process = subprocess.Popen(server.command("-c", server.conf), stdin=subprocess.DEVNULL,
                                               stderr=subprocess.PIPE, start_new_session=True, text=True)
                    self.assertRegex(process.stderr.readline(), r"^time=\S+ event=confinement level=info ")
                    self.assertRegex(process.stderr.readline(),
                                     r'^time=\S+ event=ready .*listeners="ftp=ftp@127\.0\.0\.1:\d+" ')
                    process.send_signal(SIGTERM)
                    rest, = process.communicate(timeout=15 * SCALE)[1:]
                    self.assertIn("event=stopped", rest)
                    self.assertEqual(process.returncode, 0)
                finally:
                    if process is not None and process.poll() is None:
                        process.kill()
                        process.communicate()
                    server.discard()

    def test_usr2_does_nothing(self):
        with TransomServer(users=ALICE) as server:
            server.signal(SIGUSR2)
            with server.ftp("alice") as client:
                client.voidcmd("NOOP")

    @staticmethod
    def is_refused(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        return False

    def test_term_lets_a_transfer_finish(self):
        with TransomServer(users=ALICE, options={"drain_timeout": "20s"}) as server:
            raw = server.raw("alice")
            raw.cmd("TYPE I")
            data = raw.passive()
            self.assertTrue(raw.cmd("STOR slow").startswith("150"))
            data.sendall(b"a" * 1000)
            server.signal(SIGTERM)
            server.wait_event("stop")
            # Pairs that waited for a client have the listener a moment longer than the master.
            wait_until(lambda: self.is_refused(server.port), what="a listener that is closed")
            data.sendall(b"b" * 1000)
            data.close()
            replies = []
            try:
                while True:
                    replies.append(raw.reply())
            except (EOFError, OSError):
                pass
            raw.close()
            self.assertTrue(any(reply.startswith("226") for reply in replies), replies)
            self.assertTrue(any(reply.startswith("421") for reply in replies), replies)
            self.assertEqual(server.process.wait(15 * SCALE), 0)
            self.assertEqual(server.read_file("alice", "slow"), b"a" * 1000 + b"b" * 1000)
            self.assertEqual(len(server.log_events("stopped")), 1)

    def test_term_ends_what_does_not_finish(self):
        with TransomServer(users=ALICE, options={"drain_timeout": "1s"}) as server:
            raw = server.raw("alice")
            data = raw.passive()
            self.assertTrue(raw.cmd("STOR stuck").startswith("150"))
            data.sendall(b"a" * 1000)
            start = time.monotonic()
            server.signal(SIGTERM)
            self.assertEqual(server.process.wait(15 * SCALE), 0)
            self.assertGreater(time.monotonic() - start, 0.9)
            self.assertFalse(os.path.exists(server.path("alice", "stuck")))
            data.close()
            raw.close()

    def test_int_stops_now(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE) as server:
                raw = server.raw("alice")
                start = time.monotonic()
                server.signal(SIGINT)
                self.assertEqual(server.process.wait(10 * SCALE), 0)
                self.assertLess(time.monotonic() - start, 8 * SCALE)
                self.assertTrue(raw.closed())
                raw.close()

    def test_a_second_term_stops_at_once(self):
        with TransomServer(users=ALICE, options={"drain_timeout": "60s"}) as server:
            raw = server.raw("alice")
            data = raw.passive()
            self.assertTrue(raw.cmd("STOR stuck").startswith("150"))
            server.signal(SIGTERM)
            server.wait_event("stop")
            start = time.monotonic()
            server.signal(SIGTERM)
            self.assertEqual(server.process.wait(10 * SCALE), 0)
            self.assertLess(time.monotonic() - start, 8 * SCALE)
            data.close()
            raw.close()


class Start(unittest.TestCase):

    def test_ready_tells_listeners_mode_version_and_walls(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode) as server:
                self.assertRegex(server.ready["listeners"], r"^ftp=ftp@127\.0\.0\.1:\d+$")
                self.assertEqual(server.ready["mode"], mode)
                self.assertRegex(server.ready["version"], r"^\d+\.\d+\.\d+")
                walls = server.ready["walls"].split()
                for wall in ("seccomp", "no_new_privs", "openat2"):
                    self.assertIn(wall, walls)
                self.assertEqual("chroot" in walls, mode == "root")
                self.assertEqual("uid" in walls, mode == "root")
                self.assertEqual(len(server.log_events("confinement", mode=mode)), 1)

    def failing(self, options=None, listeners=None, **more):
        server = TransomServer(users=ALICE, options=options, listeners=listeners, **more)
        try:
            server.prepare()
            with self.assertRaises(ServerFailed) as caught:
                server.start()
            self.assertEqual(caught.exception.status, 1)
            self.assertRegex(caught.exception.stderr, r"^transomd: ")
            return caught.exception.stderr
        finally:
            server.discard()

    def test_a_port_that_is_taken_stops_the_start(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.assertIn("cannot listen on " + address, self.failing(listeners={"a": {"address": address}}))

    def test_a_log_that_cannot_be_opened_stops_the_start(self):
        self.assertIn("/no/such/dir/log", self.failing(log={"target": "/no/such/dir/log"}))

    def test_a_bad_runtime_directory_stops_the_start(self):
        self.assertIn("runtime_dir", self.failing(options={"runtime_dir": "/no/such/dir/run"}))

    def test_an_empty_directory_that_is_not_empty_stops_the_start(self):
        server = TransomServer(users=ALICE)
        try:
            server.prepare()
            os.mkdir(os.path.join(server.dir, "run", "empty"), 0o755)
            with open(os.path.join(server.dir, "run", "empty", "x"), "w"):
                pass
            server._give_away(server.dir) if server.mode == "user" and is_root() else None
            with self.assertRaises(ServerFailed) as caught:
                server.start()
            self.assertIn("empty", caught.exception.stderr)
        finally:
            server.discard()

    def test_arguments(self):
        with TransomServer(users=ALICE) as server:
            def transomd(*arguments):
                return run(server.command(*arguments))
            self.assertEqual(transomd("-c", server.conf, "-t").returncode, 0)
            dumped = transomd("-c", server.conf, "-T")
            self.assertEqual(dumped.returncode, 0)
            self.assertIn("max_sessions", dumped.stdout)
            self.assertRegex(transomd("-V").stdout, r"^transomd \d")
            self.assertRegex(transomd("-h").stdout, r"^usage: transomd")
            for wrong in (("-x",), ("-c",), ("surplus",)):
                self.assertEqual(transomd(*wrong).returncode, 2, wrong)
            missing = transomd("-c", "/no/such/file", "-t")
            self.assertEqual(missing.returncode, 1)
            self.assertRegex(missing.stderr, r"^transomd: /no/such/file: ")

    def test_systemd_sockets_and_notification(self):
        """LISTEN_FDS is taken by address, and READY=1 and STOPPING=1 arrive."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            passed = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 10)
            self.addCleanup(os.close, passed)
            server = TransomServer(mode="root" if is_root() else "user", users=ALICE,
                                   listeners={"given": {"address": "127.0.0.1:%d" % port}})
            notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            notified.settimeout(10 * SCALE)
            try:
                server.prepare()
                path = os.path.join(server.dir, "notify")
                notified.bind(path)
                server.environment["NOTIFY_SOCKET"] = path
                # A shell in between puts its own pid, which exec keeps, into LISTEN_PID.
                script = 'exec 3<&%d %d<&-; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"' % (passed, passed)
                plain = server.command
                server.command = lambda *arguments: ["bash", "-c", script, "bash", *plain(*arguments)]
                original = subprocess.Popen

                def popen(*arguments, **options):
                    return original(*arguments, pass_fds=[passed], **options)
                subprocess.Popen = popen
                try:
                    server.start()
                finally:
                    subprocess.Popen = original
                self.assertEqual(server.port, port)
                self.assertEqual(notified.recv(100), b"READY=1")
                with server.ftp("alice") as client:
                    client.voidcmd("NOOP")
                server.signal(SIGHUP)
                self.assertRegex(notified.recv(100), rb"^RELOADING=1\nMONOTONIC_USEC=\d+$")
                self.assertEqual(notified.recv(100), b"READY=1")
                server.stop(SIGTERM)
                self.assertEqual(notified.recv(100), b"STOPPING=1")
            finally:
                notified.close()
                server.discard()


if __name__ == "__main__":
    unittest.main()
