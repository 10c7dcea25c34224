"""transomctl as an administrator uses it: every command, many at once, killed in the middle.

The program under test is $TRANSOM_BUILD/transomctl (default: the top of the repository).
"""

import base64
import fcntl
import hashlib
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import time
import unittest
import warnings

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.path.abspath(os.environ.get("TRANSOM_BUILD") or TOP), "transomctl")
TIMEOUT = 60 * float(os.environ.get("TRANSOM_TEST_SCALE", "1"))

FAST = ["--method", "sha512crypt"]


def ssh_string(data):
    return struct.pack(">I", len(data)) + data


def key_blob(number):
    """The blob of an ed25519 public key; the same for the same number."""
    return ssh_string(b"ssh-ed25519") + ssh_string(hashlib.sha256(b"key %d" % number).digest())


def key_line(number, comment=None):
    line = "ssh-ed25519 " + base64.b64encode(key_blob(number)).decode()
    return line if comment is None else line + " " + comment


def fingerprint(number):
    digest = hashlib.sha256(key_blob(number)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def crypt_ok(password, hashed):
    """Does the password belong to the hash?  None when this Python cannot tell."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import crypt
    except ImportError:
        return None
    return crypt.crypt(password, hashed) == hashed


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "transomctl is not built: " + PROGRAM)
class Transomctl(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="transomctl-")
        self.addCleanup(shutil.rmtree, self.top)
        self.conf = os.path.join(self.top, "transom.conf")
        self.users = os.path.join(self.top, "users.d")
        self.write(self.conf, 'users_dir = "users.d"\n'
                              'defaults {\n\troot = "%s/%%u"\n\tumask = "027"\n}\n' % self.top)

    def write(self, path, text):
        with open(path, "w") as file:
            file.write(text)

    def command(self, *arguments):
        return [PROGRAM, "-c", self.conf] + list(arguments)

    def run_any(self, *arguments, stdin=""):
        return subprocess.run(self.command(*arguments), input=stdin, text=True, timeout=TIMEOUT,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_ok(self, *arguments, stdin=""):
        done = self.run_any(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def run_refused(self, *arguments, stdin="", status=1):
        done = self.run_any(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("transomctl: ") or status == 2, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        return done.stderr

    def user_file(self, name):
        return os.path.join(self.users, name + ".conf")

    def text_of(self, name):
        with open(self.user_file(name)) as file:
            return file.read()

    def make_user(self, name, text):
        os.makedirs(self.users, 0o700, exist_ok=True)
        self.write(self.user_file(name), text)


class Users(Transomctl):
    def test_add_makes_a_private_file_in_a_private_directory(self):
        self.run_ok("user", "add", "alice", "--no-password", "access=read-only")
        self.assertEqual(self.text_of("alice"), 'access = "read-only"\n')
        self.assertEqual(stat.S_IMODE(os.stat(self.user_file("alice")).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.users).st_mode), 0o700)

    def test_add_takes_a_password_from_stdin_and_hashes_it(self):
        self.run_ok("user", "add", "alice", "--password-stdin", stdin="correct horse\n")
        hashed = re.fullmatch(r'password = "(\$y\$[^"]+)"\n', self.text_of("alice")).group(1)
        self.assertIn(crypt_ok("correct horse", hashed), (True, None))
        self.assertIn(crypt_ok("wrong", hashed), (False, None))

    def test_add_refuses_a_user_who_is_there(self):
        self.run_ok("user", "add", "alice", "--no-password", "umask=077")
        self.assertIn("there is one already",
                      self.run_refused("user", "add", "alice", "--no-password"))
        self.assertEqual(self.text_of("alice"), 'umask = "077"\n')

    def test_a_name_that_would_leave_the_directory_is_refused(self):
        for name in ("../x", ".", "..", ".hidden", "a/b", "", "a b", "x" * 65, "a\n"):
            for command in (("user", "add"), ("user", "del"), ("user", "show"), ("passwd",),
                            ("key", "list")):
                self.assertIn("not a possible user name",
                              self.run_refused(*command, name, stdin="p\n"))
        self.assertEqual(os.listdir(self.top), ["transom.conf"])

    def test_add_says_when_the_root_is_missing(self):
        done = self.run_any("user", "add", "alice", "--no-password")
        self.assertEqual(done.returncode, 0)
        self.assertIn("note: the root %s/alice does not exist" % self.top, done.stderr)
        os.mkdir(os.path.join(self.top, "bob"))
        self.assertEqual(self.run_any("user", "add", "bob", "--no-password").stderr, "")

    def test_set_changes_and_removes_options(self):
        self.run_ok("user", "add", "alice", "--no-password", "umask=077")
        self.run_ok("user", "set", "alice", "durable=yes", "umask=", "root=/srv/a b",
                    "deny_names=*.exe,*.com", 'allow_names={ "a,b", "c" }', "access=list,read,upload")
        self.assertEqual(self.text_of("alice"),
                         'durable = yes\nroot = "/srv/a b"\ndeny_names = { "*.exe", "*.com" }\n'
                         'allow_names = { "a,b", "c" }\naccess = "list,read,upload"\n')
        shown = self.run_ok("user", "show", "alice")
        self.assertIn('\nallow_names = { "a,b", "c" }\n', shown)
        self.assertIn('\naccess = "list read upload"\n', shown)
        self.assertIn('\numask = "0027"\n', shown)

    def test_set_refuses_what_is_wrong_and_leaves_the_file_alone(self):
        self.make_user("alice", "# mine\numask = 077\n")
        for setting, message in (
                ("umask=9", 'umask = "9": it is not an octal number; allowed: '),
                ("durable=maybe", "it is neither yes nor no"),
                ("quota=1", 'unknown option "quota"; allowed: password, '),
                ("unask=1", 'did you mean "umask"?'),
                ("umask", "not OPTION=VALUE"),
                ("=1", 'unknown option ""'),
                ("start_dir=a\nroot = b", "a string is not closed on its line"),
                ('deny_names={ "a" } root = x', "not a list"),
                ("deny_names={ a", "not a list"),
                ("files_user=root", "it is root"),
                ("password=secret", "not taken from the command line"),
                ("mount=/x", 'unknown option "mount"')):
            self.assertIn(message, self.run_refused("user", "set", "alice", setting), setting)
            self.assertEqual(self.text_of("alice"), "# mine\numask = 077\n")
        self.run_refused("user", "set", "alice", "durable=yes", "umask=9")
        self.assertEqual(self.text_of("alice"), "# mine\numask = 077\n")

    def test_set_keeps_comments_and_everything_else(self):
        self.make_user("alice", "\n".join((
            "# alice, since 2026", "umask    = 077   # strict", "", "/* old:", " umask = 000 */",
            'mount "/in" {', "\tsource = /in # here", "\tumask = 000", "}",
            "durable = no // for now", "")))
        self.run_ok("user", "set", "alice", "umask=022", "durable=yes", "enabled=no")
        self.assertEqual(self.text_of("alice"), "\n".join((
            "# alice, since 2026", 'umask    = "022"   # strict', "", "/* old:", " umask = 000 */",
            'mount "/in" {', "\tsource = /in # here", "\tumask = 000", "}",
            "durable = yes // for now", "enabled = no", "")))
        self.run_ok("user", "set", "alice", "umask=", "durable=", "enabled=")
        self.assertEqual(self.text_of("alice"), "\n".join((
            "# alice, since 2026", "# strict", "", "/* old:", " umask = 000 */",
            'mount "/in" {', "\tsource = /in # here", "\tumask = 000", "}",
            "// for now", "")))

    def test_a_new_option_never_lands_in_a_mount_or_a_comment(self):
        for text in ("", "# only", "umask = 077", 'umask = 077 mount "/m" { source = /m }',
                     'mount "/m" { source = /m }', 'mount "/m" { source = /m } # end',
                     "umask = 077 /* and\n more */", "umask = 077\r\n# crlf\r\n",
                     'keys = { "a",\n "b" } umask = 077 # end\nmount "/m" {\n source = /m\n}\n'):
            self.make_user("alice", text)
            self.run_ok("user", "set", "alice", "durable=yes")
            self.assertIn("\ndurable = yes\n", self.run_ok("user", "show", "alice"), text)
            self.run_ok("user", "set", "alice", "durable=")
            self.assertIn("\ndurable = no\n", self.run_ok("user", "show", "alice"), text)

    def test_a_file_that_cannot_be_read_is_not_touched(self):
        self.make_user("alice", "umask = \"077\nenabled = no\n")
        for arguments in (("user", "set", "alice", "durable=yes"), ("user", "show", "alice"),
                          ("key", "add", "alice", key_line(1))):
            self.assertIn("alice.conf:1: a string is not closed on its line",
                          self.run_refused(*arguments))
        self.assertEqual(self.text_of("alice"), "umask = \"077\nenabled = no\n")

    def test_del_removes_the_user(self):
        self.run_ok("user", "add", "alice", "--no-password")
        self.run_ok("user", "del", "alice")
        self.assertFalse(os.path.exists(self.user_file("alice")))
        for command in (("user", "del"), ("user", "show"), ("passwd",), ("key", "list")):
            self.assertIn("no such user", self.run_refused(*command, "alice", stdin="p\n"))
        self.assertIn("no such user", self.run_refused("user", "set", "alice", "umask=0"))

    def test_list_prints_the_users_and_nothing_else(self):
        self.assertIn("No such file", self.run_refused("user", "list"))
        for name in ("bob", "alice", "Zoe@example.org"):
            self.run_ok("user", "add", name, "--no-password")
        self.write(os.path.join(self.users, "README"), "")
        self.write(os.path.join(self.users, ".hidden.conf"), "")
        self.write(os.path.join(self.users, "alice.conf~"), "")
        self.assertEqual(self.run_ok("user", "list"), "Zoe@example.org\nalice\nbob\n")

    def test_show_never_prints_a_hash(self):
        self.make_user("alice", 'password = "$6$salt$hash"\n')
        shown = self.run_ok("user", "show", "alice")
        self.assertNotIn("$6$", shown)
        self.assertIn("# password is set\n", shown)
        self.assertIn('root = "%s/alice"\n' % self.top, shown)

    def test_the_samples_are_valid_as_they_are_and_with_every_option_switched_on(self):
        with open(os.path.join(TOP, "conf", "transom.conf.sample")) as file:
            sample = file.read()
        for text in (sample, re.sub(r"(?m)^(\t*)#([a-z}\t])", r"\1\2", sample)):
            self.write(self.conf, text)
            os.makedirs(self.users, exist_ok=True)
            shutil.copy(os.path.join(TOP, "conf", "user.conf.example"), self.user_file("alice"))
            self.assertEqual(self.run_ok("user", "list"), "alice\n")
            self.assertIn('mount "/inbox" {', self.run_ok("user", "show", "alice"))

    def test_root_gives_a_file_to_the_owner_of_the_directory(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.makedirs(self.users, 0o700)
        os.chown(self.users, 64803, 64804)
        self.run_ok("user", "add", "alice", "--no-password")
        self.run_ok("user", "set", "alice", "umask=0")
        status = os.stat(self.user_file("alice"))
        self.assertEqual((status.st_uid, status.st_gid), (64803, 64804))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o600)


class Passwords(Transomctl):
    def test_every_method_makes_a_hash_of_its_kind(self):
        self.run_ok("user", "add", "alice", "--no-password")
        for method, prefix in (("yescrypt", "$y$"), ("bcrypt", "$2b$"), ("sha512crypt", "$6$"),
                               ("sha256crypt", "$5$")):
            self.run_ok("passwd", "alice", "--method", method, stdin="secret")
            hashed = re.search(r'^password = "(.*)"$', self.text_of("alice"), re.M).group(1)
            self.assertTrue(hashed.startswith(prefix), hashed)
            self.assertIn(crypt_ok("secret", hashed), (True, None))
        self.assertIn("allowed: yescrypt, ",
                      self.run_refused("passwd", "alice", "--method", "md5", stdin="secret\n"))
        self.run_ok("passwd", "alice", "--no-password")
        self.assertEqual(self.text_of("alice"), "")

    def test_a_password_that_cannot_be_is_refused(self):
        self.make_user("alice", 'password = "!" # locked\n')
        for stdin, message in (("", "empty"), ("\n", "empty"), ("\nsecret\n", "empty"),
                               ("x" * 512, "too long"), ("x" * 100000, "too long"),
                               ("a\0b\n", "NUL")):
            self.assertIn(message, self.run_refused("passwd", "alice", *FAST, stdin=stdin))
            self.assertEqual(self.text_of("alice"), 'password = "!" # locked\n')
        self.run_ok("passwd", "alice", *FAST, stdin="x" * 511)
        self.assertIn("too long for bcrypt", self.run_refused("passwd", "alice", "--method", "bcrypt",
                                                              stdin="x" * 73))
        self.assertRegex(self.text_of("alice"), r'^password = "\$6\$.*" # locked\n$')

    def test_only_the_first_line_is_the_password(self):
        self.run_ok("user", "add", "alice", *FAST, stdin="secret\r\nand more\n")
        hashed = re.search(r'"(.*)"', self.text_of("alice")).group(1)
        self.assertIn(crypt_ok("secret", hashed), (True, None))

    def converse(self, arguments, steps, interrupt=False):
        """Run at a terminal of its own; each step is (text to wait for, text to type)."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                # Ignored by what a script runs in the background, and by all that it starts.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execv(PROGRAM, self.command(*arguments))
            finally:
                os._exit(127)
        seen = b""
        try:
            for prompt, answer in steps:
                while prompt not in seen:
                    self.assertTrue(select.select([terminal], [], [], TIMEOUT)[0], seen)
                    seen += os.read(terminal, 4096)
                os.write(terminal, answer)
                seen += b"|"
            deadline = time.monotonic() + TIMEOUT
            while time.monotonic() < deadline:
                if select.select([terminal], [], [], 1)[0]:
                    try:
                        data = os.read(terminal, 4096)
                    except OSError:     # the other end is closed
                        break
                    if not data:
                        break
                    seen += data
        finally:
            _, status = os.waitpid(pid, 0)
            os.close(terminal)
        return seen, status

    def test_a_prompt_asks_twice_without_echo(self):
        self.make_user("alice", "")
        seen, status = self.converse(
            ["passwd", "alice"] + FAST,
            [(b"New password for alice: ", b"s3cret\n"), (b"The same again for alice: ", b"s3cret\n")])
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, seen)
        self.assertNotIn(b"s3cret", seen)
        hashed = re.search(r'"(.*)"', self.text_of("alice")).group(1)
        self.assertIn(crypt_ok("s3cret", hashed), (True, None))

    def test_two_passwords_that_differ_change_nothing(self):
        self.make_user("alice", "")
        seen, status = self.converse(
            ["passwd", "alice"] + FAST,
            [(b"New password for alice: ", b"one\n"), (b"The same again for alice: ", b"two\n")])
        self.assertEqual(os.waitstatus_to_exitcode(status), 1, seen)
        self.assertIn(b"differ", seen)
        self.assertEqual(self.text_of("alice"), "")

    def test_an_interrupt_at_the_prompt_ends_it_and_changes_nothing(self):
        self.make_user("alice", "")
        seen, status = self.converse(["passwd", "alice"] + FAST,
                                     [(b"New password for alice: ", b"half\x03")])
        self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGINT, seen)
        self.assertNotIn(b"half", seen)
        self.assertEqual(self.text_of("alice"), "")


