/*
 * What ps shows.  proctitle_init is called first thing in main; proctitle_set
 * overwrites the argument area, in any process forked from it, without allocating.
 */
#ifndef BASE_PROCTITLE_H
#define BASE_PROCTITLE_H

/* Moves environ aside so that its room can be used; call once, before anything keeps pointers into
 * it. */
void proctitle_init(int argc, char **argv);
/* "transomd: guard alice"; cut to what fits.  Control characters become '?'. */
void proctitle_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
