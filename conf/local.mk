# The option table, loading, checking, user files.
noinst_LIBRARIES += conf/libconf.a
conf_libconf_a_SOURCES = \
	conf/conf.c conf/conf.h conf/conf_options.h conf/conf_rights.h \
	conf/conf_types.c conf/conf_types.h \
	conf/conf_check.c \
	conf/conf_dump.c \
	conf/conf_users.c conf/conf_users.h
