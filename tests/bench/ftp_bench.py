#!/usr/bin/env python3
"""Compare transom with vsftpd and ProFTPD over FTP, plain and with TLS 1.3, all in one run.

    sudo TRANSOM_BUILD=BUILD tests/bench/ftp_bench.py [--mib N] [--runs N] [--jobs LIST] [--only NAME]

Prints a Markdown table: processor seconds of all the server's processes, and wall time.  Servers take turns
within each round and the best round counts, since the machine may be shared; the servers are bound to the first
processor and the client to the others, since a connection within one machine costs half or double as chance
puts its two ends.  It asserts nothing.
"""

import argparse
import ftplib
import io
import os
import platform
import socket
import sys

import ftps_client
from accounting import Measure, pss_of_an_idle_session, take_memory_back
from servers import SERVERS

BLOCK = 1 << 20


def connect(server):
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", server.port, timeout=120)
    ftp.login(server.user, server.password)
    ftp.cwd(server.directory)
    ftp.voidcmd("TYPE I")
    return ftp


def receive_all(data):
    """Read to the end; bytes received."""
    into = bytearray(BLOCK)
    total = 0
    while True:
        got = data.recv_into(into)
        if not got:
            return total
        total += got


def big_file(server, mib):
    path = os.path.join(server.files, "big")
    with open(path, "wb") as out:
        block = os.urandom(BLOCK)
        for _ in range(mib):
            out.write(block)
    return path


def measure_retr(server, options):
    path = big_file(server, options.mib)
    os.chmod(path, 0o644)
    ftp = connect(server)
    with Measure(server.group) as used:
        data = ftp.transfercmd("RETR big")
        # Waking us is charged to the sender: seldom enough that it does not drown the server's own work.
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 << 18)
        total = receive_all(data)
        data.close()
        ftp.voidresp()
    ftp.quit()
    os.unlink(path)
    assert total == options.mib * BLOCK, (server.name, total)
    return {"RETR, cpu s/GiB": used.cpu * 1024 / options.mib,
            "RETR, MB/s": options.mib * 1.048576 / used.wall}


def measure_stor(server, options):
    source = big_file(server, options.mib)
    os.rename(source, os.path.join(server.temp, "source"))
    ftp = connect(server)
    take_memory_back(server.temp, options.mib)
    with open(os.path.join(server.temp, "source"), "rb") as file, Measure(server.group) as used:
        data = ftp.transfercmd("STOR stored")
        data.sendfile(file)
        data.close()
        ftp.voidresp()
    ftp.quit()
    stored = os.path.join(server.files, "stored")
    assert os.path.getsize(stored) == options.mib * BLOCK, server.name
    os.unlink(stored)
    os.unlink(os.path.join(server.temp, "source"))
    return {"STOR, cpu s/GiB": used.cpu * 1024 / options.mib,
            "STOR, MB/s": options.mib * 1.048576 / used.wall}


def measure_small(server, options):
    ftp = connect(server)
    content = os.urandom(4096)
    # Nothing is deleted before the end: ext4 looks for a free inode past all that were deleted a short time ago, and
    # whoever creates files after that pays for it.
    first = len(os.listdir(server.files))
    names = [f"f{number}" for number in range(first, first + options.files)]
    with Measure(server.group) as put:
        for name in names:
            ftp.storbinary(f"STOR {name}", io.BytesIO(content))
    got = []
    with Measure(server.group) as get:
        for name in names:
            ftp.retrbinary(f"RETR {name}", got.append)
    ftp.quit()
    assert sum(map(len, got)) == 4096 * options.files, server.name
    return {"4 KiB put, cpu ms/file": put.cpu * 1e3 / options.files,
            "4 KiB put, wall ms/file": put.wall * 1e3 / options.files,
            "4 KiB get, cpu ms/file": get.cpu * 1e3 / options.files,
            "4 KiB get, wall ms/file": get.wall * 1e3 / options.files}


def measure_list(server, options):
    directory = os.path.join(server.files, "many")
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    for number in range(options.entries):
        os.close(os.open(os.path.join(directory, f"file{number:06}"), os.O_CREAT | os.O_WRONLY, 0o644))
    ftp = connect(server)
    ftp.cwd("many")
    result = {}
    for verb in ("LIST", "MLSD"):
        try:
            with Measure(server.group) as used:
                data = ftp.transfercmd(verb)
                lines = 0
                while True:
                    block = data.recv(BLOCK)
                    if not block:
                        break
                    lines += block.count(b"\n")
                data.close()
                ftp.voidresp()
        except ftplib.error_perm:
            result[f"{verb}, cpu s"] = None
            continue
        assert lines >= options.entries, (server.name, verb, lines)
        result[f"{verb}, cpu s"] = used.cpu
        result[f"{verb}, wall s"] = used.wall
    ftp.quit()
    for number in range(options.entries):
        os.unlink(os.path.join(directory, f"file{number:06}"))
    os.rmdir(directory)
    return result


def measure_idle(server, options):
    return {"idle session, KiB PSS": pss_of_an_idle_session(
        server.group, lambda: connect(server), lambda session: session.quit(), options.sessions)}


def measure_login(server, options):
    """Connect, log in, leave; one after the other."""
    with Measure(server.group) as used:
        for _ in range(options.logins):
            connect(server).quit()
    return {"login, cpu ms": used.cpu * 1e3 / options.logins,
            "login, wall ms": used.wall * 1e3 / options.logins}


