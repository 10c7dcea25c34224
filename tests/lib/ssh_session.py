"""Tests of SSH sessions: a server for SFTP, its users, connections to it."""

from ssh_raw import Ed25519, RawSsh, string, u32
from transom import SFTP_ONLY, SharedServer

KEY = Ed25519(b"alice")
USERS = {
    "alice": {"password": "secret", "keys": [KEY.line]},
    "carol": {"password": "secret", "keys": [KEY.line], "require": ["publickey", "password"]},
}


def request(kind, number, *parts):
    """A packet of SFTP."""
    return string(bytes([kind]) + u32(number) + b"".join(parts))


def realpath(number, path="."):
    return request(16, number, string(path))


class SshTest(SharedServer):
    settings = {"users": USERS, "listeners": SFTP_ONLY,
                "ssh": {"banner": "Authorised people only.", "software_version": "transom_test"}}

    def connect(self, **options):
        ssh = RawSsh(self.server.port_of("sftp"), **options)
        self.addCleanup(ssh.close)
        return ssh

    def logged_in(self, **options):
        ssh = self.connect(**options)
        ssh.login("alice", "secret")
        return ssh
