"""The SSH transport as clients meet it: key exchange, logins, what is served and what is refused, and the end."""
# run-tests: timeout 900

import concurrent.futures
import fcntl
import os
import re
import signal
import socket
import struct
import time
import unittest

from ssh import OpenSsh, make_ssh_key
from ssh_raw import (CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION,
                     CHANNEL_OPEN_FAILURE, CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_WINDOW_ADJUST, DISCONNECT, EXT_INFO,
                     GLOBAL_REQUEST, IGNORE, REQUEST_FAILURE, REQUEST_SUCCESS, SERVICE_ACCEPT, SERVICE_REQUEST,
                     UNIMPLEMENTED, USERAUTH_BANNER, USERAUTH_FAILURE, USERAUTH_INFO_REQUEST, USERAUTH_INFO_RESPONSE,
                     USERAUTH_PK_OK, USERAUTH_REQUEST, USERAUTH_SUCCESS, RawSsh, SecurityKey, boolean, string,
                     take_string, u32)
from ssh_session import KEY, USERS, SshTest, realpath, request
from transom import (SCALE, SFTP_ONLY, TransomServer, make_file, need_root, run, sanitized, sha256_file,
                     wait_until)

SIOCOUTQ = 0x5411  # bytes that the other side has not acknowledged (tcp(7))
IDLE_KIB = 1.1 * 1024


class KeyExchange(SshTest, unittest.TestCase):
    def test_the_server_names_itself_to_a_client_that_waits(self):
        with socket.create_connection(("127.0.0.1", self.server.port_of("sftp")), timeout=20 * SCALE) as client:
            self.assertEqual(client.recv(8), b"SSH-2.0-")

    def test_the_identification_is_the_configured_one(self):
        self.assertEqual(self.connect().server_identification, b"SSH-2.0-transom_test")

    def test_what_was_agreed_on_is_logged(self):
        self.logged_in()
        self.server.wait_event("login", user="alice", client="SSH-2.0-RawTest_1.0",
                               algorithms="ssh curve25519-sha256 ssh-ed25519 aes128-ctr hmac-sha2-256-etm@openssh.com")

    def test_modern_offers_neither_nist_curves_nor_sha1_nor_compression(self):
        lists = self.connect().server_lists
        self.assertEqual(lists[2].split(",")[0], "aes128-gcm@openssh.com")
        for item in ",".join(lists).split(","):
            self.assertNotRegex(item, r"nistp|sha1|cbc|group-exchange|^ssh-rsa$|group14|zlib")
        self.assertEqual(lists[6:8], ["none", "none"])

    def test_a_failed_negotiation_is_logged_with_both_offers_and_the_cure(self):
        for place, name, reason in ((0, "diffie-hellman-group1-sha1", "no common key exchange method"),
                                    (1, "ssh-dss", "no common host key algorithm"),
                                    (2, "3des-cbc", "no common cipher"),
                                    (4, "hmac-md5", "no common MAC")):
            with self.subTest(reason):
                lists = list(RawSsh.LISTS)
                lists[place] = name
                with RawSsh(self.server.port_of("sftp"), handshake=False, lists=lists) as ssh:
                    ssh.exchange_identification()
                    ssh.send_raw(ssh.packet(ssh.kexinit()))
                    self.assertIsNotNone(ssh.closed())
                event = self.server.wait_event("negotiation-failed", reason=reason)
                self.assertIn(name, event["theirs"])
                self.assertIn("curve25519-sha256", event["ours"])
                self.assertIn("compat", event["cure"])

    def test_clients_with_nagles_algorithm_do_not_wait_for_our_kernel(self):
        """OpenSSH's is one: what it sends behind something that has no answer would wait 40 ms, in each login."""
        waits = [1]
        while min(waits) > 0.025 and len(waits) < 30:   # others may be at work, but hardly each time
            ssh = self.connect()
            ssh.request_service()
            sent = time.monotonic()
            ssh.send(IGNORE, string("x"))
            wait_until(lambda: struct.unpack("i", fcntl.ioctl(ssh.sock, SIOCOUTQ, bytes(4)))[0] == 0, interval=0.001,
                       what="an acknowledgement")
            waits.append(time.monotonic() - sent)
        self.assertLess(min(waits), 0.025)

    def test_rekeying_goes_on_under_a_session(self):
        ssh = self.logged_in()
        channel = ssh.start_sftp()
        for round_number in range(5):
            ssh.exchange_keys()
            ssh.send_data(channel, realpath(round_number))
            self.assertEqual(ssh.read_sftp()[:5], b"\x68" + u32(round_number))


