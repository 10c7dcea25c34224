"""An FTPS client that costs nothing while the server is measured.

The cryptography of a data connection is done before (uploads) or not at all (downloads): what is measured is how fast
the server takes and gives records, not how fast Python does.
"""

import _ssl
import ctypes
import ftplib
import socket
import ssl

BLOCK = 1 << 20
RECORD_BYTES = 1 << 14         # at most, of plain text
RECORD_OVERHEAD_BYTES = 22      # head, type and tag in TLS 1.3
SUITES = {"AES-128-GCM": "TLS_AES_128_GCM_SHA256", "AES-256-GCM": "TLS_AES_256_GCM_SHA384"}


class _ContextHead(ctypes.Structure):
    """How CPython's ssl.SSLContext begins: the object, and its SSL_CTX."""

    _fields_ = [("references", ctypes.c_ssize_t), ("type", ctypes.c_void_p), ("ctx", ctypes.c_void_p)]


def context_for(suite):
    """TLS 1.3 and one suite; Python itself has no word for the latter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    library = ctypes.CDLL(_ssl.__file__)
    library.SSL_CTX_set_ciphersuites.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    head = _ContextHead.from_address(id(context))
    if library.SSL_CTX_set_ciphersuites(head.ctx, suite.encode()) != 1:
        raise RuntimeError("libssl does not know " + suite)
    return context


def connect(server, suite=SUITES["AES-128-GCM"]):
    """Logged in, in the server's directory, with PROT P."""
    ftp = ftplib.FTP_TLS(context=context_for(suite))
    ftp.connect("127.0.0.1", server.port, timeout=120)
    ftp.auth()
    if ftp.sock.cipher()[0] != suite:
        raise RuntimeError("%s chose %s" % (server.name, ftp.sock.cipher()[0]))
    ftp.login(server.user, server.password)
    ftp.prot_p()
    ftp.cwd(server.directory)
    ftp.voidcmd("TYPE I")
    return ftp


class Data:
    """A data connection after its handshake, whose records are the caller's."""

    def __init__(self, ftp, command):
        host, port = ftp.makepasv()
        self.socket = socket.create_connection((host, port), 120)
        ftp.putcmd(command)
        self.ended = False
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = ftp.context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost",
                                        session=ftp.sock.session)
        # Some servers say 150 before the handshake, some after.
        self._shake_hands()
        reply = ftp.getresp()
        if not reply.startswith("1"):
            raise RuntimeError(reply)

    def _shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                got = self.socket.recv(BLOCK)
                if not got:
                    raise RuntimeError("closed in the handshake") from None
                self.incoming.write(got)

    def _flush(self):
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def _end(self):
        """Make the close_notify and let go of the session; what OpenSSL has to say is in self.outgoing."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass

    def drain(self, size):
        """Take everything as it comes; the number of bytes on the wire, of which `size` are the file's."""
        into = bytearray(4 * BLOCK)
        total = 0
        # vsftpd waits for our close_notify before it closes; with this many bytes its last record is here.
        ours_is_due = size + size // RECORD_BYTES * RECORD_OVERHEAD_BYTES
        # Waking us is charged to the sender: seldom enough that it does not drown the server's own work.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 << 18)
        while True:
            try:
                got = self.socket.recv_into(into)
            except ConnectionResetError:
                # It had closed before our close_notify came; all that it sent is read before this is told.
                if total < size:
                    raise
                return total
            if not got:
                return total
            total += got
            if total >= size - BLOCK:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            if total >= ours_is_due and not self.ended:
                self.ended = True
                self._end()
                self._flush()

    def encrypt(self, path):
        """A file as records, with the close_notify behind them; a list of blocks."""
        blocks = []
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(BLOCK), b""):
                self.tls.write(block)
                blocks.append(self.outgoing.read())
        self._end()
        blocks.append(self.outgoing.read())
        return blocks

    def send(self, blocks):
        for block in blocks:
            self.socket.sendall(block)

    def close(self):
        """In order: what the server still says is read, so that it is not answered with a reset."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(BLOCK):
                pass
        except OSError:
            pass
        self.socket.close()
