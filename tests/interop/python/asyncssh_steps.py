"""Drives asyncssh: one JSON job in, on the last line of standard output what was found.  See test_sftp_python.py."""

import asyncio
import hashlib
import json
import os
import sys

import asyncssh

JOB = json.loads(sys.argv[1])


def local(name):
    return os.path.join(JOB["scratch"], name)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def options(**login):
    known = local("known_hosts")
    with open(known, "w") as file:
        file.write("[127.0.0.1]:%d %s\n" % (JOB["port"], JOB["host_key"]))
    return dict(host="127.0.0.1", port=JOB["port"], username=JOB["user"], known_hosts=known, config=None,
                agent_path=None, **login)


async def transfers(sftp):
    up = digest(local("up"))
    await sftp.put(local("up"), "put")
    await sftp.get("put", local("down"))
    assert digest(local("down")) == up
    await sftp.put(local("tree"), "tree", recurse=True, preserve=True)
    await sftp.get("tree", local("back"), recurse=True, preserve=True)
    await sftp.copy("put", "copied")
    await sftp.get("copied", local("copied"))
    assert digest(local("copied")) == up


async def names(sftp):
    await sftp.makedirs("a/b/c")
    async with sftp.open("a/b/c/file", "wb") as file:
        await file.write(b"0123456789")
        await file.seek(5)
        await file.write(b"FIVE")
        await file.fsync()
    async with sftp.open("a/b/c/file", "rb") as file:
        assert await file.read() == b"01234FIVE9"
        assert (await file.stat()).size == 10
        assert (await file.statvfs()).frsize > 0
    assert set(await sftp.listdir("a/b/c")) - {".", ".."} == {"file"}
    assert await sftp.glob("a/*/c/f*") == ["a/b/c/file"]
    await sftp.chmod("a/b/c/file", 0o600)
    await sftp.utime("a/b/c/file", (1000000000, 1000000000))
    found = await sftp.stat("a/b/c/file")
    assert (found.permissions & 0o777, found.mtime) == (0o600, 1000000000)
    await sftp.link("a/b/c/file", "a/hard")
    # asyncssh sends the two names as the draft has them, unless the server calls itself OpenSSH; servers take them as
    # OpenSSH does, as nearly all clients send them.
    await sftp.symlink("a/soft", "b/c/file")
    assert await sftp.readlink("a/soft") == "b/c/file"
    await sftp.rename("a/hard", "a/other")
    try:
        await sftp.rename("a/other", "a/b/c/file")
        raise AssertionError("rename has replaced a file")
    except asyncssh.SFTPFailure:
        pass
    await sftp.posix_rename("a/other", "a/b/c/file")
    await sftp.truncate("a/b/c/file", 3)
    assert await sftp.getsize("a/soft") == 3
    assert await sftp.realpath("a/../a/b") == "/a/b"
    assert (await sftp.statvfs("/")).bsize > 0
    await sftp.rmtree("a")
    assert not await sftp.exists("a")


async def many_at_once(sftp):
    await sftp.mkdir("many")

    async def one(number):
        async with sftp.open("many/f%d" % number, "wb") as file:
            await file.write(b"%d" % number * number)
        async with sftp.open("many/f%d" % number, "rb") as file:
            assert await file.read() == b"%d" % number * number
    await asyncio.gather(*(one(number) for number in range(100)))


async def rekeying():
    """New keys in the middle of transfers.  Only what is sent counts: little in a download, and next to nothing in large blocks."""
    for rekey_bytes, name, arguments in ((1 << 20, "put", (local("large"), "renewed")),
                                         (1 << 12, "get", ("renewed", local("large-back")))):
        exchanges = []
        async with asyncssh.connect(**options(client_keys=[JOB["key"]], rekey_bytes=rekey_bytes)) as connection:
            begin = connection._send_kexinit

            def counted(begin=begin, exchanges=exchanges):
                exchanges.append(1)
                begin()
            connection._send_kexinit = counted
            async with connection.start_sftp_client() as sftp:
                await getattr(sftp, name)(*arguments, block_size=1 << 14)
        assert len(exchanges) > 1, (name, exchanges)
    assert digest(local("large-back")) == digest(local("large"))


async def main():
    done = []
    async with asyncssh.connect(**options(password=JOB["password"], client_keys=None)) as connection:
        async with connection.start_sftp_client() as sftp:
            assert await sftp.getcwd() == "/"
    done.append("password")
    for step in (transfers, names, many_at_once):
        async with asyncssh.connect(**options(client_keys=[JOB["key"]])) as connection:
            async with connection.start_sftp_client() as sftp:
                await step(sftp)
                done.append(step.__name__)
    await rekeying()
    done.append("rekeying")
    print(json.dumps(done))


asyncio.run(main())
