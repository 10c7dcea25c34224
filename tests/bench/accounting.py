"""Processor seconds and memory of a server and all the processes it starts.

A control group counts what every process of the server used, those that have already ended
included: cgroup v1 (cpuacct) or v2, whichever this machine has.  Needs root.
"""

import os
import time

BLOCK = 1 << 20


def _writable(path):
    return os.path.isdir(path) and os.access(path, os.W_OK)


class Group:
    """A control group for one server; move the server in before it starts others."""

    def __init__(self, name):
        name = f"bench-{os.getpid()}-{name}"
        if _writable("/sys/fs/cgroup/cpuacct"):
            self.path = os.path.join("/sys/fs/cgroup/cpuacct", name)
            self.version = 1
        elif os.path.exists("/sys/fs/cgroup/cgroup.controllers") and _writable("/sys/fs/cgroup"):
            self.path = os.path.join("/sys/fs/cgroup", name)
            self.version = 2
        else:
            raise SystemExit("bench: no writable control group hierarchy: run as root")
        os.mkdir(self.path)

    def enter(self):
        """In the child, between fork and exec.  Servers share the first processor, the client has the others."""
        if os.cpu_count() > 1:
            os.sched_setaffinity(0, {0})
        with open(os.path.join(self.path, "cgroup.procs"), "w") as procs:
            procs.write("0")

    def cpu_seconds(self):
        if self.version == 1:
            with open(os.path.join(self.path, "cpuacct.usage")) as usage:
                return int(usage.read()) / 1e9
        with open(os.path.join(self.path, "cpu.stat")) as stat:
            for line in stat:
                key, value = line.split()
                if key == "usage_usec":
                    return int(value) / 1e6
        raise RuntimeError("cpu.stat has no usage_usec")

    def pids(self):
        with open(os.path.join(self.path, "cgroup.procs")) as procs:
            return [int(line) for line in procs]

    def pss_kib(self):
        """Proportional set size of all processes: shared pages are counted once."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as rollup:
                    for line in rollup:
                        if line.startswith("Pss:"):
                            total += int(line.split()[1])
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total

    def close(self):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


class Measure:
    """with Measure(group) as m: ...  ->  m.cpu, m.wall in seconds."""

    def __init__(self, group):
        self.group = group

    def __enter__(self):
        self.cpu = self.group.cpu_seconds()
        self.wall = time.monotonic()
        return self

    def __exit__(self, *unused):
        self.wall = time.monotonic() - self.wall
        # The last process of a transfer may still be on its way out.
        time.sleep(0.05)
        self.cpu = self.group.cpu_seconds() - self.cpu


def take_memory_back(directory, mib):
    """Touch as much free memory as a file of this size is going to need, right before it is measured who writes it.

    The host of a virtual machine may have taken back what lay free for some seconds (a balloon's free page reporting):
    whoever writes next pays for a fault of the host's at each page, several times the price of all else, and in
    rounds of several servers that is always the same one.
    """
    path = os.path.join(directory, "spare")
    with open(path, "wb") as out:
        block = bytes(BLOCK)
        for _ in range(mib):
            out.write(block)
    os.unlink(path)


def pss_of_an_idle_session(group, connect, disconnect, count):
    """KiB that one more idle logged-in session costs, all processes of the server together."""
    warm = connect()
    time.sleep(0.5)
    before = group.pss_kib()
    sessions = [connect() for _ in range(count)]
    time.sleep(1)
    after = group.pss_kib()
    for session in sessions + [warm]:
        disconnect(session)
    return (after - before) / count
