"""Start transom and its peers as SFTP servers with the same job: one user with one key, one directory, loopback.

A peer is looked for in the environment (SSHD and SFTP_SERVER, PROFTPD) and then on PATH; one that is missing is left
out.  `fetch-peers` unpacks Debian's packages.
"""

import os
import shutil
import subprocess

from servers import FILES_UID, Server, Transom

SSHD_UID = 64850


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


class SftpServer(Server):
    """With a host key and the user's key, made before the server starts."""

    directory = "/"

    def command(self):
        self.host_key = make_key(os.path.join(self.temp, "host_key"))
        self.user_key = make_key(os.path.join(self.temp, "user_key"))
        with open(self.user_key + ".pub") as public:
            self.user_public = public.read().strip()
        with open(self.host_key + ".pub") as public:
            self.known_hosts = self.write("known_hosts", "[127.0.0.1]:%d %s" % (self.port, public.read()))
        return self.sftp_command()

    def sftp_command(self):
        raise NotImplementedError


class SftpTransom(SftpServer):
    name = "transom"
    found = staticmethod(Transom.found)

    def sftp_command(self):
        os.mkdir(os.path.join(self.temp, "users.d"), 0o700)
        self.write("users.d/bench.conf", f'keys = {{ "{self.user_public}" }}\nroot = "{self.files}"\n', 0o600)
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
listener "sftp" {{ protocol = "sftp" address = "127.0.0.1:{self.port}" }}
ftp {{ passive_ports = "0" }}
ssh {{ host_keys = {{ "{self.host_key}" }} }}
log {{ target = "log" }}
""")
        return [self.found(), "-c", conf]


class OpenSsh(SftpServer):
    """sshd with sftp-server.  Its two accounts are in a passwd file that it alone sees."""

    name = "OpenSSH"

    @staticmethod
    def found():
        return os.environ.get("SSHD") or shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")

    def sftp_command(self):
        self.directory = self.files
        server = os.environ.get("SFTP_SERVER", "/usr/lib/openssh/sftp-server")
        with open("/etc/passwd") as system:
            accounts = [line for line in system if not line.startswith(("sshd:", "bench:"))]
        accounts += [f"sshd:x:{SSHD_UID}:{SSHD_UID}::/run/sshd:/usr/sbin/nologin\n",
                     f"bench:x:{FILES_UID}:{FILES_UID}::{self.files}:/bin/sh\n"]
        passwd = self.write("passwd", "".join(accounts))
        keys = self.write("authorized_keys", self.user_public + "\n")
        conf = self.write("sshd_config", f"""
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.host_key}
AuthorizedKeysFile {keys}
StrictModes no
UsePAM no
UseDNS no
PidFile none
PrintMotd no
MaxStartups 1000
Ciphers +aes128-gcm@openssh.com
Subsystem sftp {server}
""")
        script = ('mkdir -p /run/sshd && mount --bind "$1" /etc/passwd && exec "$2" -D -e -f "$3"')
        return ["unshare", "--mount", "sh", "-c", script, "sh", passwd, self.found(), conf]


class SftpProFTPD(SftpServer):
    """ProFTPD with mod_sftp."""

    name = "ProFTPD"

    @staticmethod
    def found():
        return os.environ.get("PROFTPD") or shutil.which("proftpd", path=os.environ["PATH"] + ":/usr/sbin")

    def sftp_command(self):
        modules = os.path.join(os.path.dirname(os.path.dirname(self.found())), "lib", "proftpd")
        users = self.write("passwd", f"bench:*:{FILES_UID}:{FILES_UID}::{self.files}:/bin/sh\n", 0o600)
        groups = self.write("group", f"bench:x:{FILES_UID}:\n", 0o600)
        exported = subprocess.run(["ssh-keygen", "-e", "-f", self.user_key + ".pub"], check=True,
                                  capture_output=True, text=True).stdout
        keys = self.write("user_keys", exported)
        conf = self.write("proftpd.conf", f"""
ModulePath {modules}
LoadModule mod_sftp.c
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
SFTPEngine on
SFTPHostKey {self.host_key}
SFTPAuthMethods publickey
SFTPAuthorizedUserKeys file:{keys}
SFTPLog none
<Directory />
  AllowOverwrite on
</Directory>
""")
        return [self.found(), "-n", "-q", "-c", conf]


SERVERS = [SftpTransom, OpenSsh, SftpProFTPD]