class Logins(SshTest, unittest.TestCase):
    def test_the_banner_comes_before_the_first_answer(self):
        ssh = self.connect()
        ssh.request_service()
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("none"))
        _, payload = ssh.expect(USERAUTH_BANNER, skip=(7,))
        self.assertEqual(take_string(payload)[0], b"Authorised people only.\r\n")
        methods, partial = ssh.verdict()
        self.assertEqual((sorted(methods), partial), (["keyboard-interactive", "password", "publickey"], False))

    def test_a_password(self):
        ssh = self.connect()
        ssh.request_service()
        self.assertIsNot(ssh.try_password("alice", "wrong"), True)
        self.assertTrue(ssh.try_password("alice", "secret"))

    def test_keyboard_interactive_asks_for_the_password_without_echo(self):
        ssh = self.connect()
        ssh.request_service()
        for answer, wanted in (("wrong", USERAUTH_FAILURE), ("secret", USERAUTH_SUCCESS)):
            ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("keyboard-interactive"),
                     string(""), string(""))
            _, payload = ssh.expect(USERAUTH_INFO_REQUEST)
            self.assertEqual(payload, string("") + string("") + string("") + u32(1) + string("Password: ") +
                             boolean(False))
            ssh.send(USERAUTH_INFO_RESPONSE, u32(1), string(answer))
            self.assertEqual(ssh.expect(USERAUTH_FAILURE, USERAUTH_SUCCESS)[0], wanted)

    def test_answers_that_were_not_asked_for_end_the_session(self):
        ssh = self.connect()
        ssh.request_service()
        ssh.send(USERAUTH_INFO_RESPONSE, u32(1), string("secret"))
        self.assertIsNotNone(ssh.closed())

    def test_answers_of_another_number_fail(self):
        for answers in (u32(0), u32(2) + string("secret") + string("secret")):
            ssh = self.ask_for_password()
            ssh.send(USERAUTH_INFO_RESPONSE, answers)
            self.assertEqual(ssh.expect(USERAUTH_FAILURE, USERAUTH_SUCCESS)[0], USERAUTH_FAILURE)

    def test_another_request_makes_the_question_void(self):
        ssh = self.ask_for_password()
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("none"))
        ssh.expect(USERAUTH_FAILURE)
        ssh.send(USERAUTH_INFO_RESPONSE, u32(1), string("secret"))
        self.refused(ssh)

    def ask_for_password(self):
        ssh = self.connect()
        ssh.request_service()
        ssh.send(USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("keyboard-interactive"),
                 string(""), string(""))
        ssh.expect(USERAUTH_INFO_REQUEST)
        return ssh

    def refused(self, ssh):
        """By an answer or by the end of the connection."""
        try:
            self.assertEqual(ssh.expect(USERAUTH_FAILURE, USERAUTH_SUCCESS, DISCONNECT)[0] == USERAUTH_SUCCESS, False)
        except EOFError:
            pass

    def test_a_key(self):
        ssh = self.connect()
        ssh.request_service()
        ssh.key_request("alice", KEY)
        ssh.expect(USERAUTH_PK_OK)
        ssh.key_request("alice", KEY, signer=KEY)
        self.assertTrue(ssh.verdict())

    def test_security_keys_log_in_when_they_were_touched(self):
        for kind in ("ed25519", "ecdsa"):
            key, stranger = SecurityKey(kind), SecurityKey(kind)
            # (options, flags, application, enters): 1 is "touched", 4 is "PIN entered"
            for options, flags, application, enters in (("", 1, "ssh:", True), ("", 0, "ssh:", False),
                                                        ("no-touch-required ", 0, "ssh:", True),
                                                        ("verify-required ", 1, "ssh:", False),
                                                        ("verify-required ", 5, "ssh:", True),
                                                        ("", 1, "ssh:other", False)):
                with self.subTest(kind=kind, options=options, flags=flags, application=application):
                    self.server.add_user("token", {"keys": [options + key.line]})
                    key.flags, key.application = flags, application
                    ssh = self.connect()
                    ssh.request_service()
                    ssh.key_request("token", key)
                    ssh.expect(USERAUTH_PK_OK)
                    ssh.key_request("token", key, signer=key)
                    self.assertEqual(ssh.verdict() is True, enters)
            ssh = self.connect()
            ssh.request_service()
            ssh.key_request("token", key, signer=stranger)
            self.assertIsNot(ssh.verdict(), True)

    def test_two_factors_make_a_partial_success_first(self):
        for first, second, left in ((self.by_key, self.by_password, {"password", "keyboard-interactive"}),
                                    (self.by_password, self.by_key, {"publickey"})):
            ssh = self.connect()
            ssh.request_service()
            methods, partial = first(ssh)
            self.assertTrue(partial)
            self.assertEqual(set(methods), left)
            self.assertTrue(second(ssh))

    def test_another_name_makes_factors_void(self):
        ssh = self.connect()
        ssh.request_service()
        self.assertTrue(self.by_key(ssh)[1])
        methods, partial = ssh.try_password("nobody", "secret")
        self.assertFalse(partial)
        self.assertIn("publickey", methods)
        self.assertIsNot(self.by_password(ssh), True)

    def by_key(self, ssh):
        ssh.key_request("carol", KEY, signer=KEY)
        return ssh.verdict()

    def by_password(self, ssh):
        return ssh.try_password("carol", "secret")


