"""The keeper of private keys: what /proc says of it, whose memory holds a key, and what becomes of it."""

import base64
import ctypes
import os
import re
import socket
import subprocess
import sys
import unittest
from signal import SIGCONT, SIGSEGV, SIGSTOP, SIGTERM

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from certificates import openssl  # noqa: E402
from transom import (FTP_ONLY, KEEPER_UID, SCALE, SFTP_ONLY, USER_UID, TransomServer, is_root, modes,  # noqa: E402
                     need_root, need_tool, proc_fds, proc_status, proc_title, run, wait_until)

ALICE = {"alice": {"password": "secret"}}
BOTH = {**FTP_ONLY, **SFTP_ONLY}


# --- private halves, and where they lie in memory -------------------------------------------------------


def strings_of(blob):
    """The strings of SSH's encoding, one after the other, as far as they go."""
    result = []
    while len(blob) >= 4:
        length = int.from_bytes(blob[:4], "big")
        if length > len(blob) - 4:
            break
        result.append(blob[4:4 + length])
        blob = blob[4 + length:]
    return result


def file_body(path):
    """What a file of a key holds between its marks, decoded."""
    with open(path) as file:
        return base64.b64decode("".join(line.strip() for line in file if not line.startswith("-")))


def with_text(whole, numbers):
    """The numbers, and each as the base64 of the file shows it."""
    result = []
    for number in numbers:
        start = -(-whole.index(number) // 3) * 3        # base64 goes by threes
        result += [number, base64.b64encode(whole[start:start + len(number) // 4 * 3])]
    return result


def openssh_secrets(path):
    """Numbers of the private half of a key file of ssh-keygen."""
    whole = file_body(path)
    blob = whole[len("openssh-key-v1\0"):]
    # cipher, kdf, options; then a number of keys, which is no string
    rest = blob[sum(4 + len(item) for item in strings_of(blob)[:3]) + 4:]
    fields = strings_of(strings_of(rest)[1][8:])
    kind = fields[0].decode()
    if kind == "ssh-ed25519":
        secrets = [fields[2][:32]]
    elif kind == "ssh-rsa":
        secrets = [fields[3], fields[5], fields[6]]     # d, p, q
    else:
        secrets = [fields[3]]
    return with_text(whole, [number.lstrip(b"\0") for number in secrets])


def pem_secrets(path):
    """The scalar of an EC key in PEM."""
    text = openssl("pkey", "-in", path, "-noout", "-text", directory=os.path.dirname(path))
    digits = re.search(r"priv:\n((?:\s+[0-9a-f:]+\n)+)", text).group(1)
    return with_text(file_body(path), [bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0")])


def needles(secrets):
    """Each number as it is written and as a machine's words hold it: 24 bytes from its middle suffice."""
    result = []
    for secret in secrets:
        start = max(0, len(secret) // 2 - 12)
        piece = secret[start:start + 24]
        result += [piece, piece[::-1]]
    return result


def memory_of(pid):
    """Every readable mapping of a process that has pages of its own, bytes.  Nothing of one that has gone."""
    try:
        with open("/proc/%d/smaps" % pid) as file:
            maps = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (....) (.*)\n(?:.*\n)*?Rss: +(\d+) kB", file.read(), re.M)
        with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
            for first, last, rights, rest, resident in maps:
                first, last = int(first, 16), int(last, 16)
                # Files are no secret place unless they were written to; a gigabyte is a sanitizer's shadow.
                if (rights[0] != "r" or resident == "0" or "[v" in rest or last - first > 1 << 30 or
                        ("/" in rest and rights[1] != "w")):
                    continue
                memory.seek(first)
                yield memory.read(last - first)
    except OSError:
        return


def holders(server, secrets):
    """For each secret, the roles of this server's processes in whose memory it lies."""
    found = [set() for _ in secrets]
    wanted = [needles([secret]) for secret in secrets]
    for pid, title in server.processes().items():
        for part in memory_of(pid):
            for roles, pieces in zip(found, wanted):
                if any(piece in part for piece in pieces):
                    roles.add(title.split()[1])
    return found


class Memory(unittest.TestCase):
    def secrets(self, server):
        result = []
        for key in server.host_keys.values():
            result += openssh_secrets(key.path)
        return result + pem_secrets(server.certificate.key)

    def test_private_keys_are_in_the_keepers_memory_and_in_no_others(self):
        need_root()
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE, listeners=BOTH, tls=True) as server:
                client = server.ftp("alice")
                with socket.create_connection(("127.0.0.1", server.port_of("sftp"))) as ssh:
                    ssh.recv(64)
                    secrets = self.secrets(server)
                    server.wait_rest()      # pairs that wait have taken the place of these two
                    self.assertGreaterEqual(len(server.processes()), 9)
                    found = holders(server, secrets)
                # The numbers are found where they belong, so the search works; their text is wiped even there.
                self.assertEqual(found[::2], [{"keeper"}] * (len(secrets) // 2))
                self.assertEqual(set().union(*found), {"keeper"})
                client.quit()

    def test_a_key_beside_its_certificate_in_one_file_is_no_exception(self):
        """What other servers want: the nursery reads the certificates of it, and forks the fronts."""
        need_root()
        with TransomServer(mode="root", users=ALICE, tls=True) as server:
            both = server.certificate.certificate
            with open(server.certificate.key) as key, open(both) as certificates:
                text = key.read() + certificates.read()
            with open(both, "w") as file:
                file.write(text)
            os.chmod(both, 0o600)
            server.tls_options["key"] = both
            server.write_conf()
            self.assertEqual(server.reload()["event"], "reload")
            server.ftp("alice")
            found = holders(server, pem_secrets(server.certificate.key))
            self.assertEqual(found, [{"keeper"}, set()])

    def test_keys_that_the_server_made_are_no_exception(self):
        need_root()
        with TransomServer(mode="root", users=ALICE, listeners=BOTH, ssh={"host_keys": []}) as server:
            secrets = []
            for kind in ("ed25519", "ecdsa", "rsa"):
                path = os.path.join(server.dir, "state", "ssh_host_%s_key" % kind)
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
                secrets += openssh_secrets(path)
            self.assertEqual(set().union(*holders(server, secrets)), {"keeper"})


# --- the process -------------------------------------------------------------------------------------------


class Confinement(unittest.TestCase):
    def test_what_proc_says_of_it(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(mode=mode, users=ALICE, listeners=SFTP_ONLY) as server:
                keeper, = server.pids("keeper")
                status = proc_status(keeper)
                uid = KEEPER_UID if mode == "root" else USER_UID if is_root() else os.geteuid()
                self.assertEqual(status["Uid"], [str(uid)] * 4)
                self.assertEqual(status["Seccomp"], ["2"])
                self.assertEqual(status["NoNewPrivs"], ["1"])
                for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                    self.assertEqual(int(status[name][0], 16), 0, name)
                if mode == "root":
                    self.assertEqual(status["Gid"], [str(uid)] * 4)
                    self.assertEqual(status["Groups"], [])
                    self.assertEqual(int(status["CapBnd"][0], 16), 0)
                    self.assertEqual(os.readlink("/proc/%d/root" % keeper), os.path.join(server.dir, "run", "empty"))
                with open("/proc/%d/limits" % keeper) as file:
                    limits = file.read()
                self.assertRegex(limits, r"Max core file size +0 +0 ")
                self.assertRegex(limits, r"Max processes +0 +0 ")

    def test_it_holds_its_door_and_nothing_of_the_file_system(self):
        need_root()
        with TransomServer(mode="root", users=ALICE, listeners=SFTP_ONLY) as server:
            keeper, = server.pids("keeper")
            held = [text for number, text in proc_fds(keeper).items() if text != "/dev/null" and number > 2]
            self.assertEqual(sorted(text.split(":")[0] for text in held), ["anon_inode", "socket"], held)

    def test_nobody_of_its_own_uid_may_look_into_it(self):
        need_root()
        need_tool("setpriv")
        with TransomServer(mode="user", users=ALICE, listeners=SFTP_ONLY) as server:
            keeper, = server.pids("keeper")
            for name in ("mem", "environ", "maps"):
                done = run(["setpriv", "--reuid=%d" % USER_UID, "--regid=%d" % USER_UID, "--clear-groups",
                            "head", "-c", "1", "/proc/%d/%s" % (keeper, name)])
                self.assertNotEqual(done.returncode, 0, name)

    def test_there_is_none_where_no_key_is_needed(self):
        with TransomServer(users=ALICE) as server:
            self.assertEqual(server.pids("keeper"), [])
            client = server.ftp("alice")
            if is_root():
                # Nor a way to one: wall, clerk's door, clerk, leash.
                guard, _ = server.session_pids("alice")
                sockets = [text for text in proc_fds(guard).values() if text.startswith("socket")]
                self.assertEqual(len(sockets), 4)
            client.quit()

    def test_it_outlives_signals_that_are_not_for_it(self):
        with TransomServer(users=ALICE, listeners=SFTP_ONLY) as server:
            keeper, = server.pids("keeper")
            server.kill(keeper, SIGTERM)
            self.assertEqual(server.reload()["event"], "reload")
            self.assertEqual(server.log_events("crash"), [])


class Life(unittest.TestCase):
    def test_a_generation_that_is_over_has_no_keeper(self):
        with TransomServer(users=ALICE, listeners=BOTH) as server:
            first, = server.pids("keeper")
            client = server.ftp("alice")
            self.assertEqual(server.reload()["event"], "reload")
            second, = [pid for pid in server.pids("keeper") if pid != first]
            # A session of the first generation may still want its signature.
            self.assertIn(first, server.pids("keeper"))
            client.quit()
            wait_until(lambda: server.pids("keeper") == [second], 10, "end of the first keeper")

    def test_one_that_died_is_replaced_and_sessions_go_on(self):
        for signal in (9, SIGSEGV):
            with TransomServer(users=ALICE, listeners=BOTH, allow_crash=True) as server:
                client = server.ftp("alice")
                keeper, = server.pids("keeper")
                nurseries = server.pids("nursery")
                server.kill(keeper, signal)
                crash = server.wait_event("crash", role="keeper")
                self.assertIn("a new keeper is started", crash["reason"])
                fresh, = wait_until(lambda: [pid for pid in server.pids("keeper") if pid != keeper], 10, "a new one")
                client.voidcmd("NOOP")
                # Same nursery, same door: nobody else had to be replaced.
                self.assertEqual(server.pids("nursery"), nurseries)
                client.quit()

    def test_one_of_an_old_generation_is_replaced_too(self):
        with TransomServer(users=ALICE, listeners=BOTH, allow_crash=True) as server:
            old, = server.pids("keeper")
            client = server.ftp("alice")
            self.assertEqual(server.reload()["event"], "reload")
            server.kill(old)
            wait_until(lambda: len(server.pids("keeper 1")) == 1 and server.pids("keeper 1") != [old], 10, "another")
            client.quit()
            wait_until(lambda: server.pids("keeper 1") == [], 10, "its end")

    def test_it_ends_with_the_server(self):
        server = TransomServer(users=ALICE, listeners=SFTP_ONLY)
        with server:
            self.assertEqual(len(server.pids("keeper")), 1)
            server.stop(SIGTERM)       # checks that nobody is left
        self.assertEqual(server.log_events("crash"), [])


# --- the doors ---------------------------------------------------------------------------------------------


def descriptor_of(pid, number):
    """A duplicate of another process's descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        fd = libc.syscall(438, pidfd, number, 0)        # pidfd_getfd: the same number on every architecture
        if fd < 0:
            raise unittest.SkipTest("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
        return fd
    finally:
        os.close(pidfd)


class Doors(unittest.TestCase):
    def test_an_empty_message_does_not_close_them(self):
        """Every guard holds both doors; to the process behind one, an empty message reads like the end of file."""
        need_root()
        with TransomServer(mode="root", users=ALICE, listeners=BOTH) as server:
            nursery, = server.pids("nursery")
            for number in (3, 7):                       # ROLE_FD_DOOR, ROLE_FD_KEEPER
                with socket.socket(fileno=descriptor_of(nursery, number)) as door:
                    door.send(b"")
            for _ in range(12):                         # more than the pairs that had come through the doors before
                server.ftp("alice").quit()
            self.assertEqual(server.reload()["event"], "reload")


# --- the watchdog ------------------------------------------------------------------------------------------


class Watchdog(unittest.TestCase):
    def test_a_stopped_front_costs_its_own_session_and_no_other(self):
        users = {**ALICE, "bob": {"password": "secret"}}
        with TransomServer(users=users, options={"watchdog_timeout": "%ds" % (2 * SCALE)}, allow_crash=True) as server:
            other = server.ftp("bob")
            before = set(server.pids("front ftp"))
            client = server.ftp("alice")
            front, = set(server.pids("front ftp")) - before
            os.kill(front, SIGSTOP)
            other.voidcmd("NOOP")
            gone = server.wait_event("logout", user="alice", timeout=10)
            self.assertEqual(gone["reason"], "the front does not answer")
            crash = server.wait_event("crash", role="front", pid=front, timeout=10)
            self.assertEqual(crash["signal"], "KILL")
            self.assertEqual(server.log_events("crash", role="guard"), [])
            wait_until(lambda: front not in server.processes(), 5, "end of the front")
            other.voidcmd("NOOP")
            other.quit()
            client.close()

    def test_a_front_that_goes_on_in_time_is_forgiven(self):
        with TransomServer(users=ALICE, options={"watchdog_timeout": "4s"}) as server:
            client = server.ftp("alice")
            _, front = server.session_pids("alice")
            os.kill(front, SIGSTOP)
            self.assertRaises(subprocess.TimeoutExpired, subprocess.run, ["sleep", "5"], timeout=1)
            os.kill(front, SIGCONT)
            client.voidcmd("NOOP")
            client.quit()

    def test_idle_and_busy_sessions_are_left_alone(self):
        with TransomServer(users=ALICE, options={"watchdog_timeout": "3s"}) as server:
            client = server.ftp("alice")
            size = 256 << 20
            server.write_file("alice", "big", b"")
            os.truncate(server.path("alice", "big"), size)
            received = 0
            data = client.transfercmd("RETR big")
            while True:
                block = data.recv(1 << 20)
                if not block:
                    break
                received += len(block)
            data.close()
            client.voidresp()
            self.assertEqual(received, size)
            self.assertRaises(subprocess.TimeoutExpired, subprocess.run, ["sleep", "9"], timeout=6)
            client.voidcmd("NOOP")
            client.quit()


if __name__ == "__main__":
    unittest.main()
