"""Private keys as an administrator meets them: bad files at start and reload, keys that change, a keeper that dies."""

import os
import subprocess
import unittest

from certificates import make_server_certificate
from ssh import OpenSsh, make_ssh_key
from transom import FTP_ONLY, FTPS_BOTH, SFTP_ONLY, ServerFailed, TransomServer, is_root, run, wait_until

ALICE = {"alice": {"password": "secret"}}
BOTH = {**FTP_ONLY, **SFTP_ONLY}
MEBIBYTE = 1 << 20


def check(server):
    """transomd -t."""
    return run(server.command("-t", "-c", server.conf))


class BadKeys(unittest.TestCase):
    """Each is refused by -t, by the start and by a reload, with the name of the file and what to do."""

    def refused(self, spoil, message, tls=False):
        listeners = FTPS_BOTH if tls else SFTP_ONLY
        with TransomServer(users=ALICE, listeners=listeners, tls=tls) as server:
            path = server.certificate.key if tls else server.host_keys["ecdsa"].path
            spoil(path)
            with self.subTest("-t"):
                checked = check(server)
                self.assertEqual(checked.returncode, 1)
                self.assertRegex(checked.stderr, message)
                self.assertIn(path, checked.stderr)
            with self.subTest("reload"):
                generation = server.pids("nursery")
                event = server.reload()
                self.assertEqual(event["event"], "reload-failed")
                self.assertRegex(event["reason"], message)
                self.assertIn(path, event["reason"])
                # What was in force stays in force.
                self.assertEqual(server.pids("nursery"), generation)
                self.assertEqual(len(server.pids("keeper")), 1)
            server.stop()
            with self.subTest("start"):
                with self.assertRaises(ServerFailed) as failed:
                    server.start()
                self.assertEqual(failed.exception.status, 1)
                self.assertRegex(failed.exception.stderr, message)
                self.assertIn(path, failed.exception.stderr)

    def test_a_host_key_that_others_may_read(self):
        self.refused(lambda path: os.chmod(path, 0o644), r"permissions are 0644.*chmod 600")

    def test_a_host_key_that_is_damaged(self):
        def spoil(path):
            with open(path, "r+") as file:
                file.truncate(200)
        self.refused(spoil, "damaged|no private key")

    def test_a_host_key_with_a_passphrase(self):
        def spoil(path):
            run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", path])
        self.refused(spoil, "passphrase")

    def test_a_host_key_that_is_gone(self):
        self.refused(os.unlink, "No such file")

    def test_a_tls_key_that_others_may_read(self):
        self.refused(lambda path: os.chmod(path, 0o604), r"permissions are 0604", tls=True)

    def test_a_certificate_without_its_key_and_the_reverse(self):
        with TransomServer(users=ALICE, listeners=FTP_ONLY) as server:
            for name, other in (("certificate", "key"), ("key", "certificate")):
                server.tls_options = {name: "/some/file.pem"}
                server.write_conf()
                self.assertRegex(check(server).stderr, r"tls: %s = .* has no %s beside it" % (name, other))
                self.assertEqual(server.reload()["event"], "reload-failed")

    def test_an_account_that_others_have(self):
        if not is_root():
            self.skipTest("accounts matter only when started as root")
        with TransomServer(mode="root", users=ALICE, listeners=SFTP_ONLY) as server:
            for option in ("front_user", "clerk_user"):
                server.options["keeper_user"] = {"front_user": 64801, "clerk_user": 64802}[option]
                server.write_conf()
                self.assertRegex(check(server).stderr, "keeper_user = .*as well")