class Served(SshTest, unittest.TestCase):
    def test_everything_but_sftp_is_refused_and_the_session_goes_on(self):
        ssh = self.logged_in()
        channel = ssh.open_channel()
        for kind, parts in (("shell", ()),
                            ("exec", (string("/bin/sh"),)),
                            ("exec", (string("scp"),)),
                            ("exec", (string("/usr/lib/openssh/sftp-server"),)),
                            ("subsystem", (string("netconf"),)),
                            ("subsystem", (string("scp"),)),
                            ("pty-req", (string("xterm"), u32(80), u32(24), u32(0), u32(0), string(b"\0"))),
                            ("env", (string("LC_ALL"), string("C"))),
                            ("x11-req", (boolean(False), string("MIT-MAGIC-COOKIE-1"), string("00"), u32(0))),
                            ("auth-agent-req@openssh.com", ()),
                            ("what-is-this@example.net", ())):
            with self.subTest(kind):
                self.assertFalse(ssh.channel_request(channel, kind, *parts))
        self.assertTrue(ssh.channel_request(channel, "subsystem", string("sftp")))
        self.assertFalse(ssh.channel_request(channel, "subsystem", string("sftp")))
        for kind in ("direct-tcpip", "forwarded-tcpip", "x11", "auth-agent@openssh.com", "tun@openssh.com"):
            with self.subTest(kind):
                ssh.send(CHANNEL_OPEN, string(kind), u32(7), u32(1 << 20), u32(32768), string("127.0.0.1"), u32(22),
                         string("127.0.0.1"), u32(1))
                ssh.expect(CHANNEL_OPEN_FAILURE)
        for kind in ("tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com", "unknown@x"):
            with self.subTest(kind):
                ssh.send(GLOBAL_REQUEST, string(kind), boolean(True), string("127.0.0.1"), u32(8022))
                ssh.expect(REQUEST_FAILURE, UNIMPLEMENTED)
        ssh.send(GLOBAL_REQUEST, string("keepalive@openssh.com"), boolean(True))
        ssh.expect(REQUEST_SUCCESS, REQUEST_FAILURE)

    def test_answers_to_requests_that_come_together_come_together(self):
        ssh = self.logged_in()
        ssh.start_sftp()
        for pause in (0, 3):    # after the second the server has been round its loop in between
            time.sleep(pause)
            ssh.send_raw(b"".join(
                ssh.packet(bytes([GLOBAL_REQUEST]) + string("keepalive@openssh.com") + boolean(True))
                for _ in range(3)))
            ssh.sock.settimeout(2 * SCALE)
            for _ in range(3):
                ssh.expect(REQUEST_SUCCESS, REQUEST_FAILURE)

    def test_openssh_hears_that_there_is_no_shell(self):
        done = OpenSsh(self.server, "alice").ssh("-o", "LogLevel=INFO")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "shell request failed|refused")

    def test_ten_channels_and_no_more_each_with_a_service_of_its_own(self):
        ssh = self.logged_in()
        channels = [ssh.open_channel(number=number) for number in range(10)]
        self.assertNotIn(None, channels)
        self.assertIsNone(ssh.open_channel(number=10))
        for number in (0, 9):
            self.assertTrue(ssh.channel_request(channels[number], "subsystem", string("sftp")))
            ssh.send_data(channels[number], u32(5) + b"\1" + u32(3))
            self.assertEqual(ssh.read_sftp()[:1], b"\2")
        ssh.send(CHANNEL_CLOSE, u32(channels[9]))
        ssh.expect(CHANNEL_CLOSE, skip=(CHANNEL_WINDOW_ADJUST, CHANNEL_EOF))
        self.assertIsNotNone(ssh.open_channel(number=11))

    def test_the_end_of_the_input_ends_the_service_with_status_0(self):
        ssh = self.logged_in()
        channel = ssh.start_sftp()
        ssh.send(CHANNEL_EOF, u32(channel))
        _, payload = ssh.expect(CHANNEL_REQUEST)
        self.assertEqual(payload[4:], string("exit-status") + boolean(False) + u32(0))
        ssh.expect(CHANNEL_EOF)
        ssh.expect(CHANNEL_CLOSE)

    def open_to_see_the_window(self, ssh, number):
        """(our number, the server's, the window, the largest packet)"""
        ssh.send(CHANNEL_OPEN, string("session"), u32(number), u32(1 << 20), u32(1 << 15))
        _, payload = ssh.expect(CHANNEL_OPEN_CONFIRMATION)
        return struct.unpack(">IIII", payload[:16])

    def test_the_window_is_far_larger_than_a_long_path_needs(self):
        _, _, window, packet = self.open_to_see_the_window(self.logged_in(), 0)
        self.assertGreater(window, 7 << 20)
        self.assertGreaterEqual(packet, 1 << 15)

    def test_one_channel_at_a_time_has_a_large_window(self):
        ssh = self.logged_in()
        first = self.open_to_see_the_window(ssh, 0)[1]
        for number in (1, 2):
            _, last, window, _ = self.open_to_see_the_window(ssh, number)
            self.assertEqual(window, 2 << 20)
        ssh.channel_request(last, "subsystem", string("sftp"))
        for channel in (first, first + 1):
            ssh.send(CHANNEL_CLOSE, u32(channel))
            ssh.expect(CHANNEL_CLOSE, skip=(CHANNEL_EOF,))
        ssh.send_data(last, string(b"\1" + u32(3)))
        _, payload = ssh.expect(CHANNEL_WINDOW_ADJUST, skip=(CHANNEL_DATA, CHANNEL_EOF))
        self.assertEqual(struct.unpack(">II", payload[:8]), (2, 6 << 20))

    def test_rekeying_among_more_requests_than_are_taken_at_once(self):
        """asyncssh sends data in the middle of an exchange: while that holds the answers back, it must go on."""
        count, size = 20000, 3000
        self.server.write_file("alice", "short", bytes(size))
        ssh = self.logged_in()
        channel = ssh.start_sftp(window=0x7fffffff)
        ssh.send_data(channel, request(3, 1, string("/short"), u32(1), u32(0)))
        handle = ssh.read_sftp()[5:]
        requests = b"".join(request(5, number, handle, struct.pack(">QI", 0, size)) for number in range(count))
        self.assertGreater(len(requests), 600000)   # FXP_QUEUE_FULL_BYTES and more

        def send_requests():
            for start in range(0, len(requests), 32000):
                ssh.send_data(channel, requests[start:start + 32000])
        ssh.exchange_keys(between=send_requests)
        answers = 0
        while answers < 4 << 20:    # more than was made before the exchange
            answers += len(ssh.read_data())

    def test_an_upload_is_whole_though_other_channels_hold_all_the_output(self):
        """Whose turn it is not keeps what it was sent: the place where it lay is used again at once."""
        make_file(self.server.write_file("alice", "big", b""), 16 << 20)
        content = os.urandom(90000)
        ssh = self.logged_in()
        readers = [ssh.start_sftp(window=2048, number=number) for number in range(2)]
        writer = ssh.start_sftp(window=2048, number=2)
        handles = []
        for channel, path, flags in ((readers[0], "/big", 1), (readers[1], "/big", 1), (writer, "/up", 0x1a)):
            ssh.send_data(channel, request(3, 1, string(path), u32(flags), u32(0)))
            handles.append(ssh.read_sftp()[5:])
        for number in range(100):       # more answers than its window takes
            ssh.send_data(writer, realpath(number))
        self.server.wait_rest()         # they are made: nothing stands before the WRITE
        for channel, handle in zip(readers, handles):
            ssh.send_data(channel, b"".join(request(5, number, handle, struct.pack(">QI", number << 18, 255 << 10))
                                            for number in range(8)))
        self.server.wait_rest()
        packet = request(6, 100, handles[2], struct.pack(">Q", 0), string(content))
        for start in range(0, len(packet), 30000):
            ssh.send_data(writer, packet[start:start + 30000])
        for _ in range(40):
            ssh.send(IGNORE, string(bytes(30000)))
        self.server.wait_rest()
        ssh.send(CHANNEL_WINDOW_ADJUST, u32(writer), u32(1 << 20))
        ssh.send_data(writer, request(4, 101, handles[2]))
        answers = b""
        while b"\x65" + u32(101) not in answers:
            kind, payload = ssh.read()
            if kind == CHANNEL_DATA and payload[:4] == u32(2):
                answers += take_string(payload[4:])[0]
        self.assertIn(b"\x65" + u32(101) + u32(0), answers)
        with open(self.server.path("alice", "up"), "rb") as file:
            self.assertEqual(file.read(), content)

    def test_a_number_of_a_channel_is_used_once_at_a_time(self):
        ssh = self.logged_in()
        self.assertIsNotNone(ssh.open_channel(number=7))
        ssh.send(CHANNEL_OPEN, string("session"), u32(7), u32(1 << 20), u32(1 << 15))
        ssh.expect(CHANNEL_OPEN_FAILURE)
        ssh.start_sftp(number=8)

    def test_an_unknown_message_is_named_by_the_number_that_the_client_counted(self):
        """libssh has seen none of the data before it."""
        ssh = self.logged_in()
        channel = ssh.start_sftp()
        for round_number in range(3):
            for number in range(10):
                ssh.send_data(channel, realpath(number))
            wanted = ssh.sent
            ssh.send(192, b"what is this")
            ssh.send_data(channel, realpath(10))
            self.assertEqual(ssh.expect(UNIMPLEMENTED, skip=(CHANNEL_DATA, CHANNEL_WINDOW_ADJUST))[1], u32(wanted),
                             "round %d" % round_number)
            answers = b""
            while b"\x68" + u32(10) not in answers:
                answers += ssh.read_data()
            if round_number == 1:
                ssh.exchange_keys()

    def test_data_packets_are_no_larger_than_the_client_takes(self):
        """Below 1024 bytes each of ours would carry next to nothing: refused."""
        content = os.urandom(100000)
        self.server.write_file("alice", "small", content)
        ssh = self.logged_in()
        for size in (0, 1, 1023):
            self.assertIsNone(ssh.open_channel(packet=size))
        for number, size in enumerate((1024, 1025, 5000, 32768, 0xffffffff)):
            ssh.send(CHANNEL_OPEN, string("session"), u32(number), u32(1 << 21), u32(size))
            channel, = struct.unpack(">I", ssh.expect(CHANNEL_OPEN_CONFIRMATION)[1][4:8])
            self.assertTrue(ssh.channel_request(channel, "subsystem", string("sftp")))
            ssh.send_data(channel, u32(5) + b"\1" + u32(3))
            ssh.read_sftp()
            ssh.send_data(channel, request(3, 1, string("/small"), u32(1), u32(0)))
            handle = ssh.read_sftp()[5:]
            ssh.send_data(channel, b"".join(request(5, number, handle, struct.pack(">QI", number * 10000, 10000))
                                            for number in range(10)))
            answers, sizes = b"", []
            while len(answers) < 10 * (4 + 1 + 4 + 4 + 10000):
                piece = ssh.read_data()
                answers += piece
                sizes.append(len(piece))
            self.assertLessEqual(max(sizes), size)
            if size <= 5000:
                self.assertEqual(max(sizes), size)
            ssh.send(CHANNEL_CLOSE, u32(channel))
            ssh.expect(CHANNEL_CLOSE, skip=(CHANNEL_EOF, CHANNEL_REQUEST, CHANNEL_WINDOW_ADJUST))

    def test_a_client_that_waits_for_no_answer_is_served(self):
        """Everything at once, from the login to the first request; the number of the channel is that of last time."""
        ssh = self.logged_in()
        channel = ssh.open_channel()
        for pieces in (1, 2, 7):
            ssh = self.connect()
            stream = b"".join(ssh.packet(bytes([kind]) + b"".join(parts)) for kind, *parts in (
                (SERVICE_REQUEST, string("ssh-userauth")),
                (USERAUTH_REQUEST, string("alice"), string("ssh-connection"), string("password"), boolean(False),
                 string("secret")),
                (CHANNEL_OPEN, string("session"), u32(0), u32(1 << 20), u32(32768)),
                (CHANNEL_REQUEST, u32(channel), string("subsystem"), boolean(True), string("sftp")),
                (CHANNEL_DATA, u32(channel), string(u32(5) + b"\1" + u32(3))),
                (CHANNEL_DATA, u32(channel), string(realpath(1) + realpath(2))),
                (CHANNEL_OPEN, string("session"), u32(1), u32(1 << 20), u32(32768)),
                (CHANNEL_DATA, u32(channel), string(realpath(3)))))
            for start in range(pieces):
                ssh.send_raw(stream[start * len(stream) // pieces:(start + 1) * len(stream) // pieces])
            ssh.expect(SERVICE_ACCEPT)
            ssh.expect(USERAUTH_SUCCESS)
            ssh.expect(CHANNEL_OPEN_CONFIRMATION)
            ssh.expect(CHANNEL_SUCCESS)
            data, opened = b"", 0
            while data.count(b"\x68\0\0\0") < 3 or not opened:
                kind, payload = ssh.expect(CHANNEL_DATA, CHANNEL_OPEN_CONFIRMATION)
                if kind == CHANNEL_DATA:
                    data += take_string(payload[4:])[0]
                else:
                    opened += 1
            self.assertEqual(data[4:5], b"\2")
            for number in (1, 2, 3):
                self.assertIn(b"\x68" + u32(number), data)

    def test_openssh_moves_files_and_rekeys_all_the_while(self):
        client = OpenSsh(self.server, "alice", options=["RekeyLimit=64K"])
        digest = make_file(os.path.join(client.directory, "there"), 4 << 20)
        done = client.batch(["put there", "get there back"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sha256_file(self.server.path("alice", "there")), digest)
        self.assertEqual(sha256_file(os.path.join(client.directory, "back")), digest)

    def test_every_kind_of_key_and_cipher_that_openssh_has_in_common(self):
        for key_type in ("ed25519", "ecdsa", "rsa"):
            key = make_ssh_key(self.server.dir, "user_" + key_type, key_type)
            self.server.add_user("dora-" + key_type, {"keys": [key.public]})
            done = OpenSsh(self.server, "dora-" + key_type, key=key).batch(["pwd"])
            self.assertEqual(done.returncode, 0, done.stderr)
        for cipher in ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr",
                       "aes192-ctr", "aes256-ctr"):
            done = OpenSsh(self.server, "alice", options=["Ciphers=" + cipher]).batch(["pwd"])
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_master_connection_serves_several_clients(self):
        client = OpenSsh(self.server, "alice")
        path = os.path.join(client.directory, "master")
        # Its standard error must not be ours: the master stays in the background.
        done = client.ssh("-M", "-S", path, "-o", "ControlPersist=30", "-N", "-f", stderr=None)
        self.assertEqual(done.returncode, 0)
        self.addCleanup(client.ssh, "-S", path, "-O", "exit")
        for _ in range(3):
            done = client.batch(["pwd"], "-o", "ControlPath=" + path)
            self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: len(self.server.pids("guard alice")) == 1, what="the end of others' sessions")


class Profiles(unittest.TestCase):
    def test_compat_and_legacy_serve_older_clients(self):
        listeners = {name: {"protocol": "sftp", "address": "127.0.0.1:0", "algorithms": name}
                     for name in ("modern", "compat", "legacy")}
        with TransomServer(users=USERS, listeners=listeners) as server:
            for options, served in (({"KexAlgorithms": "ecdh-sha2-nistp256"}, {"compat", "legacy"}),
                                    ({"KexAlgorithms": "diffie-hellman-group14-sha256"}, {"compat", "legacy"}),
                                    ({"KexAlgorithms": "diffie-hellman-group14-sha1", "MACs": "hmac-sha1",
                                      "Ciphers": "aes128-cbc", "HostKeyAlgorithms": "ssh-rsa"}, {"legacy"}),
                                    ({"HostKeyAlgorithms": "ecdsa-sha2-nistp256"}, {"compat", "legacy"}),
                                    ({"KexAlgorithms": "diffie-hellman-group16-sha512"}, set(listeners))):
                for name in listeners:
                    settings = ["%s=%s" % item for item in options.items()]
                    done = self.client(server, server.ports[name], settings)
                    self.assertEqual(done.returncode == 0, name in served, (name, options, done.stderr))

    def test_clients_are_told_which_signatures_are_taken(self):
        """RFC 8308 3.1: no certificates, and SHA-1 only where it may be."""
        for profile in ("modern", "legacy"):
            with TransomServer(users=USERS, listeners={"sftp": {**SFTP_ONLY["sftp"], "algorithms": profile}}) as server:
                with RawSsh(server.port_of("sftp")) as ssh:
                    _, payload = ssh.expect(EXT_INFO, skip=())
                name, rest = take_string(payload[4:])
                names = take_string(rest)[0].decode().split(",")
                self.assertEqual((payload[:4], name), (u32(1), b"server-sig-algs"))
                self.assertEqual([item for item in names if "-cert-" in item], [])
                self.assertIn("sk-ssh-ed25519@openssh.com", names)
                self.assertEqual("ssh-rsa" in names, profile == "legacy")

    def client(self, server, port, settings):
        client = OpenSsh(server, "alice", options=settings)
        with open(client.known_hosts, "a") as file:
            for key in server.host_keys.values():
                file.write("[127.0.0.1]:%d %s\n" % (port, key.public))
        command = client.sftp_command("-o", "BatchMode=no", "-b", "-")
        command[command.index("-P") + 1] = str(port)
        return run(command, stdin=None, input="pwd\n", env=client.environment, cwd=client.directory)

    def test_lists_of_the_configuration_take_the_place_of_the_profile(self):
        with TransomServer(users=USERS, listeners=SFTP_ONLY,
                           ssh={"kex": "curve25519-sha256", "ciphers": "aes128-ctr,aes256-ctr",
                                "macs": "hmac-sha2-256-etm@openssh.com"}) as server:
            with RawSsh(server.port_of("sftp")) as ssh:
                self.assertEqual(ssh.server_lists[0].split(",")[0], "curve25519-sha256")
                self.assertEqual(ssh.server_lists[2:5], ["aes128-ctr,aes256-ctr", "aes128-ctr,aes256-ctr",
                                                         "hmac-sha2-256-etm@openssh.com"])

    def test_an_unknown_name_stops_the_start_and_the_message_tells_those_allowed(self):
        server = TransomServer(users=USERS, listeners=SFTP_ONLY, ssh={"ciphers": "aes128-ctr,rot13"})
        self.addCleanup(server.discard)
        server.prepare()
        done = run(server.command("-c", server.conf, "-t"))
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r'ssh\.ciphers: "rot13" is not served; allowed.*aes128-gcm@openssh\.com')


