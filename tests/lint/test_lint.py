"""Rules that a script can check, so that reviewers need not (CONTRIBUTING.md; remarks made twice end here)."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from transom import SOURCE, build_dir, need_tool, program, run

CODE_FOLDERS = ("server", "server/base", "server/ftp", "server/sftp", "server/tls", "auth", "vfs", "conf")
COMPILE_FLAGS = [
    "-std=c11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-Wall", "-Wextra", "-I" + SOURCE,
    '-DTRANSOM_SYSCONFDIR="/etc/transom"', '-DTRANSOM_LOCALSTATEDIR="/var"',
    '-DTRANSOM_RUNSTATEDIR="/run"', '-DTRANSOM_VERSION="0"',
]
# The guide says 60 and 600; these leave room for the case where a longer page reads better.
FUNCTION_MAX_LINES = 80
FILE_MAX_LINES = 700
LINE_MAX_COLUMNS = 120
# Files that are tables may be as long as their table.
TABLE_FILES = {"conf/conf_options.h"}


def sources(*patterns):
    """Files of the tree that match, as paths from the top."""
    return sorted(os.path.relpath(path, SOURCE) for pattern in patterns
                  for path in glob.glob(os.path.join(SOURCE, pattern)))


def code_files(suffix="[ch]"):
    return sources(*("%s/*.%s" % (folder, suffix) for folder in CODE_FOLDERS))


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    """C code with comments and the insides of strings blanked; line numbers stay."""
    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def tracked_files():
    """Every file under version control, or of the tarball when there is no repository."""
    if os.path.exists(os.path.join(SOURCE, ".git")) and shutil.which("git"):
        listed = run(["git", "-c", "safe.directory=*", "-C", SOURCE, "ls-files", "-co", "--exclude-standard"])
        if listed.returncode == 0:
            return [path for path in listed.stdout.splitlines() if os.path.exists(os.path.join(SOURCE, path))]
    return [path for path in sources("*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*")
            if os.path.isfile(os.path.join(SOURCE, path))
            and not re.match(r"(configure$|aclocal|Makefile\.in|config\.h\.in|build|autom4te)", path)]


class Code(unittest.TestCase):
    """What every C file must keep to."""

    def assertNothing(self, findings, rule):
        if findings:
            self.fail("%s:\n  %s" % (rule, "\n  ".join(findings)))

    def find(self, pattern, files):
        regex = re.compile(pattern)
        found = []
        for path in files:
            for number, line in enumerate(without_comments(read(path)).splitlines(), 1):
                if regex.search(line):
                    found.append("%s:%d: %s" % (path, number, line.strip()))
        return found

    def test_every_header_compiles_alone(self):
        need_tool("gcc")
        headers = code_files("h")
        with tempfile.TemporaryDirectory() as scratch:
            commands = []
            for header in headers:
                unit = os.path.join(scratch, header.replace("/", "_") + ".c")
                with open(unit, "w") as file:
                    file.write('#include "%s"\n#include "%s"\nextern int nothing;\n' % (header, header))
                commands.append(subprocess.Popen(
                    ["gcc", "-fsyntax-only", "-Werror", *COMPILE_FLAGS, unit],
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
                if len(commands) % 4 == 0:      # a few at a time
                    commands[-4].wait(60)
            findings = [header + ":\n" + output for header, command in zip(headers, commands)
                        for output in [command.communicate(timeout=60)[0]] if command.returncode != 0]
        self.assertNothing(findings, "headers that need something included before them")

    def test_every_header_has_a_guard_named_after_its_file(self):
        findings = []
        for path in code_files("h"):
            stem = os.path.basename(path)[:-2].upper()
            if not re.search(r"^#ifndef (\w+_)?%s_H\n#define \1?%s_H$" % (stem, stem), read(path), re.M):
                findings.append(path)
        self.assertNothing(findings, "header guards")

    def test_includes_go_one_way(self):
        """base <- conf <- {auth, vfs} <- server; the front's folders see only the wall and vfs text."""
        allowed = {
            "server/base": ("server/base/",),
            "conf": ("server/base/", "conf/"),
            "auth": ("server/base/", "conf/", "auth/"),
            "vfs": ("server/base/", "conf/", "vfs/"),
            "server/ftp": ("server/base/", "conf/", "server/ftp/", "server/tls/", "server/front_errno.h", "server/guard_client.h",
                           "server/guard_messages.h", "server/wire.h",
                           "vfs/vfs_types.h", "vfs/vfs_path.h", "vfs/vfs_batch.h", "vfs/vfs_longname.h"),
            "server/crypto": ("config.h", "server/base/", "server/crypto/"),
            "server/sftp": ("server/base/", "conf/", "server/crypto/", "server/sftp/", "server/front_errno.h", "server/guard_client.h",
                            "server/guard_messages.h", "server/keeper_client.h", "server/key_dummy.h",
                            "server/key_openssh.h", "server/key_wrapper.h", "server/session.h",
                            "vfs/vfs_types.h", "vfs/vfs_path.h", "vfs/vfs_batch.h", "vfs/vfs_longname.h"),
            "server/tls": ("server/base/", "conf/", "server/crypto/", "server/tls/", "server/guard_client.h", "server/keeper_client.h",
                           "server/key_dummy.h", "server/key_wrapper.h"),
        }
        findings = []
        for folder, prefixes in allowed.items():
            for path in sources(folder + "/*.[ch]"):
                for name in re.findall(r'^#\s*include "([^"]+)"', read(path), re.M):
                    if not name.startswith(prefixes):
                        findings.append("%s includes %s" % (path, name))
        self.assertNothing(findings, "includes in the wrong direction")

    def test_includes_name_their_folder(self):
        findings = []
        for path in code_files() + sources("tests/unit/*/*.[ch]", "tests/fuzz/*.c"):
            for name in re.findall(r'^#\s*include "([^"]+)"', read(path), re.M):
                beside = path.startswith("tests/") and os.path.join(os.path.dirname(path), name)
                if not os.path.exists(os.path.join(SOURCE, beside or name)) and \
                        not os.path.exists(os.path.join(SOURCE, name)):
                    findings.append("%s includes %s" % (path, name))
        self.assertNothing(findings, "includes that are no path from the top")

    def test_forbidden_calls(self):
        names = "strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|alloca|system|popen|gets|mktemp|tmpnam"
        self.assertNothing(self.find(r"(?<![\w.>])(%s)\s*\(" % names, code_files()), "forbidden calls")
        self.assertNothing(self.find(r"(?<![\w.>])signal\s*\((?!\w+, SIG_(IGN|DFL)\))", code_files()),
                           "signal handlers (signals arrive through base/loop.h)")

    def test_only_wire_passes_descriptors(self):
        found = self.find(r"\bSCM_RIGHTS\b", code_files())
        self.assertNothing([row for row in found if not row.startswith("server/wire.c:")],
                           "SCM_RIGHTS outside server/wire.c")

    def test_only_os_linux_uses_raw_system_calls(self):
        found = self.find(r"(?<!\w)syscall\s*\(", code_files())
        self.assertNothing([row for row in found if not row.startswith("server/base/os_linux.c:")],
                           "syscall(2) outside server/base/os_linux.c")

    def test_only_become_user_changes_credentials(self):
        found = self.find(r"(?<!\w)(set(res|re|e|fs)?[ug]id|setgroups|initgroups|chroot)\s*\(", code_files())
        self.assertNothing([row for row in found if not row.startswith("server/become_user.c:")],
                           "changes of credentials outside server/become_user.c")

    def test_no_loose_ends(self):
        found = []
        for path in code_files() + sources("tests/unit/*/*.[ch]", "tests/fuzz/*.c"):
            for number, line in enumerate(read(path).splitlines(), 1):
                if re.search(r"\b(TODO|FIXME|XXX|HACK)\b|#if 0\b", line):
                    found.append("%s:%d: %s" % (path, number, line.strip()))
        self.assertNothing(found, "loose ends")

    def test_no_lines_beyond_the_margin(self):
        """The guide says 100; tables (macro lists, what clang-format leaves alone) may be wider."""
        found = []
        for path in code_files():
            text, table = read(path), False
            lines = zip(text.splitlines(), without_comments(text).splitlines())
            for number, (whole, line) in enumerate(lines, 1):
                if "clang-format o" in whole:
                    table = "clang-format off" in whole
                columns = len(line.rstrip().expandtabs(8))
                if columns > LINE_MAX_COLUMNS and not table and not line.endswith("\\"):
                    found.append("%s:%d: %d columns" % (path, number, columns))
        self.assertNothing(found, "lines beyond the margin")

    def test_no_function_is_too_long(self):
        found = []
        for path in code_files("c"):
            start, name = None, ""
            lines = without_comments(read(path)).splitlines()
            for number, line in enumerate(lines, 1):
                if line == "{" and start is None:
                    start = number
                    name = next((match.group(1) for text in reversed(lines[max(0, number - 6):number - 1])
                                 for match in [re.match(r"[\w *]*?\b(\w+)\(", text)] if match), "?")
                elif line == "}" and start is not None:
                    if number - start - 1 > FUNCTION_MAX_LINES:
                        found.append("%s:%d: %s has %d lines" % (path, start, name, number - start - 1))
                    start = None
        self.assertNothing(found, "functions of more than %d lines" % FUNCTION_MAX_LINES)

    def test_no_file_is_too_long(self):
        found = ["%s: %d lines" % (path, read(path).count("\n")) for path in code_files()
                 if path not in TABLE_FILES and read(path).count("\n") > FILE_MAX_LINES]
        self.assertNothing(found, "files of more than %d lines" % FILE_MAX_LINES)

    def test_every_source_of_a_header_exists_and_is_built(self):
        """A .c file that no local.mk names is dead; a name without a file breaks the build."""
        listed = set()
        for fragment in ["Makefile.am"] + sources("*/local.mk", "*/*/local.mk"):
            listed |= set(re.findall(r"[\w./-]+\.[ch]\b", re.sub(r"#.*", "", read(fragment))))
        files = set(code_files())
        self.assertNothing(sorted(files - listed), "files that no local.mk lists")
        gone = [path for path in listed - files if not os.path.exists(os.path.join(SOURCE, path))]
        self.assertNothing(sorted(gone), "listed files that do not exist")


