# Shared by contrib/quickstart and contrib/check: packages, building, messages.  Sourced by bash.

# shellcheck shell=bash disable=SC2034
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# THE list of Debian packages, by what needs them.
build_packages=(autoconf automake gcc libc6-dev make pkgconf
	libconfuse-dev libseccomp-dev libcrypt-dev libssl-dev libssh-dev libjansson-dev zlib1g-dev)
demo_packages=(curl openssh-client openssl)
test_packages=(clang iproute2 lftp libcriterion-dev mandoc openssh-sftp-server procps python3
	strace util-linux xz-utils)
# Those that must be this new: the floor of each series (the first two numbers), the oldest first.  Debian 12 mends libssh
# without a new number, and configure refuses what is not mended; libssh-dev brings the libssh-4 of its own version.
declare -A oldest_version=([libssh-dev]='0.10.6-0+deb12u3 0.11.5')
# Clients for tests/interop, each a program of the same name or PACKAGE:PROGRAM (npm brings node, testssl wants socat).
client_packages=(git gnutls-bin:gnutls-cli inetutils-ftp ncftp npm putty-tools:psftp rclone rsync socat ssh-audit sshfs
	sslscan testssl.sh:testssl tnftp wget)
# The same for modules of Debian's own Python.
client_modules=(asyncssh paramiko)

if [ -t 1 ]; then
	bold=$'\e[1m' plain=$'\e[0m'
else
	bold='' plain=''
fi

say() {
	printf '%s\n' "$*"
}

heading() {
	printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# floor_of PACKAGE VERSION: the oldest one of the same series that will do.
floor_of() {
	local each floor=

	for each in ${oldest_version[$1]-}; do
		if [ -z "$floor" ] || dpkg --compare-versions "$2" ge "${each%.*}"; then
			floor=$each
		fi
	done
	printf '%s\n' "$floor"
}

# new_enough PACKAGE VERSION
new_enough() {
	[ -z "${oldest_version[$1]-}" ] || dpkg --compare-versions "$2" ge "$(floor_of "$1" "$2")"
}

# missing_of PACKAGE...: those that are not installed, or too old, one a line.
missing_of() {
	local package status version

	for package in "$@"; do
		read -r status version < <(dpkg-query -W -f='${db:Status-Status} ${Version}\n' "$package" 2>/dev/null)
		if [ "$status" != installed ] || ! new_enough "$package" "$version"; then
			printf '%s\n' "$package"
		fi
	done
}

# as_root COMMAND...: run it as root, through sudo when we are not.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# offers_suffice PACKAGE...: does apt offer them new enough?  Its sources are the administrator's: we say which one is
# missing and change none.
offers_suffice() {
	local package offer release

	for package in "$@"; do
		[ -n "${oldest_version[$package]-}" ] || continue
		offer=$(LC_ALL=C apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: *//p')
		case $offer in
		'' | '(none)') continue ;;
		esac
		! new_enough "$package" "$offer" || continue
		say "$package $(floor_of "$package" "$offer") or later is needed; apt offers $offer." >&2
		release=$(. /etc/os-release && [ "${ID-}" = debian ] && printf '%s\n' "${VERSION_CODENAME-}")
		[ -z "$release" ] || say "Security updates are an apt source of their own; as root:" \
			"echo 'deb http://deb.debian.org/debian-security $release-security main' >>/etc/apt/sources.list" >&2
		return 1
	done
}

# install_packages PACKAGE...: install those that are missing or too old; asks nothing of anybody when none is.
install_packages() {
	local missing log

	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "This is no Debian: it is up to you that what these packages bring is installed: $*"
		return 0
	fi
	mapfile -t missing < <(missing_of "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		offers_suffice "${missing[@]}"
		die "packages are missing or too old and there is no sudo;" \
			"as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
	fi
	say "Installing with apt-get: ${missing[*]}"
	log=$(mktemp)
	if ! as_root apt-get update >"$log" 2>&1; then
		tail -n 15 "$log" >&2
		say "apt-get update failed (above); trying with the package lists that are here." >&2
	fi
	if ! offers_suffice "${missing[@]}"; then
		rm -f "$log"
		die "add a source of security updates to apt (or let it read its package lists anew) and run this again"
	fi
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		"${missing[@]}" >"$log" 2>&1; then
		tail -n 25 "$log" >&2
		rm -f "$log"
		die "apt-get could not install: ${missing[*]} (its last words are above)"
	fi
	rm -f "$log"
}

# install_optional WHY PACKAGE...: install them if that can be done.
install_optional() {
	local why=$1

	shift
	(install_packages "$@") || say "Going on without: $* ($why)."
}

# install_clients: those whose program is not there, from whatever source it came.  None is needed: tests skip.
install_clients() {
	local each missing=()

	for each in "${client_packages[@]}"; do
		command -v "${each#*:}" >/dev/null || missing+=("${each%:*}")
	done
	for each in "${client_modules[@]}"; do
		/usr/bin/python3 -W ignore -c "import $each" 2>/dev/null || missing+=("python3-$each")
	done
	[ "${#missing[@]}" = 0 ] || install_optional "their tests are skipped" "${missing[@]}"
}

# install_fast: what only makes it faster, where this processor can use it and libcrypto is no faster by itself
# (server/crypto/aead_ipsec_mb.c).
install_fast() {
	[ "$HOSTTYPE" = x86_64 ] && [[ $(</proc/cpuinfo) == *" vaes "* ]] || return 0
	! pkg-config --atleast-version=3.1 libcrypto || return 0
	[ -z "$(missing_of libipsec-mb-dev)" ] || install_optional "AES-GCM is slower then" libipsec-mb-dev
}

# quietly LOG COMMAND...: run with all output in LOG; on failure show the end of it.
quietly() {
	local log=$1

	shift
	if ! "$@" >>"$log" 2>&1; then
		tail -n 30 "$log" >&2
		say "failed: $* (all of it: $log)" >&2
		return 1
	fi
}

# bootstrap: make the configure script where there is none or its sources are newer.
bootstrap() {
	local log=$1

	if [ -e "$source_dir/config.status" ]; then
		say "The source directory itself is configured; run 'make distclean' there first." >&2
		return 1
	fi
	if [ -e "$source_dir/configure" ] && [ -e "$source_dir/Makefile.in" ] &&
		[ -z "$(find "$source_dir" -path "$source_dir/build*" -prune -o \( -name local.mk -o \
			-name configure.ac -o -name Makefile.am \) -newer "$source_dir/Makefile.in" -print -quit)" ]; then
		return 0
	fi
	(cd "$source_dir" && quietly "$log" autoreconf -i)
}

# build_in DIRECTORY [CONFIGURE ARGUMENT...]: configure if that has not happened with these arguments, and make.
build_in() {
	local directory=$1 log=$1/build.log

	shift
	mkdir -p "$directory" || return 1
	: >"$log"
	bootstrap "$log" || return 1
	if [ ! -e "$directory/Makefile" ] || [ "$source_dir/configure" -nt "$directory/config.status" ] ||
		[ "$(cat "$directory/configured-with" 2>/dev/null)" != "$*" ]; then
		(cd "$directory" && quietly "$log" "$source_dir/configure" "$@") || return 1
		printf '%s\n' "$*" >"$directory/configured-with"
	fi
	quietly "$log" make -C "$directory" -j "$(nproc)"
}
