"""Drives paramiko: one JSON job in, on the last line of standard output what was found.  See test_sftp_python.py."""

import base64
import hashlib
import json
import os
import stat
import sys

import paramiko

JOB = json.loads(sys.argv[1])


def connect(method="key"):
    transport = paramiko.Transport(("127.0.0.1", JOB["port"]))
    transport.banner_timeout = 30
    key_type, key = JOB["host_key"].split()
    host_key = paramiko.Ed25519Key(data=base64.b64decode(key))
    assert key_type == host_key.get_name()
    transport.get_security_options().key_types = (key_type,)
    if method == "key":
        identity = paramiko.Ed25519Key.from_private_key_file(JOB["key"])
        transport.connect(hostkey=host_key, username=JOB["user"], pkey=identity)
    else:
        transport.connect(hostkey=host_key, username=JOB["user"], password=JOB["password"])
    return transport


def local(name):
    return os.path.join(JOB["scratch"], name)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def refused(error, call, *arguments):
    """The call must fail with this exception; its text."""
    try:
        call(*arguments)
    except error as problem:
        return str(problem) or repr(problem)
    raise AssertionError("%r%r did not fail" % (call, arguments))


def transfers(sftp):
    up = digest(local("up"))
    sizes = []
    sftp.put(local("up"), "put", callback=lambda done, total: sizes.append((done, total)))
    assert sizes[-1][0] == sizes[-1][1]
    sftp.get("put", local("down"))                          # get prefetches by itself
    assert digest(local("down")) == up
    sftp.get("put", local("slow"), prefetch=False)
    assert digest(local("slow")) == up
    with sftp.open("put", "rb") as file:
        file.prefetch()
        assert hashlib.sha256(file.read()).hexdigest() == up
    with sftp.open("put", "rb") as file:
        parts = list(file.readv([(0, 100), (200000, 50000), (5, 1)]))
    with open(local("up"), "rb") as file:
        whole = file.read()
    assert parts == [whole[0:100], whole[200000:250000], whole[5:6]]
    with sftp.open("piped", "wb", bufsize=65536) as file:
        file.set_pipelined(True)
        for start in range(0, len(whole), 7000):
            file.write(whole[start:start + 7000])
    assert sftp.stat("piped").st_size == len(whole)
    with sftp.open("piped") as file:
        assert hashlib.sha256(file.read()).hexdigest() == up


def attributes(sftp):
    sftp.put(local("up"), "attr")
    with sftp.open("attr", "r+") as file:
        file.truncate(1000)
        file.chmod(0o640)
        file.utime((1000000000, 1000000001))
        assert file.stat().st_size == 1000
    found = sftp.stat("attr")
    assert (found.st_size, found.st_atime, found.st_mtime) == (1000, 1000000000, 1000000001), found
    assert stat.S_IMODE(found.st_mode) == 0o640 and stat.S_ISREG(found.st_mode)
    sftp.truncate("attr", 2000)
    sftp.chmod("attr", 0o600)
    sftp.utime("attr", (1100000000, 1100000000))
    found = sftp.stat("attr")
    assert (found.st_size, found.st_mtime, stat.S_IMODE(found.st_mode)) == (2000, 1100000000, 0o600)
    sftp.chown("attr", found.st_uid, found.st_gid)


def names(sftp):
    sftp.mkdir("dir", 0o755)
    for name in ("one", "two", "three", "Grüße"):
        with sftp.open("dir/" + name, "w") as file:
            file.write(name)
    listed = {entry.filename: entry for entry in sftp.listdir_attr("dir")}
    assert set(listed) == {"one", "two", "three", "Grüße"}, listed
    assert listed["three"].st_size == 5 and stat.S_ISREG(listed["three"].st_mode)
    assert "three" in listed["three"].longname
    assert set(sftp.listdir("dir")) == set(listed)
    assert {entry.filename for entry in sftp.listdir_iter("dir")} == set(listed)
    refused(IOError, sftp.rename, "dir/one", "dir/two")
    sftp.posix_rename("dir/one", "dir/two")
    assert sftp.open("dir/two").read() == b"one"
    sftp.rename("dir/two", "dir/four")
    sftp.symlink("four", "dir/soft")
    assert sftp.readlink("dir/soft") == "four"
    assert stat.S_ISLNK(sftp.lstat("dir/soft").st_mode) and stat.S_ISREG(sftp.stat("dir/soft").st_mode)
    assert sftp.normalize("dir/../dir/./four") == "/dir/four"
    sftp.chdir("dir")
    assert sftp.getcwd() == "/dir" and "four" in sftp.listdir()
    sftp.chdir(None)
    refused(IOError, sftp.rmdir, "dir")
    for name in sftp.listdir("dir"):
        sftp.remove("dir/" + name)
    sftp.rmdir("dir")
    refused(FileNotFoundError, sftp.stat, "dir")
    refused(FileNotFoundError, sftp.remove, "nothing")
    refused(FileNotFoundError, sftp.open, "nothing", "r")


