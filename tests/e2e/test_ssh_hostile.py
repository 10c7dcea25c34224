"""Hostile SSH clients: nothing before the login, no login by a trick, memory and processor time bounded, others served."""
# run-tests: timeout 900

import os
import socket
import struct
import time
import unittest

from hostile import MEBIBYTE, busy_fronts, cpu_seconds, flood, peak_bytes, resident_bytes
from ssh import DamagingProxy, OpenSsh
from ssh_raw import (CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, CHANNEL_REQUEST,
                     CHANNEL_WINDOW_ADJUST, DEBUG,
                     GLOBAL_REQUEST, IGNORE, KEX_INIT, KEX_REPLY, KEXINIT, NEWKEYS, SERVICE_REQUEST, USERAUTH_FAILURE,
                     USERAUTH_INFO_REQUEST, USERAUTH_INFO_RESPONSE, USERAUTH_PK_OK, USERAUTH_REQUEST,
                     USERAUTH_SUCCESS, X25519, Ed25519, RawSsh, boolean, string, u32)
from ssh_session import SshTest
from transom import SFTP_ONLY, TransomServer, make_file, proc_status, sanitized, wait_until

KEY, OTHER_KEY = Ed25519(b"alice"), Ed25519(b"somebody else")
USERS = {"alice": {"password": "secret", "keys": [KEY.line]}, "bob": {"password": "secret", "keys": [OTHER_KEY.line]}}


def sftp(kind, number, *parts):
    body = bytes([kind]) + u32(number) + b"".join(parts)
    return u32(len(body)) + body


class Hostile(SshTest):
    settings = {"users": USERS, "listeners": SFTP_ONLY, "options": {"login_delay": "1ms"}}

    def setUp(self):
        # Those of the test before are as good as gone.
        wait_until(lambda: not busy_fronts(self.server) and self.server.pids("guard") == self.server.pids("guard idle"),
                   what="end of the sessions before")

    def serves(self):
        with RawSsh(self.server.port_of("sftp")) as ssh:
            ssh.login("bob", "secret")
            ssh.start_sftp()

    def logins(self, user="alice"):
        return len(self.server.log_events("login", user=user))


