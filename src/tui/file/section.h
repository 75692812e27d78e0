/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections: what a file consists of behind its first 32 bytes. Each says what
 * it is, how long it is, and has checksums, so that a reader passes over what
 * it does not know, and notices what was damaged. docs/snapshot-format.md has
 * the layout. Nothing here prints. One thread per object.
 */
#ifndef MEMTOP_TUI_FILE_SECTION_H
#define MEMTOP_TUI_FILE_SECTION_H

#include "tui/file/bytes.h"

#define SECTION_HEAD 32
#define SECTION_RAW_MOST (UINT64_C(256) << 20) /* of one, when decompressed */

#define SECTION_ID(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum section_flags {
    SECTION_ZSTD  = 1u << 0, /* its payload is one zstd frame */
    SECTION_DELTA = 1u << 1, /* says what differs from the snapshot before */
};

struct section_head {
    uint32_t id, flags;
    uint64_t stored; /* bytes in the file, behind the head */
    uint64_t raw;    /* bytes when decompressed */
    uint32_t crc;    /* of the stored bytes */
};

/* The first bytes of a file. */
#define FILE_HEAD 32
#define FILE_VERSION 1u

enum file_kind {
    FILE_SNAPSHOT = 1,
    FILE_RECORDING = 2,
};

enum file_head_status {
    FILE_HEAD_GOOD,
    FILE_HEAD_FOREIGN,
    FILE_HEAD_VERSION, /* of a later memtop */
    FILE_HEAD_DAMAGED,
};

void file_head_put(struct bytes *to, enum file_kind kind);
enum file_head_status file_head_get(const unsigned char head[FILE_HEAD], enum file_kind *kind);

/* Append a section: payload compressed where that makes it shorter. */
void section_put(struct bytes *to, uint32_t id, uint32_t flags, const struct bytes *payload);

/* False: it is none, or a damaged one. */
bool section_head_get(const unsigned char head[SECTION_HEAD], struct section_head *out);

/* Do the stored bytes have the checksum of the head? */
bool section_whole(const struct section_head *head, const void *stored);

/* The payload into *out, whose contents are replaced. False: damaged, longer
 * than SECTION_RAW_MOST, or no memory. */
bool section_payload(const struct section_head *head, const void *stored, struct bytes *out);

#endif
