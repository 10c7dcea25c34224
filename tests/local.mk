# Tests.  One criterion program for each folder of sources, one program for each fuzz target; tests/run-tests runs
# them and the Python tests.  A file that is missing from these lists fails in tests/lint.
EXTRA_DIST += \
	tests/run-tests tests/bench tests/e2e tests/fuzz/corpus tests/interop tests/lib tests/lint tests/privsep

# Everything there is, in the order of transomd's own libraries.
tests_LIBS = server/libserver.a server/ftp/libftp.a server/sftp/libsftp.a server/tls/libtls.a server/crypto/libaead.a server/libfrontside.a \
	auth/libauth.a vfs/libvfs.a vfs/libvfstext.a server/libwire.a conf/libconf.a server/base/libbase.a \
	$(CONFUSE_LIBS) $(SECCOMP_LIBS) $(CRYPT_LIBS) $(SSH_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(IPSEC_MB_LIBS) $(JANSSON_LIBS) $(ZLIB_LIBS)

if HAVE_CRITERION
check_PROGRAMS += \
	tests/unit/base-tests \
	tests/unit/conf-tests \
	tests/unit/auth-tests \
	tests/unit/vfs-tests \
	tests/unit/server-tests \
	tests/unit/ftp-tests \
	tests/unit/crypto-tests \
	tests/unit/tls-tests \
	tests/unit/sftp-tests

tests_unit_base_tests_SOURCES = \
	tests/unit/base/test_buf.c \
	tests/unit/base/test_bytes.c \
	tests/unit/base/test_clock.c \
	tests/unit/base/test_io.c \
	tests/unit/base/test_loop.c \
	tests/unit/base/test_netaddr.c \
	tests/unit/base/test_os_linux.c \
	tests/unit/base/test_pages.c \
	tests/unit/base/test_proctitle.c \
	tests/unit/base/test_random.c \
	tests/unit/base/test_secret.c \
	tests/unit/base/test_text.c
tests_unit_base_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_base_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_conf_tests_SOURCES = \
	tests/unit/conf/test_conf.c \
	tests/unit/conf/test_conf_check.c \
	tests/unit/conf/test_conf_dump.c \
	tests/unit/conf/test_conf_lex.c \
	tests/unit/conf/test_conf_outline.c \
	tests/unit/conf/test_conf_rows.c \
	tests/unit/conf/test_conf_types.c \
	tests/unit/conf/test_conf_users.c
tests_unit_conf_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_conf_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_auth_tests_SOURCES = \
	tests/unit/auth/proofs.c \
	tests/unit/auth/proofs.h \
	tests/unit/auth/test_auth.c \
	tests/unit/auth/test_auth_blob.c \
	tests/unit/auth/test_auth_certificate.c \
	tests/unit/auth/test_auth_factors.c \
	tests/unit/auth/test_auth_hash.c \
	tests/unit/auth/test_auth_keys.c \
	tests/unit/auth/test_auth_signature.c
tests_unit_auth_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_auth_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_vfs_tests_SOURCES = \
	tests/unit/vfs/test_race.c \
	tests/unit/vfs/test_vfs_batch.c \
	tests/unit/vfs/test_vfs_dirs.c \
	tests/unit/vfs/test_vfs_files.c \
	tests/unit/vfs/test_vfs_full.c \
	tests/unit/vfs/test_vfs_inbox.c \
	tests/unit/vfs/test_vfs_links.c \
	tests/unit/vfs/test_vfs_mounts.c \
	tests/unit/vfs/test_vfs_path.c \
	tests/unit/vfs/test_vfs_rights.c \
	tests/unit/vfs/test_vfs_shared.c \
	tests/unit/vfs/test_vfs_stage.c \
	tests/unit/vfs/test_vfs_types.c \
	tests/unit/vfs/tree.c \
	tests/unit/vfs/tree.h
tests_unit_vfs_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_vfs_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_server_tests_SOURCES = \
	tests/unit/auth/proofs.c \
	tests/unit/auth/proofs.h \
	tests/unit/server/fake_keeper.c \
	tests/unit/server/fake_keeper.h \
	tests/unit/server/guard_harness.c \
	tests/unit/server/guard_harness.h \
	tests/unit/server/key_samples.c \
	tests/unit/server/key_samples.h \
	tests/unit/server/test_become_user.c \
	tests/unit/server/test_clerk_client.c \
	tests/unit/server/test_clerk_control.c \
	tests/unit/server/test_clerk_log.c \
	tests/unit/server/test_clerk_sessions.c \
	tests/unit/server/test_clerk_wire.c \
	tests/unit/server/test_control_messages.c \
	tests/unit/server/test_events.c \
	tests/unit/server/test_crl_file.c \
	tests/unit/server/test_guard_client.c \
	tests/unit/server/test_guard_cures.c \
	tests/unit/server/test_guard_data.c \
	tests/unit/server/test_guard_dispatch.c \
	tests/unit/server/test_guard_enter.c \
	tests/unit/server/test_guard_evidence.c \
	tests/unit/server/test_guard_files.c \
	tests/unit/server/test_guard_login.c \
	tests/unit/server/test_guard_policy.c \
	tests/unit/server/test_guard_rein.c \
	tests/unit/server/test_guard_roots.c \
	tests/unit/server/test_guard_wire.c \
	tests/unit/server/test_guard_sign.c \
	tests/unit/server/test_guard_watchdog.c \
	tests/unit/server/test_keeper.c \
	tests/unit/server/test_keeper_client.c \
	tests/unit/server/test_keeper_keys.c \
	tests/unit/server/test_keeper_wire.c \
	tests/unit/server/test_key_openssh.c \
	tests/unit/server/test_key_shapes.c \
	tests/unit/server/test_key_wrapper.c \
	tests/unit/server/test_listeners.c \
	tests/unit/server/test_master_files.c \
	tests/unit/server/test_master_watch.c \
	tests/unit/server/test_metrics.c \
	tests/unit/server/test_notify.c \
	tests/unit/server/test_pool.c \
	tests/unit/server/test_roles.c \
	tests/unit/server/test_sandbox.c \
	tests/unit/server/test_wire.c \
	tests/unit/server/wire_samples.c \
	tests/unit/server/wire_samples.h
tests_unit_server_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_server_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_ftp_tests_SOURCES = \
	tests/unit/ftp/engine_harness.c \
	tests/unit/ftp/engine_harness.h \
	tests/unit/ftp/fake_guard.c \
	tests/unit/ftp/fake_guard.h \
	tests/unit/ftp/test_ftp_address.c \
	tests/unit/ftp/test_ftp_args.c \
	tests/unit/ftp/test_ftp_cmd_copy.c \
	tests/unit/ftp/test_ftp_cmd_hash.c \
	tests/unit/ftp/test_ftp_cmd_host.c \
	tests/unit/ftp/test_ftp_commands.c \
	tests/unit/ftp/test_ftp_copy.c \
	tests/unit/ftp/test_ftp_digest.c \
	tests/unit/ftp/test_ftp_engine.c \
	tests/unit/ftp/test_ftp_engine_ends.c \
	tests/unit/ftp/test_ftp_engine_transfers.c \
	tests/unit/ftp/test_ftp_facts.c \
	tests/unit/ftp/test_ftp_job.c \
	tests/unit/ftp/test_ftp_linger.c \
	tests/unit/ftp/test_ftp_listargs.c \
	tests/unit/ftp/test_ftp_listing.c \
	tests/unit/ftp/test_ftp_parse.c \
	tests/unit/ftp/test_ftp_replies.c \
	tests/unit/ftp/test_ftp_session.c
tests_unit_ftp_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_ftp_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_sftp_tests_SOURCES = \
	tests/unit/sftp/cipher_pairs.c \
	tests/unit/sftp/cipher_pairs.h \
	tests/unit/sftp/fxp_harness.c \
	tests/unit/sftp/fxp_harness.h \
	tests/unit/sftp/packets_peers.c \
	tests/unit/sftp/packets_peers.h \
	tests/unit/sftp/packets_play.c \
	tests/unit/sftp/packets_play.h \
	tests/unit/sftp/scp_harness.c \
	tests/unit/sftp/scp_harness.h \
	tests/unit/sftp/test_fxp_codec.c \
	tests/unit/sftp/test_fxp_differential.c \
	tests/unit/sftp/test_fxp_dirs.c \
	tests/unit/sftp/test_fxp_extensions.c \
	tests/unit/sftp/test_fxp_files.c \
	tests/unit/sftp/test_fxp_input.c \
	tests/unit/sftp/test_fxp_names.c \
	tests/unit/sftp/test_fxp_requests.c \
	tests/unit/sftp/test_fxp_status.c \
	tests/unit/sftp/test_scp_command.c \
	tests/unit/sftp/test_scp_line.c \
	tests/unit/sftp/test_scp_sink.c \
	tests/unit/sftp/test_scp_source.c \
	tests/unit/sftp/test_ssh_algorithms.c \
	tests/unit/sftp/test_ssh_cipher.c \
	tests/unit/sftp/test_ssh_cipher_damage.c \
	tests/unit/sftp/test_ssh_ext_info.c \
	tests/unit/sftp/test_ssh_libcrypto.c \
	tests/unit/sftp/test_ssh_key_kinds.c \
	tests/unit/sftp/test_ssh_nul.c \
	tests/unit/sftp/test_ssh_offer.c \
	tests/unit/sftp/test_ssh_packets.c \
	tests/unit/sftp/test_ssh_packets_damage.c \
	tests/unit/sftp/test_ssh_packets_keys.c \
	tests/unit/sftp/test_ssh_socket.c \
	tests/unit/sftp/test_ssh_warm_up.c \
	tests/unit/sftp/vfs_guard.c \
	tests/unit/sftp/vfs_guard.h \
	tests/unit/vfs/tree.c \
	tests/unit/vfs/tree.h
tests_unit_sftp_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_sftp_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_crypto_tests_SOURCES = \
	tests/unit/crypto/test_aead.c
tests_unit_crypto_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_crypto_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)