class BeforeLogin(Hostile, unittest.TestCase):
    """Rows 46 and 51."""

    MESSAGES = {
        "success": (USERAUTH_SUCCESS,),
        "failure": (USERAUTH_FAILURE, string("none"), boolean(False)),
        "channel": (CHANNEL_OPEN, string("session"), u32(0), u32(1 << 20), u32(32768)),
        "request": (CHANNEL_REQUEST, u32(0), string("subsystem"), boolean(True), string("sftp")),
        "data": (CHANNEL_DATA, u32(0), string(b"\0\0\0\5\1\0\0\0\3")),
        "global": (GLOBAL_REQUEST, string("tcpip-forward"), boolean(True), string("0.0.0.0"), u32(0)),
        "login": (USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("none")),
        "window": (CHANNEL_WINDOW_ADJUST, u32(0), u32(1)),
        "info request": (USERAUTH_INFO_REQUEST, string(""), string(""), string(""), u32(0)),
    }

    def test_messages_out_of_their_place_open_nothing(self):
        before = self.logins()
        for name, message in self.MESSAGES.items():
            for stage in ("identified", "keyed", "asked"):
                if name == "login" and stage != "identified":
                    continue    # it has its place there
                with self.subTest(name, stage=stage):
                    ssh = self.connect(handshake=stage != "identified")
                    if stage == "identified":
                        ssh.exchange_identification()
                    if stage == "asked":
                        ssh.request_service()
                    ssh.send(*message)
                    self.assertIsNotNone(ssh.closed(), "the connection stays open")
        self.assertEqual(self.logins(), before)
        self.serves()

    def test_an_unknown_service_is_refused(self):
        ssh = self.connect()
        ssh.send(SERVICE_REQUEST, string("ssh-shell"))
        self.assertIsNotNone(ssh.closed())

    def test_floods_end_within_a_mebibyte(self):
        for kind in (IGNORE, DEBUG):
            ssh = self.connect()
            front = self.front_of(ssh)
            before = resident_bytes(front)
            message = string(b"x" * 1000) if kind == IGNORE else boolean(False) + string(b"x" * 1000) + string("")
            flood(ssh.sock, b"".join(ssh.packet(bytes([kind]) + message) for _ in range(3000)))
            self.assertEqual(self.alive(front, before), [])
        self.serves()

    def test_wrong_guesses_of_the_key_exchange_end_soon(self):
        ssh = self.connect(handshake=False)
        ssh.exchange_identification()
        guess = bytes([KEXINIT]) + bytes(16) + b"".join(string(item) for item in (
            "diffie-hellman-group18-sha512,curve25519-sha256", *ssh.lists[1:])) + b"\1" + u32(0)
        flood(ssh.sock, b"".join(ssh.packet(guess) + ssh.packet(bytes([KEX_INIT]) + string(bytes(32)))
                                 for _ in range(2000)))
        self.assertIsNotNone(ssh.closed())
        self.serves()

    def test_new_keys_before_the_login_are_refused(self):
        ssh = self.connect()
        with self.assertRaises((EOFError, ConnectionError, AssertionError)):
            ssh.exchange_keys()

    def test_packets_of_an_absurd_length(self):
        for length in (0, 1, 4, 0x7fffffff, 0xffffffff, 300000):
            ssh = self.connect(handshake=False)
            ssh.exchange_identification()
            ssh.send_raw(u32(length) + bytes(64))
            ssh.sock.shutdown(socket.SHUT_WR)
            self.assertIsNotNone(ssh.closed())
            ssh = self.connect()
            ssh.send_raw(u32(length) + os.urandom(4096))
            ssh.sock.shutdown(socket.SHUT_WR)
            self.assertIsNotNone(ssh.closed())

    def test_identifications_that_are_none(self):
        for line in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-1.5-old\r\n", b"SSH-2.0-" + b"x" * 300 + b"\r\n",
                     b"A" * 5000, b"\0" * 300, b"\r\n" * 300):
            ssh = self.connect(handshake=False)
            ssh.send_raw(line)
            ssh.sock.shutdown(socket.SHUT_WR)
            try:
                while ssh.sock.recv(65536):
                    pass
            except ConnectionError:
                pass

    def front_of(self, ssh):
        fronts = wait_until(lambda: busy_fronts(self.server) if len(busy_fronts(self.server)) == 1 else None,
                            what="one busy front")
        return fronts.pop()

    def alive(self, front, before):
        """What is wrong with a front after a flood: [] when it has ended or is no larger than it was."""
        try:
            peak = peak_bytes(front)
        except (OSError, KeyError, ValueError):
            return []
        return ["grew by %d" % (peak - before)] if peak - before > 2 * MEBIBYTE and not sanitized() else []


