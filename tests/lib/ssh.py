"""Keys and clients of SSH: what tests of SFTP share.

    key = make_ssh_key(directory)                       # key.path, key.public
    server = TransomServer(users={"alice": {"keys": [key.public]}}, listeners=SFTP_ONLY)
    sftp = OpenSsh(server, "alice", key=key)
    sftp.batch(["put a", "ls -l"])                      # a finished process of `sftp -b -`
    sftp.scp("-O", "a", sftp.target("/dir"))

    with DamagingProxy(server.port_of("sftp"), 100000) as proxy:    # one bit of the client's byte 100000 changes
        OpenSsh(server, "alice", key=key, port=proxy.port)
"""

import os
import re
import shutil
import socket
import stat
import tempfile
import threading

from transom import need_tool, run

KEY_TYPES = {"ed25519": [], "ecdsa": ["-b", "256"], "rsa": ["-b", "2048"]}


class SshKey:
    """A key pair: .path of the private half, .public: the line of the public one without its comment."""

    def __init__(self, path):
        self.path = path
        with open(path + ".pub") as file:
            self.public = " ".join(file.read().split()[:2])


def make_ssh_key(directory, name=None, key_type="ed25519", passphrase="", bits=None):
    """Make a key pair with ssh-keygen."""
    path = os.path.join(directory, name or "id_" + key_type)
    size = ["-b", str(bits)] if bits else KEY_TYPES[key_type]
    done = run([need_tool("ssh-keygen"), "-q", "-t", key_type, *size, "-N", passphrase, "-C", "", "-f", path])
    if done.returncode != 0:
        raise AssertionError("ssh-keygen: " + done.stderr)
    return SshKey(path)


_host_keys = None


def copy_host_keys(directory):
    """Host keys in a directory, made once for all servers of this process: {type: SshKey}."""
    global _host_keys
    if _host_keys is None:
        with tempfile.TemporaryDirectory() as scratch:
            _host_keys = {}
            for key_type in KEY_TYPES:
                key = make_ssh_key(scratch, key_type=key_type)
                with open(key.path) as private, open(key.path + ".pub") as public:
                    _host_keys[key_type] = (private.read(), public.read())
    keys = {}
    for key_type, (private, public) in _host_keys.items():
        path = os.path.join(directory, "ssh_host_%s_key" % key_type)
        for name, content in ((path, private), (path + ".pub", public)):
            with open(name, "w") as file:
                file.write(content)
            os.chmod(name, 0o600)
        keys[key_type] = SshKey(path)
    return keys


def write_known_hosts(path, server, key_types=None, port=None):
    """Write known_hosts for the SFTP listener of a TransomServer, or for another port that leads to it."""
    port = port or server.port_of("sftp")
    with open(path, "w") as file:
        for key_type, key in server.host_keys.items():
            if key_types is None or key_type in key_types:
                file.write("[127.0.0.1]:%d %s\n" % (port, key.public))
    return path


class OpenSsh:
    """OpenSSH's sftp, scp and ssh as one user of a TransomServer, away from the configuration of whoever runs the test.

    With a key it logs in by that; else by the user's password, which it is told through SSH_ASKPASS.  port: another
    that leads to the server."""

    def __init__(self, server, user, key=None, password=None, options=(), port=None):
        self.server = server
        self.user = user
        self.port = port or server.port_of("sftp")
        self.directory = tempfile.mkdtemp(dir=server.dir)
        self.known_hosts = write_known_hosts(os.path.join(self.directory, "known_hosts"), server, port=port)
        self.environment = dict(os.environ, HOME=self.directory, LC_ALL="C.UTF-8", TZ="UTC")
        self.environment.pop("SSH_AUTH_SOCK", None)
        self.options = ["-F", "/dev/null"]
        settings = [
            "UserKnownHostsFile=" + self.known_hosts, "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes", "NumberOfPasswordPrompts=1", "LogLevel=ERROR", *options,
        ]
        if key is not None:
            own = os.path.join(self.directory, "identity")
            shutil.copyfile(key.path, own)
            os.chmod(own, stat.S_IRUSR)
            settings += ["IdentityFile=" + own, "IdentitiesOnly=yes", "PreferredAuthentications=publickey"]
        else:
            self.ask_password(password if password is not None else server.users[user]["password"])
            settings += ["PubkeyAuthentication=no", "PreferredAuthentications=password"]
        for setting in settings:
            self.options += ["-o", setting]

    def ask_password(self, password):
        """Answer questions with this password."""
        program = os.path.join(self.directory, "askpass")
        with open(program, "w") as file:
            file.write('#!/bin/sh\nprintf "%s\\n" "$TRANSOM_TEST_PASSWORD"\n')
        os.chmod(program, 0o700)
        self.environment.update(SSH_ASKPASS=program, SSH_ASKPASS_REQUIRE="force", TRANSOM_TEST_PASSWORD=password)

    def prefer(self, methods):
        """Log in by these methods, as PreferredAuthentications has them."""
        self.options = [re.sub(r"^(PreferredAuthentications=).*", r"\1" + methods, option) for option in self.options]

    def target(self, path=""):
        """alice@127.0.0.1:PATH, as scp and rsync write it; the port is in `port_option`."""
        return "%s@127.0.0.1:%s" % (self.user, path)

    @property
    def port_option(self):
        return ["-P", str(self.port)]

    def sftp_command(self, *arguments):
        return [need_tool("sftp"), *self.port_option, *self.options, *arguments, self.target().rstrip(":")]

    def batch(self, commands, *arguments, timeout=120, **options):
        """`sftp -b -` with these commands; the finished process.  A command that fails ends the batch."""
        options.setdefault("cwd", self.directory)
        # sftp -b switches questions off, and with them the password, unless told otherwise afterwards.
        return run(self.sftp_command("-o", "BatchMode=no", "-b", "-", *arguments), timeout=timeout,
                   stdin=None, input="".join(line + "\n" for line in commands),
                   env=self.environment, **options)

    def scp(self, *arguments, timeout=120, **options):
        """scp with these arguments; the finished process."""
        options.setdefault("cwd", self.directory)
        return run([need_tool("scp"), *self.port_option, *self.options, *arguments], timeout=timeout,
                   env=self.environment, **options)

    def ssh(self, *arguments, timeout=60, **options):
        """ssh with these arguments before the host (options) and none after it, unless in `command`."""
        command = options.pop("command", ())
        return run([need_tool("ssh"), "-p", str(self.port), *self.options, *arguments,
                    self.target().rstrip(":"), *command], timeout=timeout, env=self.environment, **options)


class DamagingProxy:
    """A port before another that changes one bit of what the first client sends, `after` bytes from the beginning."""

    def __init__(self, target, after):
        self.target = target
        self.after = after
        self.damaged = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for sock in [self.listener, *self.sockets]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        for sock in [self.listener, *self.sockets]:
            sock.close()

    def serve(self):
        try:
            client = self.listener.accept()[0]
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", self.target))
        self.sockets += [client, server]
        back = threading.Thread(target=self.pass_on, args=(server, client), daemon=True)
        self.threads.append(back)
        back.start()
        self.pass_on(client, server, self.damage)

    def damage(self, data, start):
        if not start <= self.after < start + len(data):
            return data
        self.damaged = True
        at = self.after - start
        return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]

    @staticmethod
    def pass_on(source, sink, change=None):
        """Until either side ends."""
        start = 0
        try:
            while data := source.recv(65536):
                sink.sendall(change(data, start) if change else data)
                start += len(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
