/* SPDX-License-Identifier: Apache-2.0 */
/* Heads, checksums and compression of sections; section.h. */
#include "tui/file/section.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define LEVEL 5 /* of zstd: near the knee of size over time */

static const unsigned char magic[8] = { 'M', 'E', 'M', 'T', 'O', 'P', 0x1a, '\n' };

static void put_le(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_le(const unsigned char *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

static uint32_t checksum(const void *data, size_t n)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, n);
}

/* ---- the file's own head ------------------------------------------------------ */

void file_head_put(struct bytes *to, enum file_kind kind)
{
    unsigned char head[FILE_HEAD] = { 0 };
    memcpy(head, magic, sizeof magic);
    put_le(head + 8, FILE_VERSION, 4);
    put_le(head + 12, kind, 4);
    put_le(head + 28, checksum(head, 28), 4);
    bytes_put(to, head, sizeof head);
}

enum file_head_status file_head_get(const unsigned char head[FILE_HEAD], enum file_kind *kind)
{
    if (memcmp(head, magic, sizeof magic) != 0)
        return FILE_HEAD_FOREIGN;
    if (get_le(head + 28, 4) != checksum(head, 28))
        return FILE_HEAD_DAMAGED;
    if (get_le(head + 8, 4) != FILE_VERSION)
        return FILE_HEAD_VERSION;
    uint64_t what = get_le(head + 12, 4);
    if (what != FILE_SNAPSHOT && what != FILE_RECORDING)
        return FILE_HEAD_VERSION;
    *kind = (enum file_kind)what;
    return FILE_HEAD_GOOD;
}

/* ---- sections ------------------------------------------------------------------ */

static void put_head(unsigned char *to, const struct section_head *h)
{
    put_le(to, h->id, 4);
    put_le(to + 4, h->flags, 4);
    put_le(to + 8, h->stored, 8);
    put_le(to + 16, h->raw, 8);
    put_le(to + 24, h->crc, 4);
    put_le(to + 28, checksum(to, 28), 4);
}

void section_put(struct bytes *to, uint32_t id, uint32_t flags, const struct bytes *payload)
{
    size_t most = ZSTD_compressBound(payload->n);
    unsigned char *at = payload->failed ? NULL : bytes_reserve(to, SECTION_HEAD + most);
    if (!at) {
        to->failed = true;
        return;
    }
    struct section_head h = { .id = id, .flags = flags, .raw = payload->n };
    unsigned char *body = at + SECTION_HEAD;
    size_t n = payload->n ? ZSTD_compress(body, most, payload->data, payload->n, LEVEL) : 0;
    if (payload->n && !ZSTD_isError(n) && n < payload->n) {
        h.flags |= SECTION_ZSTD;
    } else {
        n = payload->n;
        if (n)
            memcpy(body, payload->data, n);
    }
    h.stored = n;
    h.crc = checksum(body, n);
    put_head(at, &h);
    to->n += SECTION_HEAD + n;
}

bool section_head_get(const unsigned char head[SECTION_HEAD], struct section_head *out)
{
    if (get_le(head + 28, 4) != checksum(head, 28))
        return false;
    *out = (struct section_head){
        .id = (uint32_t)get_le(head, 4),
        .flags = (uint32_t)get_le(head + 4, 4),
        .stored = get_le(head + 8, 8),
        .raw = get_le(head + 16, 8),
        .crc = (uint32_t)get_le(head + 24, 4),
    };
    return true;
}

bool section_whole(const struct section_head *head, const void *stored)
{
    return checksum(stored, (size_t)head->stored) == head->crc;
}

bool section_payload(const struct section_head *head, const void *stored, struct bytes *out)
{
    out->n = 0;
    if (head->raw > SECTION_RAW_MOST)
        return false;
    size_t raw = (size_t)head->raw, n = (size_t)head->stored;
    unsigned char *to = bytes_reserve(out, raw ? raw : 1);
    if (!to)
        return false;
    if (!(head->flags & SECTION_ZSTD)) {
        if (n != raw)
            return false;
        memcpy(to, stored, n);
    } else if (ZSTD_decompress(to, raw, stored, n) != raw) {
        return false;
    }
    out->n = raw;
    return true;
}