class Keys(Transomctl):
    def test_add_list_and_del(self):
        self.run_ok("user", "add", "alice", "--no-password")
        self.assertEqual(self.run_ok("key", "add", "alice", *key_line(1, "alice@lap top").split(" ")),
                         fingerprint(1) + " alice@lap top\n")
        self.run_ok("key", "add", "alice", key_line(2, "desk"))
        self.run_ok("key", "add", "alice", "-", stdin=key_line(3) + "\r\n")
        self.run_ok("key", "add", "alice", key_line(4, "desk"))
        self.assertEqual(self.run_ok("key", "list", "alice"),
                         "1 %s ssh-ed25519 alice@lap top\n2 %s ssh-ed25519 desk\n"
                         "3 %s ssh-ed25519\n4 %s ssh-ed25519 desk\n"
                         % tuple(fingerprint(n) for n in (1, 2, 3, 4)))
        self.assertIn("several keys", self.run_refused("key", "del", "alice", "desk"))
        self.run_ok("key", "del", "alice", fingerprint(2))
        self.run_ok("key", "del", "alice", "desk")
        self.run_ok("key", "del", "alice", "2")
        self.assertEqual(self.run_ok("key", "list", "alice"),
                         "1 %s ssh-ed25519 alice@lap top\n" % fingerprint(1))
        self.run_ok("key", "del", "alice", "alice@lap top")
        self.assertEqual(self.run_ok("key", "list", "alice"), "")
        for wanted in ("1", "0", "desk", "SHA256:x"):
            self.assertIn("no such key", self.run_refused("key", "del", "alice", wanted))

    def test_add_takes_the_name_of_a_file(self):
        self.run_ok("user", "add", "alice", "--no-password")
        path = os.path.join(self.top, "id.pub")
        self.write(path, key_line(1, "desk") + "\nsecond line\n")
        self.assertEqual(self.run_ok("key", "add", "alice", path), fingerprint(1) + " desk\n")
        self.assertIn("not a public key", self.run_refused("key", "add", "alice", path + ".gone"))
        self.assertIn("not a public key", self.run_refused("key", "add", "alice", self.top))

    def test_add_refuses_what_could_never_log_in(self):
        self.make_user("alice", "")
        good = key_line(1).split(" ")[1]
        blob = key_blob(1)
        rsa = ssh_string(b"ssh-rsa") + ssh_string(b"\1\0\1") + ssh_string(b"\0" + b"\xff" * 128)

        def encode(data):
            return base64.b64encode(data).decode()

        for line, message in (
                ("nonsense", "not a public key"),
                ("ssh-ed25519", "not a public key"),
                ('command="ls" ' + key_line(1), "no commands are run here"),
                ('from="10.0.0.1 ' + key_line(1), "not a public key"),
                ('from="10.0.0.1/8" ' + key_line(1), "behind its prefix"),
                ('from="ten" ' + key_line(1), "neither an address"),
                ("cert-authority " + key_line(1), "certificates are not served"),
                ("no-such-option " + key_line(1), "option no-such-option is not known"),
                ('expiry-time="soon" ' + key_line(1), "YYYYMMDD"),
                ("ssh-foo " + good, "not a public key"),
                ("ssh-rsa " + good, "of another type"),
                ("ssh-dss " + good, "no longer safe"),
                ("ssh-rsa " + encode(rsa), "too short"),
                ("ssh-ed25519 " + good[:-1], "damaged"),
                ("ssh-ed25519 " + good[:-4], "damaged"),
                ("ssh-ed25519 " + good[:8] + "!" + good[9:], "damaged"),
                ("ssh-ed25519 " + encode(blob + b"x"), "damaged"),
                ("ssh-ed25519 " + encode(blob[:-1]), "damaged"),
                ("ssh-ed25519 " + encode(blob[:15]), "damaged"),
                ("ssh-ed25519 " + encode(ssh_string(b"ssh-ed25519") + b"\xff" * 36), "damaged"),
                ("ssh-ed25519 " + "AAAA" * 4000, "damaged"),
                ("-----BEGIN OPENSSH PRIVATE KEY-----", "not a public key"),
                (key_line(1) + "\x1b[2J", "not a public key")):
            self.assertIn(message, self.run_refused("key", "add", "alice", "-", stdin=line), line)
        self.assertEqual(self.text_of("alice"), "")
        self.run_ok("key", "add", "alice", key_line(1, "once"))
        self.assertIn("already", self.run_refused("key", "add", "alice", key_line(1, "twice")))

    def test_a_key_may_have_options(self):
        self.make_user("alice", "")
        self.run_ok("key", "add", "alice", "-",
                    stdin='restrict,from="10.0.0.0/8,!10.6.*",expiry-time="20400101Z" ' + key_line(1, "desk"))
        self.assertEqual(self.run_ok("key", "list", "alice"), "1 %s ssh-ed25519 desk\n" % fingerprint(1))

    def test_comments_in_a_list_of_keys_survive(self):
        self.make_user("alice", "keys = {\n\t# the laptop\n\t\"%s\", # old\n\t'%s' # desk\n}\numask = 0\n"
                       % (key_line(1), key_line(2)))
        self.run_ok("key", "add", "alice", key_line(3, 'quo"ted'))
        self.assertEqual(self.text_of("alice"),
                         "keys = {\n\t# the laptop\n\t\"%s\", # old\n\t'%s', # desk\n\t\"%s\"\n}\numask = 0\n"
                         % (key_line(1), key_line(2), key_line(3, 'quo\\"ted')))
        self.run_ok("key", "del", "alice", "1")
        self.assertEqual(self.text_of("alice"),
                         "keys = {\n\t# the laptop\n\t# old\n\t'%s', # desk\n\t\"%s\"\n}\numask = 0\n"
                         % (key_line(2), key_line(3, 'quo\\"ted')))
        self.run_ok("key", "del", "alice", "2")
        self.run_ok("key", "add", "alice", key_line(4))
        self.assertEqual(self.text_of("alice"),
                         "keys = {\n\t# the laptop\n\t# old\n\t'%s', # desk\n\t\"%s\",\n}\numask = 0\n"
                         % (key_line(2), key_line(4)))
        self.assertIn("\n2 " + fingerprint(4), self.run_ok("key", "list", "alice"))

    def test_every_way_to_write_a_list_can_be_edited(self):
        for before in ("keys = {}", "keys={ }", "keys = { # none\n}", "keys = \"%s\"" % key_line(1),
                       "keys = { \"%s\" }" % key_line(1), "keys = { '%s', }" % key_line(1),
                       "keys = {\n  \"%s\"\n  , # odd\n}" % key_line(1), "",
                       "keys = { \"%s\" # one\n, \"%s\" } umask = 0" % (key_line(1), key_line(2))):
            self.make_user("alice", before)
            count = len(self.run_ok("key", "list", "alice").splitlines())
            self.run_ok("key", "add", "alice", key_line(9))
            listed = self.run_ok("key", "list", "alice").splitlines()
            self.assertEqual(len(listed), count + 1, before)
            self.assertIn(fingerprint(9), listed[-1], before)
            for _ in range(count + 1):
                self.run_ok("key", "del", "alice", "1")
            self.assertEqual(self.run_ok("key", "list", "alice"), "", before)

    def test_keys_of_defaults_are_not_the_users_own(self):
        self.write(self.conf, 'users_dir = "users.d"\ndefaults { keys = { "%s" } }\n' % key_line(1))
        self.make_user("alice", "")
        self.assertIn(fingerprint(1), self.run_ok("key", "list", "alice"))
        self.assertIn("no such key", self.run_refused("key", "del", "alice", "1"))


