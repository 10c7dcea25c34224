#include <criterion/criterion.h>
#include <string.h>

#include "server/sftp/fxp_status.h"

Test(fxp_status, every_status_has_a_code_and_words)
{
	for (int status = 0; status < VFS_STATUS_COUNT; status++) {
		const struct fxp_status_row *row = fxp_status_find((enum vfs_status)status);

		cr_assert_not_null(row->message, "%s", vfs_status_name((enum vfs_status)status));
		cr_assert_eq(row->code == FXP_CODE_OK, status == VFS_OK, "%s", vfs_status_name((enum vfs_status)status));
		cr_assert_eq(strlen(row->message) == 0, status == VFS_OK);
	}
	cr_assert_eq(fxp_status_find((enum vfs_status)9999)->code, FXP_CODE_FAILURE);
}
