/*
 * Texts and names of statuses, and the errno table.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "vfs/vfs_errno.h"
#include "vfs/vfs_types.h"

Test(vfs_types, has_a_text_and_a_name_for_every_status)
{
	for (int i = 0; i < VFS_STATUS_COUNT; i++) {
		cr_assert_gt(strlen(vfs_status_text((enum vfs_status)i)), 0);
		cr_assert_gt(strlen(vfs_status_name((enum vfs_status)i)), 0);
	}
	cr_assert_str_eq(vfs_status_name(VFS_NOT_FOUND), "NOT_FOUND");
}

Test(vfs_types, calls_numbers_outside_the_list_a_failure)
{
	cr_assert_str_eq(vfs_status_text(VFS_STATUS_COUNT), "Failed");
	cr_assert_str_eq(vfs_status_text((enum vfs_status)0xffffff), "Failed");
	cr_assert_str_eq(vfs_status_name((enum vfs_status) - 1), "FAILED");
}

Test(vfs_errno, maps_no_error_to_success)
{
	for (int error = -1; error < 4096; error++)
		cr_assert_neq(vfs_errno_status(error), VFS_OK);
	cr_assert_eq(vfs_errno_status(ENOENT), VFS_NOT_FOUND);
	cr_assert_eq(vfs_errno_status(ENOSPC), VFS_NO_SPACE);
	cr_assert_eq(vfs_errno_status(EDQUOT), VFS_QUOTA);
	cr_assert_eq(vfs_errno_status(EPROTO), VFS_FAILED);
}
