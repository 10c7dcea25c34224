"""The control socket: metrics and status of a running server, and who may ask for them."""

import io
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timezone
from signal import SIGKILL, SIGTERM

import openmetrics
from certificates import Authority
from transom import (FILES_UID, FTP_ONLY, SCALE, SFTP_ONLY, USER_UID, ServerFailed, TransomServer, is_root, modes,
                     need_root, program, wait_until)

ALICE = {"alice": {"password": "secret"}}
EXPIRY = "transom_certificate_expiry_timestamp_seconds"
# Connects, asks and prints what comes; run as somebody else.
ASK = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ntry:\n s.connect(sys.argv[1])\n s.sendall(b'status\\n')\n"
       " print(s.makefile().read())\nexcept OSError as error:\n print(type(error).__name__)")


class Control(unittest.TestCase):
    def path(self, server, name="control"):
        return os.path.join(server.options.get("runtime_dir") or os.path.join(server.dir, "run"), name)

    def connect(self, server):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(20 * SCALE)
        client.connect(self.path(server))
        return client

    def ask(self, server, request):
        with self.connect(server) as client:
            client.sendall(request + b"\n")
            answer = b""
            while piece := client.recv(65536):
                answer += piece
            return answer

    def transomctl(self, server, command, status=0):
        """What it says on standard output, or, where it shall fail, on standard error; status None: either may be."""
        done = subprocess.run([program("transomctl"), "-c", server.conf, command], timeout=60 * SCALE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr.decode()

    def metrics(self, server):
        return openmetrics.read(self.transomctl(server, "metrics"))

    def wait_value(self, server, wanted, family, **labels):
        """A line is written a moment after the client has its reply."""
        wait_until(lambda: openmetrics.value(self.metrics(server), family, **labels) == wanted, 10,
                   "%s %s = %d" % (family, labels, wanted))


class Told(Control):
    def test_metrics_count_sessions_transfers_and_events(self):
        for mode in modes():
            with self.subTest(mode), TransomServer(mode=mode, users=ALICE, listeners={**FTP_ONLY, **SFTP_ONLY}) as server:
                before = self.metrics(server)
                self.assertEqual(openmetrics.value(before, "transom_events", event="ready"), 1)
                self.assertEqual(openmetrics.value(before, "transom_users"), 0)
                self.assertGreater(len(before["transom_events"].samples), 30)
                client, other = server.ftp("alice"), server.ftp("alice")
                for size in (10, 0, 100000):
                    client.storbinary("STOR file", io.BytesIO(b"x" * size))
                client.retrbinary("RETR file", lambda data: None)
                try:
                    client.retrbinary("RETR missing", lambda data: None)
                except Exception as error:      # pylint: disable=broad-except
                    self.assertIn("550", str(error))
                self.wait_value(server, 1, "transom_downloads", protocol="ftp")
                server.wait_rest()
                now = self.metrics(server)
                for wanted, family, labels in (
                        (2, "transom_sessions", {"protocol": "ftp"}), (0, "transom_sessions", {"protocol": "sftp"}),
                        (2, "transom_sessions_admitted", {"protocol": "ftp"}), (1, "transom_users", {}),
                        (3, "transom_uploads", {"protocol": "ftp"}), (100010, "transom_upload_bytes", {"protocol": "ftp"}),
                        (100000, "transom_download_bytes", {"protocol": "ftp"}), (0, "transom_uploads", {"protocol": "sftp"}),
                        (2, "transom_events", {"event": "login"}), (3, "transom_events", {"event": "upload"}),
                        (0, "transom_events", {"event": "crash"}), (0, "transom_draining", {}),
                        (0, "transom_log_lines_lost", {})):
                    self.assertEqual(openmetrics.value(now, family, **labels), wanted, family)
                client.quit()
                other.quit()
                self.wait_value(server, 0, "transom_sessions", protocol="ftp")
                self.wait_value(server, 0, "transom_users")
                self.wait_value(server, 2, "transom_sessions_admitted", protocol="ftp")

    def test_refusals_count_by_verdict(self):
        with TransomServer(users=ALICE, options={"max_sessions": 1}) as server:
            client = server.ftp("alice")
            self.assertTrue(server.raw().greeting.startswith("421"))
            self.wait_value(server, 1, "transom_sessions_refused", verdict="too_many")
            client.quit()

    def test_lines_that_are_lost_count(self):
        with TransomServer(users=ALICE) as server:
            real = server.log_file
            server.log_options["target"] = "/dev/full"
            server.write_conf()
            server.signal(1)
            wait_until(lambda: openmetrics.value(self.metrics(server), "transom_log_lines_lost") > 0, 20, "lost lines")
            server.log_options["target"] = real
            server.write_conf()
            server.signal(1)
            lines = server.wait_event("log-dropped")["lines"]
            self.wait_value(server, 1, "transom_events", event="log-dropped")
            self.assertEqual(openmetrics.value(self.metrics(server), "transom_log_lines_lost"), lines)

    def test_status_is_for_people(self):
        for mode in modes():
            with self.subTest(mode), TransomServer(mode=mode, users=ALICE) as server:
                client = server.ftp("alice")
                lines = self.transomctl(server, "status").decode().splitlines()
                since = openmetrics.value(self.metrics(server), "transom_start_time_seconds")
                started = datetime.fromtimestamp(since, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                self.assertEqual(lines, [
                    "transom %s, process %d, since %s" % (server.ready["version"], server.pid, started), "state: running",
                    "sessions: 1 (ftp 1, ftps 0, sftp 0), users: 1"])
                client.quit()

    def test_what_is_wrong_is_said(self):
        with TransomServer(users=ALICE) as server:
            self.assertEqual(self.ask(server, b"who are you"), b"error no such request\n")
            server.stop()
            said = self.transomctl(server, "metrics", 1)
            self.assertIn(self.path(server), said)
            self.assertIn("no server runs with this runtime_dir: start it", said)


class Certificates(Control):
    @classmethod
    def setUpClass(cls):
        cls.keep = tempfile.mkdtemp(prefix="transom-control-")
        cls.addClassCleanup(shutil.rmtree, cls.keep)
        os.chmod(cls.keep, 0o755)
        cls.authority = Authority(cls.keep, days=3650)

    def issue(self, server, name, days):
        """A certificate of the server's own, and when it ends."""
        made = self.authority.issue(name, [name], days=days)
        for path in (made.certificate, made.key):
            server._own(path)       # pylint: disable=protected-access
        end = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", made.certificate], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
        return made, int(datetime.strptime(end, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc).timestamp())

    def told(self, server):
        return {(dict(labels)["file"], dict(labels)["names"]): number
                for labels, number in self.metrics(server)[EXPIRY].samples.items()}

    def test_expiry_of_every_configured_file_and_of_no_other(self):
        for mode in modes():
            server = TransomServer(mode=mode, users=ALICE, listeners=FTP_ONLY)
            with self.subTest(mode):
                server.prepare()
                self.addCleanup(server.discard)
                one, one_end = self.issue(server, mode + "1.example.org", 40)
                two, two_end = self.issue(server, mode + "2.example.org", 80)
                server.tls_options = {"certificate": one.certificate, "key": one.key}
                server.tls_hosts = {"two.example.org": {"certificate": two.certificate, "key": two.key},
                                    "three.example.org": {"certificate": two.certificate, "key": two.key}}
                server.write_conf()
                server.start()
                first = {(one.certificate, mode + "1.example.org"): one_end}
                second = {(two.certificate, mode + "2.example.org"): two_end}
                self.assertEqual(self.told(server), {**first, **second})
                status = self.transomctl(server, "status").decode()
                self.assertIn("certificate %s: ends " % one.certificate, status)
                self.assertRegex(status, r", (39|40) days left; for %s1.example.org\n" % mode)
                # Another one in the same file, and a file that is not configured any more.
                shutil.copy(two.certificate, one.certificate)
                shutil.copy(two.key, one.key)
                server.tls_hosts = {}
                server.write_conf()
                self.assertEqual(server.reload()["event"], "reload")
                self.assertEqual(self.told(server), {(one.certificate, mode + "2.example.org"): two_end})
                server.stop()
                server.check_log()

    def test_a_new_clerk_knows_them_and_counts_anew(self):
        for mode in modes():
            with self.subTest(mode), TransomServer(mode=mode, users=ALICE, tls=True, allow_crash=True) as server:
                before = self.told(server)
                self.assertEqual(len(before), 1)
                client = server.ftp("alice")
                self.wait_value(server, 1, "transom_events", event="login")
                server.kill(server.pids("clerk")[0])
                server.wait_event("clerk-back")
                self.wait_value(server, 1, "transom_sessions", protocol="ftp")
                server.wait_rest()
                self.assertEqual(self.told(server), before)
                now = self.metrics(server)
                self.assertEqual(openmetrics.value(now, "transom_users"), 1)
                self.assertEqual(openmetrics.value(now, "transom_sessions_admitted", protocol="ftp"), 0)
                # Of lines that the old clerk has not acknowledged some may come twice; this one is old.
                self.assertEqual(openmetrics.value(now, "transom_events", event="ready"), 0)
                client.quit()


class WhoMayAsk(Control):
    def asked_by(self, server, uid):
        return subprocess.run(["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups", "--",
                               sys.executable, "-c", ASK, self.path(server)], stdout=subprocess.PIPE, text=True,
                              cwd="/", timeout=60).stdout

    def test_the_socket_is_for_its_owner(self):
        for mode in modes():
            with self.subTest(mode), TransomServer(mode=mode, users=ALICE) as server:
                status = os.stat(self.path(server))
                self.assertTrue(stat.S_ISSOCK(status.st_mode))
                self.assertEqual(stat.S_IMODE(status.st_mode), 0o600)
                self.assertEqual(status.st_uid, os.stat(server.dir).st_uid)

    def test_another_account_is_refused_by_mode_and_by_the_clerk(self):
        need_root()
        for mode in modes():
            with self.subTest(mode), TransomServer(mode=mode, users=ALICE) as server:
                self.assertEqual(self.asked_by(server, FILES_UID).strip(), "PermissionError")
                os.chmod(self.path(server), 0o666)
                self.assertRegex(self.asked_by(server, FILES_UID), "^(error only root|BrokenPipeError|ConnectionResetError)")
                self.assertTrue(self.asked_by(server, 0).startswith("ok\n"))
                own = self.asked_by(server, USER_UID)
                self.assertEqual(own.startswith("ok\n"), mode == "user", own)

    def test_clients_that_say_or_read_nothing_disturb_nobody(self):
        with TransomServer(users=ALICE) as server:
            silent = [self.connect(server) for _ in range(4)]
            silent[0].sendall(b"metr")
            silent[1].sendall(b"metrics\n")
            for _ in range(3):
                self.assertTrue(self.ask(server, b"metrics").startswith(b"ok\n"))
                server.ftp("alice").quit()
            self.assertEqual(silent[2].recv(1), b"", "given up in the end")
            # More than there is room for: they are given up one after the other, and whoever comes then is served.
            crowd = [self.connect(server) for _ in range(12)]
            self.assertTrue(self.ask(server, b"metrics").startswith(b"ok\n"))
            for client in crowd:
                client.close()


class Place(Control):
    def starts_with(self, **options):
        server = TransomServer(users=ALICE, options=options)
        server.prepare()
        self.addCleanup(server.discard)
        return server

    def test_the_socket_is_removed_at_the_stop(self):
        for mode in modes():
            server = TransomServer(mode=mode, users=ALICE)
            with self.subTest(mode), server:
                path = self.path(server)
                server.stop()
                self.assertFalse(os.path.lexists(path))
                server.start()
                self.assertTrue(self.ask(server, b"status").startswith(b"ok\n"))

    def test_two_servers_have_no_runtime_dir_in_common(self):
        for mode in modes():
            with self.subTest(mode), TransomServer(mode=mode, users=ALICE) as server:
                run = os.path.join(server.dir, "run")
                other = TransomServer(mode=mode, users=ALICE, options={"runtime_dir": run})
                self.addCleanup(other.discard)
                with self.assertRaises(ServerFailed) as failed:
                    other.start()
                self.assertIn('"%s/control": a server runs with this runtime_dir already (process %d): stop it, or give '
                              "this one a runtime_dir of its own" % (run, server.pid), failed.exception.stderr)
                self.assertTrue(self.ask(server, b"status").startswith(b"ok\n"))

    def test_a_dead_servers_socket_is_replaced(self):
        server = self.starts_with()
        server.start()
        path = self.path(server)
        client = server.ftp("alice")
        os.kill(server.pid, SIGKILL)
        server.process.wait(20)
        # Its clerk serves the sessions that are left, but there is no server to ask.
        wait_until(lambda: "no server runs" in self.transomctl(server, "status", None), 10, "an end of the answers")
        client.quit()
        self.assertTrue(os.path.exists(path))
        server._kill_all(server.pid)        # pylint: disable=protected-access
        server.process = None
        server.start()
        self.assertIn(b"process %d," % server.pid, self.ask(server, b"status"))
        server.stop()

    def test_a_successor_takes_the_place_of_one_that_drains(self):
        server = self.starts_with(drain_timeout="60s")
        server.start()
        server.write_file("alice", "large", bytes(20 << 20))
        client = server.ftp("alice")
        with client.transfercmd("RETR large") as data:
            data.recv(1)
            server.signal(SIGTERM)
            server.wait_event("stop")
            wait_until(lambda: b"\nstate: stopping" in self.ask(server, b"status"), 10, "the drain")
            successor = TransomServer(mode=server.mode, users=ALICE,
                                      options={"runtime_dir": os.path.join(server.dir, "run")})
            with successor:
                self.assertIn(b"process %d," % successor.pid, self.ask(server, b"status"))
                server.stop()
                self.assertIn(b"process %d," % successor.pid, self.ask(server, b"status"))
        client.close()

    def test_a_path_that_is_too_long_for_a_socket_works(self):
        server = self.starts_with()
        run = os.path.join(server.dir, "x" * 120)
        os.mkdir(run)
        server._own(run)        # pylint: disable=protected-access
        server.options["runtime_dir"] = run
        server.write_conf()
        server.start()
        self.assertIn(b"state: running", self.transomctl(server, "status"))
        server.stop()

    def test_what_stands_in_the_way_stops_the_start(self):
        server = self.starts_with()
        with open(self.path(server), "w") as file:
            file.write("mine")
        with self.assertRaises(ServerFailed) as failed:
            server.start()
        self.assertIn('run/control": it is no socket; remove it', failed.exception.stderr)
        with open(self.path(server)) as file:
            self.assertEqual(file.read(), "mine")

    def test_a_directory_that_takes_no_socket_stops_the_start(self):
        if is_root():
            self.skipTest("root may write everywhere")
        server = self.starts_with()
        os.mkdir(self.path(server, "empty"))
        os.chmod(os.path.join(server.dir, "run"), 0o555)
        with self.assertRaises(ServerFailed) as failed:
            server.start()
        self.assertIn("run/control", failed.exception.stderr)


if __name__ == "__main__":
    unittest.main()
