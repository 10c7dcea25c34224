/*
 * Prints docs/SFTP.md from the tables of requests, extensions and algorithms.
 *
 * tables-print only.
 */
#ifndef FXP_DOCUMENT_H
#define FXP_DOCUMENT_H

#include <stdio.h>

void fxp_document_print(FILE *out);

#endif
