"""Two SFTP libraries of Python against transom: paramiko and asyncssh.  The drivers are in python/.

Both renew keys all the while in one step: asyncssh 2.10 goes on sending data in the middle of it, which RFC 4253 7.1
forbids, and which libssh would end the connection for."""
# run-tests: timeout 900

import unittest

from client import make_nested_tree
from sftp_client import SftpClient, python_with

PARAMIKO_STEPS = ["transfers", "attributes", "names", "modes", "check", "large_directory", "rekeying"]
ASYNCSSH_STEPS = ["transfers", "names", "many_at_once", "rekeying"]


class Paramiko(SftpClient):
    def test_every_call(self):
        self.make_local("up", 3000001)
        self.make_local("large", 12 << 20)
        self.assertEqual(self.drive("paramiko", "paramiko_steps.py"), ["password", "key"] + PARAMIKO_STEPS)


class Asyncssh(SftpClient):
    def test_every_call(self):
        python_with("asyncssh")
        self.make_local("up", 3000001)
        self.make_local("large", 12 << 20)
        make_nested_tree(self.local("tree"))
        self.assertEqual(self.drive("asyncssh", "asyncssh_steps.py"), ["password"] + ASYNCSSH_STEPS)
        self.assertSameTree(self.remote("tree"), self.local("tree"))
        self.assertSameTree(self.local("back"), self.local("tree"))


class ParamikoAsRoot(Paramiko, unittest.TestCase):
    mode = "root"


class ParamikoAsUser(Paramiko, unittest.TestCase):
    mode = "user"


class AsyncsshAsRoot(Asyncssh, unittest.TestCase):
    mode = "root"


if __name__ == "__main__":
    unittest.main()
