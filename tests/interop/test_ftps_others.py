"""rclone (Go's TLS) and wget (GnuTLS) over TLS, explicit and implicit."""

import unittest

from client import FtpsClient, make_nested_tree
from transom import run


class Rclone(FtpsClient):
    tools = ("rclone",)

    def rclone(self, listener, *arguments, status=0, options=("--ftp-concurrency", "1"), user="alice"):
        kind = "--ftp-tls" if "implicit" in listener else "--ftp-explicit-tls"
        password = run(["rclone", "obscure", "secret"]).stdout.strip()
        command = ["rclone", "--config", self.local("rclone.conf"), "--retries", "1", "--low-level-retries", "1",
                   "--contimeout", "10s", "--timeout", "30s", kind, "--ftp-host", "127.0.0.1", "--ftp-port",
                   str(self.server.ports[listener]), "--ftp-user", user, "--ftp-pass", password, *options]
        return self.execute(command + list(arguments), status,
                            env=dict(self.environment(), SSL_CERT_FILE=self.trusted))

    def round_trip(self, listener, **more):
        name = "tree-" + listener
        tree = self.local(name)
        make_nested_tree(tree)
        self.rclone(listener, "copy", tree, ":ftp:" + name, **more)
        self.assertSameTree(self.remote(name), tree)
        self.rclone(listener, "copy", ":ftp:" + name, self.local("back-" + listener), **more)
        self.assertSameTree(self.local("back-" + listener), tree)

    def test_one_connection_at_a_time(self):
        """All its connections share one cache of sessions, so that several at a time resume each other's."""
        for listener in ("lenient", "lenient-implicit", "explicit", "implicit"):
            with self.subTest(listener):
                self.round_trip(listener)

    def test_several_connections_that_resume_nothing(self):
        for listener in ("lenient", "lenient-implicit"):
            with self.subTest(listener):
                self.round_trip(listener, options=("--ftp-tls-cache-size", "0"))

    def test_several_connections_of_a_user_who_is_excepted(self):
        tree = self.local("tree")
        make_nested_tree(tree)
        for listener in ("lenient", "lenient-implicit"):
            with self.subTest(listener):
                self.rclone(listener, "copy", tree, ":ftp:" + listener, options=("--transfers", "8"), user="parallel")
                self.assertSameTree(self.server.path("parallel", listener), tree)
        self.assertEqual(self.new_events("data-failed"), [])

    def test_a_stranger_is_not_taken_for_the_server(self):
        with open(self.trusted, "w"):
            pass
        said, errors = self.rclone("lenient", "ls", ":ftp:", status=None)
        self.assertEqual(said, "")
        self.assertIn("certificate", errors)


class Wget(FtpsClient):
    tools = ("wget",)

    def wget(self, listener, path, *arguments, status=0):
        url = self.url_of(listener, path)
        if "implicit" in listener:
            arguments = ("--ftps-implicit", *arguments)
        return "".join(self.execute(
            ["wget", "--no-config", "-nv", "-t", "1", "-T", "20", "--ca-certificate", self.trusted, *arguments,
             url.replace("ftp://", "ftps://")], status))

    def test_a_tree(self):
        for listener in ("lenient", "lenient-implicit"):
            with self.subTest(listener):
                name = "wget-" + listener
                self.make_remote_tree(name)
                self.wget(listener, "/%s/" % name, "-r", "-l", "inf", "-nH")
                self.assertSameTree(self.local(name), self.remote(name))

    def test_a_file_where_resumption_is_required(self):
        for listener in ("explicit", "implicit"):
            with self.subTest(listener):
                digest = self.make_remote("resumed-" + listener)
                self.wget(listener, "/resumed-" + listener, "--ftps-resume-ssl")
                self.assertFile(self.local("resumed-" + listener), digest)

    def test_data_in_the_clear(self):
        digest = self.make_remote("clear")
        self.wget("lenient", "/clear", "--ftps-clear-data-connection")
        self.assertFile(self.local("clear"), digest)


class RcloneAsRoot(Rclone, unittest.TestCase):
    mode = "root"


class RcloneAsUser(Rclone, unittest.TestCase):
    mode = "user"


class WgetAsRoot(Wget, unittest.TestCase):
    mode = "root"


class WgetAsUser(Wget, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
