# TLS: contexts and streams on OpenSSL.
noinst_LIBRARIES += server/tls/libtls.a
server_tls_libtls_a_SOURCES = \
	server/tls/tls_aead.c server/tls/tls_aead.h \
	server/tls/tls_bio.c server/tls/tls_bio.h \
	server/tls/tls_certificate.c server/tls/tls_certificate.h \
	server/tls/tls_contexts.c server/tls/tls_contexts.h \
	server/tls/tls_kernel.c server/tls/tls_kernel.h \
	server/tls/tls_limits.h \
	server/tls/tls_profiles.c server/tls/tls_profiles.h \
	server/tls/tls_ratchet.c server/tls/tls_ratchet.h \
	server/tls/tls_records.c server/tls/tls_records.h \
	server/tls/tls_secrets.c server/tls/tls_secrets.h \
	server/tls/tls_selftest.c server/tls/tls_selftest.h \
	server/tls/tls_session.c server/tls/tls_session.h \
	server/tls/tls_stream.c server/tls/tls_stream.h
