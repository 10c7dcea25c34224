/*
 * THE list of configuration options.
 *
 * A row is O(type, name, default, min, max, seen, doc).  From the rows come the structs in
 * conf.h, the parser's tables, the range checks, `transomd -T`, and the option section of
 * transom.conf(5).  Nothing else in the tree names an option as text.
 *
 *   type   bool uint duration mode text path paths target account choice list words certs ports
 *          address host networks access
 *          (see conf_types.h: C type, syntax and meaning of min and max)
 *   name   the keyword, and the field of the struct
 *   default  as it would be written in the file
 *   min, max  numbers in the type's base unit (milliseconds for durations); for choice and words,
 *          min is the list of allowed words; for path, CONF_PATH_PER_USER (%u is replaced) or CONF_PATH_OPTIONAL
 *          (may be ""); for list and paths, max is the number of items; unused otherwise
 *   seen   which roles the value reaches (SEEN_*): who else might leak it
 *   doc    one or two sentences; the man page prints them
 *
 * Sections: CONF_SECTIONS at the end.
 */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#define CONF_SECOND_MS 1000LL
#define CONF_MINUTE_MS (60 * CONF_SECOND_MS)
#define CONF_HOUR_MS (60 * CONF_MINUTE_MS)
#define CONF_DAY_MS (24 * CONF_HOUR_MS)

/* clang-format off */

/* --- outside any section ------------------------------------------------------------------ */
#define CONF_GLOBAL_OPTIONS(O)										\
	O(path, users_dir, TRANSOM_SYSCONFDIR "/users.d", 0, 0, SEEN_BY_GUARD,				\
	  "Directory with one file NAME.conf for each user; read at every login, so that edits need no reload.") \
	O(path, runtime_dir, TRANSOM_RUNSTATEDIR "/transom", 0, 0, SEEN_BY_MASTER,			\
	  "Directory for the control socket and the empty root of the fronts; made if missing. "		\
	  "No other server may have the same. A change takes effect at a restart.")			\
	O(path, state_dir, TRANSOM_LOCALSTATEDIR "/lib/transom", 0, 0, SEEN_BY_MASTER,			\
	  "Directory for what must survive a restart; made if missing.")				\
	O(account, clerk_user, "transom", 0, 0, SEEN_BY_MASTER,						\
	  "Account of the clerk when started as root: a name or a number.")				\
	O(account, front_user, "transom-net", 0, 0, SEEN_BY_MASTER | SEEN_BY_NURSERY,			\
	  "Account of the fronts when started as root: a name or a number. Give it to nothing else.")	\
	O(account, keeper_user, "transom-keys", 0, 0, SEEN_BY_MASTER,					\
	  "Account of the keeper of private keys when started as root: a name or a number. Give it to nothing else.") \
	O(uint, spare_min, "4", 1, 1000, SEEN_BY_NURSERY,						\
	  "Session pairs kept waiting for a client at any time.")					\
	O(uint, spare_max, "64", 1, 10000, SEEN_BY_NURSERY,						\
	  "Most session pairs kept waiting after a rush of clients.")					\
	O(uint, max_sessions, "1000", 1, 1000000, SEEN_BY_CLERK,					\
	  "Sessions open at one time, logged in or not. One more is told to come back later.")		\
	O(uint, max_sessions_per_address, "100", 1, 1000000, SEEN_BY_CLERK,				\
	  "Sessions open at one time from one address; IPv6 addresses count by their /64.")						\
	O(uint, max_hashing, "0", 0, 1024, SEEN_BY_CLERK,						\
	  "Passwords hashed at one time over all sessions; 0 means one for each processor.")		\
	O(duration, login_timeout, "60s", CONF_SECOND_MS, CONF_HOUR_MS, SEEN_BY_GUARD,			\
	  "Time from the greeting to a successful login, whatever the client does meanwhile.")		\
	O(duration, session_timeout, "0", 0, 365 * CONF_DAY_MS, SEEN_BY_GUARD,				\
	  "Longest life of a session, whatever the client does; a transfer that runs then is finished. 0: no limit.") \
	O(uint, login_attempts, "6", 1, 100, SEEN_BY_GUARD,						\
	  "Failed logins after which a session ends.")							\
	O(duration, login_delay, "1s", 0, CONF_MINUTE_MS, SEEN_BY_GUARD,				\
	  "Least time a failed login takes; it doubles with each failure of a session, up to 8 times.")	\
	O(duration, watchdog_timeout, "2m", CONF_SECOND_MS, CONF_DAY_MS, SEEN_BY_GUARD,			\
	  "How long the process that talks to a client may show no sign of life before its session is ended. A disk or network file system that does not answer for so long ends sessions, too.") \
	O(duration, drain_timeout, "60s", 0, CONF_DAY_MS, SEEN_BY_MASTER | SEEN_BY_CLERK,		\
	  "Time that transfers get to finish after TERM.")						\
	O(bool, allow_weak_confinement, "no", 0, 0, SEEN_BY_MASTER | SEEN_BY_NURSERY,			\
	  "Start as an ordinary user even on a kernel without Landlock.")

