"""Nothing is left: descriptors, processes, memory, ports, space.  The right reply, no spin, others served."""
# run-tests: timeout 900

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

from hostile import MEBIBYTE, ClientAt, busy_fronts, cpu_seconds, peak_bytes, reset, resident_bytes
from transom import (SCALE, SOURCE, SharedServer, TransomServer, is_root, modes, need_root, need_tool, own_mounts,
                     proc_stat, proc_status, read_all, run, sanitized, wait_until)

USERS = {"alice": {"password": "secret"}, "bob": {"password": "secret"}}
SOON_SECONDS = 10 * SCALE   # for what takes some milliseconds, if nobody is in its way
WATCH_SECONDS = 1.0         # how long a process is watched for a spin
SPIN_SECONDS = 0.3          # processor time in that while that would be one


def served(case, server, source="127.0.0.3", within=None):
    """Somebody from another address logs in, lists and leaves; within so many seconds."""
    began = time.monotonic()
    with ClientAt(source, server.port) as bob:
        bob.login("bob", "secret")
        with bob.passive() as data:
            case.assertEqual(bob.code("NLST"), 150)
            read_all(data)
        case.assertEqual(bob.reply()[:3], "226")
        case.assertEqual(bob.code("QUIT"), 221)
    if within is not None:
        case.assertLess(time.monotonic() - began, within)


def settled(server):
    """Wait until all sessions have ended, and nothing but the spare pairs is left; no zombie either."""
    wait_until(lambda: server.pids("guard") == server.pids("guard idle"), what="end of all sessions")
    wait_until(lambda: not busy_fronts(server), what="end of all fronts")
    wait_until(lambda: not zombies(server), what="zombies to be reaped")


def zombies(server):
    found = []
    for name in os.listdir("/proc"):
        fields = proc_stat(int(name)) if name.isdigit() else None
        if fields is not None and fields[2] == server.process.pid and fields[0] == "Z":
            found.append(int(name))
    return found


def receive(case, raw, line):
    """A download to its 226."""
    with raw.passive() as data:
        case.assertEqual(raw.code(line), 150, line)
        got = read_all(data)
    case.assertEqual(raw.reply()[:3], "226", line)
    return got


def store(raw, line, data):
    """An upload; its last reply."""
    with raw.passive() as sock:
        reply = raw.cmd(line)
        if reply[:3] != "150":
            return reply
        try:
            sock.sendall(data)
        except ConnectionError:
            pass                # the server need not read what it cannot store
    return raw.reply()


def limits_of(pid, what):
    """(soft, hard)"""
    title = {resource.RLIMIT_NOFILE: "Max open files", resource.RLIMIT_NPROC: "Max processes",
             resource.RLIMIT_FSIZE: "Max file size", resource.RLIMIT_AS: "Max address space"}[what]
    with open("/proc/%d/limits" % pid) as file:
        words = re.search(r"^%s +(\S+) +(\S+)" % title, file.read(), re.M).groups()
    return tuple(resource.RLIM_INFINITY if word == "unlimited" else int(word) for word in words)


def set_limit(pid, what, limits):
    """prlimit as the account of the process: root alone may not, where it has no CAP_SYS_RESOURCE."""
    status = proc_status(pid)
    child = os.fork()
    if child == 0:
        try:
            if is_root():
                os.setresgid(*[int(status["Gid"][0])] * 3)
                os.setresuid(*[int(status["Uid"][0])] * 3)
            resource.prlimit(pid, what, limits)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise AssertionError("no limit could be set for process %d" % pid)


def is_over(pid):
    """Gone, or a zombie."""
    return proc_status(pid).get("State", "Z")[0] == "Z"


