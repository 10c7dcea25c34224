"""An FTPS client for exact bytes, on Python's ssl.  An end without close_notify raises ssl.SSLEOFError.

    with FtpsClient(server.port) as ftp:            # explicit: AUTH TLS has been said
        ftp.login("alice", "secret"); ftp.protect()
        data = ftp.transfer("RETR a")               # the TLS data connection, its session resumed
        content = read_all(data); data.unwrap(); ftp.reply()

    FtpsClient(server.ports["ftps"], implicit=True)
"""

import array
import fcntl
import os
import select
import socket
import ssl
import subprocess
import termios

from transom import RawFtp, SCALE, need_tool, wait_until


def client_context(authority=None, maximum=None, minimum=None, certificate=None, alpn=None, tickets=True):
    """A client's context that trusts the authority's certificate file, or anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF     # set by Python 3.11.2: a cut would look whole
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if authority is not None:
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    if maximum is not None:
        context.maximum_version = maximum
    if minimum is not None:
        context.minimum_version = minimum
    if certificate is not None:
        context.load_cert_chain(certificate.certificate, certificate.key)
    if alpn is not None:
        context.set_alpn_protocols(alpn)
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


class FtpsClient(RawFtp):
    """RawFtp over TLS.  explicit=False: plain text until auth() is called."""

    def __init__(self, port, context=None, implicit=False, explicit=True, host_name=None, **options):
        self.context = context or client_context()
        self.host_name = host_name
        super().__init__(port, greeting=not implicit, **options)
        if implicit:
            self.wrap()
            self.greeting = self.reply()
        elif explicit:
            self.auth()

    def wrap(self):
        self.sock = self.context.wrap_socket(
            self.sock, server_hostname=self.host_name, suppress_ragged_eofs=False)

    def auth(self, mechanism="TLS"):
        reply = self.cmd("AUTH " + mechanism)
        if not reply.startswith("234"):
            raise AssertionError("AUTH: " + reply)
        self.wrap()
        return reply

    def protect(self, level="P"):
        for line in ("PBSZ 0", "PROT " + level):
            reply = self.cmd(line)
            if not reply.startswith("200"):
                raise AssertionError("%s: %s" % (line, reply))

    def shake_hands(self, data, resume=True, session=None, context=None):
        """TLS over a connected data socket."""
        if resume and session is None:
            session = self.sock.session
        return (context or self.context).wrap_socket(
            data, server_hostname=self.host_name, session=session if resume else None,
            suppress_ragged_eofs=False)

    def transfer(self, line, resume=True, session=None, context=None):
        """Passive, the command, its 150; the protected data connection."""
        data = self.passive()
        reply = self.cmd(line)
        if not reply.startswith("150"):
            data.close()
            raise AssertionError("%s: %s" % (line, reply))
        return self.shake_hands(data, resume, session, context)


class TlsInMemory:
    """A client whose records go to the caller, who may do with them what somebody on the way could."""

    def __init__(self, plain, context, session=None):
        self.plain = plain
        self.received, self.to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.received, self.to_send, session=session)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.exchange()
        plain.sendall(self.to_send.read())

    def exchange(self):
        self.plain.sendall(self.to_send.read())
        some = self.plain.recv(65536)
        if some:
            self.received.write(some)
        else:
            self.received.write_eof()

    def seal(self, content):
        self.tls.write(content)
        return self.to_send.read()

    def seal_end(self):
        """close_notify"""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self.to_send.read()


class SClient:
    """openssl s_client as a data connection's client, since Python's ssl takes no new keys: it speaks TLS 1.3 with one
    suite, and resumes nothing."""

    def __init__(self, port, suite):
        self.process = subprocess.Popen(
            [need_tool("openssl"), "s_client", "-connect", "127.0.0.1:%d" % port, "-tls1_3", "-ciphersuites", suite,
             "-brief"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def wait_said(self, word):
        """Read what it says about itself until the word is there."""
        said = b""
        while word not in said:
            if not select.select([self.process.stderr], [], [], 20 * SCALE)[0]:
                raise AssertionError("s_client says only %r" % said)
            some = os.read(self.process.stderr.fileno(), 4096)
            if not some:
                raise AssertionError("s_client has ended: %r" % said)
            said += some

    def send(self, content):
        self.process.stdin.write(content)
        self.process.stdin.flush()

    def has_read_all(self):
        waiting = array.array("i", [0])
        fcntl.ioctl(self.process.stdin, termios.FIONREAD, waiting)
        return waiting[0] == 0

    def renew_keys(self):
        """An order is what is read in one piece and begins with its letter: none of them may be in a file's content."""
        wait_until(self.has_read_all, what="s_client's reading")
        self.send(b"K\n")
        self.wait_said(b"KEYUPDATE")


def finish(data):
    """Close a TLS connection in order: close_notify both ways."""
    try:
        data.unwrap().close()
    except (OSError, ssl.SSLError):
        data.close()


def cut(data):
    """Close a TLS connection without close_notify, but the TCP connection in order."""
    plain = socket.socket(fileno=data.detach())
    plain.shutdown(socket.SHUT_WR)
    plain.close()