class FrontSide(unittest.TestCase):
    """The linker's view of the wall: what a front links cannot reach for anything."""

    ARCHIVES = ("server/ftp/libftp.a", "server/sftp/libsftp.a", "server/tls/libtls.a", "server/libfrontside.a",
                "vfs/libvfstext.a")
    # Objects with functions that open files, and who of the front's side may call those: the nursery's preparations,
    # before there is a client and a filter.
    PREPARED = {"tls_certificate_load": {"tls_contexts.o"}, "io_read_file": set(), "io_replace_file": set()}
    MIXED = {"tls_certificate.o", "io.o", "libbase_a-io.o"}
    FORBIDDEN = re.compile(
        r"(f?open(at)?(64|2)?|freopen|creat(64)?|opendir|socket|connect|bind|listen|accept4?|"
        r"getpw\w*|getgr\w*|getaddrinfo|gethostby\w*|set(res|re|e|fs)?[ug]id|setgroups|initgroups|"
        r"exec[lv]\w*|fexecve|posix_spawn\w*|fork|vfork|clone|system|popen|dlopen|ptrace|kill|chroot|mount|"
        r"unlink(at)?|rename(at2?)?|mkdir(at)?|rmdir|link(at)?|symlink(at)?|chmod|fchmodat|chown|"
        r"readlink(at)?|l?stat(64)?|fstatat(64)?|syscall|os_\w+|become_\w+)$")

    def symbols(self, archive, *options):
        """{object: {symbols}} as nm lists them."""
        listed = run(["nm", *options, "--format=posix", archive])
        self.assertEqual(listed.returncode, 0, listed.stderr)
        result, member = {}, ""
        for line in listed.stdout.splitlines():
            head = re.match(r".*\[(.+)\]:$", line)
            if head:
                member = head.group(1)
            elif line.strip():
                result.setdefault(member, set()).add(re.sub(r"@.*", "", line.split()[0]))
        return result

    def archive(self, name):
        path = os.path.join(build_dir(), name)
        if not os.path.exists(path):
            self.skipTest("%s is not built" % name)
        return path

    def front_objects(self):
        """{object: undefined symbols} of the archives, and of those objects of base, conf and wire that they pull in."""
        need_tool("nm")
        objects, defined = {}, set()
        for name in self.ARCHIVES:
            objects.update(self.symbols(self.archive(name), "--undefined-only"))
            for symbols in self.symbols(self.archive(name), "--defined-only", "--extern-only").values():
                defined |= symbols
        for name in ("server/libwire.a", "server/base/libbase.a"):
            path = self.archive(name)
            defines = self.symbols(path, "--defined-only", "--extern-only")
            needs = self.symbols(path, "--undefined-only")
            pulled = True
            while pulled:
                wanted = set().union(*objects.values())
                pulled = [member for member, symbols in defines.items()
                          if member not in objects and symbols & wanted]
                for member in pulled:
                    objects[member] = needs.get(member, set())
        return objects

    def test_what_a_front_links_references_no_call_that_reaches_out(self):
        findings = ["%s: %s" % (member, symbol) for member, symbols in sorted(self.front_objects().items())
                    if member not in self.MIXED for symbol in sorted(symbols) if self.FORBIDDEN.match(symbol)]
        self.assertFalse(findings, "a front could call:\n  " + "\n  ".join(findings))

    def test_what_a_front_links_does_not_use_functions_that_open_files(self):
        users = ["%s: %s" % (member, symbol) for member, symbols in sorted(self.front_objects().items())
                 for symbol in sorted(symbols & set(self.PREPARED)) if member not in self.PREPARED[symbol]]
        self.assertFalse(users, "a front could call:\n  " + "\n  ".join(users))