tests_unit_tls_tests_SOURCES = \
	tests/unit/tls/fake_kernel.c \
	tests/unit/tls/fake_kernel.h \
	tests/unit/tls/records_peer.c \
	tests/unit/tls/records_peer.h \
	tests/unit/tls/test_tls_aead.c \
	tests/unit/tls/test_tls_certificate.c \
	tests/unit/tls/test_tls_contexts.c \
	tests/unit/tls/test_tls_kernel.c \
	tests/unit/tls/test_tls_lend.c \
	tests/unit/tls/test_tls_profiles.c \
	tests/unit/tls/test_tls_ratchet.c \
	tests/unit/tls/test_tls_records.c \
	tests/unit/tls/test_tls_session.c \
	tests/unit/tls/test_tls_stream.c \
	tests/unit/tls/tls_peer.c \
	tests/unit/tls/tls_peer.h
tests_unit_tls_tests_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_tls_tests_LDADD = $(tests_LIBS) $(CRITERION_LIBS)
endif

# A fuzz target replays its corpus in `make check`; with --enable-fuzzers it is a libFuzzer program.
if FUZZERS
fuzz_driver =
fuzz_ldflags = -fsanitize=fuzzer
else
fuzz_driver = tests/fuzz/replay_main.c
fuzz_ldflags =
endif
check_PROGRAMS += \
	tests/fuzz/fuzz_auth_certificate \
	tests/fuzz/fuzz_auth_keys \
	tests/fuzz/fuzz_auth_signature \
	tests/fuzz/fuzz_batch \
	tests/fuzz/fuzz_clerk_log \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_conf_user \
	tests/fuzz/fuzz_control_request \
	tests/fuzz/fuzz_ftp_address \
	tests/fuzz/fuzz_ftp_args \
	tests/fuzz/fuzz_ftp_facts \
	tests/fuzz/fuzz_ftp_line \
	tests/fuzz/fuzz_ftp_listargs \
	tests/fuzz/fuzz_fxp_engine \
	tests/fuzz/fuzz_glob \
	tests/fuzz/fuzz_guard_reply \
	tests/fuzz/fuzz_guard_request \
	tests/fuzz/fuzz_keeper_request \
	tests/fuzz/fuzz_key_openssh \
	tests/fuzz/fuzz_path \
	tests/fuzz/fuzz_scp_command \
	tests/fuzz/fuzz_scp_line \
	tests/fuzz/fuzz_ssh_cipher \
	tests/fuzz/fuzz_ssh_offer \
	tests/fuzz/fuzz_ssh_packets \
	tests/fuzz/fuzz_tls_hello \
	tests/fuzz/fuzz_tls_records

