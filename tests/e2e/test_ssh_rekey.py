"""New keys in the middle of SSH sessions, at the server's wish and at the client's."""
# run-tests: timeout 900

import concurrent.futures
import os
import struct
import time
import unittest

from ssh import OpenSsh
from ssh_raw import CHANNEL_WINDOW_ADJUST, GLOBAL_REQUEST, KEXINIT, boolean, string, u32
from ssh_session import USERS, SshTest, request
from transom import SCALE, SFTP_ONLY, make_file, sha256_file


class Rekeying(SshTest, unittest.TestCase):
    """New keys at the server's wish, in the middle of transfers."""

    settings = {"users": USERS, "listeners": SFTP_ONLY, "ssh": {"rekey_limit": 1}}

    def test_the_server_renews_keys_while_openssh_moves_files(self):
        ciphers = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
        with concurrent.futures.ThreadPoolExecutor(len(ciphers)) as pool:
            list(pool.map(self.put_and_get, ciphers))

    def put_and_get(self, cipher):
        # OpenSSH's own limits are far away.  With 2 MB/s there are seconds, as the server needs between exchanges.
        client = OpenSsh(self.server, "alice", options=["Ciphers=" + cipher])
        digest = make_file(os.path.join(client.directory, cipher), 6 << 20)
        for command in ("put " + cipher, "get %s back" % cipher):
            done = client.batch([command], "-v", "-l", "16000")
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            self.assertGreater(done.stderr.count("SSH2_MSG_KEXINIT received"), 1, (cipher, command))
        self.assertEqual(sha256_file(self.server.path("alice", cipher)), digest)
        self.assertEqual(sha256_file(os.path.join(client.directory, "back")), digest)

    def test_both_sides_renew_keys_at_once(self):
        client = OpenSsh(self.server, "alice", options=["RekeyLimit=256K"])
        digest = make_file(os.path.join(client.directory, "there"), 6 << 20)
        done = client.batch(["put there both", "get both back"], "-l", "32000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sha256_file(self.server.path("alice", "both")), digest)
        self.assertEqual(sha256_file(os.path.join(client.directory, "back")), digest)

    def test_a_client_that_does_not_answer_our_wish_cannot_make_answers_pile_up(self):
        self.server.write_file("alice", "mebibyte", bytes(1 << 20))
        ssh = self.logged_in()
        channel = ssh.start_sftp(window=1 << 24)
        ssh.send_data(channel, request(3, 1, string("/mebibyte"), u32(1), u32(0)))
        handle = ssh.read_sftp()[5:]
        kind, number = 0, 0
        while kind != KEXINIT:
            if kind != CHANNEL_WINDOW_ADJUST:
                number += 1
                ssh.send_data(channel, request(5, number, handle, struct.pack(">QI", 0, 30000)))
            kind, _ = ssh.read()
        try:
            for _ in range(3000):
                ssh.send(GLOBAL_REQUEST, string("x"), boolean(True))
        except ConnectionError:
            pass
        self.server.wait_event("logout", user="alice", reason="protocol error")


class Unfinished(SshTest, unittest.TestCase):
    def test_an_exchange_that_the_client_does_not_finish_ends_the_session_after_a_minute(self):
        ssh = self.logged_in(timeout=60 + 60 * SCALE)
        ssh.start_sftp()
        begun = time.monotonic()
        ssh.send_raw(ssh.packet(ssh.kexinit()))
        ssh.expect(KEXINIT)
        self.assertEqual(ssh.closed(), "The key exchange takes too long")
        self.assertGreater(time.monotonic() - begun, 59)
        self.server.wait_event("logout", user="alice", reason="protocol error")
