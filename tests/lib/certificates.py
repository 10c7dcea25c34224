"""A throw-away certificate authority, made with the openssl program.

    server = make_server_certificate(directory, ["localhost", "127.0.0.1"])
    server.certificate, server.key          # files for tls { }: the certificate with its chain, and its key
    server.authority.certificate            # what a client has to trust: curl --cacert

    authority = Authority(directory)
    client = authority.issue("alice", kind="client")
    authority.revoke(client); authority.revocation_list()
"""

import ipaddress
import os

from transom import need_tool, run

KEY_OPTIONS = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["-newkey", "rsa:2048"],
    "ed25519": ["-newkey", "ed25519"],
}

AUTHORITY_SETTINGS = """
[ca]
default_ca = ca_default
[ca_default]
database = index
crlnumber = crlnumber
default_md = sha256
default_crl_days = 1
unique_subject = no
"""


def openssl(*arguments, directory):
    """Run openssl in a directory; its standard output."""
    done = run([need_tool("openssl"), *arguments], cwd=directory)
    if done.returncode != 0:
        raise AssertionError("openssl %s: %s" % (" ".join(arguments), done.stderr))
    return done.stdout


def subject_alternative_names(names):
    """["localhost", "127.0.0.1", "a@example.org"] as openssl's configuration writes them."""
    items = []
    for name in names:
        try:
            items.append("IP:%s" % ipaddress.ip_address(name))
        except ValueError:
            items.append(("email:%s" if "@" in name else "DNS:%s") % name)
    return ",".join(items)


def lifetime(days):
    """From now on, or until days ago: OpenSSL 3.4 and later want a beginning before that, and 3.0 takes none."""
    told = run([need_tool("openssl"), "x509", "-help"]).stderr if days < 0 else ""
    return ["-days", str(days)] + (["-not_before", "20200101000000Z"] if "-not_before" in told else [])


class Certificate:
    """Paths: .certificate (PEM, the chain behind it when there is one), .key (PEM, not encrypted)."""

    def __init__(self, certificate, key, authority=None):
        self.certificate = certificate
        self.key = key
        self.authority = authority

    def fingerprint(self):
        """SHA-256 of the certificate itself as 64 hex digits without colons."""
        said = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256",
                       directory=os.path.dirname(self.certificate))
        return said.strip().split("=", 1)[1].replace(":", "").lower()


class Authority(Certificate):
    """A certificate authority of its own in directory/NAME."""

    def __init__(self, directory, name="authority", days=2):
        self.directory = os.path.join(directory, name)
        os.mkdir(self.directory)
        super().__init__(os.path.join(self.directory, "ca.crt"), os.path.join(self.directory, "ca.key"))
        openssl("req", "-x509", *KEY_OPTIONS["ec"], "-nodes", "-keyout", self.key, "-out", self.certificate,
                "-days", str(days), "-subj", "/CN=transom test %s" % name,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", directory=self.directory)
        for file, content in (("index", ""), ("crlnumber", "01\n"), ("settings", AUTHORITY_SETTINGS)):
            with open(os.path.join(self.directory, file), "w") as out:
                out.write(content)

    def issue(self, common_name, names=(), kind="server", key_type="ec", days=2, file=None):
        """A certificate for a "server" or a "client"; days may be negative for one that has expired."""
        file = file or common_name.replace("/", "_")
        base = os.path.join(self.directory, file)
        made = Certificate(base + ".crt", base + ".key", self)
        extensions = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=%sAuth\n" % kind
        if names:
            extensions += "subjectAltName=%s\n" % subject_alternative_names(names)
        with open(base + ".ext", "w") as out:
            out.write(extensions)
        openssl("req", "-new", *KEY_OPTIONS[key_type], "-nodes", "-keyout", made.key, "-out", base + ".csr",
                "-subj", "/CN=" + common_name, directory=self.directory)
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", *lifetime(days), "-extfile", base + ".ext", "-out", made.certificate,
                directory=self.directory)
        with open(self.certificate) as ours, open(made.certificate, "a") as out:
            out.write(ours.read())
        os.chmod(made.key, 0o600)
        return made

    def revoke(self, certificate):
        openssl("ca", "-config", "settings", "-cert", self.certificate, "-keyfile", self.key,
                "-revoke", certificate.certificate, directory=self.directory)

    def revocation_list(self):
        """Write the list of what has been revoked so far; its path."""
        path = os.path.join(self.directory, "ca.crl")
        openssl("ca", "-config", "settings", "-cert", self.certificate, "-keyfile", self.key,
                "-gencrl", "-out", path, directory=self.directory)
        return path


def make_server_certificate(directory, names=("localhost", "127.0.0.1", "::1"), key_type="ec", days=2,
                            authority=None):
    """A certificate for a server of these names, by an authority that is made for it when none is given."""
    authority = authority or Authority(directory, "authority-of-" + names[0])
    return authority.issue(names[0], names, "server", key_type, days)
