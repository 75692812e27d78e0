/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heaptrack: the gzipped data format that heaptrack_print and heaptrack_gui
 * read, numbers in hexadecimal. It consists of single events, which a snapshot
 * does not have. So events are made up that lead to its figures, in three
 * steps: blocks that come and go, up to the heap of the peak, on to that of now.
 * A call site has as many allocations and temporary ones as were counted, and
 * its bytes at the peak and now; which size a block has is an average.
 *
 * Readers take a free of the allocation just made for a temporary one. Where it
 * is none, a free of nothing is put between: of an entry of 0 bytes.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tui/export/gzip.h"
#include "tui/export/walk.h"
#include "tui/model/intern.h"
#include "tui/report/safe_text.h"

#define PAGE_BYTES 4096 /* the unit of resident memory, as the head says */

/* Blocks of about the same size. Entry `info` has it, the next one byte more. */
struct group {
    uint64_t blocks, bytes;
    uint32_t info;
};

/* How a site's blocks are told. */
enum { BOTH, AT_PEAK, NOW, GROUPS }; /* alive at the peak and now, or only then */

struct plan {
    struct group alive[GROUPS];
    uint64_t gone, temporary; /* blocks that came and went; the latter at once */
    uint64_t gone_bytes;      /* of both */
    uint32_t info;            /* of 0 bytes; the next is that of those gone */
};

struct ip_key {
    uint64_t pc;
    uint32_t name; /* of the first function */
    uint32_t module;
};

struct trace_key {
    uint32_t ip, parent;
};

struct heaptrack {
    const struct export *export;
    struct gzip *gzip;
    struct intern strings, ips, traces;
    struct plan *plans;
    size_t n_plans;
    struct plan *last; /* whose last block made the peak, and was temporary; or NULL */
    uint64_t peak;     /* bytes */
    uint32_t n_infos;
    bool failed;
    size_t used;
    char buffer[65536];
};

/* ---- output ---------------------------------------------------------------- */
static void flush(struct heaptrack *h)
{
    gzip_write(h->gzip, h->buffer, h->used);
    h->used = 0;
}

/* A short piece of a line. */
__attribute__((format(printf, 2, 3)))
static void put(struct heaptrack *h, const char *format, ...)
{
    va_list args;
    if (sizeof h->buffer - h->used < 256)
        flush(h);
    va_start(args, format);
    int n = vsnprintf(h->buffer + h->used, sizeof h->buffer - h->used, format, args);
    va_end(args);
    h->used += (size_t)n;
}

static void put_text(struct heaptrack *h, const char *text)
{
    flush(h);
    gzip_write(h->gzip, text, strlen(text));
    put(h, "\n");
}

/* Lines, n times over. */
static void repeat(struct heaptrack *h, const char *lines, uint64_t n)
{
    size_t length = strlen(lines);
    flush(h);
    while (n) {
        size_t fitting = sizeof h->buffer / length;
        size_t now = n < fitting ? (size_t)n : fitting;
        while (h->used < now * length) {
            memcpy(h->buffer + h->used, lines, length);
            h->used += length;
        }
        for (; n >= now; n -= now)
            gzip_write(h->gzip, h->buffer, h->used);
        h->used = 0;
    }
}

