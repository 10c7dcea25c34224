# Small tools that know nothing of the project.
noinst_LIBRARIES += server/base/libbase.a
server_base_libbase_a_SOURCES = \
	server/base/buf.c server/base/buf.h \
	server/base/bytes.h \
	server/base/clock.c server/base/clock.h \
	server/base/io.c server/base/io.h \
	server/base/loop.c server/base/loop.h \
	server/base/netaddr.c server/base/netaddr.h \
	server/base/os_linux.c server/base/os_linux.h \
	server/base/pages.c server/base/pages.h \
	server/base/proctitle.c server/base/proctitle.h \
	server/base/random.c server/base/random.h \
	server/base/secret.c server/base/secret.h \
	server/base/text.c server/base/text.h