/* --- listener "NAME" { } ------------------------------------------------------------------- */
#define CONF_LISTENER_OPTIONS(O)									\
	O(choice, protocol, "ftp", "ftp|ftps|sftp", 0, SEEN_BY_ALL,					\
	  "What is spoken here: ftp, with explicit TLS where there is a certificate; ftps, TLS from the first byte; sftp.") \
	O(address, address, "[::]:21", 0, 0, SEEN_BY_ALL,						\
	  "Address and port, as 192.0.2.1:21 or [2001:db8::1]:21. [::] and * serve IPv4 too. Port 0 lets the system choose; the ready line tells. Without this line ftps is on port 990 and sftp on port 22.") \
	O(uint, backlog, "1024", 1, 65535, SEEN_BY_MASTER,						\
	  "Connections that may wait to be accepted.")							\
	O(choice, algorithms, "modern", "modern|compat|legacy", 0, SEEN_BY_NURSERY | SEEN_BY_FRONT,	\
	  "Which cryptography is offered: what is sound today, what clients of the last ten years need, or what only old devices still need.") \
	O(choice, require_tls, "no", "no|control|data|both", 0, SEEN_BY_GUARD | SEEN_BY_FRONT,		\
	  "ftp: what must be protected by TLS: nothing, the login and the control connection, the data connections, or both.") \
	O(choice, data_session, "prefer", "off|prefer|require", 0, SEEN_BY_GUARD | SEEN_BY_FRONT,	\
	  "ftp, ftps: must a protected data connection resume the TLS session of its control connection? prefer: a client that has done so once must go on.") \
	O(choice, client_certs, "off", "off|optional|required", 0, SEEN_BY_NURSERY | SEEN_BY_GUARD | SEEN_BY_FRONT, \
	  "ftp, ftps: whether clients are asked for a certificate.")

/* --- ftp { } ------------------------------------------------------------------------------- */
#define CONF_FTP_OPTIONS(O)										\
	O(text, greeting, "Welcome.", 0, 512, SEEN_BY_FRONT,						\
	  "What the 220 line says.")									\
	O(list, host_names, "{}", 0, 64, SEEN_BY_FRONT,							\
	  "Names that a client may mean the server by (HOST): host names, IPv4 addresses, or IPv6 addresses in brackets. Empty: any.") \
	O(ports, passive_ports, "50000-50999", 1, 65535, SEEN_BY_GUARD,					\
	  "Ports for passive data connections, first-last; 0 lets the system choose. Where there are at least max_sessions of them, a client that transfers file after file has its next one opened a moment before it asks.")			\
	O(host, public_address, "", 0, 253, SEEN_BY_GUARD,						\
	  "What PASV tells to clients from elsewhere, when the server is behind NAT: an IPv4 address, or a host name, which is looked up for each session. Empty: the address the client dialled. Clients of this machine and of private networks are always told that one.") \
	O(networks, public_addresses, "{}", 0, 64, SEEN_BY_GUARD,					\
	  "Exceptions to public_address by the client's network; the first one that holds the client counts, private networks included.") \
	O(bool, active, "yes", 0, 0, SEEN_BY_GUARD | SEEN_BY_FRONT,					\
	  "Serve PORT and EPRT: the server connects back to the client, and to nobody else.")		\
	O(uint, active_source_port, "0", 0, 65535, SEEN_BY_GUARD | SEEN_BY_NURSERY,			\
	  "Port that the server connects from in active mode, for firewalls that expect 20; 0 lets the system choose. Below 1024 every session keeps the right to take such ports.") \
	O(duration, idle_timeout, "5m", CONF_SECOND_MS, CONF_DAY_MS, SEEN_BY_FRONT,			\
	  "Time without a command or a transfer after which a session ends.")				\
	O(duration, data_timeout, "30s", CONF_SECOND_MS, CONF_HOUR_MS, SEEN_BY_GUARD,			\
	  "Time to wait for a data connection.")							\
	O(duration, stall_timeout, "5m", CONF_SECOND_MS, CONF_DAY_MS, SEEN_BY_FRONT,			\
	  "Time without a byte on a data connection after which the transfer ends. A client whose machine does not answer at all is given up after the same time, or two minutes if that is less.") \
	O(uint, min_rate, "0", 0, 1000000000, SEEN_BY_FRONT,						\
	  "Bytes a second that a data connection must move on average, looked at every stall_timeout; 0 lets a client that sends or takes a byte now and then keep its transfer.") \
	O(choice, data_peers, "same", "same|any", 0, SEEN_BY_GUARD,					\
	  "Whose passive data connections are taken: those from the address that the control connection came from; or any, for clients behind balancers that come from several. Then the port, which nobody can guess, is all that keeps strangers out.")

