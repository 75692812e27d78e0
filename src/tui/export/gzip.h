/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gzip file written to a stream piece by piece.
 */
#ifndef MEMTOP_TUI_EXPORT_GZIP_H
#define MEMTOP_TUI_EXPORT_GZIP_H

#include <stddef.h>
#include <stdio.h>

struct gzip;

/* NULL without memory. The stream stays the caller's; its errors stay in it. */
struct gzip *gzip_new(FILE *out);
void gzip_write(struct gzip *z, const void *bytes, size_t n);

/* Write what is left, and free. */
void gzip_free(struct gzip *z);

#endif
