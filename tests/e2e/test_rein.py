"""REIN (RFC 959): the connection begins anew, in a fresh pair of processes when somebody was logged in."""

import time
import unittest

from transom import RawFtp, TransomServer, modes, read_all, wait_until

USERS = {"alice": {"password": "secret"}, "bob": {"password": "secret"}}


class Rein:
    """The tests; each mode below runs all of them."""

    def start(self, **settings):
        server = TransomServer(mode=self.mode, **dict({"users": USERS}, **settings))
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def codes(self, raw, steps):
        for line, code in steps:
            self.assertEqual(raw.code(line), code, line)

    def test_before_a_login_it_forgets_what_was_said(self):
        server = self.start()
        with RawFtp(server.port) as raw:
            self.codes(raw, [("REIN", 220), ("USER alice", 331), ("REIN", 220), ("PASS secret", 503),
                             ("HOST localhost", 220), ("USER alice", 331), ("PASS secret", 230)])
        self.assertEqual(len(server.log_events("accept")), 1)

    def test_before_a_login_it_makes_up_for_nothing(self):
        server = self.start(options={"login_attempts": 3, "login_delay": "0s"})
        with RawFtp(server.port) as raw:
            for code in (530, 530, 421):
                self.codes(raw, [("REIN", 220), ("USER alice", 331), ("PASS wrong", code)])
            self.assertTrue(raw.closed())

    def test_before_a_login_it_does_not_lengthen_the_time_for_one(self):
        server = self.start(options={"login_timeout": "1s"})
        began = time.monotonic()
        with RawFtp(server.port) as raw:
            while raw.code("REIN") == 220:
                self.assertLess(time.monotonic() - began, 10)
                time.sleep(0.1)
            self.assertTrue(raw.closed())

    def test_the_next_user_is_served_by_a_fresh_pair(self):
        server = self.start()
        with server.raw("alice") as raw:
            first = server.session_pids("alice")
            self.codes(raw, [("MKD alices", 257), ("CWD alices", 250), ("TYPE I", 200), ("REIN", 220)])
            self.codes(raw, [("PWD", 530), ("USER bob", 331), ("PASS secret", 230)])
            self.assertTrue(raw.cmd("PWD").startswith('257 "/" '))
            self.assertIn("TYPE: ASCII", raw.cmd("STAT").upper())
            self.codes(raw, [("CWD alices", 550), ("MKD bobs", 257)])
            wait_until(lambda: not server.pids("guard alice"), what="end of the old pair")
            self.assertFalse(set(first) & set(server.session_pids("bob")))
            self.assertEqual(raw.code("QUIT"), 221)
        logouts = [server.wait_event("logout", user=user) for user in ("alice", "bob")]
        self.assertIn("REIN", logouts[0]["reason"])
        self.assertEqual(logouts[1]["reason"], "quit")
        self.assertEqual(logouts[0]["peer"], logouts[1]["peer"])
        self.assertNotEqual(logouts[0]["session"], logouts[1]["session"])

    def test_again_and_again(self):
        server = self.start(options={"max_sessions": 1, "max_sessions_per_address": 1},
                            defaults={"max_sessions_per_user": 1})
        with server.raw("alice") as raw:
            for _ in range(5):
                self.codes(raw, [("REIN", 220), ("USER alice", 331), ("PASS secret", 230)])

    def test_a_running_transfer_is_finished_first(self):
        server = self.start()
        data = b"x" * (8 << 20)
        server.write_file("alice", "big", data)
        with server.raw("alice") as raw:
            self.codes(raw, [("TYPE I", 200)])
            sock = raw.passive()
            self.assertEqual(raw.code("RETR big"), 150)
            raw.send(b"REIN\r\n")
            time.sleep(0.2)
            self.assertEqual(len(server.session_pids("alice")), 2)
            self.assertEqual(len(read_all(sock)), len(data))
            sock.close()
            self.assertEqual(raw.reply()[:3], "226")
            self.assertEqual(raw.reply()[:3], "220")
            self.codes(raw, [("USER bob", 331), ("PASS secret", 230)])

    def test_what_was_sent_ahead_is_served_by_the_new_session(self):
        server = self.start()
        with server.raw("alice") as raw:
            raw.send(b"NOOP\r\nREIN\r\nUSER bob\r\nPASS secret\r\nMKD \xff\xffname\r\nNO\xff")
            for code in ("200", "220", "331", "230", "257"):
                self.assertEqual(raw.reply()[:3], code)
            # The rest of a Telnet option and of the line that it is in.
            raw.send(b"\xfd\x01OP\r\n")
            self.assertEqual(raw.line(), b"\xff\xfc\x01200 OK.")
        self.assertTrue(server.wait_event("mkdir", user="bob"))

    def test_a_client_that_leaves_with_it(self):
        server = self.start()
        for line in (b"REIN\r\n", b"REIN\r\nQUIT\r\n"):
            with server.raw("alice") as raw:
                raw.send(line)
        wait_until(lambda: len(server.log_events("logout")) >= 2, what="logouts")
        with server.raw("alice") as raw:
            self.assertEqual(raw.code("NOOP"), 200)

    def test_after_a_reload_the_client_is_asked_to_come_back(self):
        server = self.start()
        with server.raw("alice") as raw:
            self.assertEqual(server.reload()["event"], "reload")
            self.assertEqual(raw.cmd("REIN")[:3], "421")
            self.assertTrue(raw.closed())
        wait_until(lambda: not server.pids("guard alice"), what="end of the old pair")

    def test_a_limit_that_is_full_holds_for_the_new_session_too(self):
        server = self.start(options={"max_sessions_per_address": 1})
        with server.raw("alice") as raw:
            with RawFtp(server.port, greeting=False) as other:
                self.assertEqual(other.reply()[:3], "421")
            self.assertEqual(raw.code("REIN"), 220)
            with RawFtp(server.port, greeting=False) as other:
                self.assertEqual(other.reply()[:3], "421")
            self.assertEqual(raw.code("QUIT"), 221)


for mode in modes():
    name = "Rein%s" % mode.capitalize()
    globals()[name] = type(name, (Rein, unittest.TestCase), {"mode": mode})


if __name__ == "__main__":
    unittest.main()