class Safety(Transomctl):
    def test_twenty_edits_at_once_lose_nothing(self):
        self.make_user("alice", "# kept\n")
        edits = [subprocess.Popen(self.command("key", "add", "alice", key_line(n, "k%d" % n)),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                 for n in range(20)]
        for edit in edits:
            _, errors = edit.communicate(timeout=TIMEOUT)
            self.assertEqual(edit.returncode, 0, errors)
        listed = self.run_ok("key", "list", "alice")
        for n in range(20):
            self.assertIn(fingerprint(n), listed)
        self.assertTrue(self.text_of("alice").startswith("# kept\n"))
        self.assertEqual(sorted(os.listdir(self.users)), [".lock", "alice.conf"])

    def test_a_reader_never_sees_half_a_file(self):
        self.make_user("alice", "umask = 000\n")
        edits = [subprocess.Popen(self.command("user", "set", "alice", "umask=%03o" % n))
                 for n in range(10)]
        while any(edit.poll() is None for edit in edits):
            self.assertRegex(self.text_of("alice"), r'^umask = "?[0-7]{3}"?\n$')
        self.assertTrue(all(edit.wait(TIMEOUT) == 0 for edit in edits))

    def test_kill_in_the_middle_leaves_the_old_file_or_the_new_one(self):
        self.make_user("alice", "# kept\numask = 000\n")
        started = time.monotonic()
        self.run_ok("user", "set", "alice", "umask=000")
        whole = time.monotonic() - started
        for n in range(40):
            edit = subprocess.Popen(self.command("user", "set", "alice", "umask=%03o" % (n + 1)))
            time.sleep(whole * n / 40)
            edit.kill()
            edit.wait(TIMEOUT)
            self.assertRegex(self.text_of("alice"), r'^# kept\numask = "[0-7]{3}"\n$')
        # The next one finds no lock in its way, and tidies up.
        self.write(os.path.join(self.users, ".replace-0123456789abcdef"), "left behind")
        self.run_ok("user", "set", "alice", "umask=077")
        self.assertEqual(self.text_of("alice"), '# kept\numask = "077"\n')
        self.assertEqual(sorted(os.listdir(self.users)), [".lock", "alice.conf"])

    def test_a_lock_that_is_kept_is_waited_for_and_then_told(self):
        self.make_user("alice", "")
        with open(os.path.join(self.users, ".lock"), "w") as lock:
            lock.write("4711\n")
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
            edit = subprocess.Popen(self.command("user", "set", "alice", "umask=0"),
                                    stderr=subprocess.PIPE, text=True)
            self.assertEqual(self.run_ok("user", "list"), "alice\n")    # readers need no lock
            _, errors = edit.communicate(timeout=TIMEOUT)
            self.assertEqual(edit.returncode, 1)
            self.assertIn("process 4711 has been editing users for 10 seconds", errors)
        self.run_ok("user", "set", "alice", "umask=0")


class Usage(Transomctl):
    def test_help_and_version(self):
        for option in ("--help", "-h"):
            self.assertIn("user add NAME [OPTION=VALUE ...]", self.run_ok(option))
        self.assertRegex(self.run_ok("-V"), r"^transomctl \d+\.\d+")

    def test_a_wrong_command_line_is_status_2(self):
        for arguments in ((), ("user",), ("frobnicate",), ("user", "frobnicate"), ("user", "add"),
                          ("user", "set", "alice"), ("user", "list", "more"), ("passwd",),
                          ("passwd", "a", "b"), ("key", "add", "a"), ("key", "del", "a"),
                          ("--frobnicate",), ("user", "list", "--stdin"),
                          ("user", "del", "a", "--method", "yescrypt"),
                          ("passwd", "a", "--no-password", "--stdin")):
            self.assertIn("--help", self.run_refused(*arguments, status=2))

    def test_a_wrong_configuration_is_told_with_its_line(self):
        self.write(self.conf, "\nspare_min = 0\n")
        self.assertIn("transom.conf:2: spare_min = \"0\": it is out of range; allowed: ",
                      self.run_refused("user", "list"))
        os.unlink(self.conf)
        self.assertIn("cannot be read: No such file", self.run_refused("user", "list"))

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.make_user("alice", "")
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.command("user", "list"), stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
