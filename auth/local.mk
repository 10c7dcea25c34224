# Who is this?
noinst_LIBRARIES += auth/libauth.a
auth_libauth_a_SOURCES = \
	auth/auth.c auth/auth.h \
	auth/auth_anonymous.c \
	auth/auth_backends.c auth/auth_backends.h \
	auth/auth_file.c \
	auth/auth_hash.c auth/auth_hash.h
