"""A transomd for one test: started, watched and taken down again.

    from transom import TransomServer

    with TransomServer(users={"alice": {"password": "secret"}}) as server:
        ftp = server.ftp("alice")               # a logged-in ftplib.FTP
        ftp.storbinary("STOR a", io.BytesIO(b"x"))
        assert server.read_file("alice", "a") == b"x"
        server.wait_event("upload", user="alice", result="complete")

Every wait has a bound; TRANSOM_TEST_SCALE multiplies all of them (sanitizers, valgrind).
The daemon under test is $TRANSOM_BUILD/transomd (default: the current directory).
Nothing outside the temporary directory is touched, all traffic is on the loopback.
"""

import ctypes
import ctypes.util
import ftplib
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from signal import SIGHUP, SIGINT, SIGKILL, Signals

# Numbers, so that no system account is needed.
FRONT_UID = 64801   # fronts, in root mode
CLERK_UID = 64802   # the clerk, in root mode
FILES_UID = 64803   # sessions after login, in root mode
KEEPER_UID = 64804  # the keeper of private keys, in root mode
USER_UID = 64900    # everything, in user mode when the test itself runs as root

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCALE = float(os.environ.get("TRANSOM_TEST_SCALE", "1"))
FULL = os.environ.get("TRANSOM_TEST_FULL", "") not in ("", "0")
CLONE_NEWNS = 0x20000


def build_dir():
    """The directory that holds the programs under test."""
    return os.path.abspath(os.environ.get("TRANSOM_BUILD") or os.getcwd())


def program(name):
    """Path of a built program (transomd, transomctl, tables-print); skips the test when it is not there."""
    path = os.path.join(build_dir(), name)
    if not os.access(path, os.X_OK):
        raise unittest.SkipTest("%s is not built (TRANSOM_BUILD=%s)" % (name, build_dir()))
    return path


def is_root():
    return os.geteuid() == 0


def need_root():
    """Skip the calling test unless it runs as root."""
    if not is_root():
        raise unittest.SkipTest("needs root")