class Tricks(Hostile, unittest.TestCase):
    """Rows 47, 48, 49, 50 and 60."""

    def test_the_key_that_was_offered_is_not_the_key_that_signs(self):
        ssh = self.connect()
        ssh.request_service()
        ssh.key_request("alice", KEY)
        ssh.expect(USERAUTH_PK_OK)
        before = self.logins()
        ssh.key_request("alice", KEY, signer=OTHER_KEY)
        self.assertIsNot(ssh.verdict(), True)
        ssh.key_request("alice", OTHER_KEY, signer=OTHER_KEY)
        self.assertIsNot(ssh.verdict(), True)
        # Bob's signature, made for Bob, in a request of Alice.
        ssh.key_request("alice", OTHER_KEY, signer=OTHER_KEY, data_of="bob")
        self.assertIsNot(ssh.verdict(), True)
        self.assertEqual(self.logins(), before)

    def test_a_bad_signature_gets_an_answer_and_counts(self):
        ssh = self.connect()
        ssh.request_service()
        answers = 0
        with self.assertRaises((EOFError, ConnectionError, AssertionError)):
            for _ in range(20):
                ssh.key_request("alice", KEY, signer=OTHER_KEY)
                self.assertIsNot(ssh.verdict(), True)
                answers += 1
        self.assertIn(answers, range(5, 8))

    def test_a_key_that_cannot_be_read_ends_the_session_at_once(self):
        ssh = self.connect()
        ssh.request_service()
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("publickey"), boolean(False),
                 string("ssh-ed25519"), string(string("ssh-ed25519") + string(bytes(31))))
        self.assertIn("another key", ssh.closed())

    def test_a_kind_of_key_that_is_not_served_is_refused_and_the_client_goes_on(self):
        """libssh 0.10 reads DSA, 0.11 does not, neither the others; what they cannot read they leave without an answer."""
        for last in (lambda ssh: ssh.try_password("alice", "secret"), lambda ssh: self.by_own_key(ssh)):
            ssh = self.connect()
            ssh.request_service()
            for name in ("ssh-dss", "ssh-ed448", "ssh-mldsa-65", "x509v3-ssh-rsa", "ssh-rsa-cert-v01@openssh.com", ""):
                for signature in ((), (string(string(name) + string(bytes(40))),)):
                    with self.subTest(name, signed=bool(signature)):
                        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("publickey"),
                                 boolean(bool(signature)), string(name), string(string(name) + string(b"\1") * 4),
                                 *signature)
                        methods, partial = ssh.verdict()
                        self.assertIn("publickey", methods)
                        self.assertFalse(partial)
            self.assertIs(last(ssh), True)

    def by_own_key(self, ssh):
        ssh.key_request("alice", KEY, signer=KEY)
        return ssh.verdict()

    def test_a_certificate_is_no_key(self):
        ssh = self.connect()
        ssh.request_service()
        blob = (string("ssh-ed25519-cert-v01@openssh.com") + string(bytes(32)) + KEY.blob[-36:] + bytes(8) + u32(1) +
                string("id") + string(string("alice")) + bytes(8) + b"\xff" * 8 + string("") + string("") +
                string("") + string(OTHER_KEY.blob) + string(OTHER_KEY.sign(b"")))
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("publickey"), boolean(False),
                 string("ssh-ed25519-cert-v01@openssh.com"), string(blob))
        try:
            self.assertIsNot(ssh.verdict(), True)
        except EOFError:
            pass

    def test_every_method_counts(self):
        for name, attempt in (("password", self.by_password), ("interactive", self.by_keyboard),
                              ("key", self.by_key), ("none", self.by_none), ("mixed", self.by_turns)):
            with self.subTest(name):
                ssh = self.connect()
                ssh.request_service()
                tries = 0
                with self.assertRaises((EOFError, ConnectionError, AssertionError)):
                    while tries < 1000:
                        attempt(ssh, tries)
                        tries += 1
                self.assertLessEqual(tries, 101 if name == "none" else 7)

    def by_password(self, ssh, number):
        ssh.try_password("alice", "wrong %d" % number)

    def by_keyboard(self, ssh, _):
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("keyboard-interactive"),
                 string(""), string("," * 10000))
        ssh.expect(USERAUTH_INFO_REQUEST)
        ssh.send(USERAUTH_INFO_RESPONSE, u32(1), string("wrong"))
        ssh.verdict()

    def by_key(self, ssh, number):
        ssh.key_request("alice", Ed25519(b"%d" % number))
        ssh.verdict()

    def by_none(self, ssh, _):
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("none"))
        ssh.verdict()

    def by_turns(self, ssh, number):
        (self.by_password, self.by_keyboard, self.by_key)[number % 3](ssh, number)

    def test_names_that_are_paths_or_too_long_are_nobody(self):
        for name in ("../alice", "/etc/passwd", "alice/", "\\\\host\\x", "", "a" * 1000, "a" * 30000, "alice\n", "%u"):
            ssh = self.connect()
            ssh.request_service()
            self.assertIsNot(ssh.try_password(name, "secret"), True)
        ssh = self.connect()
        ssh.request_service()
        self.assertIsNot(ssh.try_password("alice", "x" * 30000), True)
        self.assertTrue(ssh.try_password("alice", "secret"))

    def test_a_nul_in_a_name_or_a_password_ends_the_session(self):
        """libssh would end the string there and let "alice", NUL and more in as alice."""
        def password(user, text):
            return lambda ssh: ssh.send(USERAUTH_REQUEST, string(user), string("ssh-connection"), string("password"),
                                        boolean(False), string(text))

        def interactive(ssh):
            ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("keyboard-interactive"),
                     string(""), string(""))
            ssh.expect(USERAUTH_INFO_REQUEST)
            ssh.send(USERAUTH_INFO_RESPONSE, u32(1), string(b"secret\0more"))

        for what, attempt in (("name", password(b"alice\0bob", "secret")),
                              ("password", password("alice", b"secret\0more")),
                              ("key", lambda ssh: ssh.key_request(b"alice\0bob", KEY, signer=KEY)),
                              ("answer", interactive)):
            with self.subTest(what):
                ssh = self.connect()
                ssh.request_service()
                attempt(ssh)
                self.assertEqual(ssh.closed(), "A packet is damaged or not well-formed")
        self.serves()

    def test_strict_key_exchange_leaves_no_place_for_others(self):
        ssh = self.connect(handshake=False)
        ssh.exchange_identification()
        ssh.send_raw(ssh.packet(ssh.kexinit()))
        _, theirs = ssh.expect(KEXINIT)
        self.assertIn("kex-strict-s-v00@openssh.com", ssh.parse_lists(bytes([KEXINIT]) + theirs)[0])
        ssh.send(IGNORE, string("x"))
        ssh.send(KEX_INIT, string(ssh.crypto.public_of(ssh.crypto.private(X25519, os.urandom(32)))))
        ssh.expect(KEX_REPLY)
        ssh.expect(NEWKEYS)
        ssh.send(NEWKEYS)
        with self.assertRaises((EOFError, ConnectionError)):
            ssh.read_raw(1)

    def test_fronts_catch_no_signals(self):
        self.logged_in()
        _, front = self.server.session_pids("alice")
        if sanitized():
            self.skipTest("sanitizers catch some")
        self.assertEqual(int(proc_status(front)["SigCgt"][0], 16), 0)


