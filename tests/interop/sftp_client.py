"""What the tests of outside SFTP clients share: a server with an SFTP listener, keys, and another Python.

    class Sftp(SftpClient):
        tools = ("sftp",)

        def test_it(self):
            digest = self.make_remote("file", 1000)
            self.batch("get file down")
            self.assertFile(self.local("down"), digest)

    class SftpAsRoot(Sftp, unittest.TestCase):
        mode = "root"
"""

import json
import os
import shutil
import tempfile
import unittest

from client import Client
from ssh import OpenSsh, make_ssh_key, write_known_hosts
from transom import SFTP_ONLY, SOURCE, run

DRIVERS = os.path.join(SOURCE, "tests", "interop", "python")


def python_with(module):
    """An interpreter that has a module: Debian's packages are for /usr/bin/python3, whichever runs this."""
    for interpreter in ("python3", "/usr/bin/python3"):
        path = shutil.which(interpreter)
        if path and run([path, "-W", "ignore", "-c", "import " + module]).returncode == 0:
            return path
    raise unittest.SkipTest("no python3 has the module %s" % module)


class SftpClient(Client):
    """As Client, over SFTP: alice has a password and a key, bob two factors, carol a key and nothing else."""

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp()
        try:
            cls.key = make_ssh_key(cls.keys)
            cls.settings = dict({"listeners": SFTP_ONLY}, **cls.more_settings(), users={
                "alice": {"password": "secret", "keys": [cls.key.public]},
                "bob": {"password": "secret", "keys": [cls.key.public], "require": ["publickey", "password"]},
                "carol": {"keys": [cls.key.public]},
            })
            super().setUpClass()
        except BaseException:
            shutil.rmtree(cls.keys, ignore_errors=True)
            raise

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.keys, ignore_errors=True)
        super().tearDownClass()

    @classmethod
    def more_settings(cls):
        """Further arguments of the server."""
        return {}

    @property
    def port(self):
        return self.server.port_of("sftp")

    def openssh(self, user="alice", key=True, options=()):
        return OpenSsh(self.server, user, key=self.key if key else None, options=options)

    def private_key(self):
        """A copy of the key that belongs to the client alone, as ssh wants it; its path."""
        path = self.local("identity")
        shutil.copyfile(self.key.path, path)
        os.chmod(path, 0o600)
        return path

    def known_hosts(self, *key_types):
        return write_known_hosts(self.local("known_hosts"), self.server, key_types or None)

    def batch(self, *commands, ok=True, options=(), arguments=(), **more):
        """Commands of OpenSSH's sftp, run in self.scratch; what it said on both channels."""
        done = self.openssh(options=options).batch(commands, *arguments, cwd=self.scratch, **more)
        self.check(done, ok, "sftp")
        return done.stdout + done.stderr

    def check(self, done, ok, name):
        if ok != (done.returncode == 0):
            self.fail("%s ended with %d: %s%s\n%s" % (
                name, done.returncode, done.stdout, done.stderr, self.server.log_tail()))

    def drive(self, module, driver, **job):
        """Run a driver of tests/interop/python/ under an interpreter that has a module; what it printed as JSON."""
        interpreter = python_with(module)
        host_key = self.server.host_keys["ed25519"].public
        job = dict({"port": self.port, "user": "alice", "password": "secret", "key": self.private_key(),
                    "host_key": host_key, "scratch": self.scratch}, **job)
        said, _ = self.execute([interpreter, "-W", "ignore", os.path.join(DRIVERS, driver), json.dumps(job)],
                               timeout=300)
        return json.loads(said.splitlines()[-1])
