# The virtual filesystem.  libvfstext is pure text and all of it that a front links.
noinst_LIBRARIES += vfs/libvfstext.a vfs/libvfs.a
vfs_libvfstext_a_SOURCES = \
	vfs/vfs_batch.c vfs/vfs_batch.h \
	vfs/vfs_longname.c vfs/vfs_longname.h \
	vfs/vfs_path.c vfs/vfs_path.h \
	vfs/vfs_types.c vfs/vfs_types.h
# Public operations (vfs.h) first, then what they stand on (vfs_private.h).
vfs_libvfs_a_SOURCES = \
	vfs/vfs.c vfs/vfs.h vfs/vfs_private.h \
	vfs/vfs_change.c \
	vfs/vfs_close.c \
	vfs/vfs_copy.c \
	vfs/vfs_dirs.c vfs/vfs_dirs.h \
	vfs/vfs_files.c \
	vfs/vfs_look.c vfs/vfs_look.h \
	vfs/vfs_open.c \
	vfs/vfs_rename.c \
	vfs/vfs_setattr.c \
	vfs/vfs_space.c vfs/vfs_space.h \
	vfs/vfs_at.c vfs/vfs_at.h \
	vfs/vfs_attr.c vfs/vfs_attr.h \
	vfs/vfs_dirread.c vfs/vfs_dirread.h \
	vfs/vfs_errno.c vfs/vfs_errno.h \
	vfs/vfs_handles.c vfs/vfs_handles.h \
	vfs/vfs_modes.c vfs/vfs_modes.h \
	vfs/vfs_mounts.c vfs/vfs_mounts.h \
	vfs/vfs_names.c vfs/vfs_names.h \
	vfs/vfs_own.c vfs/vfs_own.h \
	vfs/vfs_publish.c vfs/vfs_publish.h \
	vfs/vfs_resolve.c vfs/vfs_resolve.h \
	vfs/vfs_rights.c vfs/vfs_rights.h \
	vfs/vfs_stage.c vfs/vfs_stage.h \
	vfs/vfs_sweep.c vfs/vfs_sweep.h \
	vfs/vfs_view.c vfs/vfs_view.h