class Channels(Hostile, unittest.TestCase):
    """Rows 56, 58 and 61, and the bounds of both directions."""

    def test_tiny_packets_are_served_or_refused_at_little_cost(self):
        for size in (0, 1, 9, 10, 11, 12, 100):
            with self.subTest(packet=size):
                ssh = self.logged_in()
                _, front = self.server.session_pids("alice")
                before = cpu_seconds(front)
                ssh.send(CHANNEL_OPEN, string("session"), u32(0), u32(1 << 20), u32(size))
                ssh.sock.settimeout(1)
                try:
                    kind, payload = ssh.read()
                    if kind == CHANNEL_OPEN_CONFIRMATION:
                        channel = payload[4:8]
                        ssh.send(CHANNEL_REQUEST, channel, string("subsystem"), boolean(True), string("sftp"))
                        ssh.send(CHANNEL_DATA, channel, string(u32(5) + b"\1" + u32(3)))
                        while True:
                            ssh.read()
                except (EOFError, socket.timeout):
                    pass
                try:
                    self.assertLess(cpu_seconds(front) - before, 0.1 if not sanitized() else 2)
                except OSError:
                    pass    # it has ended
                ssh.close()
                self.server.wait_event("logout", user="alice", count=len(self.server.log_events("login", user="alice")))
        self.serves()

    def test_data_after_close_is_nobodys(self):
        ssh = self.logged_in()
        channel = ssh.start_sftp()
        ssh.send(CHANNEL_CLOSE, u32(channel))
        for _ in range(20):
            ssh.send_data(channel, sftp(16, 1, string(".")))
            ssh.send(CHANNEL_CLOSE, u32(channel))
        ssh.expect(CHANNEL_CLOSE, skip=(CHANNEL_WINDOW_ADJUST, CHANNEL_EOF, CHANNEL_REQUEST))
        self.serves()

    def test_requests_and_data_for_channels_that_are_not_there(self):
        ssh = self.logged_in()
        for number in (0, 1, 41, 1000, 0xffffffff):
            ssh.send_data(number, b"x" * 100)
            ssh.send(CHANNEL_REQUEST, u32(number), string("subsystem"), boolean(True), string("sftp"))
            ssh.send(CHANNEL_WINDOW_ADJUST, u32(number), u32(0xffffffff))
            ssh.send(CHANNEL_CLOSE, u32(number))
        ssh.start_sftp()

    def test_windows_that_overflow(self):
        """RFC 4254 5.2: 2^32 - 1 bytes at most."""
        ssh = self.logged_in()
        channel = ssh.open_channel(window=0xfffffff0)
        ssh.send(CHANNEL_WINDOW_ADJUST, u32(channel), u32(15))
        self.assertTrue(ssh.channel_request(channel, "subsystem", string("sftp")))
        ssh.send(CHANNEL_WINDOW_ADJUST, u32(channel), u32(1))
        self.assertIn("window", ssh.closed())
        self.server.wait_event("logout", user="alice", reason="protocol error")
        self.serves()

    def test_nothing_is_sent_into_a_window_that_is_closed(self):
        ssh = self.logged_in()
        channel = ssh.open_channel(window=0)
        ssh.channel_request(channel, "subsystem", string("sftp"))
        _, front = self.server.session_pids("alice")
        before = cpu_seconds(front)
        ssh.send_data(channel, u32(5) + b"\1" + u32(3))
        ssh.sock.settimeout(1)
        with self.assertRaises(socket.timeout):
            ssh.expect(CHANNEL_DATA)
        self.assertLess(cpu_seconds(front) - before, 0.1 if not sanitized() else 2)
        ssh.sock.settimeout(ssh.timeout)
        ssh.send(CHANNEL_WINDOW_ADJUST, u32(channel), u32(1))
        self.assertEqual(len(ssh.read_data()), 1)
        ssh.send(CHANNEL_WINDOW_ADJUST, u32(channel), u32(100000))
        self.assertGreater(len(ssh.read_data()), 1)

    def test_a_client_that_does_not_read_costs_little(self):
        path = self.server.write_file("alice", "big", b"")
        make_file(path, 64 << 20)
        ssh = self.logged_in(receive_buffer=65536)
        channel = ssh.start_sftp(window=0x7fffffff)
        ssh.send_data(channel, sftp(3, 1, string("/big"), u32(1), u32(0)))
        handle = ssh.read_sftp()[5:]
        _, front = self.server.session_pids("alice")
        before = resident_bytes(front)
        stop = time.monotonic() + 3
        ssh.sock.settimeout(0.5)
        try:
            number = 2
            while time.monotonic() < stop:
                requests = b"".join(sftp(5, number + i, handle, struct.pack(">QI", i * 32768, 32768))
                                    for i in range(200))
                for at in range(0, len(requests), 32000):
                    ssh.send_data(channel, requests[at:at + 32000])
                number += 200
        except (socket.timeout, ConnectionError):
            pass
        if not sanitized():
            self.assertLess(peak_bytes(front) - before, 6 * MEBIBYTE)
        self.serves()

    def test_ten_channels_that_are_not_read_cost_little_more_than_one(self):
        make_file(self.server.write_file("alice", "big", b""), 16 << 20)
        ssh = self.logged_in()
        _, front = self.server.session_pids("alice")
        before = resident_bytes(front)
        channels, handles = [], []
        for number in range(10):
            channels.append(ssh.start_sftp(window=2048, number=number))
            ssh.send_data(channels[-1], sftp(3, 1, string("/big"), u32(1), u32(0)))
            handles.append(ssh.read_sftp()[5:])
        for channel, handle in zip(channels, handles):
            ssh.send_data(channel, b"".join(sftp(5, i, handle, struct.pack(">QI", i << 15, 1 << 15))
                                            for i in range(64)))
        self.server.wait_rest()
        if not sanitized():
            self.assertLess(peak_bytes(front) - before, 7 * MEBIBYTE)
        # Nobody is kept from work by the others: the last one, once it is read, gets all it asked for.
        ssh.send(CHANNEL_WINDOW_ADJUST, u32(channels[-1]), u32(4 << 20))
        wanted, got = 64 * (4 + 1 + 4 + 4 + (1 << 15)), 0
        while got < wanted:
            kind, payload = ssh.read()
            if kind == CHANNEL_DATA and payload[:4] == u32(9):
                got += len(payload) - 8
        self.assertEqual(got, wanted)

    def test_more_data_than_the_window_allows_ends_the_session(self):
        ssh = self.logged_in()
        channel = ssh.open_channel()
        # No service takes it, so none grants more.
        packet = b"x" * 32000
        with self.assertRaises((ConnectionError, socket.timeout, EOFError, AssertionError)):    # the last: DISCONNECT is read
            for _ in range(400):
                ssh.send_data(channel, packet)
            ssh.read_data()
        self.server.wait_event("logout", user="alice", reason="protocol error")
        self.serves()

    def test_an_upload_without_reading_answers_is_held_back(self):
        ssh = self.logged_in(receive_buffer=65536)
        channel = ssh.start_sftp(window=1000)
        _, front = self.server.session_pids("alice")
        before = resident_bytes(front)
        ssh.sock.settimeout(1)
        try:
            for number in range(20000):
                ssh.send_data(channel, sftp(17, number, string("/" + "x" * 1000)))
        except (socket.timeout, ConnectionError):
            pass
        if not sanitized():
            self.assertLess(peak_bytes(front) - before, 6 * MEBIBYTE)
        self.serves()

    def test_a_flood_of_global_requests_leaves_memory_flat(self):
        ssh = self.logged_in()
        ssh.start_sftp()
        _, front = self.server.session_pids("alice")
        requests = {
            "tcpip-forward": string("127.0.0.1") + u32(1),
            "cancel-tcpip-forward": string("a" * 200) + u32(1),
            "keepalive@openssh.com": b"",
            "nothing@example.net": string("b" * 200),
        }
        for round_number in range(2):
            for kind, rest in requests.items():
                flood(ssh.sock, b"".join(ssh.packet(bytes([GLOBAL_REQUEST]) + string(kind) + boolean(False) + rest)
                                         for _ in range(10000)))
            flood(ssh.sock, b"".join(ssh.packet(bytes([IGNORE]) + string(bytes(200))) for _ in range(10000)))
            self.server.wait_rest()
            if round_number == 0:
                before = resident_bytes(front)
        if not sanitized():
            self.assertLess(resident_bytes(front) - before, MEBIBYTE)

    def test_oversize_packets_end_the_session(self):
        ssh = self.logged_in()
        channel = ssh.start_sftp()
        with self.assertRaises((EOFError, ConnectionError, socket.timeout, AssertionError)):
            ssh.send_data(channel, b"\0" * 400000)
            ssh.sock.settimeout(3)
            ssh.read_data()
        self.serves()


