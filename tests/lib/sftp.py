"""SFTP version 3 in plain bytes, over OpenSSH's ssh: requests as a test wants them, replies as they came.

    with Sftp(server, "alice") as sftp:
        handle = sftp.open("f", WRITE | CREAT | TRUNC)
        assert sftp.write(handle, 0, b"x") == OK
        assert sftp.close_handle(handle) == OK
        assert sftp.stat("f").size == 1
        sftp.status(RENAME, string("f"), string("g"))       # any request; the code of its STATUS
"""

import collections
import struct
import subprocess

from ssh import OpenSsh
from transom import SCALE, need_tool

INIT, OPEN, CLOSE, READ, WRITE_REQUEST, LSTAT, FSTAT, SETSTAT, FSETSTAT = 1, 3, 4, 5, 6, 7, 8, 9, 10
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(11, 21)
EXTENDED = 200
VERSION, STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY = 2, 101, 102, 103, 104, 105, 201
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = 0, 1, 2, 3, 4, 5
OP_UNSUPPORTED = 8
READ_FLAG, WRITE, APPEND, CREAT, TRUNC, EXCL = 1, 2, 4, 8, 16, 32
NEW = WRITE | CREAT | TRUNC

Attrs = collections.namedtuple("Attrs", "size uid gid permissions atime mtime")
Answer = collections.namedtuple("Answer", "type id body")


class SftpStatus(AssertionError):
    """A STATUS where something else was wanted; .code, .message."""

    def __init__(self, code, message):
        super().__init__("status %d: %s" % (code, message))
        self.code = code
        self.message = message


def u32(number):
    return struct.pack(">I", number)


def u64(number):
    return struct.pack(">Q", number)


def string(data):
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return u32(len(data)) + data


def take_string(body):
    """The string a body begins with, and what follows it."""
    (length,) = struct.unpack(">I", body[:4])
    return body[4:4 + length], body[4 + length:]


def attrs(size=None, permissions=None, times=None):
    """ATTRS to send; times is (atime, mtime)."""
    flags, body = 0, b""
    if size is not None:
        flags, body = flags | 1, body + u64(size)
    if permissions is not None:
        flags, body = flags | 4, body + u32(permissions)
    if times is not None:
        flags, body = flags | 8, body + u32(times[0]) + u32(times[1])
    return u32(flags) + body


def take_attrs(body):
    """Complete ATTRS of the server's, and what follows them."""
    flags, size, uid, gid, permissions, atime, mtime = struct.unpack(">IQIIIII", body[:32])
    if flags != 15:
        raise AssertionError("attributes are not complete: flags %#x" % flags)
    return Attrs(size, uid, gid, permissions, atime, mtime), body[32:]


class Sftp:
    """One session."""

    def __init__(self, server, user, **options):
        client = OpenSsh(server, user, **options)
        self.process = subprocess.Popen(
            [need_tool("ssh"), "-p", str(server.port_of("sftp")), *client.options, "-s",
             client.target().rstrip(":"), "sftp"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=client.environment)
        self.last_id = 0
        self.send_packet(bytes([INIT]) + u32(3))
        self.version = self.receive()
        if self.version.type != VERSION:
            raise AssertionError("no VERSION: %r" % (self.version,))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        """Hang up in good order."""
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=20 * SCALE)

    def break_off(self):
        """Vanish."""
        self.process.kill()
        self.process.wait()

    # --- packets ---

    def send_packet(self, packet):
        self.process.stdin.write(u32(len(packet)) + packet)
        self.process.stdin.flush()

    def send(self, kind, *fields):
        """Send a request; its id."""
        self.last_id += 1
        self.send_packet(bytes([kind]) + u32(self.last_id) + b"".join(fields))
        return self.last_id

    def read_exactly(self, count):
        data = self.process.stdout.read(count)
        if len(data) < count:
            raise EOFError("the server has ended the session")
        return data

    def receive(self):
        (length,) = struct.unpack(">I", self.read_exactly(4))
        packet = self.read_exactly(length)
        return Answer(packet[0], struct.unpack(">I", packet[1:5])[0], packet[5:])

    def ask(self, kind, *fields):
        """Send a request and return its answer."""
        request = self.send(kind, *fields)
        answer = self.receive()
        if answer.id != request:
            raise AssertionError("answer to %d instead of %d" % (answer.id, request))
        return answer

    def status(self, kind, *fields):
        """The code of a STATUS."""
        return self.code(self.ask(kind, *fields))

    @staticmethod
    def code(answer):
        if answer.type != STATUS:
            raise AssertionError("no STATUS: %r" % (answer,))
        return struct.unpack(">I", answer.body[:4])[0]

    @classmethod
    def expect(cls, answer, kind):
        """The body of an answer of this type; SftpStatus when it is a STATUS."""
        if answer.type == STATUS and kind != STATUS:
            raise SftpStatus(cls.code(answer), take_string(answer.body[4:])[0].decode())
        if answer.type != kind:
            raise AssertionError("not %d: %r" % (kind, answer))
        return answer.body

    # --- requests ---

    def open(self, path, flags, wish=u32(0)):
        return take_string(self.expect(self.ask(OPEN, string(path), u32(flags), wish), HANDLE))[0]

    def write(self, handle, offset, data):
        return self.status(WRITE_REQUEST, string(handle), u64(offset), string(data))

    def read(self, handle, offset, count):
        return take_string(self.expect(self.ask(READ, string(handle), u64(offset), u32(count)), DATA))[0]

    def close_handle(self, handle):
        return self.status(CLOSE, string(handle))

    def stat(self, path, kind=STAT):
        return take_attrs(self.expect(self.ask(kind, string(path)), ATTRS))[0]

    def fstat(self, handle):
        return take_attrs(self.expect(self.ask(FSTAT, string(handle)), ATTRS))[0]

    def names(self, path):
        """{name: Attrs} of a directory, "." and ".." left out."""
        handle = take_string(self.expect(self.ask(OPENDIR, string(path)), HANDLE))[0]
        result = {}
        while True:
            answer = self.ask(READDIR, string(handle))
            if answer.type == STATUS and self.code(answer) == EOF:
                break
            body = self.expect(answer, NAME)
            (count,), body = struct.unpack(">I", body[:4]), body[4:]
            for _ in range(count):
                name, body = take_string(body)
                _, body = take_string(body)
                result[name.decode("utf-8", "surrogateescape")], body = take_attrs(body)
        self.close_handle(handle)
        return {name: attrs for name, attrs in result.items() if name not in (".", "..")}

    def put(self, path, data, flags=NEW):
        """Upload; the code of CLOSE, or of what failed before."""
        handle = self.open(path, flags)
        for offset in range(0, len(data), 32768):
            code = self.write(handle, offset, data[offset:offset + 32768])
            if code != OK:
                self.close_handle(handle)
                return code
        return self.close_handle(handle)

    def get(self, path):
        handle = self.open(path, READ_FLAG)
        data = b""
        try:
            while True:
                data += self.read(handle, len(data), 32768)
        except SftpStatus as status:
            if status.code != EOF:
                raise
        self.close_handle(handle)
        return data

    def extended(self, name, *fields):
        return self.ask(EXTENDED, string(name), *fields)

    def name_of(self, answer):
        """The one name of a NAME."""
        body = self.expect(answer, NAME)
        if body[:4] != u32(1):
            raise AssertionError("not one name: %r" % body)
        return take_string(body[4:])[0].decode("utf-8", "surrogateescape")