# --- over TLS -----------------------------------------------------------------------------------------


def measure_tls_retr(server, options):
    path = big_file(server, options.mib)
    os.chmod(path, 0o644)
    result = {}
    for name, suite in ftps_client.SUITES.items():
        ftp = ftps_client.connect(server, suite)
        with Measure(server.group) as used:
            data = ftps_client.Data(ftp, "RETR big")
            total = data.drain(options.mib * BLOCK)
            data.close()
            ftp.voidresp()
        ftp.close()
        assert total >= options.mib * BLOCK, (server.name, total)
        result[f"FTPS RETR {name}, cpu s/GiB"] = used.cpu * 1024 / options.mib
        result[f"FTPS RETR {name}, MB/s"] = options.mib * 1.048576 / used.wall
    os.unlink(path)
    return result


def measure_tls_stor(server, options):
    source = os.path.join(server.temp, "source")
    os.rename(big_file(server, options.mib), source)
    stored = os.path.join(server.files, "stored")
    result = {}
    for name, suite in ftps_client.SUITES.items():
        ftp = ftps_client.connect(server, suite)
        data = ftps_client.Data(ftp, "STOR stored")
        blocks = data.encrypt(source)
        take_memory_back(server.temp, options.mib)
        with Measure(server.group) as used:
            data.send(blocks)
            data.close()
            ftp.voidresp()
        ftp.close()
        assert os.path.getsize(stored) == options.mib * BLOCK, server.name
        os.unlink(stored)
        result[f"FTPS STOR {name}, cpu s/GiB"] = used.cpu * 1024 / options.mib
        result[f"FTPS STOR {name}, MB/s"] = options.mib * 1.048576 / used.wall
    os.unlink(source)
    return result


def measure_tls_idle(server, options):
    return {"idle FTPS session, KiB PSS": pss_of_an_idle_session(
        server.group, lambda: ftps_client.connect(server), lambda session: session.close(), options.sessions)}


def measure_tls_login(server, options):
    """Connect, AUTH TLS (a whole handshake), log in, leave; one after the other."""
    with Measure(server.group) as used:
        for _ in range(options.logins):
            ftps_client.connect(server).close()
    return {"FTPS login, cpu ms": used.cpu * 1e3 / options.logins,
            "FTPS login, wall ms": used.wall * 1e3 / options.logins}


JOBS = {"retr": measure_retr, "stor": measure_stor, "small": measure_small,
        "list": measure_list, "idle": measure_idle, "login": measure_login}
TLS_JOBS = {"tls-retr": measure_tls_retr, "tls-stor": measure_tls_stor, "tls-idle": measure_tls_idle,
            "tls-login": measure_tls_login}
ALL_JOBS = {**JOBS, **TLS_JOBS}


def better(row, new, old):
    if old is None or new is None:
        return old if new is None else new
    return max(old, new) if "MB/s" in row else min(old, new)


def table(results, names):
    rows = list(dict.fromkeys(row for result in results.values() for row in result))
    out = io.StringIO()
    print("| work | " + " | ".join(names) + " |", file=out)
    print("|---" * (len(names) + 1) + "|", file=out)
    for row in rows:
        cells = [results[name].get(row) for name in names]
        print(f"| {row} | " + " | ".join("-" if cell is None else f"{cell:.3g}" if cell < 100 else f"{cell:.0f}"
                                         for cell in cells) + " |", file=out)
    return out.getvalue()


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")), "?")
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release().split('-')[0]}"


def run_jobs(jobs, kinds, options, results, tls):
    """Each job, in rounds in which the servers take turns."""
    servers = []
    try:
        for kind in kinds:
            servers.append(kind(options.dir, tls))
        for name, job in jobs.items():
            for run in range(options.runs):
                for server in servers:
                    for row, value in job(server, options).items():
                        results[server.name][row] = better(row, value, results[server.name].get(row))
                    print(f"{name} {run + 1}/{options.runs} {server.name}", file=sys.stderr)
    finally:
        for server in servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="size of the big file")
    parser.add_argument("--runs", type=int, default=3, help="rounds; the best counts")
    parser.add_argument("--files", type=int, default=1000, help="small files")
    parser.add_argument("--entries", type=int, default=100000, help="entries of the listed directory")
    parser.add_argument("--sessions", type=int, default=50, help="idle sessions")
    parser.add_argument("--logins", type=int, default=100, help="logins in a row")
    parser.add_argument("--jobs", default=",".join(ALL_JOBS), help="of " + ",".join(ALL_JOBS))
    parser.add_argument("--dir", help="where the temporary directories are made (default: TMPDIR or /tmp)")
    parser.add_argument("--only", help="one server by name")
    options = parser.parse_args()

    kinds = []
    for kind in SERVERS:
        if options.only and kind.name != options.only:
            continue
        if not kind.found():
            print(f"{kind.name}: not installed, left out", file=sys.stderr)
            continue
        kinds.append(kind)
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, set(range(1, os.cpu_count())))
    results = {kind.name: {} for kind in kinds}
    # Plain sessions are measured on servers without a certificate: it would cost them memory.
    for table_of_jobs, tls in ((JOBS, False), (TLS_JOBS, True)):
        jobs = {job: table_of_jobs[job] for job in options.jobs.split(",") if job in table_of_jobs}
        if jobs:
            run_jobs(jobs, kinds, options, results, tls)
    print(machine())
    print()
    print(table(results, list(results)))


if __name__ == "__main__":
    main()