class OnTheWay(Hostile, unittest.TestCase):
    """What somebody between client and server changes; libssh 0.10 alone would not notice it under AES-GCM."""

    def put_through(self, after, cipher, *options):
        """An upload of OpenSSH's through a proxy that changes a bit; the finished process."""
        with DamagingProxy(self.server.port_of("sftp"), after) as proxy:
            client = OpenSsh(self.server, "alice", options=["Ciphers=" + cipher, *options], port=proxy.port)
            make_file(os.path.join(client.directory, "there"), 4 << 20)
            done = client.batch(["put there"])
            self.assertTrue(proxy.damaged)
        return done

    def test_a_bit_that_was_changed_ends_the_session_and_publishes_nothing(self):
        for number, (cipher, *options) in enumerate((
                ("aes128-gcm@openssh.com",), ("aes256-gcm@openssh.com",), ("chacha20-poly1305@openssh.com",),
                ("aes256-ctr", "MACs=hmac-sha2-256"), ("aes128-ctr", "MACs=hmac-sha2-512-etm@openssh.com"))):
            with self.subTest(cipher):
                before = len(self.server.log_events("logout", user="alice", reason="protocol error"))
                # Somewhere in the data of the file, in another place each time.
                done = self.put_through((1 << 20) + number * 1001, cipher, *options)
                self.assertNotEqual(done.returncode, 0)
                self.server.wait_event("logout", user="alice", reason="protocol error", count=before + 1)
                self.assertFalse(os.path.exists(self.server.path("alice", "there")))
        self.serves()


