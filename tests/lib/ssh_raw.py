"""An SSH client that sends exactly what it is told: for tests of what no client should do.

    with RawSsh(server.port_of("sftp")) as ssh:         # identification and key exchange are done
        ssh.login("alice", "secret")
        ssh.send(CHANNEL_OPEN, string("session"), u32(0), u32(1 << 20), u32(10))
        kind, payload = ssh.read()                      # EOFError when the server has closed

One key exchange method (curve25519-sha256), one cipher (aes128-ctr), one MAC (hmac-sha2-256-etm@openssh.com); the
host key is not checked.  With other lists, aes128-cbc too, under which only .encrypt() is of use.  Cryptography comes from libcrypto, so that nothing besides Python is needed.
"""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import socket
import struct
import unittest

from transom import SCALE

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, SERVICE_REQUEST, SERVICE_ACCEPT, EXT_INFO = 1, 2, 3, 4, 5, 6, 7
KEXINIT, NEWKEYS, KEX_INIT, KEX_REPLY = 20, 21, 30, 31
USERAUTH_REQUEST, USERAUTH_FAILURE, USERAUTH_SUCCESS, USERAUTH_BANNER = 50, 51, 52, 53
USERAUTH_INFO_REQUEST, USERAUTH_INFO_RESPONSE, USERAUTH_PK_OK = 60, 61, 60
GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE, CHANNEL_WINDOW_ADJUST = 90, 91, 92, 93
CHANNEL_DATA, CHANNEL_EXTENDED_DATA, CHANNEL_EOF, CHANNEL_CLOSE = 94, 95, 96, 97
CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_FAILURE = 98, 99, 100

ED25519, X25519 = 1087, 1034


def u32(value):
    return struct.pack(">I", value)


def string(value):
    data = value if isinstance(value, bytes) else value.encode()
    return u32(len(data)) + data


def boolean(value):
    return b"\1" if value else b"\0"


def mpint(data):
    data = data.lstrip(b"\0")
    return string((b"\0" if data and data[0] & 0x80 else b"") + data)


def take_string(data):
    """The string at the start of data, and what follows it."""
    length, = struct.unpack(">I", data[:4])
    return data[4:4 + length], data[4 + length:]


class Crypto:
    """The little of libcrypto that is needed."""

    def __init__(self):
        name = ctypes.util.find_library("crypto")
        if name is None:
            raise unittest.SkipTest("libcrypto is not installed")
        self.lib = ctypes.CDLL(name)
        for function in ("EVP_CIPHER_CTX_new", "EVP_aes_128_ctr", "EVP_aes_128_cbc", "EVP_PKEY_new_raw_private_key", "EVP_MD_CTX_new",
                         "EVP_PKEY_new_raw_public_key", "EVP_PKEY_CTX_new", "EVP_PKEY_Q_keygen", "EVP_sha256"):
            getattr(self.lib, function).restype = ctypes.c_void_p

    def cipher(self, key, start, name="aes128-ctr"):
        context = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())
        method = {"aes128-ctr": self.lib.EVP_aes_128_ctr, "aes128-cbc": self.lib.EVP_aes_128_cbc}[name]
        if self.lib.EVP_EncryptInit_ex(context, ctypes.c_void_p(method()), None, key, start) != 1:
            raise AssertionError("libcrypto refuses " + name)

        def process(data):
            out = ctypes.create_string_buffer(len(data) + 16)
            length = ctypes.c_int(0)
            self.lib.EVP_EncryptUpdate(context, out, ctypes.byref(length), data, len(data))
            return out.raw[:length.value]
        return process

    def private(self, kind, seed):
        return ctypes.c_void_p(self.lib.EVP_PKEY_new_raw_private_key(kind, None, seed, ctypes.c_size_t(len(seed))))

    def public_of(self, key):
        out = ctypes.create_string_buffer(32)
        length = ctypes.c_size_t(32)
        self.lib.EVP_PKEY_get_raw_public_key(key, out, ctypes.byref(length))
        return out.raw

    def agree(self, key, other):
        peer = ctypes.c_void_p(self.lib.EVP_PKEY_new_raw_public_key(X25519, None, other, ctypes.c_size_t(32)))
        context = ctypes.c_void_p(self.lib.EVP_PKEY_CTX_new(key, None))
        out = ctypes.create_string_buffer(32)
        length = ctypes.c_size_t(32)
        self.lib.EVP_PKEY_derive_init(context)
        self.lib.EVP_PKEY_derive_set_peer(context, peer)
        if self.lib.EVP_PKEY_derive(context, out, ctypes.byref(length)) != 1:
            raise AssertionError("no common secret")
        return out.raw

    def sign(self, key, data):
        context = ctypes.c_void_p(self.lib.EVP_MD_CTX_new())
        out = ctypes.create_string_buffer(64)
        length = ctypes.c_size_t(64)
        self.lib.EVP_DigestSignInit(context, None, None, None, key)
        self.lib.EVP_DigestSign(context, out, ctypes.byref(length), data, ctypes.c_size_t(len(data)))
        return out.raw

    def new_p256(self):
        return ctypes.c_void_p(self.lib.EVP_PKEY_Q_keygen(None, None, b"EC", b"P-256"))

    def point_of(self, key):
        out = ctypes.create_string_buffer(65)
        length = ctypes.c_size_t(0)
        self.lib.EVP_PKEY_get_octet_string_param(key, b"pub", out, ctypes.c_size_t(65), ctypes.byref(length))
        return out.raw[:length.value]

    def sign_p256(self, key, data):
        """The numbers r and s, of SHA-256."""
        context = ctypes.c_void_p(self.lib.EVP_MD_CTX_new())
        out = ctypes.create_string_buffer(80)
        length = ctypes.c_size_t(80)
        self.lib.EVP_DigestSignInit(context, None, ctypes.c_void_p(self.lib.EVP_sha256()), None, key)
        self.lib.EVP_DigestSign(context, out, ctypes.byref(length), data, ctypes.c_size_t(len(data)))
        r_end = 4 + out.raw[3]      # SEQUENCE { INTEGER r, INTEGER s }, all lengths below 128
        return out.raw[4:r_end], out.raw[r_end + 2:length.value]


