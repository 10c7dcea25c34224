"""Data connections over real sockets: what PASV tells, ports, strangers, active mode, IPv6."""

import os
import re
import socket
import time
import unittest

from netns import Cable, SocketFtp
from transom import (SCALE, RawFtp, TransomServer, is_root, modes, need_root, proc_status, read_all, run,
                     wait_until)

ALICE = {"alice": {"password": "secret"}}
STRANGER = "127.0.0.2"      # another address of the loopback
CAP_NET_BIND_SERVICE = 10
MANY = 100


def dial(port, source="127.0.0.1", host="127.0.0.1"):
    """A connection from one address of the loopback to a port of another."""
    return socket.create_connection((host, port), timeout=20 * SCALE, source_address=(source, 0))


def client_from(server, source):
    """A logged-in client that comes from this address."""
    client = SocketFtp(dial(server.port, source), lambda port: dial(port, source))
    client.login("alice", "secret")
    return client


def pasv(client):
    """(address, port) that PASV tells."""
    reply = client.cmd("PASV")
    numbers = re.fullmatch(r"227 .*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)\.", reply)
    if numbers is None:
        raise AssertionError("PASV: " + reply)
    values = [int(number) for number in numbers.groups()]
    return ".".join(str(value) for value in values[:4]), values[4] * 256 + values[5]


def epsv(client):
    """The port that EPSV tells."""
    return int(re.fullmatch(r"229 .*\(\|\|\|(\d+)\|\)", client.cmd("EPSV")).group(1))


def free_ports(count):
    """The first of so many ports in a row that nobody has, below those that the system gives out itself."""
    for first in range(20000 + os.getpid() % 50 * 100, 32000 - count, count):
        taken = []
        try:
            for port in range(first, first + count):
                sock = socket.socket()
                taken.append(sock)
                sock.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for sock in taken:
                sock.close()
    raise AssertionError("no %d free ports in a row" % count)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def fetch(client, data):
    """LIST over a data connection that is there; its last reply."""
    reply = client.cmd("LIST")
    if not reply.startswith("150"):
        return reply
    read_all(data)
    data.close()
    return client.reply()


