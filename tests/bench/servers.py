"""Start transom and its peers with the same job: one user, one directory, FTP on loopback, with TLS on request.

A peer is looked for in the environment (VSFTPD, PROFTPD) and then on PATH; one that is missing is left
out.  `fetch-peers` unpacks Debian's packages side by side (as packages they exclude each other).
Everything lives in a temporary directory: what matters is the filesystem behind it.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from accounting import Group

FILES_UID = 64803
PASSWORD = "bench-password"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"server ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("server does not listen")


class Server:
    """Common part: temporary directory, control group, process."""

    name = ""
    directory = "/"  # where the files are, as the client sees it
    user = "bench"
    password = PASSWORD

    def __init__(self, base=None, tls=False):
        self.tls = tls
        self.temp = tempfile.mkdtemp(prefix=f"bench-{self.name}-", dir=base)
        os.chmod(self.temp, 0o755)
        self.files = os.path.join(self.temp, "files")
        os.mkdir(self.files)
        os.chown(self.files, FILES_UID, FILES_UID)
        if tls:
            self.make_certificate()
        self.port = free_port()
        self.group = Group(self.name)
        self.log = open(os.path.join(self.temp, "output"), "wb")
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=self.group.enter, start_new_session=True)
        try:
            wait_for_port(self.port, self.process)
        except RuntimeError:
            with open(os.path.join(self.temp, "output"), errors="replace") as output:
                sys.stderr.write(output.read())
            self.stop()
            raise

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.temp, name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def make_certificate(self):
        """ECDSA P-256, which is what authorities issue and clients prefer; self.certificate and self.key."""
        self.certificate = os.path.join(self.temp, "cert.pem")
        self.key = os.path.join(self.temp, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        os.chmod(self.key, 0o600)

    def command(self):
        raise NotImplementedError

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in self.group.pids():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.group.close()
        self.log.close()
        shutil.rmtree(self.temp, ignore_errors=True)


class Transom(Server):
    name = "transom"

    @staticmethod
    def found():
        return os.environ.get("TRANSOMD") or os.path.join(
            os.environ.get("TRANSOM_BUILD", "."), "transomd")

    def command(self):
        users = os.path.join(self.temp, "users.d")
        os.mkdir(users, 0o700)
        salted = subprocess.run(
            ["openssl", "passwd", "-5", "-salt", "rounds=1000$benchbench", self.password],
            check=True, capture_output=True, text=True).stdout.strip()
        self.write("users.d/bench.conf", f'password = "{salted}"\nroot = "{self.files}"\n', 0o600)
        conf = self.write("transom.conf", f"""
users_dir = "users.d"
runtime_dir = "run"
state_dir = "state"
front_user = "64801"
clerk_user = "64802"
keeper_user = "64804"
max_sessions_per_address = 10000
max_sessions = 10000
defaults {{ files_user = "{FILES_UID}" }}
listener "ftp" {{ protocol = "ftp" address = "127.0.0.1:{self.port}" }}
ftp {{ passive_ports = "0" }}
log {{ target = "log" }}
""" + self.tls_lines())
        return [self.found(), "-c", conf]

    def tls_lines(self):
        if not self.tls:
            return ""
        return f'tls {{ certificate = "{self.certificate}" key = "{self.key}" }}\n'


class Vsftpd(Server):
    """Anonymous user with uploads: its only virtual user without PAM."""

    name = "vsftpd"
    directory = "/files"
    user = "anonymous"

    @staticmethod
    def found():
        return os.environ.get("VSFTPD") or shutil.which("vsftpd", path=os.environ["PATH"] + ":/usr/sbin")

    def command(self):
        empty = os.path.join(self.temp, "empty")
        os.mkdir(empty)
        os.chown(self.files, 1, 1)  # daemon: an account whose home exists
        conf = self.write("vsftpd.conf", f"""
listen=YES
listen_address=127.0.0.1
listen_port={self.port}
background=NO
anonymous_enable=YES
local_enable=NO
anon_root={self.temp}
ftp_username=daemon
nopriv_user=nobody
secure_chroot_dir={empty}
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_umask=022
anon_world_readable_only=NO
max_per_ip=0
max_clients=0
xferlog_enable=YES
vsftpd_log_file={self.temp}/log
""" + self.tls_lines())
        return [self.found(), conf]

    def tls_lines(self):
        if not self.tls:
            return ""
        return f"""
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=NO
force_anon_data_ssl=NO
require_ssl_reuse=NO
ssl_request_cert=NO
ssl_ciphers=HIGH
rsa_cert_file={self.certificate}
rsa_private_key_file={self.key}
"""


class ProFTPD(Server):
    name = "ProFTPD"

    @staticmethod
    def found():
        return os.environ.get("PROFTPD") or shutil.which("proftpd", path=os.environ["PATH"] + ":/usr/sbin")

    def command(self):
        hashed = subprocess.run(["openssl", "passwd", "-5", "-salt", "rounds=1000$benchbench", self.password],
                                check=True, capture_output=True, text=True).stdout.strip()
        users = self.write("passwd", f"bench:{hashed}:{FILES_UID}:{FILES_UID}::{self.files}:/bin/sh\n", 0o600)
        groups = self.write("group", f"bench:x:{FILES_UID}:\n", 0o600)
        conf = self.write("proftpd.conf", f"""
ServerName bench
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {self.port}
User nobody
Group nogroup
UseIPv6 off
UseReverseDNS off
AuthOrder mod_auth_file.c
AuthUserFile {users}
AuthGroupFile {groups}
RequireValidShell off
DefaultRoot ~
MaxInstances none
AllowOverwrite on
WtmpLog off
TransferLog {self.temp}/xferlog
SystemLog {self.temp}/log
ScoreboardFile {self.temp}/scoreboard
PidFile {self.temp}/pid
DelayEngine off
<Directory />
  AllowOverwrite on
</Directory>
""" + self.tls_lines())
        return [self.found(), "-n", "-q", "-c", conf]

    def tls_lines(self):
        """mod_tls is in Debian's proftpd-mod-crypto, beside the other modules."""
        if not self.tls:
            return ""
        modules = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(self.found()))), "lib", "proftpd")
        return f"""
ModulePath {modules}
LoadModule mod_tls.c
<IfModule mod_tls.c>
  TLSEngine on
  TLSProtocol TLSv1.2 TLSv1.3
  TLSECCertificateFile {self.certificate}
  TLSECCertificateKeyFile {self.key}
  TLSOptions NoSessionReuseRequired
  TLSRenegotiate none
</IfModule>
"""


SERVERS = [Transom, Vsftpd, ProFTPD]
