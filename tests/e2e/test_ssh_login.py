"""Logins over SSH with OpenSSH's own client: passwords, keys of every type, several factors, what keys' options say."""

import os
import re
import signal
import subprocess
import time
import unittest

from ssh import OpenSsh, make_ssh_key
from ssh_raw import USERAUTH_FAILURE, USERAUTH_PK_OK, Ed25519, RawSsh
from transom import SCALE, SFTP_ONLY, TransomServer, modes, need_tool, run, wait_until

PASSWORD = "secret"


def fingerprint(key):
    return run([need_tool("ssh-keygen"), "-lf", key.path + ".pub"]).stdout.split()[1]


class Login:
    """The tests; each mode below runs all of them."""

    def start(self, **settings):
        settings.setdefault("users", {"alice": {"password": PASSWORD}})
        server = TransomServer(mode=self.mode, **dict({"listeners": SFTP_ONLY}, **settings))
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def key(self, server, name="id", key_type="ed25519", bits=None):
        return make_ssh_key(server.dir, name, key_type, bits=bits)

    def enters(self, client):
        done = client.batch(["pwd"])
        self.assertEqual(done.returncode, 0, done.stderr + client.server.log_tail())
        self.assertIn("Remote working directory: /", done.stdout)

    def is_refused(self, client, cause=None):
        done = client.batch(["pwd"])
        self.assertEqual(done.returncode, 255, done.stdout)
        if cause is not None:
            client.server.wait_event("login-failed")
            self.assertIn(cause, " | ".join(event.get("reason", "") for event in
                                            client.server.log_events("login-failed")))
        return done.stderr

    # --- one factor ---

    def test_a_password(self):
        server = self.start()
        self.enters(OpenSsh(server, "alice"))
        self.assertEqual(server.wait_event("login")["method"], "password")
        self.is_refused(OpenSsh(server, "alice", password="wrong"), "wrong password")
        self.is_refused(OpenSsh(server, "nobody-here", password=PASSWORD), "no such user")

    def test_keyboard_interactive_asks_for_the_password(self):
        server = self.start()
        client = OpenSsh(server, "alice")
        client.prefer("keyboard-interactive")
        self.enters(client)
        client = OpenSsh(server, "alice", password="wrong")
        client.prefer("keyboard-interactive")
        self.is_refused(client, "wrong password")

    def test_a_key_of_each_type_and_no_password(self):
        server = self.start(users={"alice": {}})
        for key_type, bits in (("ed25519", None), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 2048),
                               ("rsa", 3072)):
            key = self.key(server, "%s%s" % (key_type, bits), key_type, bits)
            server.add_user("alice", {"keys": [key.public + " a comment"]})
            self.enters(OpenSsh(server, "alice", key=key))
            login = server.log_events("login")[-1]
            self.assertEqual((login["method"], login["key"]), ("publickey", fingerprint(key)))

    def test_rsa_by_the_algorithm_that_the_client_chooses(self):
        server = self.start(users={"alice": {}})
        key = self.key(server, key_type="rsa")
        server.add_user("alice", {"keys": [key.public]})
        for algorithm, enters in (("rsa-sha2-256", True), ("rsa-sha2-512", True), ("ssh-rsa", False)):
            client = OpenSsh(server, "alice", key=key, options=["PubkeyAcceptedAlgorithms=" + algorithm])
            (self.enters if enters else self.is_refused)(client)

    def test_an_rsa_key_that_is_too_short(self):
        server = self.start(users={"alice": {}}, ssh={"rsa_min_bits": 3072})
        key = self.key(server, key_type="rsa", bits=2048)
        server.add_user("alice", {"keys": [key.public]})
        self.is_refused(OpenSsh(server, "alice", key=key), "the RSA key has 2048 bits, less than 3072")

    def test_another_key_does_not_log_in(self):
        server = self.start(users={"alice": {}, "bob": {}})
        key, other = self.key(server), self.key(server, "other")
        server.add_user("alice", {"keys": [key.public]})
        server.add_user("bob", {"keys": [other.public]})
        answers = {self.is_refused(OpenSsh(server, user, key=with_key)).split(":", 1)[-1]
                   for user, with_key in (("alice", other), ("bob", key), ("nobody-here", key))}
        self.assertEqual(len(answers), 1, answers)
        failed = server.wait_event("login-failed", user="alice")
        self.assertEqual((failed["method"], failed["key"], failed["reason"]),
                         ("publickey", fingerprint(other), "not one of the user's keys"))

    def test_certificates_of_openssh_are_refused(self):
        server = self.start(users={"alice": {}})
        authority, key = self.key(server, "ca"), self.key(server)
        run([need_tool("ssh-keygen"), "-q", "-s", authority.path, "-I", "id", "-n", "alice", key.path + ".pub"],
            timeout=20)
        server.add_user("alice", {"keys": ["cert-authority " + authority.public]})
        client = OpenSsh(server, "alice", key=key,
                         options=["CertificateFile=" + key.path + "-cert.pub"])
        self.is_refused(client)

    # --- where keys come from, and their options ---

    def test_keys_in_a_file(self):
        server = self.start(users={"alice": {}, "bob": {}}, defaults={"authorized_keys": "keys/%u"})
        key = self.key(server)
        os.mkdir(os.path.join(server.dir, "keys"), 0o755)
        path = os.path.join(server.dir, "keys", "alice")
        with open(path, "w") as file:
            file.write("# of the laptop\n\nrestrict %s laptop\n" % key.public)
        server.own(path)
        os.chmod(path, 0o600)
        client = OpenSsh(server, "alice", key=key)
        self.enters(client)
        self.is_refused(OpenSsh(server, "bob", key=key), "keys/bob is not read: there is no such file")
        os.chmod(path, 0o620)
        self.is_refused(client, "others than its owner can write it")
        os.chmod(path, 0o600)
        os.rename(path, path + ".real")
        os.symlink("alice.real", path)
        self.is_refused(client, "symbolic link")

    def test_a_file_of_a_stranger_does_not_count(self):
        if self.mode != "root":
            self.skipTest("needs other accounts")
        server = self.start(users={"alice": {}}, defaults={"authorized_keys": "keys/%u"})
        key = self.key(server)
        os.mkdir(os.path.join(server.dir, "keys"), 0o755)
        path = os.path.join(server.dir, "keys", "alice")
        with open(path, "w") as file:
            file.write(key.public + "\n")
        os.chown(path, 64999, 64999)
        client = OpenSsh(server, "alice", key=key)
        self.is_refused(client, "belongs neither to root nor to files_user")
        server.own(path)
        os.chown(os.path.dirname(path), 64999, 64999)
        self.is_refused(client, "a directory above it can be written by others")
        os.chown(os.path.dirname(path), 0, 0)
        self.enters(client)

    def test_from_and_expiry_time(self):
        server = self.start(users={"alice": {}})
        key = self.key(server)
        client = OpenSsh(server, "alice", key=key)
        for options, cause in (
                ('from="127.0.0.0/8"', None),
                ('from="10.0.0.0/8,127.0.0.*",restrict', None),
                ('expiry-time="20400101"', None),
                ('from="10.0.0.0/8"', "from= does not allow the key at address 127.0.0.1"),
                ('from="!127.0.0.1,*"', "from= does not allow the key"),
                ('expiry-time="20200101Z"', "the key has expired"),
                ('command="/bin/sh"', "option command cannot be kept"),
                ('principals="x"', "option principals cannot be kept"),
                ('no-such-option', "option no-such-option is not known")):
            server.add_user("alice", {"keys": ["%s %s" % (options, key.public)]})
            if cause is None:
                self.enters(client)
            else:
                self.is_refused(client, cause)

    # --- several factors ---

    def test_two_factors_in_either_order(self):
        server = self.start()
        key = self.key(server)
        server.add_user("alice", {"password": PASSWORD, "keys": [key.public], "require": ["publickey", "password"]})
        for methods in ("publickey,password", "password,publickey", "publickey,keyboard-interactive",
                        "keyboard-interactive,publickey"):
            client = OpenSsh(server, "alice", key=key)
            client.prefer(methods)
            client.ask_password(PASSWORD)
            self.enters(client)
            login = server.log_events("login")[-1]
            self.assertEqual((login["method"], login["key"]), ("password+publickey", fingerprint(key)), methods)
        for methods in ("publickey", "password"):
            client = OpenSsh(server, "alice", key=key)
            client.prefer(methods)
            client.ask_password(PASSWORD)
            self.is_refused(client)
        self.assertEqual({event["missing"] for event in server.log_events("login-partial")}, {"password", "publickey"})
        self.assertEqual(len(server.log_events("login")), 4)

    def test_a_factor_that_is_not_asked_for_is_none(self):
        server = self.start()
        key = self.key(server)
        server.add_user("alice", {"password": PASSWORD, "keys": [key.public], "require": ["publickey"]})
        self.is_refused(OpenSsh(server, "alice", password=PASSWORD), "`require` of the user does not name password")
        self.enters(OpenSsh(server, "alice", key=key))

    # --- many tries ---

    def with_agent(self, server, keys):
        """The environment of an ssh-agent with these keys, in this order."""
        socket = os.path.join(server.dir, "agent")
        agent = subprocess.Popen([need_tool("ssh-agent"), "-D", "-a", socket], stdout=subprocess.DEVNULL)
        self.addCleanup(agent.wait)
        self.addCleanup(agent.send_signal, signal.SIGTERM)
        wait_until(lambda: os.path.exists(socket), what="ssh-agent")
        environment = {"SSH_AUTH_SOCK": socket}
        for key in keys:
            os.chmod(key.path, 0o600)
            done = run([need_tool("ssh-add"), "-q", key.path], env=dict(os.environ, **environment))
            self.assertEqual(done.returncode, 0, done.stderr)
        return environment

    def by_agent(self, server, environment):
        client = OpenSsh(server, "alice", password="")
        client.prefer("publickey")
        client.options = [re.sub("PubkeyAuthentication=no", "PubkeyAuthentication=yes", option)
                          for option in client.options]
        client.environment.update(environment)
        return client

    def test_an_agent_with_several_keys(self):
        server = self.start(users={"alice": {}})
        keys = [self.key(server, "k%d" % number) for number in range(5)]
        server.add_user("alice", {"keys": [keys[4].public]})
        client = self.by_agent(server, self.with_agent(server, keys))
        began = time.monotonic()
        self.enters(client)
        self.assertLess(time.monotonic() - began, 5 * SCALE, "keys are no guesses: no delay that doubles")
        self.assertEqual(len(server.log_events("login-failed")), 4)

    def test_an_agent_with_too_many_keys(self):
        server = self.start(users={"alice": {}})
        keys = [self.key(server, "k%d" % number) for number in range(8)]
        server.add_user("alice", {"keys": [keys[7].public]})
        self.is_refused(self.by_agent(server, self.with_agent(server, keys)))
        server.wait_event("logout")
        self.assertEqual(len(server.log_events("login-failed")), 6)
        self.assertEqual(server.log_events("login"), [])

    # --- what no honest client does ---

    def raw(self, server):
        ssh = RawSsh(server.port)
        self.addCleanup(ssh.close)
        ssh.request_service()
        return ssh

    def test_what_was_probed_is_not_proven(self):
        own, other = Ed25519(b"alice"), Ed25519(b"somebody else")
        server = self.start(users={"alice": {"keys": [own.line]}, "bob": {"keys": [other.line]}})
        ssh = self.raw(server)
        ssh.key_request("alice", own)
        ssh.expect(USERAUTH_PK_OK)
        ssh.key_request("alice", own, signer=other)
        self.assertEqual(ssh.expect(USERAUTH_FAILURE)[0], USERAUTH_FAILURE)
        ssh.key_request("alice", own, signer=own, data_of="bob")
        ssh.expect(USERAUTH_FAILURE)
        ssh.key_request("bob", own, signer=own)
        ssh.expect(USERAUTH_FAILURE)
        self.assertEqual(server.log_events("login"), [])
        ssh.key_request("alice", own, signer=own)
        self.assertIs(ssh.verdict(), True)
        self.assertEqual([event["user"] for event in server.log_events("login")], ["alice"])

    def test_a_thousand_tries_of_all_kinds(self):
        server = self.start(users={"alice": {"password": PASSWORD, "keys": [Ed25519(b"alice").line]}})
        ssh = self.raw(server)
        refused = 0
        try:
            for number in range(1000):
                if number % 2:
                    self.assertIsNot(ssh.try_password("alice", "wrong"), True)
                else:
                    ssh.key_request("alice", Ed25519(b"%d" % number))
                    ssh.expect(USERAUTH_FAILURE)
                refused += 1
        except (AssertionError, ConnectionError, EOFError, OSError):
            pass
        self.assertLessEqual(refused, 6)
        server.wait_event("logout")
        self.assertEqual(len(server.log_events("login-failed")), 6)

    def test_the_time_of_a_refusal_tells_nothing(self):
        lines = [Ed25519(b"key %d" % number).line for number in range(100)]
        server = self.start(users={"alice": {"keys": lines}}, options={"login_attempts": 100})
        stranger = Ed25519(b"a stranger")
        times = {"alice": [], "nobody-here": []}
        sessions = {user: self.raw(server) for user in times}
        for _ in range(80):
            for user, ssh in sessions.items():
                began = time.monotonic()
                ssh.key_request(user, stranger)
                ssh.expect(USERAUTH_FAILURE)
                times[user].append(time.monotonic() - began)
        least = {user: min(measured) for user, measured in times.items()}
        # Each waits 40 to 72 ms by chance, and longer if others are at work: of eighty the least is about 40.
        self.assertLess(abs(least["alice"] - least["nobody-here"]), 0.016, least)
        self.assertGreater(min(min(measured) for measured in times.values()), 0.038)


for _mode in modes():
    _name = "LoginAs" + _mode.capitalize()
    globals()[_name] = type(_name, (Login, unittest.TestCase), {"mode": _mode})
del _mode, _name


if __name__ == "__main__":
    unittest.main()