tests_fuzz_fuzz_auth_certificate_SOURCES = tests/fuzz/fuzz_auth_certificate.c $(fuzz_driver)
tests_fuzz_fuzz_auth_certificate_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_auth_certificate_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_auth_keys_SOURCES = tests/fuzz/fuzz_auth_keys.c $(fuzz_driver)
tests_fuzz_fuzz_auth_keys_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_auth_keys_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_auth_signature_SOURCES = tests/fuzz/fuzz_auth_signature.c $(fuzz_driver)
tests_fuzz_fuzz_auth_signature_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_auth_signature_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_batch_SOURCES = tests/fuzz/fuzz_batch.c $(fuzz_driver)
tests_fuzz_fuzz_batch_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_batch_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_clerk_log_SOURCES = tests/fuzz/fuzz_clerk_log.c $(fuzz_driver)
tests_fuzz_fuzz_clerk_log_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_clerk_log_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(fuzz_driver)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_conf_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_conf_user_SOURCES = tests/fuzz/fuzz_conf_user.c $(fuzz_driver)
tests_fuzz_fuzz_conf_user_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_conf_user_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_control_request_SOURCES = tests/fuzz/fuzz_control_request.c $(fuzz_driver)
tests_fuzz_fuzz_control_request_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_control_request_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ftp_address_SOURCES = tests/fuzz/fuzz_ftp_address.c $(fuzz_driver)
tests_fuzz_fuzz_ftp_address_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ftp_address_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ftp_args_SOURCES = tests/fuzz/fuzz_ftp_args.c $(fuzz_driver)
tests_fuzz_fuzz_ftp_args_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ftp_args_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ftp_facts_SOURCES = tests/fuzz/fuzz_ftp_facts.c $(fuzz_driver)
tests_fuzz_fuzz_ftp_facts_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ftp_facts_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ftp_line_SOURCES = tests/fuzz/fuzz_ftp_line.c $(fuzz_driver)
tests_fuzz_fuzz_ftp_line_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ftp_line_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ftp_listargs_SOURCES = tests/fuzz/fuzz_ftp_listargs.c $(fuzz_driver)
tests_fuzz_fuzz_ftp_listargs_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ftp_listargs_LDADD = $(tests_LIBS)