/* --- ssh { } ------------------------------------------------------------------------------- */
#define CONF_SSH_OPTIONS(O)										\
	O(paths, host_keys, "{}", 0, 8, SEEN_BY_KEEPER,							\
	  "Files with the private host keys, at most one each of Ed25519, ECDSA and RSA. Empty: the keys in state_dir, which are made at the first start.") \
	O(text, software_version, "transom", 0, 64, SEEN_BY_FRONT,					\
	  "What the server calls itself in the first line of SSH, after SSH-2.0-; ASCII, and no hyphen in the first word.") \
	O(text, banner, "", 0, 2048, SEEN_BY_FRONT,							\
	  "Text that clients show before the login.")							\
	O(text, kex, "", 0, 1024, SEEN_BY_FRONT | SEEN_BY_NURSERY,					\
	  "Key exchange methods, comma-separated, the best first, in place of those of `algorithms`.")	\
	O(text, ciphers, "", 0, 1024, SEEN_BY_FRONT | SEEN_BY_NURSERY,					\
	  "Ciphers, in place of those of `algorithms`.")						\
	O(text, macs, "", 0, 1024, SEEN_BY_FRONT | SEEN_BY_NURSERY,					\
	  "Message authentication codes, in place of those of `algorithms`.")				\
	O(uint, rsa_min_bits, "2048", 1024, 16384, SEEN_BY_GUARD,					\
	  "Smallest RSA key of a user that logs in.")							\
	O(duration, idle_timeout, "15m", CONF_SECOND_MS, CONF_DAY_MS, SEEN_BY_FRONT,			\
	  "Time without a request or a transfer after which a session ends.")				\
	O(duration, keepalive_interval, "30s", CONF_SECOND_MS, CONF_HOUR_MS, SEEN_BY_FRONT,		\
	  "Time without a word from the client after which it is asked whether it is still there; four questions without an answer end the session.") \
	O(uint, rekey_limit, "0", 0, 65536, SEEN_BY_FRONT,						\
	  "New keys are agreed on after so many MiB in either direction; 0: as late as the cipher allows, after 64 GiB of AES or 1 GiB of ChaCha20. A client may ask for it earlier.") \
	O(bool, scp, "yes", 0, 0, SEEN_BY_FRONT,							\
	  "Serve the old protocol of scp (scp -O) too. No shell is ever run.")

/* --- tls { } ------------------------------------------------------------------------------- */
#define CONF_TLS_OPTIONS(O)										\
	O(path, certificate, "", CONF_PATH_OPTIONAL, 0, SEEN_BY_NURSERY,				\
	  "File with the certificate and its chain (PEM), the server's own first. Empty: no TLS.")	\
	O(path, key, "", CONF_PATH_OPTIONAL, 0, SEEN_BY_KEEPER,						\
	  "File with the private key of the certificate (PEM), without a passphrase.")					\
	O(choice, min_version, "1.2", "1.2|1.3", 0, SEEN_BY_NURSERY | SEEN_BY_GUARD,			\
	  "Oldest version of TLS that is spoken.")							\
	O(text, ciphers, "", 0, 1024, SEEN_BY_NURSERY | SEEN_BY_GUARD,				\
	  "Cipher suites of TLS 1.2 as OpenSSL names them, in place of those of `algorithms`.")		\
	O(text, ciphersuites, "", 0, 1024, SEEN_BY_NURSERY | SEEN_BY_GUARD,				\
	  "Cipher suites of TLS 1.3, in place of those of `algorithms`.")				\
	O(text, groups, "", 0, 1024, SEEN_BY_NURSERY | SEEN_BY_GUARD,				\
	  "Groups for the key exchange, in place of those of `algorithms`.")				\
	O(path, client_ca, "", CONF_PATH_OPTIONAL, 0, SEEN_BY_NURSERY | SEEN_BY_GUARD,			\
	  "File with the certificates (PEM) of those who may certify clients.")				\
	O(path, client_crl, "", CONF_PATH_OPTIONAL, 0, SEEN_BY_MASTER | SEEN_BY_NURSERY | SEEN_BY_GUARD,	\
	  "File with a revocation list (PEM) of each in client_ca; one that is out of date refuses all its clients.")						\
	O(duration, handshake_timeout, "30s", CONF_SECOND_MS, CONF_HOUR_MS, SEEN_BY_FRONT,		\
	  "Time for a TLS handshake.")									\
	O(choice, kernel_tls, "auto", "auto|off", 0, SEEN_BY_FRONT,					\
	  "auto: the kernel encrypts downloads in TLS 1.3 where it can (Linux with its module tls loaded). off: the server does.") \
	O(duration, expiry_warning, "21d", 0, 365 * CONF_DAY_MS, SEEN_BY_MASTER | SEEN_BY_NURSERY,	\
	  "How long before a certificate expires the log says so, once a day; of a revocation list, a fifth of its life at most.")