@contextlib.contextmanager
def limited(pids, what, number):
    """These processes may have no more than that, until the block ends."""
    before = {pid: limits_of(pid, what) for pid in pids}
    for pid, (_, hard) in before.items():
        set_limit(pid, what, (number, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            try:
                set_limit(pid, what, limits)
            except (AssertionError, KeyError):
                # It may just be ending: it has said its last words, and is a zombie or gone.
                wait_until(lambda pid=pid: is_over(pid), 5, "end of process %d" % pid)


def spinning(pids, seconds=WATCH_SECONDS):
    """Processor time that these use in a while in which they should wait."""
    before = cpu_seconds(*pids)
    time.sleep(seconds)
    return cpu_seconds(*pids) - before


def highest_fd(pid):
    return max(int(name) for name in os.listdir("/proc/%d/fd" % pid))


# --- connections --------------------------------------------------------------------------------------------


class Connections(unittest.TestCase):
    """Silent connections, floods of logins, storms: others come in, and all of it ends."""

    MANY = 5000

    def open_files(self, wanted):
        """As many connections as this process may have."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted + 100 and hard != soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted + 100, hard), hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            soft = min(wanted + 100, hard)
        return min(wanted, soft - 100)

    def test_silent_connections_from_one_address(self):
        count = self.open_files(self.MANY)
        options = {"max_sessions_per_address": 20, "spare_min": 4, "spare_max": 8, "max_sessions": 100}
        with TransomServer(users=USERS, options=options) as server, contextlib.ExitStack() as stack:
            most = 2 * (20 + 8 + 2) + 4
            for number in range(count):
                sock = stack.enter_context(socket.socket())
                sock.bind(("127.0.0.2", 0))
                sock.settimeout(20)
                sock.connect(("127.0.0.1", server.port))
                if number % (count // 5) == count // 10:
                    served(self, server, within=SOON_SECONDS)
                    self.assertLessEqual(len(server.processes()), most)
            served(self, server, within=SOON_SECONDS)
            self.assertLessEqual(len(server.processes()), most)
            server.wait_event("refuse", count=count - 20, timeout=30)
            self.assertEqual(len(server.log_events("accept", peer=re.compile(r"^127\.0\.0\.2:"))), 20)
            stack.close()
            settled(server)
            self.assertEqual(len(server.log_events("accept")), len(server.log_events("logout")))
            served(self, server, source="127.0.0.2")

    def test_refusals_are_told(self):
        with TransomServer(users=USERS, options={"max_sessions_per_address": 2}) as server:
            with ClientAt("127.0.0.2", server.port), ClientAt("127.0.0.2", server.port):
                with ClientAt("127.0.0.2", server.port) as third:
                    self.assertTrue(third.greeting.startswith("421 "), third.greeting)
                    self.assertTrue(third.closed())
                served(self, server)
            settled(server)
            served(self, server, source="127.0.0.2")

    def test_silent_connections_from_everywhere_end_at_the_login_timeout(self):
        # Long enough for all of them to come before the first has to go.
        options = {"max_sessions": 12, "login_timeout": "%ds" % (4 * SCALE), "spare_min": 2, "spare_max": 4}
        with TransomServer(users=USERS, options=options) as server, contextlib.ExitStack() as stack:
            alice = stack.enter_context(server.raw("alice"))
            for number in range(11):
                stack.enter_context(ClientAt("127.0.1.%d" % (number + 1), server.port))
            with ClientAt("127.0.0.3", server.port) as late:
                self.assertEqual(late.greeting[:4], "421 ")
            self.assertEqual(alice.code("NOOP"), 200)
            server.wait_event("logout", count=11)
            server.wait_rest()      # the clerk counts them until they are gone
            served(self, server)
            self.assertEqual(alice.code("NOOP"), 200)

    def test_a_flood_of_wrong_passwords_locks_nobody_out(self):
        with TransomServer(users=USERS, options={"login_delay": "1ms", "login_attempts": 100}) as server:
            stop = threading.Event()

            def guess(number):
                while not stop.is_set():
                    with ClientAt("127.0.0.2", server.port) as raw:
                        for _ in range(20):
                            raw.cmd("USER " + ("bob", "nobody")[number % 2])
                            raw.cmd("PASS guess")

            threads = [threading.Thread(target=guess, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            try:
                server.wait_event("login-failed", count=20)
                for _ in range(5):
                    served(self, server, within=SOON_SECONDS)
            finally:
                stop.set()
                for thread in threads:
                    thread.join()

    def test_a_storm_of_connections_leaves_nothing(self):
        with TransomServer(users=USERS, options={"spare_min": 4,
                                                 "spare_max": 16}) as server, server.raw("alice") as alice:
            for number in range(300):
                with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
                    if number % 3 == 0:
                        sock.sendall(b"USER x\r\nPASS")
                    elif number % 3 == 1:
                        sock.recv(100)
            self.assertEqual(alice.code("NOOP"), 200)
            served(self, server, within=SOON_SECONDS)
            self.assertEqual(alice.code("QUIT"), 221)
            settled(server)
            self.assertEqual(len(server.log_events("accept")), len(server.log_events("logout")))


class PassivePorts(unittest.TestCase):
    """The range is used up."""

    def free_range(self, count):
        """The first of so many free ports in a row, which the system gives to nobody by itself."""
        with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
            below = int(file.read().split()[0])
        for first in range(below - 10 * (os.getpid() % 500) - count, 1024, -count):
            with contextlib.ExitStack() as stack:
                try:
                    for number in range(count):
                        stack.enter_context(socket.create_server(("127.0.0.1", first + number)))
                    return first
                except OSError:
                    continue
        self.skipTest("no %d free ports in a row" % count)

    def test_no_port_is_425_at_once_and_ports_come_back(self):
        first = self.free_range(3)
        with TransomServer(users=USERS, ftp={"passive_ports": "%d-%d" % (first, first + 2)}) as server:
            with contextlib.ExitStack() as stack:
                sessions = [stack.enter_context(server.raw("alice")) for _ in range(4)]
                self.assertEqual([raw.code("EPSV") for raw in sessions], [229, 229, 229, 425])
                self.assertEqual(sessions[3].code("PASV"), 425)
                server.wait_event("data-failed", cure=re.compile("passive_ports"))
                self.assertEqual(sessions[0].code("ABOR"), 226)
                self.assertEqual(receive(self, sessions[3], "NLST"), b"")
                for _ in range(60):         # more than there are ports, in less time than TIME_WAIT
                    receive(self, sessions[3], "NLST")
            settled(server)
            with server.raw("bob") as raw:
                self.assertEqual([raw.code("EPSV") for _ in range(10)], [229] * 10)


# --- memory -------------------------------------------------------------------------------------------------


class Memory(SharedServer, unittest.TestCase):
    """What is large on disk or on the wire is not large here."""

    settings = {"users": USERS}
    ENTRIES = 100000
    FLAT_BYTES = 3 * MEBIBYTE

    def setUp(self):
        if sanitized():
            self.skipTest("the memory of a sanitizer says nothing")
        self.raw = self.server.raw("alice")
        self.addCleanup(self.raw.close)
        self.pids = self.server.session_pids("alice")

    def grown(self, before):
        return max(peak_bytes(pid) - size for pid, size in zip(self.pids, before))

    def sizes(self):
        return [resident_bytes(pid) for pid in self.pids]

    def test_a_directory_of_a_hundred_thousand(self):
        path = self.server.make_dir("alice", "huge")
        self.addCleanup(run, ["rm", "-rf", path])
        here = os.open(path, os.O_RDONLY)
        for number in range(self.ENTRIES):
            os.close(os.open("entry-%06d" % number, os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.close(here)
        before = self.sizes()
        for line in ("NLST huge", "LIST huge", "LIST -tr huge", "MLSD huge", "NLST huge/entry-0000*"):
            with self.subTest(line):
                lines = receive(self, self.raw, line).count(b"\r\n")
                self.assertEqual(lines, 100 if "*" in line else self.ENTRIES)
                self.assertLess(self.grown(before), self.FLAT_BYTES)
        with self.raw.passive() as data:            # who reads only the start of it
            self.assertEqual(self.raw.code("LIST huge"), 150)
            data.recv(100)
            self.assertEqual(self.raw.code("ABOR"), 426)
            self.assertEqual(self.raw.reply()[:3], "226")
        self.raw.send("STAT huge\r\n")
        while not self.raw.line().startswith(b"212 "):
            pass
        self.assertLess(self.grown(before), self.FLAT_BYTES)

    def test_a_slow_reader_costs_no_memory(self):
        path = self.server.write_file("alice", "big", b"")
        os.truncate(path, 1 << 30)
        for kind in ("I", "A"):
            self.assertEqual(self.raw.code("TYPE " + kind), 200)
            before = self.sizes()
            with self.raw.passive() as data:
                self.assertEqual(self.raw.code("RETR big"), 150)
                data.recv(100)
                self.assertEqual(self.raw.code("NOOP"), 200)
                self.assertLess(self.grown(before), MEBIBYTE)
                self.assertEqual(self.raw.code("ABOR"), 426)
                self.assertEqual(self.raw.reply()[:3], "226")

    def test_a_long_upload_costs_no_memory(self):
        before = self.sizes()
        self.assertEqual(self.raw.code("TYPE I"), 200)
        self.assertEqual(store(self.raw, "STOR long", bytes(64 * MEBIBYTE))[:3], "226")
        self.assertLess(self.grown(before), MEBIBYTE)

    def test_no_memory_for_a_buffer_is_451(self):
        self.server.write_file("alice", "text", b"line\n" * 1000)
        for line in ("RETR text", "LIST"):
            with self.raw.passive() as data, limited(self.pids[1:], resource.RLIMIT_AS, 1):
                code = self.raw.code(line)
                self.assertIn(code, (150, 451), line)
                if code == 150:
                    self.assertEqual(self.raw.reply()[:3], "451", line)
            self.assertEqual(self.raw.code("NOOP"), 200)
        self.assertEqual(receive(self, self.raw, "RETR text"), b"line\r\n" * 1000)


# --- processes and descriptors --------------------------------------------------------------------------------


class Limits(unittest.TestCase):
    """EMFILE and EAGAIN of fork(2): RLIMIT_NOFILE, RLIMIT_NPROC, pids.max."""

    def test_no_descriptor_to_accept_with(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=USERS) as server, server.raw("alice") as alice:
                wait_until(lambda: len(server.pids("guard idle")) >= 2, what="spare pairs")
                guards = server.pids("guard idle")
                with limited(guards, resource.RLIMIT_NOFILE, 3):
                    waiting = socket.create_connection(("127.0.0.1", server.port), timeout=20)
                    self.addCleanup(waiting.close)
                    self.assertLess(spinning(guards), SPIN_SECONDS)
                    self.assertEqual(alice.code("NOOP"), 200)
                self.assertTrue(waiting.recv(100).startswith(b"220 "))
                served(self, server)

    def test_no_descriptor_for_a_file_or_a_connection(self):
        need_root()             # to count those of an undumpable process
        with TransomServer(users=USERS) as server, server.raw("alice") as alice:
            server.write_file("alice", "file", b"x")
            guard, _ = server.session_pids("alice")
            alice.passive().close()
            with limited([guard], resource.RLIMIT_NOFILE, 3):
                self.assertEqual(alice.code("EPSV"), 425)
                for line in ("RETR file", "STOR new", "LIST", "MLSD", "NLST", "APPE file"):
                    with socket.create_server(("127.0.0.1", 0)) as mine:
                        port = mine.getsockname()[1]
                        self.assertEqual(alice.code("PORT 127,0,0,1,%d,%d" % (port >> 8, port & 255)), 200)
                        self.assertIn(alice.code(line), (450, 451), line)
                self.assertEqual(alice.code("NOOP"), 200)
                self.assertLess(spinning([guard], 0.3), SPIN_SECONDS)
            self.assertEqual(receive(self, alice, "RETR file"), b"x")
            self.assertEqual(store(alice, "STOR new", b"y")[:3], "226")

    def test_no_descriptor_in_a_front(self):
        """What its guard passes it cannot take: the session ends, no other does."""
        need_root()
        # A front that loses what it was sent can trust nothing any more, and counts as a crash.
        with TransomServer(users=USERS, allow_crash=True) as server, server.raw("alice") as alice:
            server.write_file("alice", "file", b"x")
            with alice.passive():
                with limited(busy_fronts(server), resource.RLIMIT_NOFILE, 3):
                    alice.send("RETR file\r\n")
                    self.assertRegex(self.last_words(alice), r"^(4\d\d .*)?$")
            served(self, server)
            settled(server)

    def last_words(self, raw):
        """The next reply, or nothing when the server closes instead."""
        try:
            return raw.reply()
        except (EOFError, ConnectionError):
            return ""

    def test_no_descriptor_in_the_clerk(self):
        """Nobody new comes in, without a spin; who is in stays; then all is well again."""
        with TransomServer(users=USERS) as server, server.raw("alice") as alice:
            clerk = server.pids("clerk")
            with limited(clerk, resource.RLIMIT_NOFILE, 3):
                late = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(6)]
                self.assertLess(spinning(clerk + server.pids("nursery") + [server.pid]), SPIN_SECONDS)
                self.assertEqual(alice.code("NOOP"), 200)
                self.assertEqual(receive(self, alice, "NLST"), b"")
            for sock in late:
                self.assertRegex(sock.recv(200), b"^(220|421) ")
                sock.close()
            wait_until(lambda: self.comes_in(server), timeout=15, what="an admission")

    def comes_in(self, server):
        with ClientAt("127.0.0.3", server.port) as raw:
            return raw.greeting.startswith("220")

    def no_process(self, server, nursery, barrier):
        """Take the spare pairs while no other can be forked; then see who is served, and what it costs."""
        with server.raw("alice") as alice, contextlib.ExitStack() as stack:
            wait_until(lambda: len(server.pids("guard idle")) >= 2, what="spare pairs")
            with barrier:
                spare = len(server.pids("guard idle"))
                taken = [stack.enter_context(ClientAt("127.0.0.2", server.port)) for _ in range(spare)]
                event = server.wait_event("fork-failed")
                self.assertTrue(event.get("cure"), event)
                late = socket.create_connection(("127.0.0.1", server.port), timeout=20)
                self.addCleanup(late.close)
                self.assertLess(spinning([nursery, server.pid]), SPIN_SECONDS)
                self.assertEqual(alice.code("NOOP"), 200)
                self.assertEqual(receive(self, alice, "NLST"), b"")
                self.assertEqual({raw.code("NOOP") for raw in taken}, {200})
                self.assertLess(len(server.log_events("fork-failed")), 3)
            self.assertTrue(late.recv(100).startswith(b"220 "))
            late.close()
            served(self, server)
        settled(server)

    def test_no_process_for_an_account(self):
        with TransomServer(mode="user", users=USERS) as server:
            nursery, = server.pids("nursery")
            self.no_process(server, nursery, limited([nursery], resource.RLIMIT_NPROC, 1))

    def test_no_process_in_a_cgroup(self):
        """Root is above RLIMIT_NPROC, not above pids.max."""
        need_root()
        with TransomServer(mode="root", users=USERS) as server:
            nursery, = server.pids("nursery")
            self.no_process(server, nursery, self.cgroup(nursery))

    @contextlib.contextmanager
    def cgroup(self, pid):
        """A group of this process alone that may have no other."""
        homes = {}
        with open("/proc/%d/cgroup" % pid) as file:
            for line in file:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                homes.update({name: path for name in controllers.split(",")})
        base = "/sys/fs/cgroup/pids" if "pids" in homes else "/sys/fs/cgroup"
        home = base + homes.get("pids", homes.get("", "/"))
        group = os.path.join(home.rstrip("/"), "transom-test-%d" % os.getpid())

        def write(where, name, text):
            with open(os.path.join(where, name), "w") as file:
                file.write(text)

        try:
            os.mkdir(group)
        except OSError as error:
            self.skipTest("no cgroup can be made: %s" % error)
        try:
            write(group, "cgroup.procs", str(pid))
            write(group, "pids.max", "1")
        except OSError as error:
            self.leave(group, home, pid)
            self.skipTest("no cgroup that counts processes: %s" % error)
        try:
            yield
        finally:
            self.leave(group, home, pid)

    def leave(self, group, home, pid):
        """Back to where it was; what it forked meanwhile, too."""
        def emptied():
            with open(os.path.join(group, "cgroup.procs")) as file:
                inside = file.read().split()
            for number in inside or [str(pid)]:
                with contextlib.suppress(OSError), open(os.path.join(home, "cgroup.procs"), "w") as file:
                    file.write(number)
            with contextlib.suppress(OSError):
                os.rmdir(group)
            return not os.path.isdir(group)
        wait_until(emptied, what="an empty cgroup")


class Stopped(unittest.TestCase):
    """SIGSTOP of one process of a session: only that session waits."""

    def test_a_front_or_guard_that_stands_still(self):
        for role in ("front", "guard"):
            with self.subTest(role), TransomServer(users=USERS) as server, server.raw("alice") as alice:
                server.write_file("alice", "file", b"x" * 1000)
                pid = dict(zip(("guard", "front"), server.session_pids("alice")))[role]
                os.kill(pid, signal.SIGSTOP)
                wait_until(lambda: proc_stat(pid)[0] == "T", what="a stop")
                alice.send("SIZE file\r\n")
                for _ in range(5):
                    served(self, server, within=SOON_SECONDS)
                os.kill(pid, signal.SIGCONT)
                self.assertEqual(alice.reply()[:3], "550")      # ASCII
                self.assertEqual(receive(self, alice, "RETR file"), b"x" * 1000)

    def test_the_server_ends_though_one_stands_still(self):
        with TransomServer(users=USERS, options={"drain_timeout": "1s"}) as server, server.raw("alice"):
            os.kill(busy_fronts(server).pop(), signal.SIGSTOP)
            server.stop(signal.SIGTERM)


class Spinning(unittest.TestCase):
    """Whoever waits for a client uses no processor, in whatever state the client left it."""

    def watched(self, server):
        """Processor time of the session's pair, once what can be done at once is done."""
        pids = server.session_pids("alice")
        server.wait_rest()
        self.assertLess(spinning(pids, 0.5), 0.2)

    def test_nothing_spins_while_it_waits(self):
        def idle(server, raw):
            raw.cmd("NOOP")

        def half_a_line(server, raw):
            raw.send("USE")

        def slow_reader(server, raw):
            data = raw.passive()
            raw.cmd("RETR big")
            return data

        def slow_reader_gone_silent(server, raw):
            data = slow_reader(server, raw)
            raw.sock.shutdown(socket.SHUT_WR)
            return data

        def slow_writer_gone_silent(server, raw):
            data = raw.passive()
            raw.cmd("STOR up")
            data.sendall(b"x")
            raw.sock.shutdown(socket.SHUT_WR)
            return data

        def commands_behind_a_transfer(server, raw):
            data = slow_reader(server, raw)
            raw.send(b"PWD\r\n" * 2000)
            return data

        def replies_not_read(server, raw):
            raw.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    raw.sock.send(b"HELP\r\n" * 1000)

        def status_not_read(server, raw):
            raw.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    raw.sock.send(b"STAT many\r\n" * 100)

        def no_data_connection(server, raw):
            raw.cmd("EPSV")
            raw.cmd("STOR up")

        def early_data_connection_gone(server, raw):
            raw.passive().close()

        def half_closed_upload(server, raw):
            data = raw.passive()
            raw.cmd("RETR big")
            data.shutdown(socket.SHUT_WR)
            return data

        with TransomServer(users=USERS, ftp={"data_timeout": "2s"}) as server:
            os.truncate(server.write_file("alice", "big", b""), 1 << 30)
            server.make_dir("alice", "many")
            for number in range(300):
                os.mkdir(server.path("alice", "many", "n%d" % number))
            for state in (idle, half_a_line, slow_reader, slow_reader_gone_silent, slow_writer_gone_silent,
                          commands_behind_a_transfer, replies_not_read, status_not_read, no_data_connection,
                          early_data_connection_gone, half_closed_upload):
                with self.subTest(state.__name__):
                    raw = server.raw("alice")
                    data = state(server, raw)
                    self.watched(server)
                    reset(raw.sock)
                    if data is not None:
                        data.close()
                    settled(server)


# --- space ----------------------------------------------------------------------------------------------------


class Disk(unittest.TestCase):
    """ENOSPC EDQUOT EFBIG EROFS: the reply says which, the old file stays, the space comes back."""

    @classmethod
    def setUpClass(cls):
        own_mounts()

    @contextlib.contextmanager
    def small(self, options="size=4m"):
        """A server whose alice has a small filesystem of her own, and her session."""
        server = TransomServer(users=USERS)
        server.prepare()
        self.addCleanup(server.discard)
        root = server.root("alice")
        mounted = run(["mount", "-t", "tmpfs", "-o", options + ",mode=755", "tmpfs", root])
        if mounted.returncode != 0:
            self.skipTest("tmpfs with %s: %s" % (options, mounted.stderr))
        try:
            server.own(root)
            server.start()
            try:
                with server.raw("alice") as raw:
                    raw.cmd("TYPE I")
                    yield server, raw
            finally:
                server.stop()
            server.check_log()
        finally:
            run(["umount", root])

    def fails(self, server, raw, line, data, code):
        """An upload fails with this code and leaves nothing; the session goes on."""
        free = os.statvfs(server.root("alice")).f_bavail
        self.assertEqual(store(raw, line, data)[:3], code, line)
        self.assertEqual(server.staged("alice"), [])
        self.assertEqual(os.statvfs(server.root("alice")).f_bavail, free)
        self.assertEqual(raw.code("NOOP"), 200)

    def test_full(self):
        with self.small() as (server, raw):
            self.assertEqual(store(raw, "STOR kept", b"k" * 1000)[:3], "226")
            for line in ("STOR kept", "STOR new", "STOU"):
                self.fails(server, raw, line, bytes(8 * MEBIBYTE), "452")
            self.assertEqual(server.read_file("alice", "kept"), b"k" * 1000)
            self.assertEqual(raw.code("ALLO %d" % (8 * MEBIBYTE)), 452)
            self.assertEqual(raw.code("ALLO 1000"), 200)
            self.assertEqual(store(raw, "STOR fits", b"f" * MEBIBYTE)[:3], "226")
            server.wait_event("upload", result="failed", count=3)

    def test_full_while_appending(self):
        """What was appended before is the file's own: it stays as long as it was told to be."""
        with self.small() as (server, raw):
            self.assertEqual(store(raw, "STOR log", b"1" * MEBIBYTE)[:3], "226")
            self.assertEqual(store(raw, "APPE log", bytes(8 * MEBIBYTE))[:3], "452")
            self.assertEqual(server.read_file("alice", "log")[:MEBIBYTE], b"1" * MEBIBYTE)
            self.assertEqual((raw.code("DELE log"), raw.code("NOOP")), (250, 200))
            self.assertEqual(store(raw, "STOR after", b"x" * MEBIBYTE)[:3], "226")

    def test_no_inode(self):
        with self.small("size=4m,nr_inodes=6") as (server, raw):
            made = [raw.code("MKD d%d" % number) for number in range(8)]
            self.assertEqual(made[-1], 452)
            raw.passive().close()
            self.assertEqual(raw.code("EPSV"), 229)
            self.assertEqual(raw.code("STOR f"), 452)
            self.assertEqual(raw.code("SITE SYMLINK a b"), 452)
            self.assertEqual(raw.code("RMD d0"), 250)
            self.assertEqual(store(raw, "STOR f", b"x")[:3], "226")

    def test_file_too_large(self):
        with self.small("size=16m") as (server, raw):
            self.assertEqual(store(raw, "STOR kept", b"k" * 1000)[:3], "226")
            front = busy_fronts(server).pop()
            with limited([front], resource.RLIMIT_FSIZE, MEBIBYTE):
                self.fails(server, raw, "STOR kept", bytes(4 * MEBIBYTE), "552")
            self.assertEqual(server.read_file("alice", "kept"), b"k" * 1000)

    def test_over_quota_and_failing_disks(self):
        """Writes of the front fail as a quota or a disk would make them."""
        strace = need_tool("strace")
        if sanitized():
            self.skipTest("a sanitizer writes, too")
        for error, code in (("EDQUOT", "552"), ("EIO", "451"), ("EROFS", "550"), ("ESTALE", "451")):
            with self.subTest(error), self.small("size=16m") as (server, raw):
                self.assertEqual(store(raw, "STOR kept", b"k" * 1000)[:3], "226")
                _, front = server.session_pids("alice")
                data = raw.passive()
                self.assertEqual(raw.code("STOR kept"), 150)
                server.wait_rest()
                before = switches(front)
                # From now on the first write is to the file: the reply comes after it.
                tracer = subprocess.Popen(
                    [strace, "-qq", "-p", str(front), "-e", "trace=write", "-e",
                     "inject=write:error=%s:when=1" % error],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                try:
                    # Its first stop is where strace says what is to be watched: it waits again when that has been said.
                    wait_until(lambda: traced(front) and switches(front) > before and proc_stat(front)[0] == "S" or
                               tracer.poll() is not None, what="strace")
                    if tracer.poll() is not None:
                        self.skipTest("strace: %s" % tracer.stderr.read())
                    with contextlib.suppress(ConnectionError):  # it may fail before all is sent
                        data.sendall(bytes(2 * MEBIBYTE))
                    data.close()
                    self.assertEqual(raw.reply()[:3], code)
                finally:
                    tracer.send_signal(signal.SIGINT)
                    tracer.communicate(timeout=10 * SCALE)
                self.assertEqual(server.staged("alice"), [])
                self.assertEqual(server.read_file("alice", "kept"), b"k" * 1000)
                self.assertEqual(store(raw, "STOR after", b"x")[:3], "226")
                server.wait_event("upload", result="failed", path="/kept")

    def refused(self, server, raw):
        """Nothing can be changed, all can be read."""
        raw.passive().close()
        for line in ("STOR new", "STOR file", "APPE file", "STOU", "MKD new", "RMD dir", "DELE file",
                     "SITE SYMLINK a b",
                     "SITE CHMOD 600 file", "MFMT 20200101000000 file"):
            self.assertEqual(raw.code(line), 550, line)
        self.assertEqual(raw.code("RNFR file"), 350)
        self.assertEqual(raw.code("RNTO other"), 550)
        self.assertEqual(raw.code("ABOR"), 226)
        self.assertEqual(receive(self, raw, "RETR file"), b"content")
        self.assertEqual(receive(self, raw, "NLST"), b"dir\r\nfile\r\n")

    def test_read_only_mount(self):
        with self.small() as (server, raw):
            server.write_file("alice", "file", b"content")
            server.make_dir("alice", "dir")
            self.assertEqual(run(["mount", "-o", "remount,ro", server.root("alice")]).returncode, 0)
            self.refused(server, raw)
            self.assertEqual(run(["mount", "-o", "remount,rw", server.root("alice")]).returncode, 0)
            self.assertEqual(store(raw, "STOR new", b"x")[:3], "226")


class Files(unittest.TestCase):
    """What the file system refuses by itself."""

    def test_read_only_directory(self):
        with TransomServer(users=USERS) as server, server.raw("alice") as raw:
            server.write_file("alice", "file", b"content")
            server.make_dir("alice", "dir")
            os.chmod(server.root("alice"), 0o555)
            if is_root():
                os.chown(server.root("alice"), 0, 0)
            try:
                for line in ("MKD new", "RMD dir", "DELE file", "SITE SYMLINK a b"):
                    self.assertEqual(raw.code(line), 550, line)
                raw.passive().close()
                self.assertEqual(raw.code("STOR new"), 550)
                self.assertEqual(raw.code("RNFR file"), 350)
                self.assertEqual(raw.code("RNTO other"), 550)
                self.assertEqual(receive(self, raw, "RETR file"), b"content")
            finally:
                os.chmod(server.root("alice"), 0o755)
                server.own(server.root("alice"))
            self.assertEqual(store(raw, "STOR new", b"x")[:3], "226")

    def test_names_up_to_their_limit_and_no_longer(self):
        with TransomServer(users=USERS) as server, server.raw("alice") as raw:
            longest = "n" * 255
            self.assertEqual(store(raw, "STOR " + longest, b"x")[:3], "226")
            self.assertEqual(os.listdir(server.root("alice")), [longest])
            self.assertEqual(receive(self, raw, "RETR " + longest), b"x")
            raw.passive().close()
            for line in ("STOR ", "APPE ", "RETR ", "MKD ", "DELE ", "CWD ", "SIZE ", "RNFR ", "MLST ", "STOU ",
                         "SITE MKDIR "):
                if raw.code("TYPE I") == 200:
                    self.assertIn(raw.code(line + longest + "n"), (550, 553), line)
            self.assertEqual(raw.code("RNFR " + longest), 350)
            self.assertEqual(raw.code("RNTO " + longest + "n"), 553)
            self.assertEqual(os.listdir(server.root("alice")), [longest])
            # As a staged name it is even longer.
            self.assertEqual(raw.code("TYPE I"), 200)
            sock = raw.passive()
            self.assertEqual(raw.code("STOR " + longest), 150)
            self.assertEqual((raw.code("ABOR"), raw.reply()[:3]), (426, "226"))
            sock.close()
            self.assertEqual(server.read_file("alice", longest), b"x")


def switches(pid):
    """How often it has gone to wait."""
    return int(proc_status(pid)["voluntary_ctxt_switches"][0])


def traced(pid):
    with open("/proc/%d/status" % pid) as file:
        return re.search(r"^TracerPid:\s*([1-9])", file.read(), re.M) is not None


# --- time -----------------------------------------------------------------------------------------------------


class Clock(unittest.TestCase):
    """A jump of the clock: the time of day is for people, deadlines are on the monotonic clock."""

    # And these show or compare it with what people or files say.
    ASKING = {"server/base/clock.c": "asks the kernel", "server/clerk_client.c": "time in log lines",
              "server/ftp/ftp_cmd_list.c": "age of files, for the form of ls", "vfs/vfs_sweep.c": "age of files",
              "server/sandbox_profiles.c": "the name of a system call",
              "server/sftp/fxp_dirs.c": "age of files, for the form of ls",
              "server/guard_evidence.c": "expiry-time of a key", "server/ctl_check_tls.c": "dates of certificates",
              "server/master_certificates.c": "dates of certificates",
              "server/clerk_control.c": "days that a certificate has left",
              "server/master_control.c": "since when the server runs, for status and metrics"}

    def test_few_ask_for_the_time_of_day(self):
        asking = re.compile(r"\b(CLOCK_REALTIME|gettimeofday|time\s*\(\s*(NULL|0|&)|clock_wall\w*\s*\()")
        found = set()
        for where, _, names in os.walk(SOURCE):
            folder = os.path.relpath(where, SOURCE).split(os.sep)[0]
            for name in names:
                if folder in ("server", "vfs", "auth", "conf") and name.endswith(".c"):
                    with open(os.path.join(where, name), encoding="utf-8") as file:
                        if asking.search(file.read()):
                            found.add(os.path.relpath(os.path.join(where, name), SOURCE))
        self.assertEqual(sorted(found - set(self.ASKING)), [])


if __name__ == "__main__":
    unittest.main()