/* ---- names and stacks ------------------------------------------------------ */
/* A copy that fits on a line. The caller frees; NULL without memory. */
static char *safe_line(const char *text)
{
    char *clean = safe_text_utf8(text);
    for (char *p = clean; p && *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    return clean;
}

/* The number of a string; a new one is written. 0: none. */
static uint32_t string(struct heaptrack *h, const char *text)
{
    uint32_t before = h->strings.count;
    if (!text || !*text)
        return 0;
    char *clean = safe_line(text);
    if (!clean) {
        h->failed = true;
        return 0;
    }
    uint32_t id = 1 + intern_text(&h->strings, clean);
    if (h->strings.count != before) {
        put(h, "s %zx ", strlen(clean));
        put_text(h, clean);
    }
    free(clean);
    return id;
}

/* The number of a place of n functions, all but the last inlined. */
static uint32_t place(struct heaptrack *h, const struct walk_frame *frames, size_t n)
{
    struct ip_key key = {
        .pc = frames->pc, .name = string(h, frames->function),
        .module = string(h, frames->module),
    };
    uint32_t before = h->ips.count;
    uint32_t id = 1 + intern_put(&h->ips, &key, sizeof key);
    if (h->ips.count == before)
        return id;
    for (size_t i = 0; i < n; i++) { /* ahead of the line that needs them */
        string(h, frames[i].function);
        string(h, frames[i].file);
    }
    put(h, "i %" PRIx64 " %" PRIx32, key.pc, key.module);
    for (size_t i = 0; i < n; i++)
        put(h, " %" PRIx32 " %" PRIx32 " %x", string(h, frames[i].function),
            string(h, frames[i].file), frames[i].line);
    put(h, "\n");
    return id;
}

/* The number of the walk's stack. */
static uint32_t trace(struct heaptrack *h, const struct walk *w)
{
    uint32_t id = 0;
    for (size_t end = w->depth; end > 0;) {
        size_t start = end - 1;
        while (start > 0 && w->frames[start - 1].inlined &&
               w->frames[start - 1].pc == w->frames[end - 1].pc)
            start--;
        struct trace_key key = {
            .ip = place(h, &w->frames[start], end - start), .parent = id,
        };
        uint32_t before = h->traces.count;
        id = 1 + intern_put(&h->traces, &key, sizeof key);
        if (h->traces.count != before)
            put(h, "t %" PRIx32 " %" PRIx32 "\n", key.ip, key.parent);
        end = start;
    }
    return id;
}

/* ---- plans ----------------------------------------------------------------- */
static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Split what was alive at the peak and what is now into three groups. As many
 * blocks are in both as must be, for there to be no more than `most`. */
static void split(struct plan *p, const struct site_row *site, uint64_t most)
{
    uint64_t peak = site->peak_blocks > 0 ? (uint64_t)site->peak_blocks : 0;
    uint64_t peak_bytes = export_value_of(site, EXPORT_PEAK_BYTES);
    uint64_t now = export_value_of(site, EXPORT_LIVE_BLOCKS);
    uint64_t now_bytes = export_value_of(site, EXPORT_LIVE_BYTES);
    uint64_t both = least(less(peak + now, most), least(peak, now)), bytes = 0;
    if (both)
        bytes = both == peak || both == now ? least(peak_bytes, now_bytes)
                                            : both * least(peak_bytes / peak, now_bytes / now);
    p->alive[BOTH] = (struct group){ .blocks = both, .bytes = bytes };
    p->alive[AT_PEAK] = (struct group){ .blocks = peak - both, .bytes = peak_bytes - bytes };
    p->alive[NOW] = (struct group){ .blocks = now - both, .bytes = now_bytes - bytes };
    for (int i = 0; i < GROUPS; i++)
        if (p->alive[i].bytes && !p->alive[i].blocks)
            p->alive[i].blocks = 1;
}

/* Tell the same bytes by fewer blocks where there are more than `most`. Returns
 * by how many there still are too many. */
static uint64_t shrink(struct plan *p, uint64_t most)
{
    uint64_t blocks = 0;
    for (int i = 0; i < GROUPS; i++)
        blocks += p->alive[i].blocks;
    uint64_t excess = less(blocks, most);
    for (int i = GROUPS; i-- > 0;) {
        struct group *g = &p->alive[i];
        uint64_t cut = least(excess, g->blocks - (g->bytes ? 1 : 0));
        if (g->blocks == 0)
            continue;
        g->blocks -= cut;
        excess -= cut;
    }
    return excess;
}

static void make_plan(struct heaptrack *h, struct plan *p, const struct site_row *site)
{
    p->temporary = least(site->temporary, site->allocations);
    uint64_t most = site->allocations - p->temporary;
    split(p, site, most);
    uint64_t excess = least(shrink(p, most), p->temporary);
    /* A block of the peak itself was temporary. */
    if (excess && p->alive[AT_PEAK].blocks && !h->last)
        h->last = p;
    p->temporary -= excess;
    p->gone = site->allocations - p->temporary;
    p->gone_bytes = site->bytes_allocated;
    for (int i = 0; i < GROUPS; i++) {
        p->gone = less(p->gone, p->alive[i].blocks);
        p->gone_bytes = less(p->gone_bytes, p->alive[i].bytes);
    }
}

static void put_info(struct heaptrack *h, uint64_t bytes, uint32_t stack)
{
    put(h, "a %" PRIx64 " %" PRIx32 "\n", bytes, stack);
    h->n_infos++;
}

/* Write the sizes that a plan's blocks have. */
static void put_infos(struct heaptrack *h, struct plan *p, uint32_t stack)
{
    uint64_t gone = p->gone + p->temporary;
    if (h->n_infos == 0)
        put_info(h, 0, stack); /* not used: readers take number 0 for none */
    p->info = h->n_infos;
    put_info(h, 0, stack);
    /* One block alone must not look like the peak. */
    put_info(h, gone ? least(p->gone_bytes / gone, less(h->peak, 1)) : 0, stack);
    for (int i = 0; i < GROUPS; i++) {
        struct group *g = &p->alive[i];
        g->info = h->n_infos;
        if (!g->blocks)
            continue;
        put_info(h, g->bytes / g->blocks, stack);
        if (g->bytes % g->blocks)
            put_info(h, g->bytes / g->blocks + 1, stack);
    }
}

/* The head of all, then a plan for each site, with the sizes that it needs. */
static int put_sites(struct heaptrack *h)
{
    struct walk w;
    const struct snapshot *s = h->export->snapshot;
    for (size_t i = 0; i < s->n_sites; i++)
        h->peak += export_value_of(&s->sites[i], EXPORT_PEAK_BYTES);
    h->plans = calloc(s->n_sites + 1, sizeof *h->plans);
    if (!h->plans || walk_init(&w, h->export) != 0)
        return -1;
    put(h, "v 10400 3\nX ");
    char *command = safe_line(s->target.command);
    h->failed |= command == NULL;
    put_text(h, command ? command : "");
    free(command);
    put(h, "I %x 0\n", PAGE_BYTES);
    for (const struct site_row *site; !h->failed && (site = walk_next(&w));) {
        struct plan *p = &h->plans[h->n_plans++];
        make_plan(h, p, site);
        put_infos(h, p, trace(h, &w));
        h->failed |= h->strings.failed || h->ips.failed || h->traces.failed;
    }
    return walk_fini(&w) | (h->failed ? -1 : 0);
}

/* ---- events ---------------------------------------------------------------- */
static void put_event(struct heaptrack *h, char kind, uint32_t info, uint64_t n)
{
    char line[16];
    snprintf(line, sizeof line, "%c %" PRIx32 "\n", kind, info);
    repeat(h, line, n);
}

/* Blocks that came and went while there was nothing else. */
static void put_gone(struct heaptrack *h, const struct plan *p)
{
    char lines[64];
    uint32_t block = p->info + 1;
    snprintf(lines, sizeof lines, "+ %" PRIx32 "\n- %" PRIx32 "\n", block, block);
    repeat(h, lines, p->temporary);
    snprintf(lines, sizeof lines, "+ %" PRIx32 "\n- %" PRIx32 "\n- %" PRIx32 "\n", block, p->info,
             block);
    repeat(h, lines, p->gone);
}

static void put_allocations(struct heaptrack *h, const struct group *g)
{
    if (!g->blocks)
        return;
    put_event(h, '+', g->info, g->blocks - g->bytes % g->blocks);
    put_event(h, '+', g->info + 1, g->bytes % g->blocks);
}

/* The last one first. */
static void put_frees(struct heaptrack *h, const struct group *g)
{
    if (!g->blocks)
        return;
    put_event(h, '-', g->info + 1, g->bytes % g->blocks);
    put_event(h, '-', g->info, g->blocks - g->bytes % g->blocks);
}

static void put_time(struct heaptrack *h, uint64_t ns)
{
    put(h, "c %" PRIx64 "\n", ns / 1000000);
}

/* The heap of the peak, and what was freed after it. */
static void put_peak(struct heaptrack *h)
{
    for (size_t i = 0; i < h->n_plans; i++) {
        put_allocations(h, &h->plans[i].alive[BOTH]);
        if (&h->plans[i] != h->last)
            put_allocations(h, &h->plans[i].alive[AT_PEAK]);
    }
    if (h->last) {
        put_allocations(h, &h->last->alive[AT_PEAK]);
        put_frees(h, &h->last->alive[AT_PEAK]);
    } else if (h->n_plans) {
        put_event(h, '-', h->plans[0].info, 1);
    }
    for (size_t i = 0; i < h->n_plans; i++)
        if (&h->plans[i] != h->last)
            put_frees(h, &h->plans[i].alive[AT_PEAK]);
}

static void put_events(struct heaptrack *h)
{
    const struct snapshot *s = h->export->snapshot;
    put_time(h, 0);
    for (size_t i = 0; i < h->n_plans; i++)
        put_gone(h, &h->plans[i]);
    put_time(h, s->totals.peak_ns);
    put_peak(h);
    put_time(h, s->target.wall_ns);
    put(h, "R %" PRIx64 "\n", h->export->resident_bytes / PAGE_BYTES);
    for (size_t i = 0; i < h->n_plans; i++)
        put_allocations(h, &h->plans[i].alive[NOW]);
    flush(h);
}

int export_heaptrack(FILE *out, const struct export *e)
{
    struct heaptrack *h = calloc(1, sizeof *h);
    if (!h)
        return -1;
    h->export = e;
    h->gzip = gzip_new(out);
    int bad = h->gzip ? put_sites(h) : -1;
    if (bad == 0)
        put_events(h);
    if (h->gzip)
        gzip_free(h->gzip);
    intern_fini(&h->strings);
    intern_fini(&h->ips);
    intern_fini(&h->traces);
    free(h->plans);
    free(h);
    return bad;
}