class Keys(unittest.TestCase):
    def fingerprints(self, server, generation):
        events = server.log_events("host-key", generation=generation)
        return {event["algorithms"]: event["fingerprint"] for event in events}

    def test_host_keys_are_made_at_the_first_start_and_kept(self):
        with TransomServer(users=ALICE, listeners=SFTP_ONLY, ssh={"host_keys": []}) as server:
            made = self.fingerprints(server, 1)
            self.assertEqual(sorted(made), ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"])
            for kind, name in (("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp256"), ("rsa", "ssh-rsa")):
                path = os.path.join(server.dir, "state", "ssh_host_%s_key" % kind)
                self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
                self.assertIn(made[name], run(["ssh-keygen", "-l", "-f", path]).stdout)
            self.assertEqual(server.reload()["event"], "reload")
            self.assertEqual(self.fingerprints(server, 2), made)

    def test_a_key_that_was_exchanged_is_used_after_the_reload(self):
        with TransomServer(users=ALICE, listeners=SFTP_ONLY) as server:
            self.assertEqual(OpenSsh(server, "alice").batch(["pwd"]).returncode, 0)
            old = self.fingerprints(server, 1)
            first = server.host_keys
            directory = os.path.join(server.dir, "new")
            os.mkdir(directory)
            key = make_ssh_key(directory)
            os.replace(key.path, first["ed25519"].path)
            server._own(first["ed25519"].path)
            server.host_keys = {"ed25519": key}
            # Nobody has read it yet.
            self.assertNotEqual(OpenSsh(server, "alice").batch(["pwd"]).returncode, 0)
            self.assertEqual(server.reload()["event"], "reload")
            new = self.fingerprints(server, 2)
            self.assertNotEqual(new["ssh-ed25519"], old["ssh-ed25519"])
            self.assertEqual(new["ssh-rsa"], old["ssh-rsa"])
            done = OpenSsh(server, "alice").batch(["pwd"])
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_kind_of_host_key_signs(self):
        listeners = {"sftp": {**SFTP_ONLY["sftp"], "algorithms": "compat"}}
        with TransomServer(users=ALICE, listeners=listeners) as server:
            for kind, algorithm in (("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp256"),
                                    ("rsa", "rsa-sha2-512"), ("rsa", "rsa-sha2-256")):
                with self.subTest(algorithm):
                    client = OpenSsh(server, "alice", options=["HostKeyAlgorithms=" + algorithm])
                    done = client.batch(["pwd"])
                    self.assertEqual(done.returncode, 0, "%s: %s" % (kind, done.stderr))


class Sessions(unittest.TestCase):
    """Sessions that want new signatures while keepers come and go."""

    def start(self, server):
        client = OpenSsh(server, "alice", options=["RekeyLimit=64K"])
        self.local = os.path.join(client.directory, "local")
        with open(self.local, "wb") as file:
            file.write(os.urandom(MEBIBYTE))
        return subprocess.Popen(client.sftp_command("-o", "BatchMode=no", "-b", "-"), stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=client.environment)

    def put(self, server, process, name):
        """Move a mebibyte, and with it about sixteen exchanges of keys."""
        process.stdin.write("put %s %s\n" % (self.local, name))
        process.stdin.flush()

        def arrived():
            if process.poll() is not None:
                raise AssertionError("sftp has ended: " + process.stderr.read())
            path = server.path("alice", name)
            return os.path.exists(path) and os.path.getsize(path) == MEBIBYTE
        wait_until(arrived, 30, "the upload of " + name)

    def test_a_session_goes_on_when_the_keeper_dies(self):
        with TransomServer(users=ALICE, listeners=SFTP_ONLY, allow_crash=True) as server:
            process = self.start(server)
            self.put(server, process, "one")
            keeper, = server.pids("keeper")
            server.kill(keeper)
            self.put(server, process, "two")
            process.communicate("bye\n")
            self.assertEqual(process.returncode, 0)
            self.assertEqual(len(server.log_events("crash", role="keeper")), 1)

    def test_a_session_keeps_its_keys_when_others_are_configured(self):
        with TransomServer(users=ALICE, listeners=SFTP_ONLY) as server:
            process = self.start(server)
            self.put(server, process, "one")
            directory = os.path.join(server.dir, "other")
            os.mkdir(directory)
            server.ssh_options["host_keys"] = [make_ssh_key(directory, name="fresh").path]
            for path in server.ssh_options["host_keys"]:
                server._own(path)
            server.write_conf()
            self.assertEqual(server.reload()["event"], "reload")
            self.put(server, process, "two")
            process.communicate("bye\n")
            self.assertEqual(process.returncode, 0)
            wait_until(lambda: len(server.pids("keeper")) == 1, 10, "end of the first keeper")

    def test_a_new_certificate_and_key_are_used_after_the_reload(self):
        with TransomServer(users=ALICE, listeners=FTP_ONLY, tls=True) as server:
            first, = server.pids("keeper")
            directory = os.path.join(server.dir, "renewed")
            os.mkdir(directory)
            renewed = make_server_certificate(directory)
            server._own(renewed.key)
            server.tls_options.update(certificate=renewed.certificate, key=renewed.key)
            server.write_conf()
            self.assertEqual(server.reload()["event"], "reload")
            wait_until(lambda: first not in server.pids("keeper"), 10, "end of the first keeper")


if __name__ == "__main__":
    unittest.main()
