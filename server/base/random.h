/* Unpredictable numbers from getrandom(2). */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fill n bytes; ends the process if the kernel cannot (it always can after boot). */
void random_bytes(void *out, size_t n);
/* Uniform in [0, bound); bound > 0. */
uint32_t random_below(uint32_t bound);

#endif
