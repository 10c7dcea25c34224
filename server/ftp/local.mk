# The FTP engine.  Links base, conf, the guard client and vfs text: nothing that could open a file.
noinst_LIBRARIES += server/ftp/libftp.a
server_ftp_libftp_a_SOURCES = \
	server/ftp/ftp_address.c server/ftp/ftp_address.h \
	server/ftp/ftp_args.c server/ftp/ftp_args.h \
	server/ftp/ftp_cmd_copy.c server/ftp/ftp_cmd_copy.h \
	server/ftp/ftp_cmd_data.c server/ftp/ftp_cmd_data.h \
	server/ftp/ftp_cmd_dirs.c server/ftp/ftp_cmd_dirs.h \
	server/ftp/ftp_cmd_files.c server/ftp/ftp_cmd_files.h \
	server/ftp/ftp_cmd_hash.c server/ftp/ftp_cmd_hash.h \
	server/ftp/ftp_cmd_host.c server/ftp/ftp_cmd_host.h \
	server/ftp/ftp_cmd_info.c server/ftp/ftp_cmd_info.h \
	server/ftp/ftp_cmd_list.c server/ftp/ftp_cmd_list.h \
	server/ftp/ftp_cmd_login.c server/ftp/ftp_cmd_login.h \
	server/ftp/ftp_cmd_security.c server/ftp/ftp_cmd_security.h \
	server/ftp/ftp_cmd_rmtree.c server/ftp/ftp_cmd_rmtree.h \
	server/ftp/ftp_cmd_site.c server/ftp/ftp_cmd_site.h \
	server/ftp/ftp_cmd_transfer.c server/ftp/ftp_cmd_transfer.h \
	server/ftp/ftp_commands.c server/ftp/ftp_commands.h \
	server/ftp/ftp_control.c server/ftp/ftp_control.h \
	server/ftp/ftp_copy.c server/ftp/ftp_copy.h \
	server/ftp/ftp_data.c server/ftp/ftp_data.h \
	server/ftp/ftp_digest.c server/ftp/ftp_digest.h \
	server/ftp/ftp_dispatch.c server/ftp/ftp_dispatch.h \
	server/ftp/ftp_engine.c server/ftp/ftp_engine.h \
	server/ftp/ftp_facts.c server/ftp/ftp_facts.h \
	server/ftp/ftp_job.c server/ftp/ftp_job.h \
	server/ftp/ftp_limits.h \
	server/ftp/ftp_linger.c server/ftp/ftp_linger.h \
	server/ftp/ftp_listargs.c server/ftp/ftp_listargs.h \
	server/ftp/ftp_listing.c server/ftp/ftp_listing.h \
	server/ftp/ftp_parse.c server/ftp/ftp_parse.h \
	server/ftp/ftp_rein.c server/ftp/ftp_rein.h \
	server/ftp/ftp_replies.c server/ftp/ftp_replies.h \
	server/ftp/ftp_security.c server/ftp/ftp_security.h \
	server/ftp/ftp_session.c server/ftp/ftp_session.h \
	server/ftp/ftp_transfer.c server/ftp/ftp_transfer.h \
	server/ftp/ftp_walk.c server/ftp/ftp_walk.h
