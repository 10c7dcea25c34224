"""What tests of hostile clients need beside transom.py: clients at other addresses, floods, memory, processor time."""

import os
import re
import select
import socket
import struct

from transom import SCALE, RawFtp, proc_status, proc_title, program, run

MEBIBYTE = 1 << 20


class ClientAt(RawFtp):
    """A RawFtp that comes from another loopback address: ClientAt("127.0.0.2", server.port)."""

    def __init__(self, source, port, timeout=20, greeting=True):
        self.timeout = timeout * SCALE
        self.host = "127.0.0.1"
        self.source = source
        self.buffer = b""
        self.sock = self.connect(port)
        self.greeting = self.reply() if greeting else None

    def connect(self, port):
        """A connection from this client's address to a port of the server."""
        return socket.create_connection((self.host, port), timeout=self.timeout, source_address=(self.source, 0))

    def passive(self):
        reply = self.cmd("EPSV")
        return self.connect(int(re.search(r"\|(\d+)\|", reply).group(1)))


def reset(sock):
    """Close with a reset, as a client that crashes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def flood(sock, data, timeout=20):
    """Send all of data while reading what comes back; what came.  Ends early when the server closes."""
    received = []
    left = memoryview(data)
    sock.setblocking(False)
    try:
        while left:
            readable, writable, _ = select.select([sock], [sock], [], timeout * SCALE)
            if not readable and not writable:
                raise AssertionError("%d bytes of a flood are neither taken nor refused" % len(left))
            if readable:
                piece = sock.recv(65536)
                if not piece:
                    break
                received.append(piece)
            if writable:
                left = left[sock.send(left):]
    except ConnectionError:
        pass
    finally:
        sock.settimeout(timeout * SCALE)
    return b"".join(received)


def resident_bytes(pid):
    """Resident memory of a process now."""
    with open("/proc/%d/statm" % pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid):
    """The most resident memory that the process ever had."""
    return int(proc_status(pid)["VmHWM"][0]) * 1024


def cpu_seconds(*pids):
    """Processor time that these processes have used."""
    ticks = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def busy_fronts(server):
    """Pids of the fronts that have a client."""
    return {pid for pid in server.pids("front") if "idle" not in proc_title(pid).split()}


class Verb:
    """A row of the command table, as tables-print shows it."""

    def __init__(self, row):
        usage, before, during, _ = row
        words = usage.split(":", 1)[0].split(" ", 1)
        self.name = words[0]
        self.arguments = words[1] if len(words) > 1 else ""
        self.needs_argument = re.sub(r"\[[^]]*\]", "", self.arguments).strip() != ""
        self.before_login = before == "yes"
        self.built = during != "answers 502"


def verbs():
    """(commands, SITE commands) of the server's table."""
    tables = run([program("tables-print"), "ftp-commands"]).stdout.split("\n## SITE\n")
    return tuple([Verb([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
                  for line in table.splitlines() if re.match(r"\| [A-Z0-9]{3,}\b", line)]
                 for table in tables)
