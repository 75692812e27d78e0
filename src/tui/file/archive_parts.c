/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of live blocks; archive_parts.h. */
#include "tui/file/archive_parts.h"

#define RISING(field) \
    { .offset = offsetof(struct archive_block, field), \
      .bytes = sizeof(((struct archive_block *)0)->field), .count = 1, .rising = true }

static const struct part_column columns[] = {
    RISING(address), RISING(size), RISING(birth), RISING(birth_ns),
    RISING(site), RISING(tid), RISING(blocks), RISING(bytes),
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

void archive_put_blocks(const struct archive_block *blocks, size_t n, struct bytes *out)
{
    part_put_rows(columns, N_COLUMNS, sizeof *blocks, blocks, n, out);
}

size_t archive_get_blocks(struct archive_block *blocks, struct cursor payload)
{
    return part_get_rows(columns, N_COLUMNS, sizeof *blocks, blocks, ARCHIVE_BLOCKS, payload);
}
