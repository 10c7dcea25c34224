#!/usr/bin/env python3
"""Compare transom with OpenSSH (sshd and sftp-server) and ProFTPD (mod_sftp) over SFTP, all in one run.

    sudo TRANSOM_BUILD=BUILD tests/bench/sftp_bench.py [--mib N] [--runs N] [--only NAME]

The client is OpenSSH's sftp for all of them.  Prints a Markdown table: processor seconds of all the server's
processes, wall time, and transom's share of OpenSSH's figure.  Servers take turns within each round and the best
round counts; they are bound to the first processor and the client to the others.  What it costs to log in is a row of
its own and in no other.  It asserts nothing.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys

from accounting import Measure, pss_of_an_idle_session, take_memory_back
from ftp_bench import better, big_file, machine
from sftp_servers import SERVERS

CIPHERS = {
    "aes128-gcm": ["Ciphers=aes128-gcm@openssh.com"],
    "chacha20-poly1305": ["Ciphers=chacha20-poly1305@openssh.com"],
    "aes256-ctr, hmac-sha2-256": ["Ciphers=aes256-ctr", "MACs=hmac-sha2-256"],
}
PATIENCE_SECONDS = 600


class NotServed(Exception):
    """The server does not speak this cipher."""


class Session:
    """OpenSSH's sftp, logged in and waiting for commands."""

    def __init__(self, server, options=CIPHERS["aes128-gcm"]):
        command = ["sftp", "-q", "-F", "/dev/null", "-i", server.user_key, "-P", str(server.port)]
        for option in ["IdentitiesOnly=yes", "UserKnownHostsFile=" + server.known_hosts, "LogLevel=ERROR", *options]:
            command += ["-o", option]
        self.server = server
        self.number = 0
        self.process = subprocess.Popen(command + ["-b", "-", f"{server.user}@127.0.0.1"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env={**os.environ, "LD_LIBRARY_PATH": ""})
        try:
            self.do(f"cd {server.directory}")
        except NotServed:
            self.process.kill()
            self.process.wait()
            raise

    def do(self, *commands):
        """Run commands and wait for their end."""
        self.number += 1
        mark = f"bench-{self.number}-done"
        try:
            self.process.stdin.write("".join(line + "\n" for line in commands) + f"!echo {mark}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise NotServed(self.server.name) from None
        for line in self.process.stdout:
            if line.strip() == mark:
                return
        raise NotServed(self.server.name)

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()


def one_cipher(server, options, name):
    path = big_file(server, options.mib)
    os.chmod(path, 0o644)
    local = os.path.join(server.temp, "local")
    stored = os.path.join(server.files, "stored")
    session = Session(server, CIPHERS[name])
    try:
        take_memory_back(server.temp, options.mib)
        with Measure(server.group) as get:
            session.do(f"get big {local}")
        assert os.path.getsize(local) == os.path.getsize(path), server.name
        take_memory_back(server.temp, options.mib)
        with Measure(server.group) as put:
            session.do(f"put {local} stored")
        assert os.path.getsize(stored) == os.path.getsize(path), server.name
    finally:
        session.close()
        for used in (path, local, stored):
            if os.path.exists(used):
                os.unlink(used)
    return {f"get {name}, cpu s/GiB": get.cpu * 1024 / options.mib,
            f"get {name}, MB/s": options.mib * 1.048576 / get.wall,
            f"put {name}, cpu s/GiB": put.cpu * 1024 / options.mib,
            f"put {name}, MB/s": options.mib * 1.048576 / put.wall}


def measure_big(server, options):
    result = {}
    for name in CIPHERS:
        try:
            result.update(one_cipher(server, options, name))
        except NotServed:
            result[f"get {name}, cpu s/GiB"] = None
    return result


def measure_small(server, options):
    local = os.path.join(server.temp, "small")
    back = os.path.join(server.temp, "back")
    os.mkdir(local)
    for number in range(options.files):
        with open(os.path.join(local, f"f{number}"), "wb") as out:
            out.write(os.urandom(4096))
    session = Session(server)
    session.do("mkdir small")       # mod_sftp finds no name for a directory that is not there yet
    with Measure(server.group) as put:
        session.do(f"put -r {local}")
    with Measure(server.group) as get:
        session.do(f"get -r small {back}")
    session.close()
    assert len(os.listdir(back)) == options.files, server.name
    for used in (local, back, os.path.join(server.files, "small")):
        shutil.rmtree(used)
    return {"4 KiB put -r, cpu ms/file": put.cpu * 1e3 / options.files,
            "4 KiB put -r, wall ms/file": put.wall * 1e3 / options.files,
            "4 KiB get -r, cpu ms/file": get.cpu * 1e3 / options.files,
            "4 KiB get -r, wall ms/file": get.wall * 1e3 / options.files}


def measure_list(server, options):
    directory = os.path.join(server.files, "many")
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    for number in range(options.entries):
        os.close(os.open(os.path.join(directory, f"file{number:06}"), os.O_CREAT | os.O_WRONLY, 0o644))
    session = Session(server)
    with Measure(server.group) as used:
        session.do("ls -1f many")
    session.close()
    shutil.rmtree(directory)
    return {f"listing of {options.entries}, cpu s": used.cpu, f"listing of {options.entries}, wall s": used.wall}


def measure_idle(server, options):
    return {"idle session, KiB PSS": pss_of_an_idle_session(
        server.group, lambda: Session(server), Session.close, options.sessions)}


def measure_login(server, options):
    """Connect, log in by key, leave; one after the other."""
    with Measure(server.group) as used:
        for _ in range(options.logins):
            Session(server).close()
    return {"login by key, cpu ms": used.cpu * 1e3 / options.logins,
            "login by key, wall ms": used.wall * 1e3 / options.logins}


JOBS = {"big": measure_big, "small": measure_small, "list": measure_list, "idle": measure_idle,
        "login": measure_login}


def shown(value):
    if value is None:
        return "-"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(results, names):
    """With a last column: transom's figure as a share of OpenSSH's."""
    ratio = "transom" in names and "OpenSSH" in names
    rows = list(dict.fromkeys(row for result in results.values() for row in result))
    out = io.StringIO()
    heads = ["work", *names] + (["transom / OpenSSH"] if ratio else [])
    print("| " + " | ".join(heads) + " |", file=out)
    print("|---" * len(heads) + "|", file=out)
    for row in rows:
        values = [results[name].get(row) for name in names]
        cells = [shown(value) for value in values]
        if ratio:
            ours, theirs = results["transom"].get(row), results["OpenSSH"].get(row)
            cells.append(f"{ours / theirs:.2f}" if ours is not None and theirs else "-")
        print("| " + " | ".join([row, *cells]) + " |", file=out)
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=512, help="size of the big file")
    parser.add_argument("--runs", type=int, default=3, help="rounds; the best counts")
    parser.add_argument("--files", type=int, default=2000, help="small files")
    parser.add_argument("--entries", type=int, default=100000, help="entries of the listed directory")
    parser.add_argument("--sessions", type=int, default=30, help="idle sessions")
    parser.add_argument("--logins", type=int, default=30, help="logins in a row")
    parser.add_argument("--jobs", default=",".join(JOBS), help="of " + ",".join(JOBS))
    parser.add_argument("--dir", help="where the temporary directories are made (default: TMPDIR or /tmp)")
    parser.add_argument("--only", action="append", help="one server by name; may be given again")
    options = parser.parse_args()

    servers = []
    for kind in SERVERS:
        if options.only and kind.name not in options.only:
            continue
        if not kind.found():
            print(f"{kind.name}: not installed, left out", file=sys.stderr)
            continue
        servers.append(kind(options.dir))
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, set(range(1, os.cpu_count())))
    results = {server.name: {} for server in servers}
    try:
        for job in options.jobs.split(","):
            for run in range(options.runs):
                for server in servers:
                    for row, value in JOBS[job](server, options).items():
                        results[server.name][row] = better(row, value, results[server.name].get(row))
                    print(f"{job} {run + 1}/{options.runs} {server.name}", file=sys.stderr)
    finally:
        for server in servers:
            server.stop()
    print(machine())
    print()
    print(table(results, [server.name for server in servers]))


if __name__ == "__main__":
    main()