def need_tool(name):
    """Path of an outside program; skips the test when it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise unittest.SkipTest("%s is not installed" % name)
    return path


def own_mounts():
    """From here on, what this process mounts only it and its children see; skips the test where that cannot be had:
    not by root, or in a chroot, whose / is no mount that could be made private."""
    need_root()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise unittest.SkipTest("no mount namespace: %s" % os.strerror(ctypes.get_errno()))
    private = run(["mount", "--make-rprivate", "/"])
    if private.returncode != 0:
        raise unittest.SkipTest("no private mounts: %s" % private.stderr.strip())


def sanitized():
    """Is the daemon built with sanitizers?  Its memory says nothing then."""
    return re.search(r"sanitizers\s+yes", run([program("transomd"), "-V"]).stdout) is not None


def modes():
    """The ways a server can be started here: ["root", "user"] for root, ["user"] for anybody else."""
    return ["root", "user"] if is_root() else ["user"]


def wait_until(check, timeout=10, what="condition", interval=0.02):
    """Call check() until it returns something true, and return that; AssertionError after timeout seconds."""
    deadline = time.monotonic() + timeout * SCALE
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("%s: not within %g s" % (what, timeout * SCALE))
        time.sleep(interval)


def sha256_file(path):
    """Hex digest of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def make_file(path, size, seed=1):
    """Write `size` bytes that look random but are the same for the same seed; returns their sha256.

    One random MiB, varied in its first bytes for every repetition: as fast as the disk, and a lost,
    doubled or exchanged block changes the digest."""
    block = hashlib.shake_256(b"transom %d" % seed).digest(1 << 20)
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for index in range((size + len(block) - 1) // len(block)):
            piece = (b"%016d" % index + block[16:])[:size - index * len(block)]
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def hash_password(password):
    """A sha256crypt hash of the least cost that libcrypt accepts, as users.d wants it."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    made = library.crypt(password.encode(), b"$5$rounds=1000$transomtest")
    if not made or not made.startswith(b"$5$"):
        raise RuntimeError("libcrypt cannot make a sha256crypt hash")
    return made.decode()


def run(arguments, timeout=60, **options):
    """subprocess.run with captured text output and a bound; does not raise on a bad exit status."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("text", True)
    options.setdefault("errors", "backslashreplace")
    return subprocess.run(arguments, timeout=timeout * SCALE, **options)


# --- the configuration as text ---------------------------------------------------------------------


def conf_value(value):
    """A Python value as transom.conf writes it."""
    if isinstance(value, bool):
        return '"yes"' if value else '"no"'
    if isinstance(value, (list, tuple)):
        return "{ %s }" % ", ".join(conf_value(item) for item in value)
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')


def conf_lines(options, indent=""):
    """{"a": 1} as 'a = "1"' lines.  The key "mounts" holds {"/path": {options}}."""
    lines = ["%s%s = %s" % (indent, name, conf_value(value))
             for name, value in options.items() if name != "mounts"]
    for title, mount in options.get("mounts", {}).items():
        lines += ["%smount %s {" % (indent, conf_value(title))]
        lines += conf_lines(mount, indent + "\t") + [indent + "}"]
    return lines


def conf_section(head, options):
    return ["%s {" % head] + conf_lines(options, "\t") + ["}"]


# --- processes, as /proc tells ----------------------------------------------------------------------


def proc_title(pid):
    """What ps shows as the command, "" when the process is gone or a zombie."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "backslashreplace").strip()
    except OSError:
        return ""


def proc_stat(pid):
    """(state, parent, session id) of a process, or None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rsplit(b")", 1)[1].split()
        return fields[0].decode(), int(fields[1]), int(fields[3])
    except (OSError, IndexError, ValueError):
        return None


def memory_kib(pid, kind="Pss"):
    """A line of /proc/PID/smaps_rollup; of another account's process only root may know."""
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return int(re.search(r"^%s:\s+(\d+)" % kind, file.read(), re.M).group(1))


def proc_status(pid):
    """/proc/PID/status as {"Uid": ["0", ...], "Seccomp": ["2"], ...}; {} when the process is gone."""
    try:
        with open("/proc/%d/status" % pid) as file:
            return {name: rest.split() for name, rest in
                    (line.split(":", 1) for line in file if ":" in line)}
    except OSError:
        return {}


def proc_fds(pid):
    """{number: link text} of a process's descriptors, {} when it is gone.  Skips the test when that takes root
    (undumpable)."""
    result = {}
    base = "/proc/%d/fd" % pid
    try:
        names = os.listdir(base)
    except PermissionError:
        raise unittest.SkipTest("needs root to see the descriptors of an undumpable process") from None
    except FileNotFoundError:
        return result
    for name in names:
        try:
            result[int(name)] = os.readlink(os.path.join(base, name))
        except OSError:
            pass
    return result


# --- a tiny FTP client for exact bytes --------------------------------------------------------------


class RawFtp:
    """An FTP control connection that sends exactly what it is told and returns replies as they came.

    ftp = RawFtp(server.port)       # reads the greeting into ftp.greeting
    ftp.cmd("USER alice")           # "331 ..."; the text of one whole reply, lines joined by \\n
    ftp.send(b"NOOP\\r\\nNOOP\\r\\n"); ftp.reply(); ftp.reply()
    """

    def __init__(self, port, host="127.0.0.1", timeout=20, greeting=True):
        self.timeout = timeout * SCALE
        self.host = host
        self.sock = socket.create_connection((host, port), timeout=self.timeout)
        self.buffer = b""
        self.greeting = self.reply() if greeting else None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """One line without its CRLF, as bytes.  EOFError when the server has closed."""
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("closed by the server; left over: %r" % self.buffer)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise AssertionError("a reply line does not end in CRLF: %r" % line)
        return line[:-1]

    def reply(self):
        """One reply, RFC 959 4.2 multi-line ones included, as text; lines joined by \\n."""
        lines = [self.line()]
        if re.match(rb"\d\d\d-", lines[0]):
            end = lines[0][:3] + b" "
            while not lines[-1].startswith(end):
                lines.append(self.line())
        return b"\n".join(lines).decode("utf-8", "surrogateescape")

    def cmd(self, line):
        """Send one line (CRLF is added) and return its reply."""
        self.send((line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")) + b"\r\n")
        return self.reply()

    def code(self, line):
        """Send one line; the number of its reply."""
        return int(self.cmd(line)[:3])

    def login(self, user, password):
        self.cmd("USER " + user)
        reply = self.cmd("PASS " + password)
        if not reply.startswith("230"):
            raise AssertionError("login failed: " + reply)
        return reply

    def passive(self):
        """EPSV, and the connected data socket."""
        reply = self.cmd("EPSV")
        port = re.search(r"\(\|\|\|(\d+)\|\)", reply)
        if not reply.startswith("229") or port is None:
            raise AssertionError("EPSV: " + reply)
        return socket.create_connection((self.host, int(port.group(1))), timeout=self.timeout)

    def closed(self):
        """Does the server close the connection?  Reads and drops what still comes; False on a timeout."""
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False


def read_all(sock):
    """Bytes until the other side closes."""
    return b"".join(iter(lambda: sock.recv(1 << 16), b""))


# --- the server ---------------------------------------------------------------------------------------


FTP_ONLY = {"ftp": {"protocol": "ftp", "address": "127.0.0.1:0"}}
SFTP_ONLY = {"sftp": {"protocol": "sftp", "address": "127.0.0.1:0"}}
FTPS_BOTH = {"ftp": {"protocol": "ftp", "address": "127.0.0.1:0"},
             "ftps": {"protocol": "ftps", "address": "127.0.0.1:0"}}     # with tls=True: explicit, and implicit


class ServerFailed(AssertionError):
    """transomd did not start; .stderr and .status tell more."""

    def __init__(self, message, stderr="", status=None):
        super().__init__(message)
        self.stderr = stderr
        self.status = status


class TransomServer:
    """One transomd in a temporary directory.  Use it as a context manager, or start() and stop().

    mode        "root": started as root, chroot and uids (skips when not root);
                "user": everything under one ordinary uid (USER_UID when the test runs as root);
                None: "root" for root, else "user"
    options     global options of transom.conf: {"max_sessions": 1}
    ftp, ssh, log   options of these sections
    tls         options of tls { }; True: a certificate made for this server, see .certificate
    tls_hosts   {"name": {options}}: further certificates
    defaults    options of defaults { }
    users       {"alice": {"password": "secret", "access": "read-only", "mounts": {"/in": {...}}}}
                password is plain text and is hashed here; password_hash is written as it is; every user
                gets a root directory of its own unless the key "root" is there
    anonymous   {} or more: options of anonymous { }; None: no such section
    listeners   {"ftp": {...}}; default: FTP_ONLY, one, ftp on 127.0.0.1, port chosen by the system; with an sftp
                listener and no ssh["host_keys"] the server gets one of each type, see .host_keys
    extra       text added to the end of transom.conf
    allow_crash True: crash and violation events are part of the test
    environment variables added for the daemon

    Attributes: dir, conf (path of transom.conf), users_dir, log_file, pid, port (of the first listener),
    ports {title: port}, ready (the ready event), mode, uid (owner of the users' files), process (Popen),
    host_keys {type: ssh.SshKey}, certificate (certificates.Certificate, its .authority to be trusted by clients).
    """

    START_SECONDS = 20
    STOP_SECONDS = 15

    def __init__(self, mode=None, options=None, ftp=None, log=None, defaults=None, users=None,
                 anonymous=None, listeners=None, extra="", allow_crash=False, environment=None,
                 ssh=None, tls=None, tls_hosts=None):
        self.mode = mode or ("root" if is_root() else "user")
        if self.mode == "root":
            need_root()
        self.binary = program("transomd")
        self.options = dict(options or {})
        self.ftp_options = dict(ftp or {})
        self.log_options = dict(log or {})
        self.defaults = dict(defaults or {})
        self.users = {name: dict(user) for name, user in (users or {}).items()}
        self.anonymous = None if anonymous is None else dict(anonymous)
        self.listeners = {title: dict(listener) for title, listener in (listeners or FTP_ONLY).items()}
        self.ssh_options = dict(ssh or {})
        self.makes_certificate = tls is True
        self.tls_options = {} if tls is True else dict(tls or {})
        self.tls_hosts = {name: dict(host) for name, host in (tls_hosts or {}).items()}
        self.host_keys = {}
        self.certificate = None
        self.extra = extra
        self.allow_crash = allow_crash
        self.environment = dict(environment or {})
        self.process = None
        self.dir = None
        self.ready = None
        self.port = None
        self.ports = {}
        if self.mode == "root":
            self.uid = FILES_UID
        else:
            self.uid = USER_UID if is_root() else os.geteuid()

    # --- life ---

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(self, kind, value, traceback):
        try:
            if self.process is not None:
                self.stop()
                if kind is None:
                    self.check_log()
            elif kind is None:
                self.check_log()
        except AssertionError:
            if kind is None:
                raise
        finally:
            if kind is not None and os.environ.get("TRANSOM_TEST_VERBOSE"):
                sys.stderr.write(self.diagnosis())
            self.discard()

    def prepare(self):
        """Make the temporary directory with configuration, users and roots; start() may follow."""
        self.dir = tempfile.mkdtemp(prefix="transom-test-", dir=self._temp_base())
        os.chmod(self.dir, 0o755)
        self.conf = os.path.join(self.dir, "transom.conf")
        self.users_dir = os.path.join(self.dir, "users.d")
        self.log_file = self.log_options.get("target") or os.path.join(self.dir, "log")
        self.stderr_file = os.path.join(self.dir, "stderr")
        for name in ("users.d", "srv", "run", "state"):
            os.mkdir(os.path.join(self.dir, name))
        os.chmod(self.users_dir, 0o700)
        if self.anonymous is not None and "root" not in self.anonymous:
            self.anonymous["root"] = self._make_root("anonymous")
        for name, user in self.users.items():
            self.add_user(name, user)
        self._make_keys()
        self.write_conf()
        if self.mode == "user" and is_root():
            self._give_away(self.dir)
            self.binary = self._reachable_binary()

    def start(self):
        """Start the daemon and wait for its ready line.  ServerFailed when it does not come."""
        if self.dir is None:
            self.prepare()
        seen = len(self.log_events_so_far("ready"))
        environment = dict(os.environ, **self.environment)
        # Leak reports need ptrace, which the walls take away; a seccomp kill must not look like a finding.
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        with open(self.stderr_file, "ab") as stderr:
            self.process = subprocess.Popen(
                self.command("-c", self.conf), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                cwd=self.dir, env=environment, start_new_session=True)
        try:
            wait_until(lambda: len(self.log_events_so_far("ready")) > seen or self.process.poll() is not None,
                       self.START_SECONDS, "event=ready")
        except AssertionError as error:
            raise ServerFailed("%s\n%s" % (error, self.diagnosis())) from None
        if self.process.poll() is not None:
            status, self.process = self.process.returncode, None
            raise ServerFailed("transomd ended with status %s\n%s" % (status, self.diagnosis()),
                               self.stderr(), status)
        self.ready = self.log_events_so_far("ready")[-1]
        self.ports = {}
        for item in self.ready["listeners"].split():
            title, rest = item.split("=", 1)
            self.ports[title] = int(rest.rsplit(":", 1)[1])
        self.port = next(iter(self.ports.values()))

    def port_of(self, protocol):
        """The port of the first listener of a protocol: "ftp", "ftps" or "sftp"."""
        return next(self.ports[title] for title, listener in self.listeners.items()
                    if listener.get("protocol", "ftp") == protocol)

    def stop(self, sig=SIGINT):
        """Stop it (INT: now; TERM: drain first), and see that no process of it is left."""
        if self.process is None:
            return
        session = self.process.pid
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            self.process.wait(self.STOP_SECONDS * SCALE)
        except subprocess.TimeoutExpired:
            self._kill_all(session)
            self.process.wait(5)
            self.process = None
            raise AssertionError("transomd did not stop within %g s after %s\n%s" % (
                self.STOP_SECONDS * SCALE, Signals(sig).name, self.diagnosis())) from None
        self.process = None
        try:
            wait_until(lambda: not self._alive(session), 5, "end of all processes")
        except AssertionError:
            left = ["%d %s" % (pid, proc_title(pid)) for pid in self._alive(session)]
            self._kill_all(session)
            raise AssertionError("processes left after the stop: %s" % ", ".join(left)) from None

    def check_log(self):
        """No crash, no violation, no sanitizer report, unless the test wants them (allow_crash)."""
        if self.allow_crash:
            return
        bad = [event for event in self.log_events() if event.get("event") in ("crash", "violation")]
        if bad:
            raise AssertionError("unexpected events: %s\n%s" % (bad, self.diagnosis()))
        if re.search(r"ERROR: \w+Sanitizer|runtime error:", self.stderr()):
            raise AssertionError("a sanitizer has reported:\n" + self.stderr())

    def discard(self):
        """Kill what is left and remove the temporary directory."""
        if self.process is not None:
            self._kill_all(self.process.pid)
            self.process.wait(5)
            self.process = None
        if self.dir is not None and not os.environ.get("TRANSOM_TEST_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        self.dir = None

    def command(self, *arguments):
        """The argument vector that runs transomd as this server's uid: for -t, -T, -V in tests."""
        vector = [self.binary, *arguments]
        if self.mode == "user" and is_root():
            vector = ["setpriv", "--reuid=%d" % USER_UID, "--regid=%d" % USER_UID,
                      "--clear-groups", "--", *vector]
        return vector

    def signal(self, sig):
        """Send a signal to the master."""
        os.kill(self.process.pid, sig)

    def reload(self):
        """HUP, and wait until the new configuration is in force (or refused); returns the event."""
        def answers(events):
            return [event for event in events if event.get("event") in ("reload", "reload-failed")]

        seen = len(answers(self.log_events()))
        self.signal(SIGHUP)

        def answered():
            events = answers(self.log_events_so_far())
            return events[-1] if len(events) > seen else None
        return wait_until(answered, 20, "answer to HUP")

    @property
    def pid(self):
        return self.process.pid

    # --- configuration ---

    def conf_text(self):
        """transom.conf as it would be written now."""
        options = {
            "users_dir": self.users_dir,
            "runtime_dir": os.path.join(self.dir, "run"),
            "state_dir": os.path.join(self.dir, "state"),
            "spare_min": 2,
            "spare_max": 8,
            "login_delay": "20ms",
            "drain_timeout": "2s",
        }
        if self.mode == "root":
            options.update(clerk_user=CLERK_UID, front_user=FRONT_UID, keeper_user=KEEPER_UID)
        options.update(self.options)
        lines = conf_lines(options)
        for title, listener in self.listeners.items():
            lines += conf_section("listener " + conf_value(title), listener)
        lines += conf_section("ftp", {"passive_ports": "0", **self.ftp_options})
        for name, section in (("ssh", self.ssh_options), ("tls", self.tls_options)):
            if section:
                lines += conf_section(name, section)
        for name, host in self.tls_hosts.items():
            lines += conf_section("tls_host " + conf_value(name), host)
        lines += conf_section("log", {"target": self.log_file, "format": "json", **self.log_options})
        defaults = {"root": os.path.join(self.dir, "srv", "%u")}
        if self.mode == "root":
            defaults["files_user"] = FILES_UID
        lines += conf_section("defaults", {**defaults, **self.defaults})
        if self.anonymous is not None:
            account = {"files_user": FILES_UID} if self.mode == "root" else {}
            lines += conf_section("anonymous", {**account, **self.anonymous})
        return "\n".join(lines) + "\n" + self.extra

    def write_conf(self, text=None):
        """Write transom.conf: the given text, or what the attributes say; then reload() or start()."""
        with open(self.conf, "w") as file:
            file.write(self.conf_text() if text is None else text)
        self._own(self.conf)

    def add_user(self, name, user=None):
        """Write users.d/NAME.conf and make the user's root; works while the server runs."""
        user = dict(user or {})
        self.users[name] = dict(user)
        if "password" in user:
            user["password"] = hash_password(user["password"])
        if "password_hash" in user:
            user["password"] = user.pop("password_hash")
        if "root" not in user and "root" not in self.defaults:
            self._make_root(name)
        path = os.path.join(self.users_dir, name + ".conf")
        with open(path + ".new", "w") as file:
            file.write("\n".join(conf_lines(user)) + "\n")
        os.chmod(path + ".new", 0o600)
        self._own(path + ".new")
        os.rename(path + ".new", path)

    # --- files ---

    def root(self, user):
        """The directory on disk that the user sees as /."""
        if user == "anonymous":
            return self.anonymous["root"]
        return self.users[user].get("root") or os.path.join(self.dir, "srv", user)

    def path(self, user, *parts):
        """A file or directory on disk, below the user's root."""
        return os.path.join(self.root(user), *parts)

    def read_file(self, user, name):
        with open(self.path(user, name), "rb") as file:
            return file.read()

    def write_file(self, user, name, data, mode=0o644):
        """Put a file into the user's root, owned as if the user had uploaded it; returns its path."""
        path = self.path(user, name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        self.own(path)
        return path

    def make_dir(self, user, name, mode=0o755):
        """Make a directory in the user's root, owned like the user's files; returns its path."""
        path = self.path(user, name)
        os.mkdir(path, mode)
        self.own(path)
        return path

    def own(self, path):
        """Give a file to the account under which sessions run."""
        if is_root():
            os.lchown(path, self.uid, self.uid)

    def staged(self, user):
        """Paths of all staged files (.transom-*) below the user's root."""
        return sorted(os.path.join(where, name) for where, _, names in os.walk(self.root(user))
                      for name in names if name.startswith(".transom-"))

    # --- log ---

    def log_events(self, name=None, **fields):
        """The log as a list of dicts; only events of that name and with those fields, if given.

        A field's value may also be a compiled pattern (searched) or a function (called).  A line is written a moment
        after the client has its reply: so this waits until the server is at rest, or for a while if it is busy."""
        try:
            self.wait_rest(2)
        except AssertionError:
            pass
        return self.log_events_so_far(name, **fields)

    def log_events_so_far(self, name=None, **fields):
        """The same without a wait: for whoever asks again and again."""
        try:
            with open(self.log_file, "rb") as file:
                lines = file.read().split(b"\n")[:-1]   # the last one may still be growing
        except OSError:
            return []
        events = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "not-json", "line": line.decode("utf-8", "backslashreplace")}
            if name is None or event.get("event") == name:
                if all(self._field_matches(event.get(key), want) for key, want in fields.items()):
                    events.append(event)
        return events

    def wait_event(self, name, timeout=10, count=1, **fields):
        """Wait until there are `count` such events; returns the last of them."""
        try:
            return wait_until(lambda: self._enough(self.log_events_so_far(name, **fields), count), timeout)[-1]
        except AssertionError:
            raise AssertionError("no event %s %s (x%d) within %g s; log:\n%s" % (
                name, fields, count, timeout * SCALE, self.log_tail())) from None

    def log_tail(self, lines=15):
        try:
            with open(self.log_file, errors="backslashreplace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError as error:
            return "(no log: %s)\n" % error

    def stderr(self):
        """What the daemon wrote to its standard error."""
        try:
            with open(self.stderr_file, errors="backslashreplace") as file:
                return file.read()
        except OSError:
            return ""

    def diagnosis(self):
        """Log and standard error, for a failure message."""
        return "--- stderr\n%s--- log\n%s" % (self.stderr(), self.log_tail())

    # --- processes ---

    def processes(self):
        """{pid: title} of all living processes of this server, orphaned sessions included."""
        return {pid: proc_title(pid) for pid in self._alive(self.process.pid)}

    def wait_rest(self, timeout=10):
        """Wait until all of it waits for somebody else: everything that was sent has been worked up, what is to be
        logged is logged, who is to end has ended.  Timers that run are not waited for."""
        wait_until(self._rests, timeout, "a server at rest", interval=0.001)

    def _rests(self):
        """Did none of its processes run, or wish to, between two looks at them?"""
        if self.process is None:
            return True
        before = self._schedule()
        time.sleep(0.01)    # for what the kernel itself has still to pass on
        return all(state == "S" for state, *_ in before.values()) and self._schedule() == before

    def _schedule(self):
        """{pid: (state, switches to it by its own wish, and by others')}"""
        found = {}
        for pid in self._alive(self.process.pid):
            status = proc_status(pid)
            found[pid] = tuple(status.get(name, [""])[0] for name in (
                "State", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))
        return found

    def pids(self, role):
        """Pids whose title starts with these words: "clerk", "nursery", "guard", "guard alice",
        "front ftp"; "master" is the process that was started.  Idle pairs are "guard idle", "front idle"."""
        if role == "master":
            return [self.process.pid]
        words = ("transomd: " + role).split()
        found = sorted(pid for pid, title in self.processes().items()
                       if title.split()[:len(words)] == words)
        if words[1] in ("nursery", "clerk", "keeper"):
            # A child that was forked a moment ago still has its parent's title.
            found = [pid for pid in found if (proc_stat(pid) or (0, 0))[1] == self.process.pid]
        return found

    def kib_of_one_more(self, connect, count=10):
        """What a session more costs in memory, all processes of the server together: pages that are shared count once.

        connect() makes one, idle and at rest.  The idle pairs are as many before as after.
        """
        def total():
            pairs = None
            while pairs != sorted(self.processes()):
                pairs = sorted(self.processes())
                time.sleep(0.3)
                self.wait_rest()
            # Of anonymous memory alone: what a page of a library counts for depends on everybody else on the machine.
            return sum(memory_kib(pid, "Pss_Anon") for pid in pairs)

        connect()
        before = total()
        for _ in range(count):
            connect()
        return (total() - before) / count

    def session_pids(self, user):
        """(guard pid, front pid) of the only session of this user; others may be ending."""
        def look():
            guards = self.pids("guard " + user)
            fronts = [pid for pid in self.pids("front") if "idle" not in proc_title(pid).split()]
            return (guards[0], fronts[0]) if len(guards) == len(fronts) == 1 else None
        try:
            return wait_until(look)
        except AssertionError:
            raise AssertionError("not exactly one session, of %s: %s" % (user, self.processes())) from None

    def kill(self, pid, sig=SIGKILL):
        """Send a signal to one process of this server and wait until it is gone (for KILL)."""
        if pid not in self.processes():
            raise AssertionError("%d is no process of this server" % pid)
        os.kill(pid, sig)
        if sig == SIGKILL:
            wait_until(lambda: pid not in self._alive(self.process.pid), 5, "end of %d" % pid)

    # --- clients ---

    def ftp(self, user=None, password=None, timeout=20):
        """A connected ftplib.FTP; logged in when a user is given (anonymous too)."""
        client = ftplib.FTP(timeout=timeout * SCALE, encoding="utf-8")
        client.connect("127.0.0.1", self.port)
        if user is not None:
            if password is None:
                password = self.users.get(user, {}).get("password", "guest@example.org")
            try:
                client.login(user, password)
            except ftplib.Error as error:
                client.close()
                raise AssertionError("login of %s: %s\n%s" % (user, error, self.log_tail())) from None
        return client

    def raw(self, user=None, password=None, timeout=20):
        """A RawFtp; logged in when a user is given."""
        client = RawFtp(self.port, timeout=timeout)
        if user is not None:
            if password is None:
                password = self.users.get(user, {}).get("password", "guest@example.org")
            client.login(user, password)
        return client

    def url(self, user=None, path="/"):
        """ftp://user:password@127.0.0.1:port/path, for curl."""
        login = "%s:%s@" % (user, self.users[user]["password"]) if user else ""
        return "ftp://%s127.0.0.1:%d%s" % (login, self.port, path)

    # --- inside ---

    @staticmethod
    def _enough(items, count):
        return items if len(items) >= count else None

    @staticmethod
    def _field_matches(value, want):
        if callable(want):
            return want(value)
        if isinstance(want, re.Pattern):
            return value is not None and want.search(str(value)) is not None
        return value == want or (value is not None and str(value) == str(want))

    @staticmethod
    def _temp_base():
        """A directory that the session's account can reach: TMPDIR if open to all, else /tmp."""
        base = os.path.realpath(tempfile.gettempdir())
        where = base
        while True:
            if is_root() and not os.stat(where).st_mode & stat.S_IXOTH:
                return "/tmp"
            if where == "/":
                return base
            where = os.path.dirname(where)

    def _make_root(self, name):
        path = os.path.join(self.dir, "srv", name)
        if not os.path.isdir(path):
            os.mkdir(path, 0o755)
        self.own(path)
        return path

    def _make_keys(self):
        """Host keys and a certificate, for listeners that need them and options that do not name any."""
        protocols = {listener.get("protocol", "ftp") for listener in self.listeners.values()}
        if "sftp" in protocols and "host_keys" not in self.ssh_options:
            from ssh import copy_host_keys
            self.host_keys = copy_host_keys(self.dir)
            self.ssh_options["host_keys"] = [key.path for key in self.host_keys.values()]
        if self.makes_certificate:
            from certificates import make_server_certificate
            self.certificate = make_server_certificate(self.dir)
            self.tls_options.update(certificate=self.certificate.certificate, key=self.certificate.key)

    def _own(self, path):
        """Give a file of the configuration to whoever runs the daemon."""
        if self.mode == "user" and is_root():
            os.lchown(path, USER_UID, USER_UID)

    def _give_away(self, top):
        for where, dirs, files in os.walk(top):
            for path in [where] + [os.path.join(where, name) for name in files]:
                self._own(path)

    def _reachable_binary(self):
        """The checkout may lie in a directory that USER_UID cannot enter: run a copy then."""
        copy = os.path.join(self.dir, "transomd")
        shutil.copy(program("transomd"), copy)
        os.chmod(copy, 0o755)
        return copy

    @staticmethod
    def _alive(session):
        """Processes of the session that the daemon was started in: they stay in it when orphaned."""
        result = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                fields = proc_stat(int(name))
                if fields is not None and fields[2] == session and fields[0] not in "ZX":
                    result.append(int(name))
        return sorted(result)

    def _kill_all(self, session):
        for _ in range(50):
            pids = self._alive(session)
            if not pids:
                return
            for pid in pids:
                try:
                    os.kill(pid, SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)


class SharedServer:
    """Mixin for unittest.TestCase: one server for all tests of a class, as cls.server.

    class Root(SharedServer, unittest.TestCase):
        mode = "root"                                   # as TransomServer's
        settings = {"users": {"alice": {"password": "secret"}}}     # its other arguments
    """

    mode = None
    settings = {}
    server = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = TransomServer(mode=cls.mode, **cls.settings)
        cls.server = server.__enter__()

    @classmethod
    def tearDownClass(cls):
        server, cls.server = cls.server, None
        server.__exit__(None, None, None)
        super().tearDownClass()
