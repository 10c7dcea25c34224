"""The process pictures in docs/ARCHITECTURE.md are what ps shows.

With TRANSOM_UPDATE_DOCS=1 the pictures are written anew instead of compared."""

import os
import re
import unittest

from transom import (CLERK_UID, FILES_UID, FRONT_UID, FTP_ONLY, KEEPER_UID, SFTP_ONLY, SOURCE, TransomServer, need_root, need_tool, run,
                     wait_until)

DOCUMENT = os.path.join(SOURCE, "docs", "ARCHITECTURE.md")
ACCOUNTS = {0: "root", FRONT_UID: "net", CLERK_UID: "clerk", KEEPER_UID: "keys", FILES_UID: "files"}
ORDER = ("master", "clerk", "keeper", "nursery", "guard", "front")


def picture(server):
    """The tree under the master as ps --forest draws it, without pids, in a fixed order."""
    rows = {}
    for line in run(["ps", "-e", "-o", "pid=,ppid=,uid=,args="]).stdout.splitlines():
        pid, parent, uid, title = line.split(None, 3)
        if int(pid) in server.processes():
            title = re.sub(r"^\S*/", "", title.strip()).replace(server.dir + "/", "")
            rows[int(pid)] = (int(parent), int(uid), title)
    lines = ["USER   COMMAND"]

    def rank(pid):
        words = (rows[pid][2].split() + ["", ""])[1:3]
        role = ORDER.index(words[0]) if words[0] in ORDER else len(ORDER)
        # Pairs stay together: idle ones first, a guard before its front.
        return (role if words[0] not in ("guard", "front") else len(ORDER),
                words[1] not in ("idle",), role, words[1])

    def draw(pid, depth):
        _, uid, title = rows[pid]
        account = ACCOUNTS.get(uid, "me")
        lines.append("%-6s %s%s" % (account, "    " * (depth - 1) + " \\_ " if depth else "", title))
        for child in sorted((child for child in rows if rows[child][0] == pid), key=rank):
            draw(child, depth + 1)
    draw(server.pid, 0)
    return "\n".join(lines)


class Picture(unittest.TestCase):
    def compare(self, mode):
        need_tool("ps")
        with TransomServer(mode=mode, users={"alice": {"password": "secret"}},
                           listeners={**FTP_ONLY, **SFTP_ONLY},
                           options={"spare_min": 1, "spare_max": 1}) as server:
            ftp = server.ftp("alice")
            wait_until(lambda: len(server.pids("guard idle")) == 1 and len(server.pids("front idle")) == 1
                       and server.pids("guard alice"), what="one waiting pair and alice's")
            server.wait_rest()      # each has the account that it shall have
            drawn = picture(server)
            ftp.quit()
        with open(DOCUMENT) as file:
            text = file.read()
        marked = re.compile(r"(<!-- ps %s: begin -->\n```\n)(.*?)(```\n<!-- ps %s: end -->)" % (mode, mode), re.S)
        self.assertRegex(text, marked)
        if os.environ.get("TRANSOM_UPDATE_DOCS"):
            with open(DOCUMENT, "w") as file:
                file.write(marked.sub(lambda match: match.group(1) + drawn + "\n" + match.group(3), text))
            return
        self.assertEqual(marked.search(text).group(2).rstrip("\n"), drawn)

    def test_started_as_root(self):
        need_root()
        self.compare("root")

    def test_started_as_an_ordinary_user(self):
        self.compare("user")


if __name__ == "__main__":
    unittest.main()
