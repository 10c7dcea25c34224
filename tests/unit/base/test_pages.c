#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "server/base/pages.h"

TestSuite(pages);

Test(pages, are_zeroed_aligned_and_writable)
{
	size_t size = 3 * (size_t)sysconf(_SC_PAGESIZE) + 1;
	uint8_t *pages = pages_new(size);

	cr_assert_not_null(pages);
	cr_assert_eq((uintptr_t)pages % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(pages[i], 0);
	pages[0] = pages[size - 1] = 1;
	pages_free(pages, size);
}

Test(pages, says_when_there_are_none)
{
	cr_assert_null(pages_new(SIZE_MAX / 2));
	cr_assert_eq(errno, ENOMEM);
	pages_free(NULL, 0);
}
