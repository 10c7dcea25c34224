"""What the tests of outside FTP clients share: a server in one mode, a directory for the client, trees of files.

    class Wget(Client):
        tools = ("wget",)           # all of them must be there, or every test is skipped

        def test_it(self):
            digest = self.make_remote("file", 1000)
            run(["wget", "-O", self.local("down"), self.server.url("alice", "/file")], env=self.environment())
            self.assertEqual(sha256_file(self.local("down")), digest)

    class WgetAsRoot(Client, unittest.TestCase):
        mode = "root"
"""

import hashlib
import os
import shutil
import tempfile

from transom import SharedServer, make_file, need_tool, run, sha256_file, wait_until

FILE_BYTES = 300001     # more than one buffer of any client, and no round number


def make_tree(top, count):
    """`count` small files in directories of a hundred; {relative path: digest}."""
    digests = {}
    for number in range(count):
        name = "d%03d/f%05d" % (number // 100, number)
        if number % 100 == 0:
            os.makedirs(os.path.join(top, os.path.dirname(name)))
        content = b"%d\n" % number * (number % 97)
        with open(os.path.join(top, name), "wb") as file:
            file.write(content)
        digests[name] = hashlib.sha256(content).digest()
    return digests


def make_nested_tree(top, names=("a file", "empty", "sub/f1", "sub/f2", "sub/d e e p/g", "other/Grüße")):
    """Files of several sizes, in directories of several depths; an empty one among them."""
    for number, name in enumerate(names):
        os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
        make_file(os.path.join(top, name), 0 if name == "empty" else 1000 + 70000 * number, seed=number)


def read_tree(top):
    """{relative path: digest} of every file below a directory."""
    digests = {}
    for where, _, names in os.walk(top):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                digests[os.path.relpath(path, top)] = hashlib.sha256(file.read()).digest()
    return digests


def read_times(top):
    """{relative path: time of modification in whole seconds} of every file below a directory."""
    return {os.path.relpath(os.path.join(where, name), top): int(os.stat(os.path.join(where, name)).st_mtime)
            for where, _, names in os.walk(top) for name in names}


class Client(SharedServer):
    """Mixin for unittest.TestCase: a server for the class, and self.scratch, emptied after each test."""

    tools = ()
    settings = {"users": {"alice": {"password": "secret"}}, "anonymous": {}}
    closes_late = False     # does the client end, or say that a file is closed, before the server has heard of it?

    @classmethod
    def setUpClass(cls):
        for tool in cls.tools:
            need_tool(tool)
        super().setUpClass()

    def setUp(self):
        self.scratch = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.scratch)

    def local(self, *parts):
        """A path on the client's side."""
        return os.path.join(self.scratch, *parts)

    def remote(self, *parts):
        """A path on disk, in what alice sees as /."""
        return self.server.path("alice", *parts)

    def environment(self):
        """No configuration of whoever runs the tests, no proxy, and the server's time zone."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return dict(kept, HOME=self.scratch, LC_ALL="C.UTF-8", TZ="UTC", TERM="dumb")

    def make_local(self, name, size=FILE_BYTES, seed=1):
        return make_file(self.local(name), size, seed)

    def make_remote(self, name, size=FILE_BYTES, seed=1):
        """A file in alice's root; its digest."""
        digest = make_file(self.remote(name), size, seed)
        self.server.own(self.remote(name))
        return digest

    def own_tree(self, name):
        """Give a directory of alice's root, with everything in it, to her sessions' account."""
        for where, _, names in os.walk(self.remote(name)):
            for path in [where] + [os.path.join(where, one) for one in names]:
                self.server.own(path)

    def make_remote_tree(self, name):
        make_nested_tree(self.remote(name))
        self.own_tree(name)

    def execute(self, command, status=0, **options):
        """Run a client in self.scratch; (its standard output, its standard error).  status None: any.

        It may end before the server has done all that it was told."""
        options = {"timeout": 120, "env": self.environment(), "cwd": self.scratch, **options}
        done = run(command, **options)
        self.server.wait_rest()
        if status is not None:
            self.assertEqual(done.returncode, status, "%s said: %s%s\n%s" % (
                command[0], done.stdout, done.stderr, self.server.log_tail()))
        return done.stdout, done.stderr

    def interact(self, command, lines):
        """Run an interactive client with these commands on its standard input; everything it said."""
        script = self.local(".script")
        with open(script, "w") as file:
            file.write("".join(line + "\n" for line in lines))
        with open(script) as file:
            said, errors = self.execute(command, status=None, stdin=file)
        return said + errors

    def wait_closed(self, whole):
        """Until the server has done what it was told; with a client that closes late, until it is whole()."""
        if self.closes_late:
            wait_until(whole, what="what the client has closed")
        else:
            self.server.wait_rest()

    def assertFile(self, path, digest):
        """The file has exactly that content, once the server has worked up what the client had sent before it ended."""
        self.wait_closed(lambda: os.path.exists(path) and sha256_file(path) == digest)
        self.assertTrue(os.path.exists(path), "%s is not there\n%s" % (path, self.server.log_tail()))
        self.assertEqual(sha256_file(path), digest, path)

    def assertSameTree(self, one, other):
        self.wait_closed(lambda: read_tree(one) == read_tree(other))
        self.assertTrue(read_tree(one), "%s is empty\n%s" % (one, self.server.log_tail()))
        self.assertEqual(read_tree(one), read_tree(other))


ANY = {"address": "127.0.0.1:0"}

# What most clients can do, and must go on doing: data connections resume the session of their control connection.
FTPS_LISTENERS = {
    "explicit": {"protocol": "ftp", "data_session": "require", **ANY},
    "implicit": {"protocol": "ftps", "data_session": "require", **ANY},
    "lenient": {"protocol": "ftp", "data_session": "prefer", **ANY},
    "lenient-implicit": {"protocol": "ftps", "data_session": "prefer", **ANY},
    "strict": {"protocol": "ftp", "require_tls": "both", "data_session": "require", **ANY},
}


class FtpsClient(Client):
    """A server with a certificate and the listeners of FTPS_LISTENERS; self.trusted is what its clients are to trust."""

    # parallel: as transom.conf(5) advises for clients that have one cache of TLS sessions for several connections.
    settings = {"users": {"alice": {"password": "secret"}, "parallel": {"password": "secret", "data_session": "off"}},
                "tls": True, "listeners": FTPS_LISTENERS}

    def setUp(self):
        super().setUp()
        self.trusted = shutil.copy(self.server.certificate.authority.certificate, self.local("trusted.pem"))
        self.logged = len(self.server.log_events())

    def new_events(self, name, **fields):
        """What the log says since the test began."""
        before = self.server.log_events()[:self.logged]
        return [event for event in self.server.log_events(name, **fields) if event not in before]

    def url_of(self, listener, path="/", user="alice", host="127.0.0.1"):
        scheme = "ftps" if "implicit" in listener else "ftp"
        return "%s://%s:%s@%s:%d%s" % (scheme, user, self.server.users[user]["password"], host,
                                       self.server.ports[listener], path)