class Configure(unittest.TestCase):
    def test_a_libssh_without_its_security_fixes_is_refused(self):
        """pkg-config says 0.10.6 of all those of Debian 12; only the package tells."""
        if not os.path.exists(os.path.join(SOURCE, "configure")):
            self.skipTest("configure is not made")
        for package, verdict in (("0.10.6-0+deb12u2", "no, "), ("0.10.6-0+deb12u1~bpo1", "no, "),
                                 ("0.10.6-0+deb12u3", "yes, "), ("0.10.6-0+deb12u10", "yes, "), ("0.11.2-1", "no, "),
                                 ("0.11.2-1+deb13u1", "no, "), ("0.11.5-0+deb13u1", "yes, "), ("9.9-1", "unknown: ")):
            with self.subTest(package), tempfile.TemporaryDirectory() as scratch:
                fake = os.path.join(scratch, "dpkg-query")
                with open(fake, "w") as file:
                    file.write("#!/bin/sh\necho %s\n" % package)
                os.chmod(fake, 0o755)
                # Only as far as that check: what follows is not asked.
                with open(os.path.join(SOURCE, "configure")) as file:
                    steps = re.search(r"^libssh_package=.*?^esac$", file.read(), re.M | re.S).group(0)
                done = run(["sh", "-c", 'as_fn_error() { echo "$2"; }; exec 6>&1 5>/dev/null; PKG_CONFIG=true\n' + steps],
                           env=dict(os.environ, PATH=scratch + ":" + os.environ["PATH"]))
                self.assertIn(verdict + package, done.stdout, done.stderr)
                self.assertEqual("apt-get install libssh-4" in done.stdout, verdict == "no, ")


