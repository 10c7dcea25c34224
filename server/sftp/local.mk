# SFTP: the engine, the old scp protocol, and libssh as their transport.
noinst_LIBRARIES += server/sftp/libsftp.a
server_sftp_libsftp_a_SOURCES = \
	server/sftp/fxp_attrs.c \
	server/sftp/fxp_check.c server/sftp/fxp_check.h \
	server/sftp/fxp_close.c server/sftp/fxp_close.h \
	server/sftp/fxp_codec.c server/sftp/fxp_codec.h \
	server/sftp/fxp_copy.c server/sftp/fxp_copy.h \
	server/sftp/fxp_dirs.c server/sftp/fxp_dirs.h \
	server/sftp/fxp_document.c server/sftp/fxp_document.h \
	server/sftp/fxp_engine.c \
	server/sftp/fxp_extensions.c server/sftp/fxp_extensions.h \
	server/sftp/fxp_gather.c server/sftp/fxp_gather.h \
	server/sftp/fxp_handles.c server/sftp/fxp_handles.h \
	server/sftp/fxp_input.c server/sftp/fxp_input.h \
	server/sftp/fxp_limits.h \
	server/sftp/fxp_names.c \
	server/sftp/fxp_open.c \
	server/sftp/fxp_output.c server/sftp/fxp_output.h \
	server/sftp/fxp_private.h \
	server/sftp/fxp_read.c \
	server/sftp/fxp_reply.c server/sftp/fxp_reply.h \
	server/sftp/fxp_requests.c server/sftp/fxp_requests.h \
	server/sftp/fxp_space.c \
	server/sftp/fxp_status.c server/sftp/fxp_status.h \
	server/sftp/fxp_write.c \
	server/sftp/scp_command.c server/sftp/scp_command.h \
	server/sftp/scp_engine.c server/sftp/scp_private.h \
	server/sftp/scp_line.c server/sftp/scp_line.h \
	server/sftp/scp_sink.c \
	server/sftp/scp_source.c \
	server/sftp/ssh_algorithms.c server/sftp/ssh_algorithms.h \
	server/sftp/ssh_auth.c \
	server/sftp/ssh_channels.c \
	server/sftp/ssh_cipher.c server/sftp/ssh_cipher.h server/sftp/ssh_cipher_private.h \
	server/sftp/ssh_cipher_shapes.c \
	server/sftp/ssh_ext_info.c server/sftp/ssh_ext_info.h \
	server/sftp/ssh_front.c server/sftp/ssh_front.h server/sftp/ssh_front_private.h \
	server/sftp/ssh_key_kinds.c server/sftp/ssh_key_kinds.h \
	server/sftp/ssh_keys.c server/sftp/ssh_keys.h \
	server/sftp/ssh_libcrypto.c server/sftp/ssh_libcrypto.h \
	server/sftp/ssh_nul.c server/sftp/ssh_nul.h \
	server/sftp/ssh_offer.c server/sftp/ssh_offer.h \
	server/sftp/ssh_outcome.c \
	server/sftp/ssh_packets.c server/sftp/ssh_packets.h \
	server/sftp/ssh_service.h \
	server/sftp/ssh_socket.c server/sftp/ssh_socket.h \
	server/sftp/ssh_warm_up.c
