"""OpenSSH's sftp and scp against transom: every command of sftp in batch mode, scp over SFTP and in its old protocol."""
# run-tests: timeout 1200

import json
import os
import re
import signal
import subprocess
import unittest

from client import make_nested_tree, make_tree, read_times
from sftp_client import SftpClient
from ssh import OpenSsh, make_ssh_key
from transom import FULL, SFTP_ONLY, make_file, wait_until

REKEY_BYTES = {"aes128-gcm@openssh.com": (1 << 30) if FULL else (48 << 20),
               "chacha20-poly1305@openssh.com": (1 << 30) if FULL else (8 << 20),
               "aes256-ctr": (1 << 30) if FULL else (8 << 20)}   # with an HMAC, whose keys change, too
BIG_BYTES = (1 << 30) if FULL else (96 << 20)
OLD = 1000000000
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")


def mode_of(path):
    return os.stat(path).st_mode & 0o7777


class Sftp(SftpClient):
    tools = ("sftp", "ssh-keygen")

    def test_get_and_put(self):
        up = self.make_local("up")
        down = self.make_remote("down")
        said = self.batch("put up stored", "get down got", "put up 'two words'", "ls -l stored")
        self.assertFile(self.remote("stored"), up)
        self.assertFile(self.remote("two words"), up)
        self.assertFile(self.local("got"), down)
        self.assertRegex(said, r"-rw-r--r--.* 300001 .* stored")
        self.server.wait_event("upload", path="/stored", result="complete", bytes=300001)
        self.server.wait_event("download", path="/down", result="complete", bytes=300001)

    def test_password_and_key_and_both(self):
        self.make_remote("file", 10)
        for user, key in (("alice", True), ("alice", False), ("carol", True)):
            done = self.openssh(user, key).batch(["ls"])
            self.check(done, True, "sftp as %s" % user)
        done = self.two_factors("bob")
        self.check(done, True, "sftp with key and password")
        self.check(self.openssh("bob", key=True).batch(["ls"]), False, "sftp with a key alone")
        self.check(self.openssh("bob", key=False).batch(["ls"]), False, "sftp with a password alone")
        self.check(OpenSsh(self.server, "alice", password="wrong").batch(["ls"]), False, "sftp with a wrong password")

    def test_reget_and_reput(self):
        down = self.make_remote("whole", 3000001)
        up = self.make_local("source", 3000001, seed=2)
        with open(self.remote("whole"), "rb") as whole, open(self.local("part"), "wb") as part:
            part.write(whole.read(1000000))
        with open(self.local("source"), "rb") as source:
            self.server.write_file("alice", "begun", source.read(1234567))
        self.batch("reget whole part", "reput source begun")
        self.assertFile(self.local("part"), down)
        self.assertFile(self.remote("begun"), up)

    def test_an_upload_that_was_cut_is_continued_by_reput(self):
        digest = self.make_local("source", 24 << 20)
        command = self.openssh(options=("Ciphers=aes128-gcm@openssh.com",))
        cut = subprocess.Popen(
            command.sftp_command("-o", "BatchMode=no", "-l", "40000", "-b", "-"), cwd=self.scratch, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=command.environment)
        try:
            cut.stdin.write("put source cut\n")
            cut.stdin.flush()
            wait_until(lambda: any(os.path.getsize(path) > 2000000 for path in self.server.staged("alice")),
                       what="some bytes of the upload")
        finally:
            cut.send_signal(signal.SIGKILL)
            cut.wait(10)
            cut.stdin.close()
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.assertFalse(os.path.exists(self.remote("cut")))
        self.batch("reput source cut")
        self.assertFile(self.remote("cut"), digest)
        self.assertEqual(self.server.staged("alice"), [])

    def test_trees_both_ways_with_times_and_modes(self):
        make_nested_tree(self.local("tree"))
        os.chmod(self.local("tree", "a file"), 0o750)
        os.utime(self.local("tree", "sub", "f1"), (OLD, OLD))
        self.batch("put -r -p tree", "get -r -p tree back")
        for top in (self.remote("tree"), self.local("back")):
            self.assertSameTree(top, self.local("tree"))
            self.assertEqual(read_times(top), read_times(self.local("tree")))
            self.assertEqual(mode_of(os.path.join(top, "a file")), 0o750)

    def test_many_small_files(self):
        make_tree(self.local("small"), 500)
        self.batch("put -r small", "get -r small back")
        self.assertSameTree(self.remote("small"), self.local("small"))
        self.assertSameTree(self.local("back"), self.local("small"))

    def test_patterns(self):
        self.server.make_dir("alice", "globs")
        for name in ("a1", "a2", "b1"):
            self.make_remote("globs/" + name, 100)
        os.mkdir(self.local("down"))
        self.batch("get globs/a* down/", "rm globs/b?", "mkdir globs/up", "put down/* globs/up")
        self.assertEqual(sorted(os.listdir(self.local("down"))), ["a1", "a2"])
        self.assertEqual(sorted(os.listdir(self.remote("globs"))), ["a1", "a2", "up"])
        self.assertEqual(sorted(os.listdir(self.remote("globs", "up"))), ["a1", "a2"])

    def test_rename_with_and_without_a_target(self):
        old = self.make_remote("old")
        self.make_remote("target", 10)
        self.batch("rename old new", "rename new target")      # sftp prefers posix-rename
        self.assertFile(self.remote("target"), old)
        self.make_remote("other", 10)
        self.batch("rename -l target other", ok=False)          # the plain request refuses an existing target
        self.assertFile(self.remote("target"), old)

    def test_links(self):
        digest = self.make_remote("linked")
        self.batch("ln linked hard", "ln -s linked soft", "get soft down", "ls -l soft")
        self.assertEqual(os.stat(self.remote("hard")).st_ino, os.stat(self.remote("linked")).st_ino)
        self.assertEqual(os.readlink(self.remote("soft")), "linked")
        self.assertFile(self.local("down"), digest)
        self.batch("ln -s /etc/passwd out")
        self.batch("get out stolen", ok=False)
        self.assertFalse(os.path.exists(self.local("stolen")))

    def test_chmod_mkdir_rm_rmdir(self):
        self.make_remote("mode", 10)
        self.batch("chmod 0600 mode", "mkdir made", "mkdir made/inner", "cd made", "rmdir inner", "pwd")
        self.assertEqual(mode_of(self.remote("mode")), 0o600)
        self.assertEqual(os.listdir(self.remote("made")), [])
        self.batch("rm mode", "rmdir made")
        self.assertFalse(os.path.exists(self.remote("made")))
        self.batch("rmdir made", ok=False)
        self.batch("-rmdir made", "-rm nothing", "pwd")

    def test_chown_is_ignored_or_refused_but_does_not_happen(self):
        self.make_remote("owned", 10)
        before = os.stat(self.remote("owned")).st_uid
        self.batch("-chown 0 owned", "-chgrp 0 owned")
        self.assertEqual(os.stat(self.remote("owned")).st_uid, before)

    def test_df(self):
        space = os.statvfs(self.remote())
        said = self.batch("df", "df -h", "df -i /")
        total = re.search(r"^\s*(\d+)\s+\d+\s+\d+\s+\d+\s+\d+%", said, re.M)
        self.assertIsNotNone(total, said)
        self.assertEqual(int(total.group(1)), space.f_blocks * space.f_frsize // 1024)

    def test_cp_copies_on_the_server(self):
        digest = self.make_remote("original", 5000001)
        self.batch("cp original copied")
        self.assertFile(self.remote("copied"), digest)

    def test_ls_in_every_form(self):
        self.server.make_dir("alice", "list")
        for name, size in (("small", 10), ("large", 20000), (".hidden", 1)):
            self.make_remote("list/" + name, size)
        os.utime(self.remote("list", "small"), (OLD, OLD))
        self.assertEqual(self.listed("ls -1 list"), ["list/large", "list/small"])
        self.assertEqual([name for name in self.listed("ls -1a list") if not name.endswith(".")],
                         ["list/.hidden", "list/large", "list/small"])
        self.assertEqual(self.listed("ls -1S list"), ["list/large", "list/small"])
        self.assertEqual(self.listed("ls -1t list"), ["list/large", "list/small"])
        self.assertEqual(self.listed("ls -1tr list"), ["list/small", "list/large"])
        self.assertEqual(sorted(self.listed("ls -1f list")), ["list/large", "list/small"])
        long = self.batch("ls -l list", "ls -n list", "ls -lh list", "ls list/*")
        self.assertRegex(long, r"-rw-r--r--\s.* 20000 .*large")
        self.assertRegex(long, r"-rw-r--r--\s.* 10 Sep  9  2001 .*small")

    def listed(self, command):
        said = self.batch(command)
        return [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("sftp>")]

    def test_names_of_many_alphabets(self):
        names = ["Grüße", "日本語", "sp ace", "'quote'", '"double"', "back\\slash", "-dash", "`id`", "$(id)", "*"]
        os.mkdir(self.local("names"))
        for name in names:
            make_file(self.local("names", name), 100)
        self.batch("put -r names", "get -r names back")
        self.assertSameTree(self.remote("names"), self.local("names"))
        self.assertSameTree(self.local("back"), self.local("names"))

    def test_what_modern_offers(self):
        up = self.make_local("up", 3000001)
        for options in ([("Ciphers=" + cipher,) for cipher in CIPHERS] +
                        [("Ciphers=aes256-ctr", "MACs=hmac-sha2-512-etm@openssh.com")] +
                        [("HostKeyAlgorithms=" + name,) for name in ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")] +
                        [("KexAlgorithms=" + name,) for name in ("curve25519-sha256",
                                                                 "diffie-hellman-group16-sha512")]):
            self.batch("put up c", "get c down", options=options)
            self.assertFile(self.remote("c"), up)
            self.assertFile(self.local("down"), up)

    def test_what_modern_does_not_offer_is_told_with_its_cure(self):
        self.batch("pwd", options=("HostKeyAlgorithms=ecdsa-sha2-nistp256",), ok=False)
        self.batch("pwd", options=("Ciphers=aes128-cbc",), ok=False)
        event = json.dumps(self.server.wait_event("negotiation-failed", count=2))
        for word in ("aes128-cbc", "aes128-gcm@openssh.com", "algorithms"):
            self.assertIn(word, event)

    def test_a_big_file_both_ways(self):
        digest = self.make_local("big", BIG_BYTES)
        self.batch("put big", "get big back", timeout=600)
        self.assertFile(self.remote("big"), digest)
        self.assertFile(self.local("back"), digest)
        os.unlink(self.remote("big"))

    def test_rekeying_under_load_both_ways(self):
        for cipher, size in REKEY_BYTES.items():
            digest = self.make_local("rekey", size)
            self.batch("put rekey", "get rekey back", timeout=3000, options=("RekeyLimit=64K", "Ciphers=" + cipher))
            self.assertFile(self.remote("rekey"), digest)
            self.assertFile(self.local("back"), digest)
            os.unlink(self.remote("rekey"))

    def test_large_and_odd_blocks_and_few_requests(self):
        digest = self.make_local("up", 2000001)
        for block, requests in ((32768, 64), (261120, 128), (4096, 1), (65537, 256)):
            self.batch("put up blocks", "get blocks down", arguments=("-B", str(block), "-R", str(requests)))
            self.assertFile(self.remote("blocks"), digest)
            self.assertFile(self.local("down"), digest)

    def test_a_directory_of_ten_thousand(self):
        self.server.make_dir("alice", "many")
        for number in range(10000):
            os.close(os.open(self.remote("many", "f%05d" % number), os.O_CREAT | os.O_WRONLY, 0o644))
        said = self.listed("ls -1 many")
        self.assertEqual(said, ["many/f%05d" % number for number in range(10000)])

    def test_nothing_else_is_served(self):
        client = self.openssh()
        for command in (["id"], ["/bin/sh"], ["scp"], ["scp", "-t", "-f", "x"], ["sftp-server"]):
            done = client.ssh(command=command)
            self.assertNotEqual(done.returncode, 0, command)
            self.assertEqual(done.stdout, "")
        self.assertNotEqual(client.ssh("-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1").returncode, 0)
        self.assertNotEqual(client.ssh("-W", "127.0.0.1:%d" % self.port).returncode, 0)
        self.batch("pwd", options=("SetEnv=LD_PRELOAD=/evil.so", "ForwardAgent=yes"))

    # --- logins ---

    def two_factors(self, user):
        """sftp with the key, and then the password."""
        client = self.openssh(user)
        client.ask_password("secret")
        client.prefer("publickey,password")
        return client.batch(["ls"])

    def test_keyboard_interactive_asks_for_the_password(self):
        client = OpenSsh(self.server, "alice", password="secret")
        client.prefer("keyboard-interactive")
        self.check(client.batch(["ls"]), True, "sftp with keyboard-interactive")

    def test_a_client_that_asks_for_signs_of_life_gets_them(self):
        done = self.openssh().batch(["pwd", "!sleep 5", "pwd"], "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1")
        self.check(done, True, "sftp with ServerAliveInterval=1")

    def test_every_type_of_user_key(self):
        for key_type, bits in (("ed25519", None), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 2048)):
            key = make_ssh_key(self.scratch, "id_%s_%s" % (key_type, bits), key_type, bits=bits)
            name = "user-%s-%s" % (key_type, bits or 0)
            self.server.add_user(name, {"keys": [key.public]})
            self.check(OpenSsh(self.server, name, key=key).batch(["pwd"]), True, "sftp with " + name)
        stranger = make_ssh_key(self.scratch, "id_stranger")
        self.check(OpenSsh(self.server, "carol", key=stranger).batch(["pwd"]), False, "sftp with a stranger's key")


class Compat(SftpClient):
    """A listener with the profile `compat`."""

    tools = ("sftp", "ssh-keygen")

    @classmethod
    def more_settings(cls):
        return {"listeners": {"sftp": dict(SFTP_ONLY["sftp"], algorithms="compat")}}

    def test_what_compat_offers_besides(self):
        up = self.make_local("up", 1000001)
        for options in ([("Ciphers=aes256-ctr", "MACs=" + mac) for mac in ("hmac-sha2-256", "hmac-sha2-512")] +
                        [("HostKeyAlgorithms=ecdsa-sha2-nistp256",)] +
                        [("KexAlgorithms=" + name,) for name in (
                            "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
                            "diffie-hellman-group14-sha256")]):
            self.batch("put up c", "get c down", options=options)
            self.assertFile(self.remote("c"), up)
            self.assertFile(self.local("down"), up)


class Scp(SftpClient):
    """Both protocols of scp: `old` adds -O."""

    tools = ("scp", "ssh-keygen")
    old = ()

    def scp(self, *arguments, ok=True, user="alice"):
        done = self.openssh(user).scp(*self.old, *arguments, cwd=self.scratch)
        self.check(done, ok, "scp " + " ".join(arguments))
        return done.stdout + done.stderr

    def to(self, path=""):
        return "alice@127.0.0.1:" + path

    def test_files_both_ways(self):
        up = self.make_local("up")
        down = self.make_remote("down", seed=2)
        self.make_local("empty", 0)
        self.scp("up", self.to())
        self.assertFile(self.remote("up"), up)
        self.scp("up", "empty", self.to("/"))
        self.assertEqual(os.path.getsize(self.remote("empty")), 0)
        self.scp("up", self.to("other"))
        self.assertFile(self.remote("other"), up)
        self.scp(self.to("down"), "got")
        self.assertFile(self.local("got"), down)
        os.mkdir(self.local("dir"))
        self.scp(self.to("down"), self.to("up"), "dir")
        self.assertFile(self.local("dir", "down"), down)
        self.assertFile(self.local("dir", "up"), up)
        self.server.wait_event("upload", path="/other", result="complete", bytes=300001)
        self.server.wait_event("download", path="/down", result="complete", bytes=300001)

    def test_trees_both_ways_with_times_and_modes(self):
        make_nested_tree(self.local("tree"))
        os.chmod(self.local("tree", "a file"), 0o750)
        os.utime(self.local("tree", "sub", "f1"), (OLD, OLD))
        self.scp("-r", "-p", "tree", self.to("/"))
        self.scp("-r", "-p", self.to("tree"), "back")
        for top in (self.remote("tree"), self.local("back")):
            self.assertSameTree(top, self.local("tree"))
            self.assertEqual(read_times(top), read_times(self.local("tree")))
            self.assertEqual(mode_of(os.path.join(top, "a file")), 0o750)

    def test_without_p_the_times_are_new(self):
        self.make_local("timed", 10)
        os.utime(self.local("timed"), (OLD, OLD))
        self.scp("timed", self.to("new"))
        self.assertGreater(os.stat(self.remote("new")).st_mtime, OLD + 1000)

    def test_names_with_spaces(self):
        self.server.make_dir("alice", "some dir")
        down = self.make_remote("some dir/a file")
        up = self.make_local("up here")
        self.scp(self.to("some dir/a file"), "got it")
        self.assertFile(self.local("got it"), down)
        self.scp("up here", self.to("some dir/"))
        self.assertFile(self.remote("some dir", "up here"), up)
        self.scp("up here", self.to("some dir/other name"))
        self.assertFile(self.remote("some dir", "other name"), up)

    def test_patterns(self):
        self.server.make_dir("alice", "globs")
        for name in ("a1.txt", "a2.txt", "b1.txt", ".a3.txt"):
            self.make_remote("globs/" + name, 100)
        os.mkdir(self.local("down"))
        self.scp(self.to("globs/a*.txt"), "down")
        self.assertEqual(sorted(os.listdir(self.local("down"))), ["a1.txt", "a2.txt"])

    def test_shell_syntax_is_literal_text(self):
        digest = self.make_local("up", 100)
        for name in ("`id`", "$(touch owned)", "a;touch owned", "a|b", "x>y", "$HOME"):
            self.scp("up", self.to(name))
            self.assertFile(self.remote(name), digest)
        self.assertFalse(os.path.exists(self.remote("owned")))

    def test_what_is_not_there_and_what_may_not_be(self):
        self.scp(self.to("nothing"), "got", ok=False)
        self.make_local("up", 10)
        self.scp("up", self.to("no/such/dir/up"), ok=False)
        self.server.make_dir("alice", "dir")
        self.scp(self.to("dir"), "got", ok=False)
        self.scp(self.to("../../../../etc/passwd"), "got", ok=False)
        self.assertFalse(os.path.exists(self.local("got")))

    def test_a_big_file_both_ways(self):
        digest = self.make_local("big", BIG_BYTES)
        self.scp("big", self.to("big"))
        self.assertFile(self.remote("big"), digest)
        self.scp(self.to("big"), "back")
        self.assertFile(self.local("back"), digest)
        os.unlink(self.remote("big"))

    def test_an_upload_that_breaks_off_is_not_published(self):
        self.make_local("up", 24 << 20)
        client = self.openssh()
        cut = subprocess.Popen(["scp", *self.old, "-l", "40000", *client.port_option, *client.options, "up",
                                self.to("cut")], cwd=self.scratch, env=client.environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: any(os.path.getsize(path) > 2000000 for path in self.server.staged("alice")),
                       what="some bytes of the upload")
        finally:
            cut.send_signal(signal.SIGKILL)
            cut.wait(10)
        self.server.wait_event("upload", path="/cut", result="aborted")
        self.assertFalse(os.path.exists(self.remote("cut")))


class OldScp(Scp):
    old = ("-O",)

    def test_a_name_that_the_user_has_quoted(self):
        down = self.make_remote("quoted name")
        for typed in ("quoted\\ name", "'quoted name'", '"quoted name"'):
            # -T: the client compares what comes with what was typed, quotes included.
            self.scp("-T", self.to(typed), "got")
            self.assertFile(self.local("got"), down)
            os.unlink(self.local("got"))

    def test_the_protocol_can_be_switched_off(self):
        with type(self.server)(mode=self.mode, listeners=self.server.listeners, ssh={"scp": False},
                               users={"alice": {"password": "secret"}}) as server:
            client = OpenSsh(server, "alice")
            self.make_local("up", 10)
            self.check(client.scp("-O", "up", self.to("x"), cwd=self.scratch), False, "scp -O")
            self.check(client.scp("up", self.to("x"), cwd=self.scratch), True, "scp")


class SftpAsRoot(Sftp, unittest.TestCase):
    mode = "root"


class SftpAsUser(Sftp, unittest.TestCase):
    mode = "user"


class CompatAsRoot(Compat, unittest.TestCase):
    mode = "root"


class ScpAsRoot(Scp, unittest.TestCase):
    mode = "root"


class OldScpAsRoot(OldScp, unittest.TestCase):
    mode = "root"


class OldScpAsUser(OldScp, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