# The SFTP engine on standard input and output, for comparisons by hand: sftp -D "tests/unit/fxp_stdio DIR".
check_PROGRAMS += tests/unit/fxp_stdio
tests_unit_fxp_stdio_SOURCES = tests/unit/sftp/fxp_stdio.c tests/unit/sftp/vfs_guard.c tests/unit/sftp/vfs_guard.h
tests_unit_fxp_stdio_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_fxp_engine_SOURCES = tests/fuzz/fuzz_fxp_engine.c tests/unit/sftp/vfs_guard.c \
	tests/unit/sftp/vfs_guard.h $(fuzz_driver)
tests_fuzz_fuzz_fxp_engine_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_fxp_engine_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_glob_SOURCES = tests/fuzz/fuzz_glob.c $(fuzz_driver)
tests_fuzz_fuzz_glob_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_glob_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_guard_reply_SOURCES = tests/fuzz/fuzz_guard_reply.c $(fuzz_driver)
tests_fuzz_fuzz_guard_reply_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_guard_reply_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_guard_request_SOURCES = tests/fuzz/fuzz_guard_request.c $(fuzz_driver)
tests_fuzz_fuzz_guard_request_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_guard_request_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_tls_hello_SOURCES = tests/fuzz/fuzz_tls_hello.c tests/unit/tls/tls_peer.c tests/unit/tls/tls_peer.h $(fuzz_driver)
tests_fuzz_fuzz_tls_hello_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_tls_hello_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_tls_records_SOURCES = tests/fuzz/fuzz_tls_records.c tests/unit/tls/records_peer.c \
	tests/unit/tls/records_peer.h $(fuzz_driver)
tests_fuzz_fuzz_tls_records_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_tls_records_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_keeper_request_SOURCES = tests/fuzz/fuzz_keeper_request.c $(fuzz_driver)
tests_fuzz_fuzz_keeper_request_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_keeper_request_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_key_openssh_SOURCES = tests/fuzz/fuzz_key_openssh.c $(fuzz_driver)
tests_fuzz_fuzz_key_openssh_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_key_openssh_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_path_SOURCES = tests/fuzz/fuzz_path.c $(fuzz_driver)
tests_fuzz_fuzz_path_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_path_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_scp_command_SOURCES = tests/fuzz/fuzz_scp_command.c $(fuzz_driver)
tests_fuzz_fuzz_scp_command_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_scp_command_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_scp_line_SOURCES = tests/fuzz/fuzz_scp_line.c $(fuzz_driver)
tests_fuzz_fuzz_scp_line_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_scp_line_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ssh_cipher_SOURCES = tests/fuzz/fuzz_ssh_cipher.c $(fuzz_driver)
tests_fuzz_fuzz_ssh_cipher_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ssh_cipher_LDADD = $(tests_LIBS)
tests_fuzz_fuzz_ssh_offer_SOURCES = tests/fuzz/fuzz_ssh_offer.c $(fuzz_driver)
tests_fuzz_fuzz_ssh_offer_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ssh_offer_LDADD = $(tests_LIBS)

tests_fuzz_fuzz_ssh_packets_SOURCES = tests/fuzz/fuzz_ssh_packets.c tests/unit/sftp/packets_peers.c \
	tests/unit/sftp/packets_peers.h $(fuzz_driver)
tests_fuzz_fuzz_ssh_packets_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ssh_packets_LDADD = $(tests_LIBS)

check-programs: $(check_PROGRAMS)

# TEST_ARGUMENTS: options of tests/run-tests, as in `make check TEST_ARGUMENTS="-k vfs"`.
if HAVE_PYTHON3
check-local: $(check_PROGRAMS) all-am
	$(PYTHON3) $(srcdir)/tests/run-tests --build $(abs_top_builddir) $(TEST_ARGUMENTS)
else
check-local:
	@echo "make check needs python3; on Debian: apt-get install python3" >&2; exit 1
endif
.PHONY: check-programs

dist-hook:
	find $(distdir)/tests -name __pycache__ -exec rm -rf {} +
