# Processes: one file a role; the protocols between them; confinement.
noinst_LIBRARIES += server/libwire.a server/libfrontside.a server/libserver.a
server_libwire_a_SOURCES = \
	server/wire.c server/wire.h \
	server/guard_messages.h server/guard_wire.c \
	server/clerk_messages.h server/clerk_wire.c \
	server/control_messages.h server/control_messages.c \
	server/keeper_messages.h server/keeper_wire.c \
	server/metrics.c server/metrics.h \
	server/events.c server/events.h
server_libfrontside_a_SOURCES = \
	server/front_errno.c server/front_errno.h \
	server/guard_client.c server/guard_client.h \
	server/key_build.c server/key_build.h \
	server/key_dummy.c server/key_dummy.h \
	server/key_openssh.c server/key_openssh.h \
	server/key_shapes.c server/key_shapes.h \
	server/key_wrapper.c server/key_wrapper.h
server_libserver_a_SOURCES = \
	server/become_user.c server/become_user.h \
	server/clerk.c server/clerk.h \
	server/clerk_client.c server/clerk_client.h \
	server/clerk_control.c server/clerk_control.h \
	server/clerk_log.c server/clerk_log.h \
	server/clerk_sessions.c server/clerk_sessions.h \
	server/client_ca.c server/client_ca.h \
	server/crl_file.c server/crl_file.h \
	server/front.c \
	server/guard.c server/guard_private.h \
	server/guard_accept.c \
	server/guard_cures.c server/guard_cures.h \
	server/guard_data.c \
	server/guard_dispatch.c \
	server/guard_enter.c \
	server/guard_evidence.c \
	server/guard_files.c \
	server/guard_log.c \
	server/guard_login.c \
	server/guard_policy.c \
	server/guard_rein.c \
	server/guard_roots.c \
	server/guard_sign.c \
	server/guard_transfers.c \
	server/guard_watchdog.c \
	server/keeper.c server/keeper.h \
	server/keeper_client.c server/keeper_client.h \
	server/keeper_keys.c server/keeper_keys.h \
	server/listeners.c server/listeners.h \
	server/master.c server/master.h server/master_private.h \
	server/master_certificates.c \
	server/master_children.c \
	server/master_control.c \
	server/master_keepers.c \
	server/master_files.c server/master_files.h \
	server/master_reload.c \
	server/master_stop.c \
	server/master_watch.c server/master_watch.h \
	server/notify.c server/notify.h \
	server/nursery.c server/nursery.h server/nursery_messages.h \
	server/pool.c server/pool.h \
	server/pool_target.c \
	server/roles.c server/roles.h \
	server/snapshot.c server/snapshot.h \
	server/sandbox.c server/sandbox.h \
	server/sandbox_profiles.c server/sandbox_profiles.h \
	server/session.h \
	server/start_check.c server/start_check.h

sbin_PROGRAMS += transomd
transomd_SOURCES = server/main.c
transomd_LDADD = server/libserver.a server/ftp/libftp.a server/sftp/libsftp.a server/tls/libtls.a server/crypto/libaead.a server/libfrontside.a \
	auth/libauth.a vfs/libvfs.a vfs/libvfstext.a server/libwire.a conf/libconf.a server/base/libbase.a \
	$(CONFUSE_LIBS) $(SECCOMP_LIBS) $(CRYPT_LIBS) $(SSH_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(IPSEC_MB_LIBS) $(JANSSON_LIBS) $(ZLIB_LIBS)

bin_PROGRAMS += transomctl
transomctl_SOURCES = server/transomctl.c \
	server/ctl_check.c server/ctl_check.h server/ctl_check_private.h \
	server/ctl_check_keys.c \
	server/ctl_check_net.c \
	server/ctl_check_sockets.c server/ctl_check_sockets.h \
	server/ctl_check_tls.c \
	server/ctl_check_users.c \
	server/control_messages.c server/control_messages.h \
	server/ctl_control.c server/ctl_control.h \
	server/ctl_dir.c server/ctl_dir.h \
	server/ctl_edit.c server/ctl_edit.h \
	server/ctl_keys.c server/ctl_keys.h \
	server/ctl_password.c server/ctl_password.h \
	server/ctl_users.c server/ctl_users.h server/ctl_users_private.h \
	server/ctl_users_file.c \
	server/ctl_users_keys.c
# Of the server: what reads keys and certificates.
transomctl_LDADD = server/libserver.a server/tls/libtls.a server/libfrontside.a auth/libauth.a conf/libconf.a server/base/libbase.a \
	$(CONFUSE_LIBS) $(CRYPT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

# Prints what is generated from the tables: documents, man page sections.
noinst_PROGRAMS += tables-print
tables_print_SOURCES = server/tables_print.c
tables_print_LDADD = server/ftp/libftp.a server/sftp/libsftp.a server/tls/libtls.a server/crypto/libaead.a server/libfrontside.a vfs/libvfstext.a server/libwire.a conf/libconf.a server/base/libbase.a \
	$(CONFUSE_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(IPSEC_MB_LIBS) $(ZLIB_LIBS)