def modes(sftp):
    """open() in every mode that Python has."""
    def content(name):
        with sftp.open(name, "rb") as file:
            return file.read()

    with sftp.open("mode", "w") as file:
        file.write("0123456789")
    with sftp.open("mode", "r") as file:
        assert file.read(4) == b"0123" and file.tell() == 4
        file.seek(-2, file.SEEK_END)
        assert file.read() == b"89"
        refused(IOError, file.write, "x")
    with sftp.open("mode", "r+") as file:
        file.seek(2)
        file.write("AB")
        file.flush()
        file.seek(0)
        assert file.read() == b"01AB456789"
    with sftp.open("mode", "a") as file:
        file.write("end")
    assert content("mode") == b"01AB456789end"
    with sftp.open("mode", "a+") as file:
        file.write("!")
        file.flush()
        file.seek(0)
        assert file.read(4) == b"01AB"
    assert content("mode") == b"01AB456789end!"
    with sftp.open("mode", "w+") as file:
        file.write("new")
        file.flush()
        file.seek(0)
        assert file.read() == b"new"
    assert content("mode") == b"new"
    refused(IOError, sftp.open, "mode", "wx")
    with sftp.open("exclusive", "wx") as file:
        file.write("x")
    assert content("exclusive") == b"x"
    with sftp.open("mode", "w") as file:
        assert file.write("") is None
    assert content("mode") == b""


def check(sftp):
    """The extension check-file: a digest made by the server, of the whole and of blocks."""
    sftp.put(local("up"), "checked")
    with open(local("up"), "rb") as file:
        whole = file.read()
    with sftp.open("checked", "rb") as file:
        for name in ("md5", "sha1"):
            assert file.check(name) == hashlib.new(name, whole).digest(), name
            assert file.check(name, 1000, 5000) == hashlib.new(name, whole[1000:6000]).digest(), name
            blocks = b"".join(hashlib.new(name, whole[start:start + 65536]).digest()
                              for start in range(0, len(whole), 65536))
            assert file.check(name, 0, 0, 65536) == blocks, name


def large_directory(sftp):
    sftp.mkdir("large")
    for number in range(1000):
        sftp.open("large/f%04d" % number, "w").close()
    assert sorted(sftp.listdir("large")) == ["f%04d" % number for number in range(1000)]


def rekeying(transport):
    """New keys after each mebibyte or a few, since it looks only when something has come, in the middle of transfers."""
    exchanges = []
    activate = transport._activate_inbound

    def counted():
        exchanges.append(1)
        activate()
    transport._activate_inbound = counted
    transport.packetizer.REKEY_BYTES = 1 << 20
    sftp = paramiko.SFTPClient.from_transport(transport)
    sftp.put(local("large"), "renewed")
    upward = len(exchanges)
    assert upward > 1, exchanges
    sftp.get("renewed", local("large-back"))
    assert len(exchanges) > upward + 1, exchanges
    assert digest(local("large-back")) == digest(local("large"))


STEPS = [transfers, attributes, names, modes, check, large_directory]


def main():
    done = []
    for method in ("password", "key"):
        transport = connect(method)
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp.normalize(".") == "/"
        done.append(method)
        if method == "key":
            for step in STEPS:
                if JOB.get("only") in (None, step.__name__):
                    step(sftp)
                    done.append(step.__name__)
        sftp.close()
        transport.close()
    if JOB.get("only") in (None, "rekeying"):
        transport = connect()
        rekeying(transport)
        transport.close()
        done.append("rekeying")
    transport = paramiko.Transport(("127.0.0.1", JOB["port"]))
    refused(paramiko.AuthenticationException, lambda: transport.connect(username=JOB["user"], password="wrong"))
    transport.close()
    print(json.dumps(done))


main()
