"""FileZilla itself, in a display that nobody sees: it logs in and lists, and its data connections must resume.

It is given an address and lists the root by itself; its transfers, which need a hand, take the same way.  Neither it nor
Xvfb is installed by contrib/check.
"""

import os
import ssl
import subprocess
import tempfile
import time
import unittest

from client import FtpsClient
from transom import wait_until

SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<FileZilla3 platform="*nix"><Settings>
<Setting name="Greeting version">99.0.0</Setting>
<Setting name="Update Check">0</Setting>
<Setting name="Disable update footer">1</Setting>
</Settings></FileZilla3>
"""
TRUSTED = """<?xml version="1.0" encoding="UTF-8"?>
<FileZilla3 platform="*nix"><TrustedCerts>%s</TrustedCerts></FileZilla3>
"""
CERTIFICATE = """<Certificate><Data>%s</Data><ActivationTime>%d</ActivationTime><ExpirationTime>%d</ExpirationTime>
<Host>127.0.0.1</Host><Port>%d</Port><TrustSANs>0</TrustSANs></Certificate>"""
DAY = 86400


class FileZilla(FtpsClient, unittest.TestCase):
    tools = ("filezilla", "Xvfb")

    def setUp(self):
        super().setUp()
        settings = os.path.join(self.scratch, ".config", "filezilla")
        os.makedirs(settings)
        with open(self.server.certificate.certificate) as file:
            first = file.read().split("-----END")[0] + "-----END CERTIFICATE-----\n"
        now = int(time.time())
        trusted = "".join(CERTIFICATE % (ssl.PEM_cert_to_DER_cert(first).hex(), now - DAY, now + DAY, port)
                          for port in self.server.ports.values())
        for name, text in (("filezilla.xml", SETTINGS), ("trustedcerts.xml", TRUSTED % trusted)):
            with open(os.path.join(settings, name), "w") as file:
                file.write(text)

    def display(self):
        """The number of a display of our own."""
        reader, writer = os.pipe()
        process = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                                   pass_fds=[writer], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        os.close(writer)
        with os.fdopen(reader) as number:
            return ":" + number.readline().strip()

    def lists(self, listener, display):
        scheme = "ftps" if "implicit" in listener else "ftpes"
        before = len(self.server.log_events("list"))
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["filezilla", "%s://alice:secret@127.0.0.1:%d/" % (scheme, self.server.ports[listener])],
                env=dict(self.environment(), XDG_CONFIG_HOME=os.path.join(self.scratch, ".config"),
                         DISPLAY=display), stdout=output, stderr=output, cwd=self.scratch)
            try:
                wait_until(lambda: len(self.server.log_events("list")) > before, timeout=30, what="a listing")
            finally:
                process.terminate()
                process.wait()

    def test_lists_where_data_connections_must_resume(self):
        display = self.display()
        for listener in ("explicit", "implicit"):
            with self.subTest(listener):
                self.lists(listener, display)
        self.assertEqual(self.new_events("data-failed"), [])


if __name__ == "__main__":
    unittest.main()