/* --- tls_host "NAME" { } ------------------------------------------------------------------- */
#define CONF_TLS_HOST_OPTIONS(O)									\
	O(path, certificate, "", CONF_PATH_OPTIONAL, 0, SEEN_BY_NURSERY,				\
	  "File with the certificate and its chain for clients that ask for this name.")		\
	O(path, key, "", CONF_PATH_OPTIONAL, 0, SEEN_BY_KEEPER,						\
	  "File with the private key of the certificate.")

/* --- log { } ------------------------------------------------------------------------------- */
#define CONF_LOG_OPTIONS(O)										\
	O(target, target, "stderr", 0, 0, SEEN_BY_MASTER,						\
	  "Where the log goes: stderr, syslog, or the path of a file. Signal USR1 opens the file again.") \
	O(choice, format, "json", "json|logfmt", 0, SEEN_BY_CLERK,					\
	  "One JSON object a line, or key=value pairs.")

/* --- what may be said of a mount; at user level it is said of the mount "/" ------------------- */
#define CONF_MOUNT_OPTIONS(O)										\
	O(access, access, "full", 0, 0, SEEN_BY_GUARD,							\
	  "What the user may do here: full, read-only, inbox, or a list of rights.")			\
	O(choice, publish, "staged", "staged|direct", 0, SEEN_BY_GUARD,					\
	  "staged: an upload appears under its name when it is whole. direct: it is written in place.")	\
	O(bool, durable, "no", 0, 0, SEEN_BY_GUARD,							\
	  "Wait until the disk has the file and its directory entry before an upload is acknowledged.")	\
	O(duration, resume_window, "24h", 0, 365 * CONF_DAY_MS, SEEN_BY_GUARD,				\
	  "How long an upload that broke off is kept for its user to continue; 0 drops it at once.")	\
	O(choice, existing, "rename", "rename|refuse", 0, SEEN_BY_GUARD,				\
	  "What happens to an upload whose name exists when the user may not overwrite: it gets a new name, or is refused.") \
	O(mode, file_mode, "0644", 0, 07777, SEEN_BY_GUARD,						\
	  "Permissions of uploaded files, before the umask.")						\
	O(mode, dir_mode, "0755", 0, 07777, SEEN_BY_GUARD,						\
	  "Permissions of new directories, before the umask.")						\
	O(mode, umask, "022", 0, 0777, SEEN_BY_GUARD,							\
	  "Permission bits that no new file or directory gets, nor by a client's chmod.")		\
	O(choice, setattr, "ignore", "ignore|refuse", 0, SEEN_BY_GUARD,					\
	  "A client's chmod or time setting that its rights do not allow: answered OK and ignored, or refused.") \
	O(list, allow_names, "{}", 0, 256, SEEN_BY_GUARD,						\
	  "Patterns; when there are any, a file that is made or renamed must match one.")		\
	O(list, deny_names, "{}", 0, 256, SEEN_BY_GUARD,						\
	  "Patterns; a file that matches one is never made, nor renamed to.")

/* --- mount "/PATH" { }, inside defaults, anonymous or a user's file --------------------------- */
#define CONF_EXTRA_MOUNT_OPTIONS(O)									\
	O(path, source, "", CONF_PATH_PER_USER, 0, SEEN_BY_GUARD,					\
	  "Directory that appears here; %u is the user's name. Must be given.")					\
	CONF_MOUNT_OPTIONS(O)

/* Of `require`; auth/auth_factors.h has a bit for each, in this order. */
#define CONF_FACTOR_WORDS "password|publickey|certificate"