def active(client, host="127.0.0.1", line="PORT %s"):
    """LIST in active mode: (its last reply, where the server came from)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        listener.settimeout(20 * SCALE)
        port = listener.getsockname()[1]
        if line.startswith("PORT"):
            port = "%s,%d,%d" % (host.replace(".", ","), port // 256, port % 256)
        for step, code in ((line % port, "200"), ("LIST", "150")):
            reply = client.cmd(step)
            if not reply.startswith(code):
                raise AssertionError("%s: %s" % (step, reply))
        data, source = listener.accept()
        read_all(data)
        data.close()
        return client.reply(), source


class Announced(unittest.TestCase):
    """What PASV tells to whom."""

    def told(self, source="127.0.0.1", **ftp):
        with TransomServer(users=ALICE, ftp=ftp) as server:
            with client_from(server, source) as client:
                address, port = pasv(client)
                self.assertNotEqual(port, 0)
                self.assertGreater(epsv(client), 0)
                self.events = server.log_events("data-failed")
                return address

    def test_local_clients_are_told_the_address_they_dialled(self):
        self.assertEqual(self.told(public_address="198.51.100.7"), "127.0.0.1")

    def test_a_rule_for_the_clients_network_comes_first(self):
        rules = ["127.0.0.2/32 192.0.2.44", "127.0.0.0/8 192.0.2.33"]
        self.assertEqual(self.told(public_addresses=rules), "192.0.2.33")
        self.assertEqual(self.told(source=STRANGER, public_addresses=rules), "192.0.2.44")
        rules.insert(0, "127.0.0.0/30 dialled")
        self.assertEqual(self.told(source=STRANGER, public_addresses=rules), "127.0.0.1")

    def test_a_host_name_is_looked_up_for_each_session(self):
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(
                    mode=mode, users=ALICE, ftp={"public_addresses": ["127.0.0.0/8 localhost"]}) as server:
                for _ in range(2):
                    with server.raw("alice") as client:
                        self.assertEqual(pasv(client)[0], "127.0.0.1")
                        self.assertEqual(fetch(client, client.passive())[:3], "226")
                self.assertEqual(server.log_events("data-failed"), [])

    def test_a_name_that_is_not_found_is_logged_once_a_session_and_the_dialled_address_told(self):
        with TransomServer(users=ALICE, ftp={"public_addresses": ["127.0.0.0/8 no-such-host.invalid"]}) as server:
            with server.raw("alice") as client:
                for _ in range(3):
                    self.assertEqual(pasv(client)[0], "127.0.0.1")
            server.wait_event("logout")
            event, = server.log_events("data-failed")
            self.assertIn("no-such-host.invalid", event["reason"])
            self.assertIn("public_address", event["cure"])

    def test_clients_from_elsewhere_are_told_the_public_address(self):
        with Cable() as cable:
            for ftp, told in (({"public_address": "198.51.100.7"}, "198.51.100.7"), ({}, cable.SERVER),
                              ({"public_address": "198.51.100.7",
                                "public_addresses": ["203.0.113.0/24 dialled"]}, cable.SERVER)):
                with TransomServer(users=ALICE, ftp=ftp, listeners={"ftp": {"address": "*:0"}}) as server:
                    with SocketFtp(cable.connect(server.port), cable.connect) as client:
                        client.login("alice", "secret")
                        self.assertEqual(pasv(client)[0], told)
                        self.assertEqual(fetch(client, client.passive())[:3], "226")

    def test_wrong_rules_stop_the_start(self):
        for rule, wrong in (("10.0.0.1/8 dialled", "bits are set"), ("10.0.0.0/40 dialled", "it starts with no network"),
                            ("10.0.0.0/8 0.0.0.0", "clients cannot connect"), ("10.0.0.0/8", "nothing stands")):
            server = TransomServer(users=ALICE, ftp={"public_addresses": ["10.1.0.0/16 dialled", rule]})
            server.prepare()
            self.addCleanup(server.discard)
            with open(server.conf) as file:
                line = [number for number, text in enumerate(file, 1) if rule in text][0]
            tried = run(server.command("-c", server.conf, "-t"))
            self.assertNotEqual(tried.returncode, 0)
            self.assertIn('%s:%d: public_addresses = "%s": %s' % (server.conf, line, rule, wrong), tried.stderr)


class Ports(unittest.TestCase):
    """A port comes from the range, at random, and goes back to it however the wait ends."""

    def server(self, count, **settings):
        self.first = free_ports(count)
        ftp = {"passive_ports": "%d-%d" % (self.first, self.first + count - 1), **settings.pop("ftp", {})}
        server = TransomServer(users={**ALICE, "bob": {"password": "secret"}}, ftp=ftp, **settings)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def test_a_range_of_a_hundred_serves_a_hundred_at_a_time(self):
        server = self.server(MANY, options={"max_sessions_per_address": 2 * MANY, "spare_max": 64})
        clients = [server.raw("alice") for _ in range(MANY)]
        for client in clients:
            self.addCleanup(client.close)
        ports = [epsv(client) for client in clients]
        self.assertEqual(sorted(ports), list(range(self.first, self.first + MANY)))
        self.assertNotEqual(ports, sorted(ports))
        late = server.raw("alice")
        self.addCleanup(late.close)
        start = time.monotonic()
        self.assertEqual(late.code("EPSV"), 425)
        self.assertEqual(late.code("PASV"), 425)
        self.assertLess(time.monotonic() - start, 2 * SCALE)
        event = server.wait_event("data-failed", count=2)
        self.assertEqual(event["reason"], "every port of passive_ports is in use")
        self.assertIn("longer range", event["cure"])
        datas = [dial(port) for port in ports]
        for client, data in zip(clients, datas):
            self.assertEqual(fetch(client, data)[:3], "226")
        self.assertIn(epsv(late), ports)

    def test_a_finished_connection_does_not_block_its_port(self):
        server = self.server(1)
        with server.raw("alice") as client:
            for _ in range(20):
                # LIST: the server closes first, and the port is in TIME_WAIT.
                self.assertEqual(fetch(client, client.passive())[:3], "226")

    def test_the_same_port_serves_while_a_transfer_runs_on_it(self):
        server = self.server(1)
        server.write_file("alice", "large", b"x" * (32 << 20))
        with server.raw("alice") as first, server.raw("alice") as second:
            data = first.passive()
            self.assertEqual(first.code("RETR large"), 150)
            self.assertEqual(fetch(second, second.passive())[:3], "226")
            self.assertEqual(len(read_all(data)), 32 << 20)
            self.assertEqual(first.reply()[:3], "226")

    def assert_free(self, server):
        """Another session gets the only port; afterwards it is free again."""
        before = len(server.log_events("logout", user="bob"))
        with server.raw("bob") as client:
            wait_until(lambda: client.code("EPSV") == 229, 5, "a free port")
            self.assertEqual(epsv(client), self.first)
        server.wait_event("logout", user="bob", count=before + 1)

    def test_a_port_is_free_again_after_its_time(self):
        server = self.server(1, ftp={"data_timeout": "2s"})
        with server.raw("alice") as client:
            epsv(client)
            self.assert_free(server)
            epsv(client)
            self.assertEqual(client.code("RETR nothing"), 550)
            server.write_file("alice", "some", b"x")
            epsv(client)
            client.send("RETR some\r\n")
            self.assertEqual(client.reply()[:3], "150")
            self.assertEqual(client.reply()[:3], "425")
            self.assert_free(server)
            event = server.log_events("data-failed")[-1]
            self.assertEqual(event["reason"], "nobody connected to the passive port in time")
            self.assertIn("firewalls", event["cure"])
            self.assertEqual(fetch(client, client.passive())[:3], "226")

    def test_a_port_is_free_again_after_an_abort_and_after_quit(self):
        server = self.server(1)
        client = server.raw("alice")
        epsv(client)
        client.send("LIST\r\n")
        self.assertEqual(client.reply()[:3], "150")
        client.send("ABOR\r\n")
        self.assertEqual([client.reply()[:3], client.reply()[:3]], ["426", "226"])
        self.assert_free(server)
        epsv(client)
        client.cmd("QUIT")
        client.close()
        self.assert_free(server)

    def test_a_port_is_free_again_after_kill_9(self):
        for victim in (0, 1):
            server = self.server(1, allow_crash=True)
            client = server.raw("alice")
            self.addCleanup(client.close)
            epsv(client)
            client.send("LIST\r\n")
            self.assertEqual(client.reply()[:3], "150")
            server.kill(server.session_pids("alice")[victim])
            self.assert_free(server)


class Strangers(unittest.TestCase):
    """Whoever is not the client is dropped, and the client served all the same."""

    def setUp(self):
        server = TransomServer(users=ALICE)
        self.server = server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        self.client = self.server.raw("alice")
        self.addCleanup(self.client.close)

    def assert_dropped(self, sock):
        with sock:
            try:
                self.assertEqual(sock.recv(1), b"")
            except ConnectionError:
                pass

    def assert_logged(self):
        event = self.server.wait_event("data-failed", reason=re.compile("^dropped a connection from 127.0.0.2:"))
        self.assertEqual(event["user"], "alice")

    def test_before_the_transfer_is_asked_for(self):
        port = epsv(self.client)
        self.assert_dropped(dial(port, STRANGER))
        self.assertEqual(fetch(self.client, dial(port))[:3], "226")
        self.assert_logged()

    def test_while_the_transfer_waits(self):
        port = epsv(self.client)
        self.client.send("LIST\r\n")
        self.assertEqual(self.client.reply()[:3], "150")
        self.assert_dropped(dial(port, STRANGER))
        data = dial(port)
        read_all(data)
        data.close()
        self.assertEqual(self.client.reply()[:3], "226")
        self.assert_logged()

    def test_a_crowd_of_them_keeps_nobody_out_and_does_not_fill_the_log(self):
        port = epsv(self.client)
        crowd = [dial(port, STRANGER) for _ in range(30)]
        self.assertEqual(fetch(self.client, dial(port))[:3], "226")
        for sock in crowd:
            self.assert_dropped(sock)
        self.client.cmd("QUIT")
        self.server.wait_event("logout")
        self.assertLessEqual(len(self.server.log_events("data-failed")), 3)

    def test_nobody_connects_twice(self):
        port = epsv(self.client)
        data = dial(port)
        self.client.send("LIST\r\n")
        self.assertEqual(self.client.reply()[:3], "150")
        read_all(data)
        data.close()
        self.assertEqual(self.client.reply()[:3], "226")
        with self.assertRaises(ConnectionError):
            dial(port)

    def test_a_third_party_gets_no_connection(self):
        with socket.create_server((STRANGER, 0)) as third:
            port = third.getsockname()[1]
            words = "%d,%d" % (port // 256, port % 256)
            for line in ("PORT 127,0,0,2," + words, "EPRT |1|127.0.0.2|%d|" % port, "EPRT |1|0.0.0.0|%d|" % port,
                         "PORT 0,0,0,0," + words, "PORT 127,0,0,1,0,80", "EPRT |2|::1|%d|" % port):
                self.assertRegex(self.client.cmd(line), "^5", line)
                self.assertEqual(self.client.code("LIST"), 425)
            third.settimeout(0.2)
            with self.assertRaises(socket.timeout):
                third.accept()


class Active(unittest.TestCase):
    """PORT and EPRT: from the configured port, with no more rights than that takes."""

    def test_the_configured_port_is_the_source_for_all_sessions(self):
        port = free_ports(1)
        for mode in modes():
            with self.subTest(mode=mode), TransomServer(
                    mode=mode, users=ALICE, ftp={"active_source_port": port}) as server:
                with server.raw("alice") as first, client_from(server, STRANGER) as second:
                    for _ in range(3):
                        for client, host in ((first, "127.0.0.1"), (second, STRANGER)):
                            reply, source = active(client, host)
                            self.assertEqual(reply[:3], "226")
                            self.assertEqual(source[:2], ("127.0.0.1", port))

    def test_without_it_the_system_chooses(self):
        with TransomServer(users=ALICE) as server, server.raw("alice") as client:
            reply, source = active(client)
            self.assertEqual(reply[:3], "226")
            self.assertGreaterEqual(source[1], 1024)

    def capabilities(self, server):
        """Of a logged-in guard, and of an idle one: (effective, permitted, bounding), (effective)."""
        guard, front = server.session_pids("alice")
        idle = proc_status(wait_until(lambda: server.pids("guard idle"), 5, "an idle guard")[0])
        status = proc_status(guard)
        self.assertEqual(int(proc_status(front)["CapEff"][0], 16), 0)
        self.assertEqual(status["CapInh"] + status["CapAmb"] + status["CapBnd"], ["0" * 16] * 3)
        self.assertEqual(status["CapEff"], status["CapPrm"])
        return int(status["CapEff"][0], 16), int(idle["CapEff"][0], 16)

    def test_port_20_takes_one_capability_and_only_when_it_is_configured(self):
        need_root()
        bind = 1 << CAP_NET_BIND_SERVICE
        for ftp, expected in (({}, 0), ({"active_source_port": 20}, bind),
                              ({"active_source_port": free_ports(1)}, 0),
                              ({"active_source_port": 20, "active": False}, 0)):
            with self.subTest(ftp=ftp), TransomServer(mode="root", users=ALICE, ftp=ftp) as server:
                with server.raw("alice") as client:
                    logged_in, idle = self.capabilities(server)
                    self.assertEqual(logged_in, expected)
                    self.assertEqual(idle & bind, expected)
                    if expected:
                        for _ in range(2):
                            reply, source = active(client)
                            self.assertEqual(reply[:3], "226")
                            self.assertEqual(source[1], 20)

    def test_an_ordinary_user_is_told_at_the_start(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
            if int(file.read()) <= 20:
                self.skipTest("anybody may take port 20 here")
        server = TransomServer(mode="user", users=ALICE, ftp={"active_source_port": 20})
        server.prepare()
        self.addCleanup(server.discard)
        tried = run(server.command("-c", server.conf, "-t"))
        self.assertNotEqual(tried.returncode, 0)
        self.assertIn("active_source_port = 20: ", tried.stderr)
        self.assertIn("CAP_NET_BIND_SERVICE", tried.stderr)

    @unittest.skipUnless(is_root(), "needs root")
    def test_an_ordinary_user_with_the_capability_keeps_it_and_nothing_else(self):
        server = TransomServer(mode="user", users=ALICE, ftp={"active_source_port": 20})
        plain = server.command

        def command(*arguments):
            vector = plain(*arguments)
            vector[1:1] = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]
            return vector
        server.command = command
        with server, server.raw("alice") as client:
            guard, front = server.session_pids("alice")
            self.assertEqual(int(proc_status(guard)["CapEff"][0], 16), 1 << CAP_NET_BIND_SERVICE)
            self.assertEqual(int(proc_status(front)["CapEff"][0], 16), 0)
            self.assertEqual(active(client)[1][1], 20)

    def test_a_client_that_cannot_be_reached_is_425(self):
        with TransomServer(users=ALICE) as server, server.raw("alice") as client:
            with socket.socket() as deaf:   # it has the port, and does not listen
                deaf.bind(("127.0.0.1", 0))
                self.assertEqual(client.code("EPRT |1|127.0.0.1|%d|" % deaf.getsockname()[1]), 200)
                client.send("LIST\r\n")
                self.assertEqual([client.reply()[:3], client.reply()[:3]], ["150", "425"])
            event = server.wait_event("data-failed")
            self.assertIn("connecting to the client's port", event["reason"])
            self.assertIn("passive", event["cure"])


@unittest.skipUnless(has_ipv6(), "no IPv6 here")
class Ipv6(unittest.TestCase):
    """The same over ::1, and IPv4 clients of an IPv6 listener."""

    def serve(self, address, **ftp):
        server = TransomServer(users=ALICE, listeners={"ftp": {"address": address}}, ftp=ftp)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def client(self, server, host):
        client = RawFtp(server.port, host=host)
        self.addCleanup(client.close)
        client.login("alice", "secret")
        return client

    def test_passive_is_epsv_and_pasv_says_so(self):
        client = self.client(self.serve("[::1]:0", public_address="198.51.100.7"), "::1")
        reply = client.cmd("PASV")
        self.assertEqual(reply[:3], "425")
        self.assertIn("EPSV", reply)
        self.assertEqual(client.code("EPSV 1"), 522)
        self.assertEqual(client.code("EPSV 2"), 229)
        self.assertEqual(fetch(client, client.passive())[:3], "226")

    def test_active_is_eprt(self):
        client = self.client(self.serve("[::1]:0"), "::1")
        reply, source = active(client, "::1", "EPRT |2|::1|%d|")
        self.assertEqual(reply[:3], "226")
        self.assertEqual(source[0], "::1")
        self.assertRegex(client.cmd("EPRT |1|127.0.0.1|5000|"), "^5")
        self.assertRegex(client.cmd("PORT 127,0,0,1,20,20"), "^5")
        self.assertRegex(client.cmd("EPRT |2|::1|80|"), "^5")

    def test_active_from_the_configured_port(self):
        port = free_ports(1)
        client = self.client(self.serve("[::1]:0", active_source_port=port), "::1")
        self.assertEqual(active(client, "::1", "EPRT |2|::1|%d|")[1][:2], ("::1", port))

    def test_ipv4_clients_of_a_dual_stack_listener(self):
        server = self.serve("[::]:0")
        client = self.client(server, "127.0.0.1")
        self.assertTrue(server.wait_event("accept")["peer"].startswith("127.0.0.1:"))
        address, port = pasv(client)
        self.assertEqual(address, "127.0.0.1")
        self.assertEqual(fetch(client, dial(port))[:3], "226")
        self.assertEqual(client.code("EPSV 2"), 522)
        self.assertEqual(fetch(client, client.passive())[:3], "226")
        self.assertEqual(active(client)[0][:3], "226")
        self.assertEqual(active(client, line="EPRT |1|127.0.0.1|%d|")[0][:3], "226")
        self.assertEqual(active(client, line="EPRT |2|::ffff:127.0.0.1|%d|")[0][:3], "226")
        six = self.client(server, "::1")
        self.assertEqual(fetch(six, six.passive())[:3], "226")


if __name__ == "__main__":
    unittest.main()