class Packages(unittest.TestCase):
    """install_packages of contrib/lib.sh, with a dpkg-query and an apt that are played."""

    OLD, NEW = "0.10.6-0+deb12u2", "0.10.6-0+deb12u3"
    OLD_13, NEW_13 = "0.11.2-1+deb13u1", "0.11.5"
    TOOLS = ("bash", "dirname", "dpkg", "env", "mktemp", "rm", "sed")

    def install(self, has, offers, uid=0, sudo=False):
        """Ask for libssh-dev; what was said and what apt-get was told, with the exit status."""
        def play(name, body):
            with open(os.path.join(scratch, name), "w") as file:
                file.write("#!/bin/bash\n%s\n" % body)
            os.chmod(os.path.join(scratch, name), 0o755)

        with tempfile.TemporaryDirectory() as scratch:
            for tool in self.TOOLS:
                os.symlink(need_tool(tool), os.path.join(scratch, tool))
            play("dpkg-query", "echo " + has)
            play("apt-cache", "echo '  Candidate: %s'" % offers)
            play("apt-get", 'echo "$@" >>"$TOLD"')
            play("id", "echo %d" % uid)
            if sudo:
                play("sudo", 'exec "$@"')
            told = os.path.join(scratch, "told")
            done = run(["bash", "-u", "-c", '. "$0" && install_packages libssh-dev',
                        os.path.join(SOURCE, "contrib/lib.sh")], env={"PATH": scratch, "TOLD": told, "TMPDIR": scratch})
            with open(told, "a+") as file:
                file.seek(0)
                return done.returncode, done.stdout + done.stderr, file.read()

    def test_what_is_new_enough_is_left_alone(self):
        for has in (self.NEW, self.NEW_13 + "-0+deb13u1"):
            with self.subTest(has):
                self.assertEqual(self.install("installed " + has, has), (0, "", ""))

    def test_a_later_series_has_a_floor_of_its_own(self):
        """Debian 13 began with a libssh that is newer than Debian 12's and less mended."""
        status, said, told = self.install("installed " + self.OLD_13, self.NEW_13)
        self.assertEqual(status, 0, said)
        self.assertIn("libssh-dev", told)
        status, said, told = self.install("installed " + self.OLD_13, self.OLD_13)
        self.assertEqual((status, told), (1, "update\n"), said)
        self.assertIn("libssh-dev %s or later is needed; apt offers %s" % (self.NEW_13, self.OLD_13), said)

    def test_what_is_missing_or_too_old_is_installed(self):
        for has in ("", "config-files " + self.NEW, "installed " + self.OLD):
            for who in ({"uid": 0}, {"uid": 1000, "sudo": True}):
                with self.subTest(has, **who):
                    status, said, told = self.install(has, self.NEW, **who)
                    self.assertEqual(status, 0, said)
                    self.assertIn("libssh-dev", told)

    def test_when_apt_has_only_what_is_too_old_the_source_is_named_and_nothing_installed(self):
        for has in ("", "installed " + self.OLD):
            with self.subTest(has):
                status, said, told = self.install(has, self.OLD)
                self.assertEqual((status, told), (1, "update\n"), said)
                self.assertIn("libssh-dev %s or later is needed; apt offers %s" % (self.NEW, self.OLD), said)
                self.assertIn("source of security updates", said)

    def test_without_sudo_a_user_is_told_what_root_must_do(self):
        status, said, told = self.install("installed " + self.OLD, self.OLD, uid=1000)
        self.assertEqual((status, told), (1, ""), said)
        self.assertIn("as root: apt-get update && apt-get install --no-install-recommends libssh-dev", said)
        self.assertIn("apt offers " + self.OLD, said)

    def test_configure_asks_for_the_same_version(self):
        self.assertIn("[libssh-dev]='%s %s')" % (self.NEW, self.NEW_13), read("contrib/lib.sh"))
        for version in (self.NEW, self.NEW_13):
            self.assertIn("(%s or later)" % version, read("configure.ac"))


