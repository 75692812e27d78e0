/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots and recordings. After a first byte of 0 the input is a file. After
 * others it is sections without checksums and compression, which would keep most
 * mutations from coming far: id (4 bytes), flags (1), length (2), payload; the
 * harness puts the file together, DONE included.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tui/file/archive.h"
#include "tui/file/archive_parts.h"

#define HEAD 7 /* of a section of the input */

static void put_done(struct bytes *file, uint64_t sections)
{
    struct bytes count = { .data = NULL };
    bytes_number(&count, sections);
    section_put(file, ID_END, 0, &count);
    bytes_fini(&count);
}

static void put_sections(struct bytes *file, const uint8_t *data, size_t n)
{
    uint64_t sections = 0;
    while (n >= HEAD) {
        size_t length = (size_t)data[5] | (size_t)data[6] << 8;
        struct bytes payload = { .data = NULL };
        length = length < n - HEAD ? length : n - HEAD;
        bytes_put(&payload, data + HEAD, length);
        uint32_t id = SECTION_ID(data[0], data[1], data[2], data[3]);
        if (id == ID_SNAPSHOT && sections) {
            put_done(file, sections);
            sections = 0;
        }
        section_put(file, id, data[4] & SECTION_DELTA, &payload);
        sections++;
        bytes_fini(&payload);
        data += HEAD + length;
        n -= HEAD + length;
    }
    put_done(file, sections);
}

static void look_at_block(void *data, const struct archive_block *block)
{
    *(uint64_t *)data += block->size;
}

static void look_at(struct archive *a)
{
    struct snapshot s;
    uint64_t sum = 0;
    snapshot_init(&s);
    for (size_t i = archive_count(a); i-- > 0;) {
        archive_load(a, i, &s);
        archive_blocks(a, i, look_at_block, &sum);
        for (uint32_t site = 0; site < s.n_sites && site < 1000; site++) {
            uint32_t nodes[SEG_DEPTH_MAX];
            size_t depth = snapshot_stack(&s, site, nodes);
            for (size_t k = 0; k < depth; k++) {
                const struct symbol *symbol = symbols_lookup(archive_symbols(a), &s, nodes[k]);
                sum += symbol ? strlen(symbol->frames[symbol->n - 1].function) : 0;
                sum += symbol && symbol->directory ? strlen(symbol->directory) : 0;
            }
        }
    }
    archive_at(a, sum);
    archive_peak(a);
    snapshot_fini(&s);
}

static void open_file(const void *data, size_t n)
{
    char path[64], why[ARCHIVE_ERROR];
    struct archive *a;
    int fd = memfd_create("input", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    if (archive_open(path, &a, why) == ARCHIVE_GOOD)
        look_at(a);
    archive_close(a);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes file = { .data = NULL };
    if (n && !data[0]) {
        open_file(data + 1, n - 1);
    } else if (n) {
        file_head_put(&file, FILE_RECORDING);
        put_sections(&file, data + 1, n - 1);
        open_file(file.data, file.n);
    }
    bytes_fini(&file);
    return 0;
}

/* The sections of a file, as above; those that are too long for it are cut. */
int fuzz_make_seed(const char *path)
{
    static unsigned char file[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(file, 1, sizeof file, f) : 0, at = FILE_HEAD;
    struct section_head h;
    struct bytes payload = { .data = NULL };
    if (f)
        fclose(f);
    putchar(1);
    for (; at + SECTION_HEAD <= n && section_head_get(file + at, &h);
         at += SECTION_HEAD + h.stored) {
        if (h.stored > n - at - SECTION_HEAD ||
            !section_payload(&h, file + at + SECTION_HEAD, &payload) || h.id == ID_END)
            continue;
        size_t length = payload.n < 0xffff ? payload.n : 0xffff;
        fwrite(&h.id, 4, 1, stdout);
        putchar((int)h.flags & SECTION_DELTA);
        putchar((int)(length & 0xff));
        putchar((int)(length >> 8));
        fwrite(payload.data, 1, length, stdout);
    }
    bytes_fini(&payload);
    return at > FILE_HEAD ? 0 : 1;
}
