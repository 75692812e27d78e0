/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHAT's JSON, version 2, for dh_view.html. Times are microseconds. Of what the
 * format holds, a snapshot does not know two things: the lifetimes of a point's
 * blocks ("tl" is left out, and the viewer shows no number), and a point's own
 * maximum ("mb", "mbk"), for which the larger one of its parts in the peak and
 * at the end stands: it was at least that much.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/intern.h"
#include "tui/export/json_text.h"
#include "tui/export/walk.h"

struct point {
    uint64_t allocated, allocations;
    uint64_t live, live_blocks;
    uint64_t peak, peak_blocks;
};

struct dhat {
    const struct export *export;
    struct intern frames; /* texts; [0] is "[root]" */
    struct intern stacks; /* frame numbers, leaf first, ended by 0 */
    struct point *points; /* of stacks: readers refuse a stack that comes twice */
    uint32_t room;
    uint32_t *stack;
    size_t stack_room;
};

/* "0x401136: main (main.c:12)" */
static uint32_t frame_number(struct dhat *d, const struct walk_frame *f)
{
    char *text = NULL;
    int n = f->file && f->line
          ? asprintf(&text, "0x%" PRIX64 ": %s (%s:%u)", f->pc, f->function, f->file, f->line)
          : asprintf(&text, "0x%" PRIX64 ": %s (in %s)", f->pc, f->function,
                     *f->module ? f->module : "???");
    if (n < 0) {
        d->frames.failed = true;
        return 0;
    }
    uint32_t number = intern_text(&d->frames, text);
    free(text);
    return number;
}

static int stack_number(struct dhat *d, const struct walk *w, uint32_t *number)
{
    if (d->stack_room < w->depth + 1) {
        size_t room = 2 * w->depth + 64;
        uint32_t *grown = realloc(d->stack, room * sizeof *grown);
        if (!grown)
            return -1;
        d->stack = grown;
        d->stack_room = room;
    }
    for (size_t i = 0; i < w->depth; i++)
        d->stack[i] = frame_number(d, &w->frames[i]);
    d->stack[w->depth] = 0;
    *number = intern_put(&d->stacks, d->stack, (w->depth + 1) * sizeof *d->stack);
    return d->frames.failed || d->stacks.failed ? -1 : 0;
}

static struct point *point_at(struct dhat *d, uint32_t number)
{
    if (number >= d->room) {
        uint32_t room = 2 * number + 256;
        struct point *grown = realloc(d->points, room * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + d->room, 0, (room - d->room) * sizeof *grown);
        d->points = grown;
        d->room = room;
    }
    return &d->points[number];
}

static int add_site(struct dhat *d, const struct walk *w, const struct site_row *site)
{
    uint32_t number = 0;
    struct point *p = stack_number(d, w, &number) == 0 ? point_at(d, number) : NULL;
    if (!p)
        return -1;
    p->allocated += site->bytes_allocated;
    p->allocations += site->allocations;
    p->live += export_value_of(site, EXPORT_LIVE_BYTES);
    p->live_blocks += export_value_of(site, EXPORT_LIVE_BLOCKS);
    p->peak += export_value_of(site, EXPORT_PEAK_BYTES);
    p->peak_blocks += site->peak_blocks > 0 ? (uint64_t)site->peak_blocks : 0;
    return 0;
}

static int add_sites(struct dhat *d)
{
    struct walk w;
    int bad = 0;
    if (walk_init(&w, d->export) != 0)
        return -1;
    intern_text(&d->frames, "[root]");
    for (const struct site_row *site; bad == 0 && (site = walk_next(&w));)
        bad = add_site(d, &w, site);
    return walk_fini(&w) | bad;
}

static void put_point(FILE *out, const struct dhat *d, uint32_t number)
{
    const struct point *p = &d->points[number];
    const uint32_t *stack = intern_get(&d->stacks, number);
    bool at_peak = p->peak >= p->live;
    fprintf(out, "{\"tb\":%" PRIu64 ",\"tbk\":%" PRIu64 ",\"mb\":%" PRIu64 ",\"mbk\":%" PRIu64
            ",\"gb\":%" PRIu64 ",\"gbk\":%" PRIu64 ",\"eb\":%" PRIu64 ",\"ebk\":%" PRIu64
            ",\"fs\":[", p->allocated, p->allocations, at_peak ? p->peak : p->live,
            at_peak ? p->peak_blocks : p->live_blocks, p->peak, p->peak_blocks, p->live,
            p->live_blocks);
    for (; *stack; stack++)
        fprintf(out, "%" PRIu32 "%s", *stack, stack[1] ? "," : "]}");
}

static int put_all(FILE *out, const struct dhat *d)
{
    const struct snapshot *s = d->export->snapshot;
    fputs("{\"dhatFileVersion\":2,\"mode\":\"heap\",\"verb\":\"Allocated\"\n"
          ",\"bklt\":true,\"bkacc\":false\n"
          ",\"tu\":\"\xc2\xb5s\",\"Mtu\":\"s\",\"tuth\":500\n,\"cmd\":", out);
    int bad = json_text(out, s->target.command);
    fprintf(out, ",\"pid\":%d\n,\"te\":%" PRIu64 ",\"tg\":%" PRIu64 "\n,\"pps\":[", s->target.pid,
            s->target.wall_ns / 1000, s->totals.peak_ns / 1000);
    for (uint32_t i = 0; i < d->stacks.count; i++) {
        fputs(i ? "\n," : "\n", out);
        put_point(out, d, i);
    }
    fputs("]\n,\"ftbl\":[", out);
    for (uint32_t i = 0; bad == 0 && i < d->frames.count; i++) {
        fputs(i ? "\n," : "\n", out);
        bad = json_text(out, intern_get(&d->frames, i));
    }
    fputs("]}\n", out);
    return bad;
}

int export_dhat(FILE *out, const struct export *e)
{
    struct dhat d = { .export = e };
    int bad = add_sites(&d);
    if (bad == 0)
        bad = put_all(out, &d);
    intern_fini(&d.frames);
    intern_fini(&d.stacks);
    free(d.points);
    free(d.stack);
    return bad;
}