/* --- a user: defaults { }, anonymous { } and users.d/NAME.conf -------------------------------- */
#define CONF_USER_OPTIONS(O)										\
	O(text, password, "", 0, 512, SEEN_BY_GUARD | SEEN_SECRET,					\
	  "Password hash as crypt(5) writes it. Empty, or starting with ! or *: no password logs in.")	\
	O(list, keys, "{}", 0, 256, SEEN_BY_GUARD,							\
	  "SSH public keys, one authorized_keys line each.")						\
	O(path, authorized_keys, "", CONF_PATH_PER_USER_OPTIONAL, 0, SEEN_BY_GUARD,			\
	  "File with further SSH public keys of the user, in the format of OpenSSH; %u is the user's name. It is read with root's rights and must belong to root or to files_user.") \
	O(certs, certificates, "{}", 0, 64, SEEN_BY_GUARD,						\
	  "TLS client certificates of the user: SHA256:FINGERPRINT, SAN:NAME, or CN:NAME.")		\
	O(words, require, "{}", CONF_FACTOR_WORDS, 3, SEEN_BY_GUARD,							\
	  "Factors that a login needs, in any order: password, publickey, certificate. Empty: any one of those the user has.") \
	O(choice, require_tls, "listener", "listener|no|control|data|both", 0, SEEN_BY_GUARD,		\
	  "What must be protected by TLS for this user; listener: what the listener says. The stricter of the two counts.") \
	O(choice, data_session, "listener", "listener|off|prefer|require", 0, SEEN_BY_GUARD,		\
	  "data_session of the listener, for this user.")						\
	O(bool, require_close_notify, "yes", 0, 0, SEEN_BY_GUARD,					\
	  "An upload over TLS counts as whole only when the client says so in TLS. no: for clients that never do.") \
	O(bool, enabled, "yes", 0, 0, SEEN_BY_GUARD,							\
	  "no: the user cannot log in.")								\
	O(path, root, "/srv/transom/%u", CONF_PATH_PER_USER, 0, SEEN_BY_GUARD,				\
	  "Directory that the user sees as /; %u is the user's name. It may belong to anybody, and must exist.") \
	O(text, start_dir, "/", 0, 4096, SEEN_BY_GUARD,							\
	  "Directory in which a session starts, as the user sees it.")					\
	O(account, files_user, "transom-files", 0, 0, SEEN_BY_GUARD,					\
	  "Account that a session becomes when the server was started as root: a name or a number, never root.") \
	O(account, files_group, "", 0, 0, SEEN_BY_GUARD,						\
	  "Group of that account: a name or a number. Empty: its own group (for a number, the same number).") \
	O(uint, max_sessions_per_user, "0", 0, 1000000, SEEN_BY_GUARD,					\
	  "Sessions of this user at one time; 0 means no limit.")					\
	CONF_MOUNT_OPTIONS(O)

/*
 * Sections: S(name, LIST, kind, doc).
 *   ONCE    name { ... }, at most once
 *   TITLED  name "title" { ... }, any number
 * `mount` is nested in defaults, anonymous and in a user's file.
 */
#define CONF_SECTIONS(S)										\
	S(listener, CONF_LISTENER_OPTIONS, TITLED,							\
	  "A place where clients connect. Without any, ftp on [::]:21.")				\
	S(ftp, CONF_FTP_OPTIONS, ONCE,									\
	  "The FTP protocol.")										\
	S(ssh, CONF_SSH_OPTIONS, ONCE,									\
	  "The SSH protocol, which carries SFTP.")							\
	S(tls, CONF_TLS_OPTIONS, ONCE,									\
	  "TLS: ftps listeners, and AUTH TLS of ftp listeners.")					\
	S(tls_host, CONF_TLS_HOST_OPTIONS, TITLED,							\
	  "Another certificate, for clients that ask for this name (SNI).")				\
	S(log, CONF_LOG_OPTIONS, ONCE,									\
	  "The log: one event a line.")									\
	S(defaults, CONF_USER_OPTIONS, ONCE,								\
	  "What holds for every user whose own file says nothing else.")				\
	S(anonymous, CONF_USER_OPTIONS, ONCE,								\
	  "Present: the names anonymous and ftp log in with any password, as this user. The default access is read-only.")

/* clang-format on */

/* Which roles a value reaches. */
enum conf_seen {
	SEEN_BY_MASTER = 1 << 0,
	SEEN_BY_CLERK = 1 << 1,
	SEEN_BY_NURSERY = 1 << 2,
	SEEN_BY_GUARD = 1 << 3,
	SEEN_BY_FRONT = 1 << 4,
	SEEN_BY_KEEPER = 1 << 5,
	SEEN_BY_ALL = (1 << 6) - 1,
	SEEN_SECRET = 1 << 6,	/* and never in a message, a dump or a log */
};

#endif