class Ed25519:
    """A user's key: .blob as SSH sends it, .line for users.d, .sign(data) as SSH sends a signature."""

    algorithm = "ssh-ed25519"

    def __init__(self, seed):
        self.crypto = Crypto()
        self.key = self.crypto.private(ED25519, hashlib.sha256(seed).digest())
        self.blob = string("ssh-ed25519") + string(self.crypto.public_of(self.key))
        self.line = "ssh-ed25519 " + base64.b64encode(self.blob).decode()

    def sign(self, data):
        return string("ssh-ed25519") + string(self.crypto.sign(self.key, data))


class SecurityKey:
    """The same of a FIDO token (OpenSSH's PROTOCOL.u2f); flags: 1 touched, 4 PIN entered."""

    def __init__(self, kind="ed25519", flags=1, application="ssh:"):
        self.algorithm = {"ed25519": "sk-ssh-ed25519@openssh.com", "ecdsa": "sk-ecdsa-sha2-nistp256@openssh.com"}[kind]
        self.flags = flags
        self.application = application
        self.counter = 0
        self.crypto = Crypto()
        if kind == "ed25519":
            self.key = self.crypto.private(ED25519, os.urandom(32))
            public = string(self.crypto.public_of(self.key))
        else:
            self.key = self.crypto.new_p256()
            public = string("nistp256") + string(self.crypto.point_of(self.key))
        self.blob = string(self.algorithm) + public + string(application)
        self.line = self.algorithm + " " + base64.b64encode(self.blob).decode()

    def sign(self, data):
        self.counter += 1
        said = bytes([self.flags]) + u32(self.counter)
        signed = hashlib.sha256(self.application.encode()).digest() + said + hashlib.sha256(data).digest()
        if "ed25519" in self.algorithm:
            signature = self.crypto.sign(self.key, signed)
        else:
            signature = b"".join(string(number) for number in self.crypto.sign_p256(self.key, signed))
        return string(self.algorithm) + string(signature) + said


