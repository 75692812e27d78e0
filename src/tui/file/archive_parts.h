/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writing and the reading of archives share beside the parts: the ids
 * of sections that frame a snapshot, and the rows of live blocks.
 */
#ifndef MEMTOP_TUI_FILE_ARCHIVE_PARTS_H
#define MEMTOP_TUI_FILE_ARCHIVE_PARTS_H

#include "tui/file/archive.h"
#include "tui/file/section.h"

#define ID_SNAPSHOT SECTION_ID('S', 'N', 'A', 'P') /* the first of a snapshot */
#define ID_MODULES  SECTION_ID('M', 'O', 'D', 'U') /* a part, by name */
#define ID_BLOCKS   SECTION_ID('B', 'L', 'K', 'S')
#define ID_END      SECTION_ID('D', 'O', 'N', 'E') /* the last: how many sections */

#define ARCHIVE_BLOCKS 65536u /* at most in one section */

void archive_put_blocks(const struct archive_block *blocks, size_t n, struct bytes *out);

/* How many of ARCHIVE_BLOCKS; 0 where it is damaged. */
size_t archive_get_blocks(struct archive_block *blocks, struct cursor payload);

#endif
