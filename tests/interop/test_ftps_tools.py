"""Tools that look at TLS itself: openssl s_client, gnutls-cli, sslscan, testssl.

# run-tests: timeout 1200
"""

import os
import re
import subprocess
import unittest
import xml.etree.ElementTree

from client import FtpsClient
from transom import SCALE, need_tool, run

# What testssl grades as worse than these is a finding.
TESTSSL_FINE = {"OK", "INFO", "LOW", "DEBUG"}
# A throw-away authority is trusted by nobody, its certificate lives two days, and there is no HTTP.
TESTSSL_ABOUT_THE_CERTIFICATE = re.compile(r"cert_|DNS_CAArecord|overall_grade|grade_cap|final_score|rating|"
                                           r"(protocol_support|key_exchange|cipher_strength)_score|scanTime|engine_problem")


class Dialogue:
    """A program that connects its standard input and output to the server, over TLS."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment)

    def say(self, *lines, eof=True):
        """Send the lines and collect everything until the program ends."""
        text = "".join(line + "\n" for line in lines).encode()
        try:
            said, _ = self.process.communicate(text if eof else None, timeout=30 * SCALE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
        return said.decode("utf-8", "backslashreplace")


class Openssl(FtpsClient):
    """openssl s_client"""

    tools = ("openssl",)

    def s_client(self, listener, *arguments, lines=("QUIT",), status=None):
        starttls = () if "implicit" in listener else ("-starttls", "ftp")
        command = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.ports[listener], *starttls,
                   "-CAfile", self.trusted, "-crlf", "-ign_eof", *arguments]
        with open(self.local("input"), "w") as file:
            file.write("".join(line + "\n" for line in lines))
        with open(self.local("input")) as file:
            said, errors = self.execute(command, status, stdin=file, timeout=60)
        return said + errors

    def test_a_login(self):
        for listener in ("lenient", "lenient-implicit"):
            for version in ("-tls1_2", "-tls1_3"):
                with self.subTest(listener=listener, version=version):
                    said = self.s_client(listener, version, lines=("USER alice", "PASS secret", "PWD", "QUIT"))
                    self.assertIn("Verify return code: 0 (ok)", said)
                    self.assertIn('257 "/"', said)
                    self.assertRegex(said, r"(?m)^221 ")

    def test_old_versions_and_weak_suites_are_refused(self):
        for arguments in (("-tls1",), ("-tls1_1",), ("-cipher", "AES128-SHA256:AES256-GCM-SHA384", "-tls1_2"),
                          ("-cipher", "aNULL:eNULL:@SECLEVEL=0", "-tls1_2")):
            with self.subTest(arguments):
                said = self.s_client("lenient-implicit", "-cipher", "ALL:@SECLEVEL=0", *arguments) \
                    if "-cipher" not in arguments else self.s_client("lenient-implicit", *arguments)
                self.assertRegex(said, r"alert (protocol version|handshake failure)|Cipher is \(NONE\)")
                self.assertNotRegex(said, r"(?m)^220")

    def test_groups_of_every_size(self):
        """A hybrid share makes the ClientHello longer than a segment; who sends none that is taken is asked for another."""
        for groups, agreed in (("X25519MLKEM768", "X25519MLKEM768"), ("P-521:X25519MLKEM768", "X25519MLKEM768"),
                               ("X25519:P-256", "X25519"), ("P-521:P-256", "P-256|prime256v1")):
            if "MLKEM" in groups and "MLKEM" not in run(["openssl", "list", "-kem-algorithms"]).stdout:
                continue
            for listener in ("lenient", "lenient-implicit"):
                with self.subTest(listener=listener, groups=groups):
                    said = self.s_client(listener, "-tls1_3", "-groups", groups,
                                         lines=("USER alice", "PASS secret", "PWD", "QUIT"))
                    self.assertRegex(said, r"(?m)^(Negotiated TLS1.3 group: |.* Temp Key: (ECDH, )?)(%s)\b" % agreed)
                    self.assertIn('257 "/"', said)

    def test_alpn(self):
        """SECURITY.md row 7: only ftp; a client that speaks of no protocol is served."""
        said = self.s_client("lenient-implicit", "-alpn", "ftp")
        self.assertIn("ALPN protocol: ftp", said)
        said = self.s_client("lenient-implicit", "-alpn", "http/1.1,ftp")
        self.assertIn("ALPN protocol: ftp", said)
        for version in ("-tls1_2", "-tls1_3"):
            said = self.s_client("lenient-implicit", "-alpn", "http/1.1", version)
            self.assertIn("alert no application protocol", said)
            self.assertNotRegex(said, r"(?m)^221")
        said = self.s_client("lenient", "-alpn", "h2")
        self.assertIn("alert no application protocol", said)

    def test_renegotiation_is_refused(self):
        """Row 40: a line that is a single R makes s_client ask for it."""
        for listener in ("lenient", "lenient-implicit"):
            with self.subTest(listener):
                said = self.renegotiate(listener)
                self.assertRegex(said, r"RENEGOTIATING")
                self.assertRegex(said, r"no renegotiation|alert|errno|error|closed")
                self.assertNotRegex(said, r"(?m)^200 ")

    def renegotiate(self, listener):
        starttls = () if "implicit" in listener else ("-starttls", "ftp")
        dialogue = Dialogue(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.ports[listener],
                             *starttls, "-CAfile", self.trusted, "-crlf", "-tls1_2"], self.environment())
        return dialogue.say("R", "NOOP")

    def test_reconnect(self):
        """-reconnect resumes a session five times on new control connections: allowed to work, must not break."""
        for version in ("-tls1_2", "-tls1_3"):
            said = self.s_client("lenient-implicit", "-reconnect", version)
            self.assertIn("Verify return code: 0 (ok)", said)

    def test_a_ticket_of_one_session_is_none_in_another(self):
        """Rows 5 and 43: every session has ticket keys of its own."""
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version):
                ticket = self.local("ticket" + version)
                self.s_client("lenient-implicit", version, "-sess_out", ticket)
                self.assertTrue(os.path.exists(ticket))
                said = self.s_client("lenient-implicit", version, "-sess_in", ticket)
                self.assertNotRegex(said, r"(?m)^Reused, ")
                self.assertRegex(said, r"(?m)^New, ")

    def test_a_stranger_takes_nothing_from_a_passive_port(self):
        """Row 5: a connection to the data port that resumes nothing gets 522 and not a byte of the file."""
        content = b"what only alice may read " * 1000
        self.server.write_file("alice", "stolen", content)
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.server.ports["explicit"], "-starttls", "ftp",
             "-CAfile", self.trusted, "-crlf", "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=self.environment())
        try:
            os.set_blocking(client.stdout.fileno(), True)

            def answer(line, *codes):
                client.stdin.write(line.encode() + b"\n")
                client.stdin.flush()
                while True:
                    got = client.stdout.readline().decode()
                    self.assertTrue(got, "s_client ended")
                    if got[:4] in [code + " " for code in codes]:
                        return got

            answer("USER alice", "331")
            answer("PASS secret", "230")
            answer("PBSZ 0", "200")
            answer("PROT P", "200")
            port = int(re.search(r"\|(\d+)\|", answer("EPSV", "229")).group(1))
            client.stdin.write(b"RETR stolen\n")
            client.stdin.flush()
            with open(os.devnull) as nothing:
                thief = run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, "-CAfile", self.trusted,
                             "-quiet"], stdin=nothing, timeout=30)
            self.assertNotIn("only alice", thief.stdout)
            said = ""
            while not said.startswith("522"):
                said = client.stdout.readline().decode()
                self.assertTrue(said, "s_client ended without 522")
        finally:
            client.kill()
            client.wait(10)
            client.stdin.close()
            client.stdout.close()

    def test_sni_for_a_name_that_nobody_has(self):
        said = self.s_client("lenient-implicit", "-servername", "nobody.example.org")
        self.assertIn("Verify return code: 0 (ok)", said)


class Gnutls(FtpsClient):
    """gnutls-cli"""

    tools = ("gnutls-cli",)

    def gnutls(self, listener, *arguments, lines=("QUIT",)):
        starttls = () if "implicit" in listener else ("--starttls-proto=ftp",)
        command = ["gnutls-cli", "--x509cafile", self.trusted, "--port", str(self.server.ports[listener]),
                   *starttls, *arguments, "127.0.0.1"]
        # At the end of its input it leaves without waiting for replies, so that is kept open until the server closes.
        with open(self.local("output"), "w+b") as output:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output,
                                  env=self.environment()) as process:
                try:
                    process.stdin.write("".join(line + "\r\n" for line in lines).encode())
                    process.stdin.flush()
                    process.wait(20 * SCALE)
                except (BrokenPipeError, subprocess.TimeoutExpired):
                    process.kill()
            output.seek(0)
            return output.read().decode("utf-8", "backslashreplace")

    def test_a_login(self):
        for listener in ("lenient", "lenient-implicit"):
            for version in ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"):
                with self.subTest(listener=listener, version=version):
                    said = self.gnutls(listener, "--priority", version,
                                       lines=("USER alice", "PASS secret", "PWD", "QUIT"))
                    self.assertIn("The certificate is trusted", said)
                    self.assertIn('257 "/"', said)

    def test_old_versions_are_refused(self):
        said = self.gnutls("lenient-implicit", "--priority", "LEGACY:-VERS-ALL:+VERS-TLS1.1:%COMPAT")
        self.assertNotIn("Handshake was completed", said)

    def test_alpn(self):
        self.assertIn("Application protocol: ftp", self.gnutls("lenient-implicit", "--alpn=ftp"))
        said = self.gnutls("lenient-implicit", "--alpn=http/1.1")
        self.assertNotIn("Handshake was completed", said)

    def test_a_rehandshake_is_refused(self):
        said = self.gnutls("lenient-implicit", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "--rehandshake",
                           lines=("NOOP", "QUIT"))
        self.assertNotIn("ReHandshake was completed", said)


class Scanners(FtpsClient):
    """sslscan and testssl: no weak finding."""

    def target(self, listener):
        return "127.0.0.1:%d" % self.server.ports[listener]

    def check_sslscan(self, listener, *arguments):
        need_tool("sslscan")
        said, _ = self.execute(["sslscan", "--xml=-", "--no-colour", "--show-certificate", *arguments,
                                self.target(listener)], timeout=180)
        test = xml.etree.ElementTree.fromstring(said).find("ssltest")
        self.assertIsNotNone(test, said)
        enabled = {(one.get("type"), one.get("version")) for one in test.findall("protocol")
                   if one.get("enabled") == "1"}
        self.assertEqual(enabled, {("tls", "1.2"), ("tls", "1.3")})
        ciphers = test.findall("cipher")
        self.assertTrue(ciphers, said)
        self.assertEqual({one.get("strength") for one in ciphers} - {"strong", "acceptable"}, set(), said)
        for one in ciphers:
            self.assertGreaterEqual(int(one.get("bits")), 128)
            self.assertRegex(one.get("cipher"), r"GCM|CHACHA20|CCM")
            self.assertRegex(one.get("cipher"), r"^(TLS_|ECDHE-)")
        self.assertEqual([one.get("supported") for one in test.findall("compression") if one.get("supported") != "0"],
                         [])
        renegotiation = test.find("renegotiation")
        self.assertEqual(renegotiation.get("supported"), "0")
        self.assertEqual({one.get("vulnerable") for one in test.findall("heartbleed")}, {"0"})

    def test_sslscan_explicit(self):
        self.check_sslscan("lenient", "--starttls-ftp")

    def test_sslscan_implicit(self):
        self.check_sslscan("lenient-implicit")

    def check_testssl(self, listener, *arguments):
        """Protocols, forward secrecy, the server's preference and defaults, and every named attack."""
        program = need_tool("testssl")
        report = self.local("report.csv")
        self.execute([program, "--quiet", "--color", "0", "--warnings", "batch", "--csvfile", report,
                      "--ip", "one", "--protocols", "--fs", "--server-preference", "--vulnerable", *arguments,
                      self.target(listener)], None, timeout=500)
        with open(report) as file:
            rows = [re.findall(r'"([^"]*)"', line) for line in file][1:]
        findings = {row[0]: (row[3], row[4]) for row in rows if len(row) > 4}
        self.assertIn("TLS1_2", findings, rows)
        bad = {name: found for name, found in findings.items()
               if found[0] not in TESTSSL_FINE and not TESTSSL_ABOUT_THE_CERTIFICATE.match(name)}
        self.assertEqual(bad, {})

    def test_testssl_explicit(self):
        self.check_testssl("lenient", "--starttls", "ftp")


class OpensslAsRoot(Openssl, unittest.TestCase):
    mode = "root"


class OpensslAsUser(Openssl, unittest.TestCase):
    mode = "user"


class GnutlsAsRoot(Gnutls, unittest.TestCase):
    mode = "root"


class ScannersAsRoot(Scanners, unittest.TestCase):
    mode = "root"


class ScannersAsUser(Scanners, unittest.TestCase):
    mode = "user"

    @unittest.skipIf(os.geteuid() == 0, "done as root")
    def test_testssl_explicit(self):
        super().test_testssl_explicit()


if __name__ == "__main__":
    unittest.main()