class RawSsh:
    """One connection.  With handshake=False nothing is sent or read but what the test says."""

    IDENTIFICATION = b"SSH-2.0-RawTest_1.0"
    LISTS = ["curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com", "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
             "aes128-ctr", "aes128-ctr", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
             "none", "none", "", ""]

    def __init__(self, port, handshake=True, lists=None, timeout=20, receive_buffer=None, identification=None):
        self.crypto = Crypto()
        self.timeout = timeout * SCALE
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(self.timeout)
        self.sock.connect(("127.0.0.1", port))
        self.buffer = b""
        self.sent = self.received = 0               # sequence numbers
        self.encrypt = self.decrypt = None
        self.session_id = None
        self.lists = lists or self.LISTS
        self.server_lists = None
        self.identification = identification or self.IDENTIFICATION
        self.server_identification = None
        if handshake:
            self.exchange_identification()
            self.exchange_keys()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    # --- bytes and packets ---

    def send_raw(self, data):
        self.sock.sendall(data)

    def read_raw(self, length):
        while len(self.buffer) < length:
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise EOFError("closed by the server; %d bytes left over" % len(self.buffer))
            self.buffer += data
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def packet(self, payload, block=16):
        """The bytes of one packet on the wire."""
        length_counts = 4 if self.encrypt is None else 0     # with -etm the length is not encrypted
        padding = block - (length_counts + 1 + len(payload)) % block
        padding += block if padding < 4 else 0
        body = bytes([padding]) + payload + os.urandom(padding)
        data = u32(len(body))
        if self.encrypt is None:
            data += body
        else:
            data += self.encrypt(body)
            data += hmac.digest(self.mac_out, u32(self.sent) + data, "sha256")
        self.sent = (self.sent + 1) & 0xffffffff
        return data

    def send(self, kind, *parts):
        self.send_raw(self.packet(bytes([kind]) + b"".join(parts)))

    def read(self):
        """(type, rest of the payload) of the next packet."""
        head = self.read_raw(4)
        length, = struct.unpack(">I", head)
        if length > 1 << 20:
            raise AssertionError("a packet of %d bytes" % length)
        body = self.read_raw(length)
        if self.decrypt is not None:
            mac = self.read_raw(32)
            if hmac.digest(self.mac_in, u32(self.received) + head + body, "sha256") != mac:
                raise AssertionError("bad MAC from the server")
            body = self.decrypt(body)
        self.received = (self.received + 1) & 0xffffffff
        payload = body[1:len(body) - body[0]]
        return payload[0], payload[1:]

    def expect(self, *kinds, skip=(IGNORE, DEBUG, EXT_INFO, USERAUTH_BANNER, CHANNEL_WINDOW_ADJUST)):
        """The next packet that is not one of `skip`; AssertionError when it is of another kind."""
        while True:
            kind, payload = self.read()
            if kind in kinds:
                return kind, payload
            if kind not in skip:
                raise AssertionError("message %d instead of %s: %r" % (kind, kinds, payload[:200]))

    def closed(self):
        """Does the server close the connection?  The text of its DISCONNECT, or "" without one; None: it does not."""
        reason = ""
        try:
            while True:
                kind, payload = self.read()
                if kind == DISCONNECT:
                    reason = take_string(payload[4:])[0].decode()
        except (EOFError, ConnectionError):
            return reason
        except socket.timeout:
            return None

    # --- the handshake ---

    def exchange_identification(self):
        self.send_raw(self.identification + b"\r\n")
        line = b""
        while not line.endswith(b"\n"):
            line += self.read_raw(1)
        self.server_identification = line.rstrip(b"\r\n")

    def kexinit(self):
        return bytes([KEXINIT]) + os.urandom(16) + b"".join(string(item) for item in self.lists) + b"\0" + u32(0)

    def exchange_keys(self, theirs=None, between=lambda: None):
        """A key exchange; theirs: the payload of the server's KEXINIT if it has come already.

        between: called when both have said KEXINIT."""
        ours = self.kexinit()
        self.send_raw(self.packet(ours))
        if theirs is None:
            kind, rest = self.expect(KEXINIT)
            theirs = bytes([kind]) + rest
        self.server_lists = self.parse_lists(theirs)
        between()
        key = self.crypto.private(X25519, os.urandom(32))
        point = self.crypto.public_of(key)
        self.send(KEX_INIT, string(point))
        _, reply = self.expect(KEX_REPLY)
        host_key, rest = take_string(reply)
        server_point, rest = take_string(rest)
        secret = mpint(self.crypto.agree(key, server_point))
        digest = hashlib.sha256(
            string(self.identification) + string(self.server_identification) + string(ours) + string(theirs) +
            string(host_key) + string(point) + string(server_point) + secret).digest()
        first = self.session_id is None
        self.session_id = self.session_id or digest
        self.expect(NEWKEYS)
        self.send(NEWKEYS)
        self.switch_keys(secret, digest, first)

    @staticmethod
    def parse_lists(payload):
        lists, rest = [], payload[17:]
        for _ in range(10):
            item, rest = take_string(rest)
            lists.append(item.decode())
        return lists

    def switch_keys(self, secret, digest, first):
        def derive(letter, length):
            return hashlib.sha256(secret + digest + letter + self.session_id).digest()[:length]
        self.encrypt = self.crypto.cipher(derive(b"C", 16), derive(b"A", 16), self.lists[2])
        self.decrypt = self.crypto.cipher(derive(b"D", 16), derive(b"B", 16))
        self.mac_out, self.mac_in = derive(b"E", 32), derive(b"F", 32)
        # Strict key exchange: sequence numbers start anew with every set of keys.
        if first or "kex-strict-c-v00@openssh.com" in self.lists[0]:
            strict = "kex-strict-c-v00@openssh.com" in self.lists[0]
            self.sent = 0 if strict else self.sent
            self.received = 0 if strict else self.received

    # --- the login ---

    def request_service(self):
        self.send(SERVICE_REQUEST, string("ssh-userauth"))
        self.expect(SERVICE_ACCEPT)

    def try_password(self, user, password):
        """True, or the names of the methods that may continue, and whether it was a partial success."""
        self.send(USERAUTH_REQUEST, string(user), string("ssh-connection"), string("password"), boolean(False),
                  string(password))
        return self.verdict()

    def verdict(self):
        kind, payload = self.expect(USERAUTH_SUCCESS, USERAUTH_FAILURE)
        if kind == USERAUTH_SUCCESS:
            return True
        methods, rest = take_string(payload)
        return methods.decode().split(","), rest[0] != 0

    def login(self, user, password):
        self.request_service()
        if self.try_password(user, password) is not True:
            raise AssertionError("the login failed")

    def key_request(self, user, key, signer=None, data_of=None):
        """Offer a key; with a signer, signed by that one (data_of: as if for another user)."""
        head = string("ssh-connection") + string("publickey")
        if signer is None:
            self.send(USERAUTH_REQUEST, string(user), head, boolean(False), string(key.algorithm), string(key.blob))
            return
        tail = head + boolean(True) + string(key.algorithm) + string(key.blob)
        signed = string(self.session_id) + bytes([USERAUTH_REQUEST]) + string(data_of or user) + tail
        self.send(USERAUTH_REQUEST, string(user), tail, string(signer.sign(signed)))

    # --- channels ---

    def open_channel(self, window=1 << 21, packet=32768, number=0):
        """Open a session; the server's number of it, or None when it refuses."""
        self.send(CHANNEL_OPEN, string("session"), u32(number), u32(window), u32(packet))
        kind, payload = self.expect(CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE)
        if kind == CHANNEL_OPEN_FAILURE:
            return None
        return struct.unpack(">I", payload[4:8])[0]

    def channel_request(self, channel, kind, *parts):
        """A request that wants an answer: was it granted?"""
        self.send(CHANNEL_REQUEST, u32(channel), string(kind), boolean(True), *parts)
        return self.expect(CHANNEL_SUCCESS, CHANNEL_FAILURE)[0] == CHANNEL_SUCCESS

    def start_sftp(self, **options):
        """A channel on which SFTP version 3 was agreed on."""
        channel = self.open_channel(**options)
        if channel is None or not self.channel_request(channel, "subsystem", string("sftp")):
            raise AssertionError("no sftp")
        self.send_data(channel, string(b"\1" + u32(3)))
        version = self.read_sftp()
        if version[:5] != b"\2" + u32(3):
            raise AssertionError("not SFTP version 3: %r" % version[:5])
        return channel

    def send_data(self, channel, data):
        self.send(CHANNEL_DATA, u32(channel), string(data))

    def read_sftp(self):
        """The next whole SFTP packet without its length."""
        data = self.read_data()
        while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
            data += self.read_data()
        return data[4:]

    def read_data(self):
        """The data of the next CHANNEL_DATA."""
        return take_string(self.expect(CHANNEL_DATA)[1][4:])[0]