class Cbc(unittest.TestCase):
    """What only `legacy` serves."""

    LISTS = [*RawSsh.LISTS[:2], "aes128-cbc", "aes128-ctr", "hmac-sha2-256", *RawSsh.LISTS[5:]]
    LONGEST = (256 << 10) + 32      # bytes of a packet, and its MAC

    def test_a_wrong_length_under_cbc_is_told_as_late_as_a_wrong_mac(self):
        listeners = {"sftp": {**SFTP_ONLY["sftp"], "algorithms": "legacy"}}
        with TransomServer(users=USERS, listeners=listeners) as server:
            for what, length in (("length", 0xffffffff), ("alignment", 29), ("MAC", 28), ("late MAC", 200 << 10 | 12)):
                with self.subTest(what), RawSsh(server.port_of("sftp"), lists=self.LISTS) as ssh:
                    head = ssh.encrypt(u32(length) + bytes(12))
                    ssh.send_raw(head + bytes(self.LONGEST - 1 - len(head)))
                    ssh.sock.settimeout(0.5)
                    with self.assertRaises(socket.timeout):
                        while ssh.sock.recv(65536):
                            pass
                        self.fail("the server has closed")
                    ssh.sock.settimeout(ssh.timeout)
                    ssh.send_raw(b"x")
                    while ssh.sock.recv(65536):
                        pass


class Stuck(unittest.TestCase):
    def test_a_client_that_reads_nothing_is_given_up(self):
        with TransomServer(users=USERS, listeners=SFTP_ONLY,
                           ssh={"idle_timeout": "1s", "keepalive_interval": "1h"}) as server:
            make_file(server.write_file("alice", "big", b""), 32 << 20)
            with RawSsh(server.port_of("sftp"), receive_buffer=65536) as ssh:
                ssh.login("alice", "secret")
                channel = ssh.start_sftp(window=0x7fffffff)
                ssh.send_data(channel, sftp(3, 1, string("/big"), u32(1), u32(0)))
                handle = ssh.read_sftp()[5:]
                ssh.send_data(channel, b"".join(sftp(5, i, handle, struct.pack(">QI", i * 32768, 32768))
                                                for i in range(500)))
                server.wait_event("logout", user="alice", reason="did not read its replies")


if __name__ == "__main__":
    unittest.main()
