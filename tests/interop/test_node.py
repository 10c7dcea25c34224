"""Two FTP clients of npm against transom: basic-ftp, and promise-ftp with the node-ftp that it wraps.

The packages (node/package-lock.json) are installed below the build directory, once; the drivers are in node/."""

import contextlib
import datetime
import fcntl
import json
import os
import shutil
import subprocess
import unittest

from client import Client, make_nested_tree, read_tree
from transom import SOURCE, build_dir, need_tool, run, sha256_file

DRIVERS = os.path.join(SOURCE, "tests", "interop", "node")
FACTS_TIME = 1000000000
FACTS_TIME_ISO = "2001-09-09T01:46:40.000Z"


@contextlib.contextmanager
def locked(directory):
    """Two runs of the tests may share a build directory."""
    with open(os.path.join(directory, "lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(directory):
    """Have npm install what the lock file says; SkipTest when its registry cannot be reached."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(DRIVERS, name), directory)
    try:
        done = run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
                    "--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000", "--loglevel=error"],
                   timeout=120, cwd=directory)
    except subprocess.TimeoutExpired:
        raise unittest.SkipTest("npm ci: no end within 120 s") from None
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip()
        if "EUSAGE" in said or "EINTEGRITY" in said:    # not the network's fault
            raise AssertionError("npm ci: " + said)
        raise unittest.SkipTest("npm ci: " + (said.splitlines() or ["exit status %d" % done.returncode])[0])


def setUpModule():
    """Install the packages once, or skip everything once."""
    for tool in ("node", "npm"):
        need_tool(tool)
    directory = os.path.join(build_dir(), "tests", "results", "node")
    try:
        os.makedirs(directory, exist_ok=True)
        with locked(directory):
            mark = os.path.join(directory, "installed")
            wanted = sha256_file(os.path.join(DRIVERS, "package-lock.json"))
            if not os.path.exists(mark) or open(mark).read() != wanted:
                install(directory)
                with open(mark, "w") as file:
                    file.write(wanted)
    except PermissionError as error:
        raise unittest.SkipTest("cannot install npm packages: %s" % error) from None
    Node.packages = os.path.join(directory, "node_modules")


class Node(Client):
    driver = None
    packages = None

    def steps(self, *steps, user="alice", password="secret", **options):
        """Run [method, argument...] after each other on one connection; what each gave, {"error": ...} if it failed."""
        job = json.dumps(dict(options, port=self.server.port, user=user, password=password, steps=steps))
        said, _ = self.execute(["node", os.path.join(DRIVERS, self.driver), job],
                               env=dict(self.environment(), NODE_PATH=self.packages))
        results = json.loads(said)
        self.assertEqual(len(results), len(steps))
        return results

    def done(self, *steps, **options):
        """As steps(), and none may fail."""
        results = self.steps(*steps, **options)
        for step, result in zip(steps, results):
            if isinstance(result, dict) and set(result) == {"error"}:
                self.fail("%s: %s\n%s" % (step, result, self.server.log_tail()))
        return results

    def dated(self, name, size=4321):
        """A file of the server with a known time; its digest."""
        digest = self.make_remote(name, size)
        os.utime(self.remote(name), (FACTS_TIME, FACTS_TIME))
        return digest


class BasicFtp(Node):
    driver = "basic_ftp.js"

    def test_files_both_ways(self):
        digest = self.make_local("up")
        for plain in (False, True):
            with self.subTest(plain=plain):
                there, here = "basic-%s" % plain, "down-%s" % plain
                self.done(["uploadFrom", "up", there], ["downloadTo", here, there], plain=plain)
                self.assertFile(self.remote(there), digest)
                self.assertFile(self.local(here), digest)

    def test_a_download_is_continued_and_an_upload_added_to(self):
        digest = self.make_local("up")
        self.server.write_file("alice", "longer", b"begin ")
        shutil.copy(self.local("up"), self.local("down"))
        os.truncate(self.local("down"), 123456)
        self.done(["appendFrom", "up", "longer"], ["uploadFrom", "up", "whole"],
                  ["downloadTo", "down", "whole", 123456])
        self.assertFile(self.local("down"), digest)
        with open(self.local("up"), "rb") as file:
            self.assertEqual(self.server.read_file("alice", "longer"), b"begin " + file.read())

    def test_directories_both_ways(self):
        make_nested_tree(self.local("tree"))
        for plain in (False, True):
            with self.subTest(plain=plain):
                there, here = "dirs-%s" % plain, "back-%s" % plain
                self.done(["ensureDir", there + "/a/b c"], ["uploadFromDir", "tree", "tree"],
                          ["downloadToDir", here, "tree"], plain=plain)
                self.assertSameTree(self.remote(there, "a", "b c", "tree"), self.local("tree"))
                self.assertSameTree(self.local(here), self.local("tree"))
                self.done(["cd", there], ["removeDir", "a"], ["clearWorkingDir"], plain=plain)
                self.assertEqual(os.listdir(self.remote(there)), [])

    def test_ensure_dir_ends_in_that_directory(self):
        results = self.done(["ensureDir", "/ensured/x/y"], ["pwd"], ["cdup"], ["pwd"], ["ensureDir", "y"], ["pwd"],
                            ["ensureDir", "/ensured/x"], ["pwd"])
        self.assertEqual(results[1::2], ["/ensured/x/y", "/ensured/x", "/ensured/x/y", "/ensured/x"])

    def test_size_time_rename_and_remove(self):
        digest = self.dated("facts")
        size, time, _, gone, _, _ = self.steps(
            ["size", "facts"], ["lastMod", "facts"], ["rename", "facts", "other name"], ["size", "facts"],
            ["downloadTo", "down", "other name"], ["remove", "other name"])
        self.assertEqual((size, time, gone), (4321, FACTS_TIME_ISO, {"error": 550}))
        self.assertFile(self.local("down"), digest)
        self.assertFalse(os.path.exists(self.remote("other name")))

    def test_listings(self):
        self.make_remote_tree("listed")
        os.utime(self.remote("listed", "a file"), (FACTS_TIME, FACTS_TIME))
        os.symlink("empty", self.remote("listed", "link"))
        for plain in (False, True):
            with self.subTest(plain=plain):
                entries = {entry["name"]: entry for entry in self.done(["list", "listed"], plain=plain)[0]}
                self.assertEqual(sorted(entries), ["a file", "empty", "link", "other", "sub"])
                self.assertEqual([entries[name]["type"] for name in ("a file", "sub", "link")], [1, 2, 3])
                self.assertEqual(entries["a file"]["size"], 1000)
                self.assertEqual(entries["a file"]["permissions"], {"user": 6, "group": 4, "world": 4})
                if not plain:
                    self.assertEqual(entries["a file"]["modifiedAt"], FACTS_TIME_ISO)
                self.assertEqual(entries["link"]["link"], "empty")

    def test_errors_carry_the_replys_code_and_leave_the_session_usable(self):
        results = self.steps(["cd", "nonesuch"], ["downloadTo", "down", "nonesuch"], ["remove", "nonesuch"],
                             ["list", "nonesuch"], ["send", "XYZZY"], ["pwd"])
        self.assertEqual(results[:5], [{"error": 550}] * 4 + [{"error": 500}])
        self.assertEqual(results[5], "/")

    def test_a_wrong_password_is_refused(self):
        job = json.dumps({"port": self.server.port, "user": "alice", "password": "wrong", "steps": []})
        _, errors = self.execute(["node", os.path.join(DRIVERS, self.driver), job], status=1,
                                 env=dict(self.environment(), NODE_PATH=self.packages))
        self.assertIn("code: 530", errors)


class PromiseFtp(Node):
    driver = "promise_ftp.js"

    def test_files_both_ways(self):
        digest = self.make_local("up")
        self.done(["put", "up", "promise"], ["download", "promise", "down"])
        self.assertFile(self.remote("promise"), digest)
        self.assertFile(self.local("down"), digest)

    def test_a_download_is_continued_and_an_upload_added_to(self):
        digest = self.make_local("up")
        self.server.write_file("alice", "appended", b"begin ")
        shutil.copy(self.local("up"), self.local("down"))
        os.truncate(self.local("down"), 123456)
        self.done(["append", "up", "appended"], ["put", "up", "restarted"], ["download", "restarted", "down", 123456])
        self.assertFile(self.local("down"), digest)
        with open(self.local("up"), "rb") as file:
            self.assertEqual(self.server.read_file("alice", "appended"), b"begin " + file.read())

    def test_a_directory_is_uploaded_and_removed(self):
        make_nested_tree(self.local("tree"))
        files = sorted(read_tree(self.local("tree")))
        folders = sorted({os.path.dirname(name) for name in files} - {""})
        self.done(["mkdir", "tree", True], *(["mkdir", "tree/" + name, True] for name in folders),
                  *(["put", "tree/" + name, "tree/" + name] for name in files))
        self.assertSameTree(self.remote("tree"), self.local("tree"))
        os.makedirs(self.local("back"))
        for name in folders:
            os.makedirs(self.local("back", name), exist_ok=True)
        self.done(*(["download", "tree/" + name, "back/" + name] for name in files))
        self.assertSameTree(self.local("back"), self.local("tree"))
        self.done(["rmdir", "tree", True])
        self.assertFalse(os.path.exists(self.remote("tree")))

    def test_size_time_rename_and_delete(self):
        digest = self.dated("facts2")
        size, time, _, gone, _, _, again = self.steps(
            ["size", "facts2"], ["lastMod", "facts2"], ["rename", "facts2", "other 2"], ["size", "facts2"],
            ["download", "other 2", "down"], ["delete", "other 2"], ["delete", "other 2"])
        self.assertEqual((size, time), (4321, FACTS_TIME_ISO))
        self.assertEqual((gone, again), ({"error": 550}, {"error": 550}))
        self.assertFile(self.local("down"), digest)

    def test_listings(self):
        self.make_remote_tree("promised")
        os.utime(self.remote("promised", "a file"), (FACTS_TIME, FACTS_TIME))
        os.symlink("a file", self.remote("promised", "link"))
        listed, safe, _ = self.done(["list", "promised"], ["listSafe", "promised"], ["cwd", "/"])
        self.assertEqual(listed, safe)
        entries = {entry["name"]: entry for entry in listed}
        self.assertEqual(sorted(entries), ["a file", "empty", "link", "other", "sub"])
        self.assertEqual([entries[name]["type"] for name in ("a file", "sub", "link")], ["-", "d", "l"])
        self.assertEqual(entries["a file"]["size"], 1000)
        self.assertEqual(entries["a file"]["rights"], {"user": "rw", "group": "r", "other": "r"})
        self.assertEqual(entries["a file"]["date"][:10], FACTS_TIME_ISO[:10])
        self.assertEqual(entries["link"]["target"], "a file")
        age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(
            entries["sub"]["date"].replace("Z", "+00:00"))
        self.assertLess(abs(age.total_seconds()), 3600)

    def test_where_one_is(self):
        results = self.done(["mkdir", "where/is/this", True], ["pwd"], ["cwd", "where/is"], ["pwd"], ["cdup"], ["pwd"])
        self.assertEqual(results[1::2], ["/", "/where/is", "/where"])

    def test_ascii_type(self):
        self.done(["ascii"], ["putText", "one\r\ntwo\r\n", "text"], ["download", "text", "crlf"], ["binary"],
                  ["download", "text", "lf"])
        self.assertEqual(self.server.read_file("alice", "text"), b"one\ntwo\n")
        for name, wanted in (("crlf", b"one\r\ntwo\r\n"), ("lf", b"one\ntwo\n")):
            with open(self.local(name), "rb") as file:
                self.assertEqual(file.read(), wanted)

    def test_what_the_server_tells(self):
        self.make_remote("chmod me", 10)
        system, status, _, _ = self.done(["system"], ["status"], ["site", "CHMOD 600 chmod me"], ["binary"])
        self.assertEqual(system, "UNIX")
        self.assertIn("Logged in as alice", status)
        self.assertEqual(os.stat(self.remote("chmod me")).st_mode & 0o777, 0o600)

    def test_a_download_that_is_broken_off_leaves_the_session_usable(self):
        self.make_remote("long", 64 << 20)
        digest = self.make_local("up")
        results = self.done(["breakOff", "long"], ["pwd"], ["put", "up", "after"], ["download", "after", "down"])
        self.assertEqual(results[:2], [426, "/"])
        self.assertFile(self.local("down"), digest)

    def test_a_connection_begins_anew(self):
        digest = self.make_local("up")
        results = self.done(["mkdir", "anew"], ["cwd", "anew"], ["say", "REIN"], ["say", "USER alice"],
                            ["say", "PASS secret"], ["binary"], ["pwd"], ["put", "up", "new"], ["download", "new", "down"])
        self.assertEqual(results[2:5], [220, 331, 230])
        self.assertEqual(results[6], "/")
        self.assertFile(self.local("down"), digest)

    def test_errors_carry_the_replys_code(self):
        results = self.steps(["cwd", "nonesuch"], ["get", "nonesuch"], ["rmdir", "nonesuch"], ["mkdir", "/"], ["pwd"])
        self.assertEqual(results, [{"error": 550}] * 4 + ["/"])


class BasicFtpAsRoot(BasicFtp, unittest.TestCase):
    mode = "root"


class BasicFtpAsUser(BasicFtp, unittest.TestCase):
    mode = "user"


class PromiseFtpAsRoot(PromiseFtp, unittest.TestCase):
    mode = "root"


class PromiseFtpAsUser(PromiseFtp, unittest.TestCase):
    mode = "user"


if __name__ == "__main__":
    unittest.main()
