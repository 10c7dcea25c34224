/*
 * A password on its short way through the server: locked memory, never copied
 * by value, wiped when done.  Nothing that logs or prints takes a struct secret.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX_BYTES 1024 /* longer passwords are refused before any hashing */

struct secret;

/* NULL when memory ran out or length > SECRET_MAX_BYTES.  Copies; caller wipes its own copy. */
struct secret *secret_new(const char *text, size_t length);
/* Wipes and frees; NULL is fine.  Sets *secret to NULL. */
void secret_free(struct secret **secret);
/* NUL-terminated text and its length. */
const char *secret_text(const struct secret *secret);
size_t secret_length(const struct secret *secret);
/* explicit_bzero for memory that held a secret. */
void secret_wipe(void *bytes, size_t n);

#endif
