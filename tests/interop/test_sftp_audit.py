"""ssh-audit finds nothing to fail in what the profile `modern` offers."""

import json
import unittest

from sftp_client import SftpClient
from transom import run


class Audit(SftpClient, unittest.TestCase):
    tools = ("ssh-audit",)

    def test_modern_has_no_failure(self):
        done = run(["ssh-audit", "-j", "-p", str(self.port), "127.0.0.1"])
        report = json.loads(done.stdout)
        self.assertTrue(report["kex"] and report["enc"] and report["mac"] and report["key"], report)
        text = run(["ssh-audit", "-n", "-l", "fail", "-p", str(self.port), "127.0.0.1"]).stdout
        self.assertEqual([line for line in text.splitlines() if "[fail]" in line], [], text)

    def test_strict_key_exchange_is_offered_and_compression_is_not(self):
        done = run(["ssh-audit", "-j", "-p", str(self.port), "127.0.0.1"])
        report = json.loads(done.stdout)
        self.assertIn("kex-strict-s-v00@openssh.com", [row["algorithm"] for row in report["kex"]])
        self.assertEqual(report["compression"], ["none"])
        self.assertFalse([row for row in report["kex"] if "group-exchange" in row["algorithm"]])


if __name__ == "__main__":
    unittest.main()
