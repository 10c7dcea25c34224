"""FileZilla itself, in a display that nobody sees: it logs in, lists, uploads and downloads, and its data connections must
resume.

It is given an address and lists the root by itself; transfers it finds in the queue that it keeps between its runs, and the
key that sets them going is pressed by xdotool.  None of the three programs is installed by contrib/check.
"""

import os
import sqlite3
import ssl
import subprocess
import tempfile
import time
import unittest

from client import FtpsClient
from transom import need_tool, run, wait_until

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
# Of its queue.sqlite3: columns that matter, the others stay empty.
PROTOCOLS = {"implicit": 3, "explicit": 4}
DOWNLOAD = 16       # in `flags`
ROOT = "1 0"        # a remote path: Unix, no segment
CONTENT = bytes(range(256)) * 2000


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

    def run_until(self, done, display, *arguments, what=None):
        """FileZilla, until it has done what is asked of it."""
        environment = dict(self.environment(), XDG_CONFIG_HOME=os.path.join(self.scratch, ".config"), DISPLAY=display)
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(["filezilla", *arguments], env=environment, stdout=output, stderr=output,
                                       cwd=self.scratch)
            try:
                wait_until(lambda: done(environment), timeout=30, what=what)
            finally:
                process.terminate()
                process.wait()

    def lists(self, listener, display):
        scheme = "ftps" if "implicit" in listener else "ftpes"
        before = len(self.server.log_events("list"))
        self.run_until(lambda _: len(self.server.log_events("list")) > before, display,
                       "%s://alice:secret@127.0.0.1:%d/" % (scheme, self.server.ports[listener]), what="a listing")

    def fill_queue(self, listener):
        """An upload of "up" and a download of "down", in the queue that an earlier run has made."""
        with open(os.path.join(self.scratch, "up"), "wb") as file:
            file.write(CONTENT)
        queue = sqlite3.connect(os.path.join(self.scratch, ".config", "filezilla", "queue.sqlite3"))
        rows = (("servers", {"id": 1, "host": "127.0.0.1", "port": self.server.ports[listener], "user": "alice",
                             "password": "secret", "protocol": PROTOCOLS[listener], "type": 0, "logontype": 1,
                             "timezone_offset": 0, "transfer_mode": "default", "max_connections": 1, "encoding": "Auto",
                             "bypass_proxy": 0}),
                ("local_paths", {"id": 1, "path": self.scratch + "/"}), ("remote_paths", {"id": 1, "path": ROOT}),
                ("files", {"id": 1, "server": 1, "source_file": "up", "local_path": 1, "remote_path": 1, "flags": 0,
                           "size": len(CONTENT), "error_count": 0, "priority": 2, "default_exists_action": -1}),
                ("files", {"id": 2, "server": 1, "source_file": "down", "local_path": 1, "remote_path": 1,
                           "flags": DOWNLOAD, "size": len(CONTENT), "error_count": 0, "priority": 2,
                           "default_exists_action": -1}))
        for table in ("servers", "local_paths", "remote_paths", "files"):
            queue.execute("DELETE FROM " + table)
        for table, row in rows:
            queue.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(row), ", ".join("?" * len(row))),
                          list(row.values()))
        queue.commit()
        queue.close()

    def transfers(self, listener, display):
        """The two in the queue; a press of the key while nobody listens has no effect, so it is pressed again until there
        is a login."""
        self.fill_queue(listener)
        logins = len(self.server.log_events("login"))

        def done(environment):
            windows = run(["xdotool", "search", "--onlyvisible", "--name", "FileZilla"], env=environment).stdout.split()
            if windows and len(self.server.log_events("login")) == logins:
                run(["xdotool", "windowfocus", windows[0], "key", "--clearmodifiers", "ctrl+p"], env=environment)
                try:
                    wait_until(lambda: len(self.server.log_events("login")) > logins, timeout=5)
                except AssertionError:
                    return False
            return self.new_events("upload", protocol=self.server.listeners[listener]["protocol"], result="complete") and \
                self.new_events("download", protocol=self.server.listeners[listener]["protocol"], result="complete")

        self.run_until(done, display, what="both transfers")
        for path in (os.path.join(self.scratch, "down"), os.path.join(self.server.root("alice"), "up")):
            with open(path, "rb") as file:
                self.assertEqual(file.read(), CONTENT, path)
            os.unlink(path)

    def test_lists_where_data_connections_must_resume(self):
        display = self.display()
        for listener in ("explicit", "implicit"):
            with self.subTest(listener):
                self.lists(listener, display)
        self.assertEqual(self.new_events("data-failed"), [])

    def test_transfers_where_data_connections_must_resume(self):
        need_tool("xdotool")
        self.server.write_file("alice", "down", CONTENT)
        display = self.display()
        for listener in ("explicit", "implicit"):
            with self.subTest(listener):
                self.lists(listener, display)       # makes the queue
                self.transfers(listener, display)
        self.assertEqual(self.new_events("data-failed"), [])
        self.assertEqual(self.new_events("negotiation-failed"), [])
        for event in self.new_events("upload") + self.new_events("download"):
            self.assertRegex(event["algorithms"], "^TLSv1.* resumed$")


if __name__ == "__main__":
    unittest.main()
