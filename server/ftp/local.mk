# The FTP engine.  Links base, conf, the guard client and vfs text: nothing that could open a file.
noinst_LIBRARIES += server/ftp/libftp.a
server_ftp_libftp_a_SOURCES = \
	server/ftp/ftp_engine.c server/ftp/ftp_engine.h
