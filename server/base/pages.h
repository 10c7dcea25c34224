/*
 * Whole pages straight from the kernel: for large buffers of which mostly little is used.
 *
 * Only pages that were touched cost memory, and all of them go back when freed; a block of the heap may have
 * been used before, and calloc would touch all of it to clear it.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stddef.h>

/* Zeroed memory, page-aligned; NULL with errno when there is none. */
void *pages_new(size_t bytes);
/* bytes as given to pages_new.  NULL is fine. */
void pages_free(void *pages, size_t bytes);
/* Give freed memory of the heap back to the kernel, where the C library keeps it: after work that an idle process
 * has no use for any more.  Takes some microseconds. */
void pages_trim_heap(void);
/*
 * Use up the holes that freed blocks have left in the heap, for good.  For a process that forks children which live
 * long: what they allocate then lies together on fresh pages, instead of making copies of many shared ones.
 */
void pages_fill_heap(void);

#endif
