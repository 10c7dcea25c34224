# Ciphers that FTPS and SFTP share, and whose they are.
noinst_LIBRARIES += server/crypto/libaead.a
server_crypto_libaead_a_SOURCES = \
	server/crypto/aead.c server/crypto/aead.h \
	server/crypto/aead_backends.h \
	server/crypto/aead_agrees.c \
	server/crypto/aead_ipsec_mb.c \
	server/crypto/aead_libcrypto.c
