# The virtual filesystem.  vfs_path and vfs_batch are pure text and are all of it that a front links.
noinst_LIBRARIES += vfs/libvfstext.a vfs/libvfs.a
vfs_libvfstext_a_SOURCES = \
	vfs/vfs_batch.c vfs/vfs_batch.h \
	vfs/vfs_path.c vfs/vfs_path.h \
	vfs/vfs_types.c vfs/vfs_types.h
vfs_libvfs_a_SOURCES = \
	vfs/vfs.h vfs/vfs_private.h \
	vfs/vfs_errno.c vfs/vfs_errno.h \
	vfs/vfs_handles.c vfs/vfs_handles.h \
	vfs/vfs_mounts.c vfs/vfs_mounts.h \
	vfs/vfs_names.c vfs/vfs_names.h \
	vfs/vfs_resolve.c vfs/vfs_resolve.h \
	vfs/vfs_rights.c vfs/vfs_rights.h \
	vfs/vfs_stage.c vfs/vfs_stage.h