class Ends(unittest.TestCase):
    def serve(self, **settings):
        server = TransomServer(users=USERS, listeners=SFTP_ONLY, **settings)
        server.__enter__()
        self.addCleanup(lambda: server.__exit__(None, None, None) if server.dir else None)
        return server

    def session(self, server):
        ssh = RawSsh(server.port_of("sftp"))
        self.addCleanup(ssh.close)
        ssh.login("alice", "secret")
        return ssh, ssh.start_sftp()

    def test_an_idle_client_is_told_why(self):
        server = self.serve(ssh={"idle_timeout": "1s"})
        ssh, _ = self.session(server)
        self.assertEqual(ssh.closed(), "Idle timeout")
        server.wait_event("logout", reason="idle timeout")

    def test_half_a_request_keeps_no_session_for_ever(self):
        """Nor does an open file that nothing moves in: ten seconds after its last byte it is no transfer any more."""
        server = self.serve(ssh={"idle_timeout": "1s"})
        ssh, channel = self.session(server)
        ssh.send_data(channel, request(3, 1, string("half"), u32(0x1a), u32(0)))        # OPEN: WRITE, CREAT, TRUNC
        reply = ssh.read_sftp()
        self.assertEqual(reply[:5], b"\x66" + u32(1))
        ssh.send_data(channel, request(6, 2, reply[5:], bytes(8), string(b"x" * 1000))[:500])
        ssh.sock.settimeout(30 * SCALE)
        self.assertEqual(ssh.closed(), "Idle timeout")
        server.wait_event("logout", reason="idle timeout")
        self.assertFalse(os.path.exists(server.path("alice", "half")))

    def test_requests_keep_a_session_alive(self):
        server = self.serve(ssh={"idle_timeout": "3s"})
        ssh, channel = self.session(server)
        for number in range(5):
            time.sleep(0.8)
            ssh.send_data(channel, realpath(number))
            ssh.read_sftp()

    def test_a_silent_client_is_asked_four_times(self):
        server = self.serve(ssh={"keepalive_interval": "1s"})
        ssh, _ = self.session(server)
        questions = 0
        try:
            while True:
                kind, payload = ssh.read()
                if kind == GLOBAL_REQUEST:
                    self.assertEqual(payload, string("keepalive@openssh.com") + boolean(True))
                    questions += 1
        except (EOFError, ConnectionError):
            pass
        # libssh repeats none that is not answered; TCP sees to that.
        self.assertGreaterEqual(questions, 1)
        server.wait_event("logout", reason="connection lost")

    def test_a_client_that_answers_stays(self):
        server = self.serve(ssh={"keepalive_interval": "1s"})
        ssh, channel = self.session(server)
        for _ in range(6):
            ssh.expect(GLOBAL_REQUEST)
            ssh.send(REQUEST_FAILURE)
        ssh.send_data(channel, realpath(1))
        ssh.expect(CHANNEL_DATA, skip=(GLOBAL_REQUEST,))

    def test_a_stop_is_told(self):
        server = self.serve()
        ssh, _ = self.session(server)
        server.signal(signal.SIGTERM)
        self.assertEqual(ssh.closed(), "Server is going down")
        server.wait_event("logout", reason="ended by the server")

    def test_a_stop_waits_for_an_upload(self):
        server = self.serve(options={"drain_timeout": "1m"})
        client = OpenSsh(server, "alice")
        digest = make_file(os.path.join(client.directory, "there"), 4 << 20)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            upload = pool.submit(client.batch, ["put there"], "-l", "16000")     # 2 MB/s
            wait_until(lambda: server.staged("alice"), what="an upload on its way")
            server.signal(signal.SIGTERM)
            done = upload.result()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sha256_file(server.path("alice", "there")), digest)
        server.wait_event("upload", result="complete")

    def test_a_front_bounds_its_own_processor_time(self):
        server = self.serve()
        self.session(server)
        _, front = server.session_pids("alice")
        with open("/proc/%d/limits" % front) as file:
            limit = re.search(r"^Max cpu time +(\d+)", file.read(), re.M)
        self.assertIsNotNone(limit)
        self.assertLess(int(limit.group(1)), 60)

    def test_the_login_time_is_told(self):
        server = self.serve(options={"login_timeout": "1s"})
        ssh = RawSsh(server.port_of("sftp"))
        self.addCleanup(ssh.close)
        ssh.request_service()
        self.assertRegex(ssh.closed(), "(?i)login timeout")

    def test_how_a_session_ended_is_logged(self):
        server = self.serve()
        ssh, _ = self.session(server)
        ssh.send(1, u32(11), string("bye"), string(""))
        server.wait_event("logout", reason="quit")
        ssh, _ = self.session(server)
        ssh.close()
        server.wait_event("logout", reason="closed by the client")

    def test_idle_sessions_are_small(self):
        need_root()
        if sanitized():
            self.skipTest("built with sanitizers")
        server = self.serve()

        def connect():
            self.session(server)
            time.sleep(2.5)     # what a login needed is given back after two seconds
            server.wait_rest()

        self.assertLess(server.kib_of_one_more(connect, 4), IDLE_KIB)


if __name__ == "__main__":
    unittest.main()
