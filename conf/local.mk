# The option table, loading, checking, user files.
noinst_LIBRARIES += conf/libconf.a
conf_libconf_a_SOURCES = \
	conf/conf.c conf/conf.h conf/conf_options.h conf/conf_rights.h \
	conf/conf_check.c \
	conf/conf_dump.c \
	conf/conf_lex.c conf/conf_lex.h \
	conf/conf_mdoc.c \
	conf/conf_message.c conf/conf_message.h \
	conf/conf_outline.c conf/conf_outline.h \
	conf/conf_read.c conf/conf_read.h \
	conf/conf_rows.c conf/conf_rows.h \
	conf/conf_types.c conf/conf_types.h conf/conf_types_private.h \
	conf/conf_types_access.c \
	conf/conf_types_login.c \
	conf/conf_types_net.c \
	conf/conf_types_text.c \
	conf/conf_users.c conf/conf_users.h \
	conf/conf_values.c conf/conf_values.h

examplesdir = $(docdir)/examples
dist_examples_DATA = conf/transom.conf.sample conf/user.conf.example
