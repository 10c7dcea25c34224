# Who is this?
noinst_LIBRARIES += auth/libauth.a
auth_libauth_a_SOURCES = \
	auth/auth.c auth/auth.h \
	auth/auth_anonymous.c \
	auth/auth_backends.c auth/auth_backends.h \
	auth/auth_blob.c auth/auth_blob.h \
	auth/auth_certificate.c auth/auth_certificate.h \
	auth/auth_factors.c auth/auth_factors.h \
	auth/auth_file.c \
	auth/auth_hash.c auth/auth_hash.h \
	auth/auth_key.c auth/auth_key.h \
	auth/auth_key_options.c auth/auth_key_options.h \
	auth/auth_keys.c auth/auth_keys.h \
	auth/auth_signature.c auth/auth_signature.h
