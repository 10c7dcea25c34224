"""Two private networks joined by a cable, for tests that need addresses of elsewhere or a cable to cut.

    with Cable() as cable:                  # root only; skips where the kernel has no namespaces
        with TransomServer(...) as server:  # started inside, on cable.SERVER
            sock = cable.connect(server.port)
            cable.cut()                     # nobody hears anything of the client any more

The calling thread moves into a new network, in which it starts the server, and back at the end.  Nothing of
the machine's own network is touched; the kernel removes both when the last process and socket in them is gone.
"""

import ctypes
import os
import socket
import unittest

from transom import SCALE, RawFtp, need_root, need_tool, run

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Cable:
    """SERVER and CLIENT are addresses of a documentation network: no private one."""

    SERVER = "203.0.113.1"
    CLIENT = "203.0.113.2"

    def __enter__(self):
        need_root()
        need_tool("ip")
        self.outside = _namespace()
        self.client = None
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        _enter(self.outside)
        os.close(self.outside)
        if self.client is not None:
            os.close(self.client)

    def _make(self):
        if _libc.unshare(CLONE_NEWNET) != 0:
            raise unittest.SkipTest("no network namespaces here: %s" % os.strerror(ctypes.get_errno()))
        here = _namespace()
        try:
            _libc.unshare(CLONE_NEWNET)
            self.client = _namespace()
            self._ip("link set lo up")
            _enter(here)
        finally:
            os.close(here)
        self._ip("link set lo up")
        made = run(["ip", "link", "add", "server", "type", "veth", "peer", "name", "client",
                    "netns", "/proc/self/fd/%d" % self.client], pass_fds=[self.client])
        if made.returncode != 0:
            raise unittest.SkipTest("no veth here: " + made.stderr.strip())
        self._ip("addr add %s/24 dev server" % self.SERVER)
        self._ip("link set server up")
        with self.inside():
            self._ip("addr add %s/24 dev client" % self.CLIENT)
            self._ip("link set client up")

    @staticmethod
    def _ip(arguments):
        done = run(["ip"] + arguments.split())
        if done.returncode != 0:
            raise AssertionError("ip %s: %s" % (arguments, done.stderr))

    def inside(self):
        """with cable.inside(): the thread is in the client's network."""
        return _Inside(self.client)

    def socket(self):
        """An unconnected TCP socket in the client's network; it stays there."""
        with self.inside():
            sock = socket.socket()
        sock.settimeout(20 * SCALE)
        return sock

    def connect(self, port):
        sock = self.socket()
        sock.connect((self.SERVER, port))
        return sock

    def cut(self):
        """The client is gone, without a word to anybody."""
        with self.inside():
            self._ip("link set client down")


class _Inside:
    def __init__(self, fd):
        self.fd = fd

    def __enter__(self):
        self.before = _namespace()
        _enter(self.fd)

    def __exit__(self, *unused):
        _enter(self.before)
        os.close(self.before)


class SocketFtp(RawFtp):
    """A RawFtp over a socket that is connected already; connect(port) makes its data connections."""

    def __init__(self, sock, connect, timeout=20):
        self.timeout = timeout * SCALE
        self.sock = sock
        self.sock.settimeout(self.timeout)
        self.connect = connect
        self.buffer = b""
        self.greeting = self.reply()

    def passive(self):
        reply = self.cmd("EPSV")
        if not reply.startswith("229"):
            raise AssertionError("EPSV: " + reply)
        return self.connect(int(reply.split("|||")[1].split("|")[0]))
