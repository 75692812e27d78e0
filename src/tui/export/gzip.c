/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib's deflate with a gzip head and no time in it, so that the same snapshot
 * gives the same file. Called by writers. Never prints anything else.
 */
#include "tui/export/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#define WINDOW_GZIP (15 + 16) /* the largest window, with gzip's head */

struct gzip {
    z_stream z;
    FILE *out;
};

struct gzip *gzip_new(FILE *out)
{
    struct gzip *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->out = out;
    if (deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, 8,
                     Z_DEFAULT_STRATEGY) == Z_OK)
        return g;
    free(g);
    return NULL;
}

/* Let zlib work until it wants more. */
static void pump(struct gzip *g, int flush)
{
    unsigned char buffer[16384];
    do {
        g->z.next_out = buffer;
        g->z.avail_out = sizeof buffer;
        deflate(&g->z, flush);
        fwrite(buffer, 1, sizeof buffer - g->z.avail_out, g->out);
    } while (g->z.avail_out == 0);
}

void gzip_write(struct gzip *g, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    while (n) {
        unsigned part = n < 1u << 30 ? (unsigned)n : 1u << 30;
        g->z.next_in = (unsigned char *)p;
        g->z.avail_in = part;
        pump(g, Z_NO_FLUSH);
        p += part;
        n -= part;
    }
}

void gzip_free(struct gzip *g)
{
    g->z.avail_in = 0;
    pump(g, Z_FINISH);
    deflateEnd(&g->z);
    free(g);
}