class Tree(unittest.TestCase):
    """Test programs, documents, and what is committed."""

    def test_every_c_test_is_listed_in_local_mk(self):
        text = read("tests/local.mk")
        missing = [path for path in sources("tests/unit/*/*.[ch]", "tests/fuzz/*.c")
                   if not re.search(r"(?<![\w/])%s(?!\w)" % re.escape(path), text)]
        self.assertFalse(missing, "not in tests/local.mk:\n  " + "\n  ".join(missing))

    def test_every_unit_test_is_named_after_a_source(self):
        """tests/unit/FOLDER/test_STEM.c has a suite called STEM."""
        findings = []
        for path in sources("tests/unit/*/test_*.c"):
            stem = os.path.basename(path)[len("test_"):-len(".c")]
            suites = set(re.findall(r"^(?:Test|ParameterizedTest|TestSuite)\(\s*(?:struct \w+ \*\w+, |\w+ \*\w+, )?(\w+)",
                                    read(path), re.M))
            if suites and stem not in suites:
                findings.append("%s: suites %s" % (path, ", ".join(sorted(suites))))
        self.assertFalse(findings, "\n  ".join(["suites not called after their file:"] + findings))

    def test_every_fuzz_target_is_short_and_has_seeds(self):
        findings = []
        for path in sources("tests/fuzz/fuzz_*.c"):
            parser = os.path.basename(path)[len("fuzz_"):-len(".c")]
            if not sources("tests/fuzz/corpus/%s/*" % parser):
                findings.append(path + ": no seeds")
        self.assertFalse(findings, "\n  ".join(findings))

    def test_no_committed_file_names_this_machine(self):
        """No absolute path of the checkout or of a home directory, no host name."""
        host = os.uname().nodename
        # A host may be called by a word that the documents use, "localhost" above all.
        pattern = re.compile(r"(?<!\w)/(home/\w+|work)/|(?<!\w)%s(?!\w)" % re.escape(SOURCE) +
                             (r"|\b%s\b" % re.escape(host) if len(host) > 8 and not host.isalpha() else ""))
        allowed = {"tests/lint/test_lint.py"}
        found = []
        for path in tracked_files():
            try:
                text = read(path)
            except UnicodeDecodeError:
                continue
            if path not in allowed and "/corpus/" not in path:
                found += ["%s:%d: %s" % (path, number, line.strip())
                          for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
        self.assertFalse(found, "\n  ".join(["machine's own paths:"] + found))

    def test_generated_documents_are_up_to_date(self):
        printer = program("tables-print")
        for name, path in (("guard-protocol", "docs/GUARD-PROTOCOL.md"), ("events", "docs/EVENTS.md"),
                           ("keeper-protocol", "docs/KEEPER-PROTOCOL.md"),
                           ("control-protocol", "docs/CONTROL-PROTOCOL.md"), ("metrics", "docs/METRICS.md"),
                           ("ftp-commands", "docs/FTP-COMMANDS.md"), ("sftp", "docs/SFTP.md")):
            with self.subTest(path):
                printed = run([printer, name])
                self.assertEqual(printed.returncode, 0, printed.stderr)
                self.assertEqual(printed.stdout, read(path), "run: make docs-update")

    def test_manual_pages_are_clean(self):
        mandoc = need_tool("mandoc")
        pages = [os.path.join(SOURCE, path) for path in sources("docs/*.[1-9]")]
        generated = os.path.join(build_dir(), "docs", "transom.conf.5")
        if os.path.exists(generated):
            pages.append(generated)
        said = run([mandoc, "-Tlint", *sorted(set(pages))]).stdout.splitlines()
        # Without our pages installed the cross references lead nowhere yet.
        findings = [line for line in said if "referenced manual not found" not in line]
        self.assertFalse(findings, "\n".join(findings))

    def test_every_option_is_in_the_manual(self):
        path = os.path.join(build_dir(), "docs", "transom.conf.5")
        if not os.path.exists(path):
            self.skipTest("docs/transom.conf.5 is not built")
        with open(path) as file:
            manual = file.read()
        rows = re.findall(r"^\tO\(\w+, (\w+),", read("conf/conf_options.h"), re.M)
        self.assertGreater(len(rows), 30)
        missing = [name for name in rows if not re.search(r"\b%s\b" % name, manual)]
        self.assertFalse(missing, "options without a word in transom.conf(5): %s" % ", ".join(missing))
        self.assertNotIn("@OPTIONS@", manual)

    def test_documents_point_at_files_that_exist(self):
        findings = []
        for path in sources("*.md", "docs/*.md"):
            text = read(path)
            links = re.findall(r"\]\(([^)#:]+)\)", text)
            names = re.findall(r"`((?:server|auth|vfs|conf|tests|contrib|docs)/[\w./-]+\.(?:[ch]|py|md|mk|sh))`", text)
            for name in links:
                if not os.path.exists(os.path.join(SOURCE, os.path.dirname(path), name)):
                    findings.append("%s: %s" % (path, name))
            findings += ["%s: %s" % (path, name) for name in names
                         if not os.path.exists(os.path.join(SOURCE, name))]
        self.assertFalse(findings, "\n  ".join(["names of files that do not exist:"] + findings))

    def test_testing_md_names_tests_that_exist(self):
        known = set()
        for path in sources("tests/unit/*/*.c"):
            known |= {"%s/%s" % names for names in re.findall(
                r"^(?:Parameterized)?Test\(\s*(?:[\w ]+\*\s*\w+,\s*)?(\w+),\s*(\w+)", read(path), re.M)}
        for path in sources("tests/*/test_*.py"):
            module = os.path.basename(path)[:-len(".py")]
            known |= {"%s/%s" % (module, name) for name in re.findall(r"def (test_\w+)\(", read(path))}
        known |= {os.path.basename(path)[:-len(".c")] for path in sources("tests/fuzz/fuzz_*.c")}
        table = read("docs/TESTING.md").partition("\n## Known attacks")[2].partition("\n|---")[2]
        named = re.findall(r"`([\w/]+)`", table)
        self.assertGreater(len(named), 20)
        self.assertFalse(sorted(set(named) - known), "named in docs/TESTING.md, but nowhere in tests")

    def test_shell_scripts_parse(self):
        for path in ("contrib/lib.sh", "contrib/quickstart", "contrib/check", ".ci/run"):
            with self.subTest(path):
                said = run(["bash", "-n", os.path.join(SOURCE, path)])
                self.assertEqual(said.stderr, "")


if __name__ == "__main__":
    unittest.main()
