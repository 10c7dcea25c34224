/*
 * The SFTP engine on a temporary tree, with a small guard behind it; the test is transport and client.
 */
#ifndef FXP_HARNESS_H
#define FXP_HARNESS_H

#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_reply.h"
#include "tests/unit/sftp/vfs_guard.h"
#include "tests/unit/vfs/tree.h"

/* pflags of OPEN. */
enum {
	F_READ = 0x01,
	F_WRITE = 0x02,
	F_APPEND = 0x04,
	F_CREAT = 0x08,
	F_TRUNC = 0x10,
	F_EXCL = 0x20,
	F_NEW = F_WRITE | F_CREAT | F_TRUNC,
};

#define FXP_HARNESS_GIVEN 8192

struct fxp_harness {
	struct tree tree;
	struct vfs_guard guard;
	struct ssh_service_start start;
	struct ssh_service *service; /* NULL: not started */
	struct vfs *vfs;
	uint32_t last_id;
	bool lazy; /* do not work after each packet */
	/* What was given since the last work, which a service may rely on. */
	uint8_t *given[FXP_HARNESS_GIVEN];
	size_t given_count;
	uint8_t *out; /* replies taken and not yet looked at */
	size_t out_start;
	size_t out_end;
};

/* A reply.  body is good until the next call. */
struct fxp_answer {
	uint8_t type;
	uint32_t id;
	struct fxp_reader body;
};

/* A handle as the client has it. */
struct fxp_name {
	uint8_t bytes[FXP_HANDLE_BYTES];
};

void fxp_harness_new(struct fxp_harness *harness);
/* Start a session, without INIT; and with. */
void fxp_harness_start(struct fxp_harness *harness);
void fxp_harness_login(struct fxp_harness *harness);
/* Break off. */
void fxp_harness_stop(struct fxp_harness *harness);
void fxp_harness_free(struct fxp_harness *harness);

/* Give bytes; false when the engine ends the session for them.  Works until there is nothing to do. */
bool fxp_harness_give(struct fxp_harness *harness, const void *bytes, size_t n);
void fxp_harness_work(struct fxp_harness *harness);
/*
 * Send a request; its id.  format: c u8, u u32 (unsigned), q u64 (uint64_t), s C string, b bytes as a string (pointer,
 * size_t), h handle (const struct fxp_name *).
 */
uint32_t fxp_harness_put(struct fxp_harness *harness, unsigned type, const char *format, ...);
/* Is there a reply? */
bool fxp_harness_has(const struct fxp_harness *harness);
struct fxp_answer fxp_harness_next(struct fxp_harness *harness);
/* put and next. */
struct fxp_answer fxp_harness_ask(struct fxp_harness *harness, unsigned type, const char *format, ...);
/* The code of a STATUS. */
uint32_t fxp_code_of(struct fxp_answer answer);
/* OPEN that must succeed. */
struct fxp_name fxp_harness_open(struct fxp_harness *harness, const char *path, unsigned pflags);
struct fxp_name fxp_handle_of(struct fxp_answer answer);
/* READ: bytes read, -1 for EOF. */
int fxp_harness_read(struct fxp_harness *harness, const struct fxp_name *handle, uint64_t offset, char *out, size_t n);
uint32_t fxp_harness_write(
    struct fxp_harness *harness, const struct fxp_name *handle, uint64_t offset, const char *text);
uint32_t fxp_harness_close(struct fxp_harness *harness, const struct fxp_name *handle);
struct fxp_attrs fxp_attrs_of(struct fxp_answer answer);

#define cr_assert_code(answer, wanted)                                                              \
	do {                                                                                        \
		uint32_t code_is = fxp_code_of(answer);                                             \
		cr_assert(code_is == (uint32_t)(wanted), "%s is %u instead of %u", #answer, code_is, \
		    (unsigned)(wanted));                                                            \
	} while (0)
#define cr_assert_ok(answer) cr_assert_code(answer, FXP_CODE_OK)

#endif
