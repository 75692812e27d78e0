/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speedscope's JSON: one sampled profile of one value. Members may come in any
 * order, so that samples are written as they come and frames behind them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/intern.h"
#include "tui/export/json_text.h"
#include "tui/export/walk.h"

/* Without the line: a function is one frame wherever it calls from. */
struct frame_key {
    uint32_t function, file;
};

struct speedscope {
    const struct export *export;
    struct intern texts, frames;
    uint64_t *weights; /* as many as there are sites */
    size_t n;
    uint64_t total;
};

static void put_sample(FILE *out, struct speedscope *p, const struct walk *w)
{
    fputs(p->n ? ",\n[" : "\n[", out);
    for (size_t i = w->depth; i-- > 0;) {
        const struct walk_frame *f = &w->frames[i];
        struct frame_key key = {
            .function = intern_text(&p->texts, f->function),
            .file = intern_text(&p->texts, f->file ? f->file : f->module),
        };
        fprintf(out, "%" PRIu32 "%s", intern_put(&p->frames, &key, sizeof key), i ? "," : "]");
    }
}

static int put_samples(FILE *out, struct speedscope *p)
{
    struct walk w;
    if (walk_init(&w, p->export) != 0)
        return -1;
    for (const struct site_row *site; (site = walk_next(&w));) {
        uint64_t value = export_value_of(site, p->export->value);
        if (value == 0)
            continue;
        put_sample(out, p, &w);
        p->weights[p->n++] = value;
        p->total += value;
    }
    return walk_fini(&w) | (p->texts.failed || p->frames.failed ? -1 : 0);
}

static void put_weights(FILE *out, const struct speedscope *p)
{
    fputs("],\n\"weights\": [", out);
    for (size_t i = 0; i < p->n; i++)
        fprintf(out, "%s%" PRIu64, i ? "," : "", p->weights[i]);
    fprintf(out, "],\n\"startValue\": 0,\n\"endValue\": %" PRIu64 "\n}],\n", p->total);
}

static int put_frames(FILE *out, const struct speedscope *p)
{
    int bad = 0;
    fputs("\"shared\": {\"frames\": [", out);
    for (uint32_t i = 0; bad == 0 && i < p->frames.count; i++) {
        struct frame_key key;
        memcpy(&key, intern_get(&p->frames, i), sizeof key);
        const char *file = intern_get(&p->texts, key.file);
        fputs(i ? ",\n{\"name\": " : "\n{\"name\": ", out);
        bad = json_text(out, intern_get(&p->texts, key.function));
        if (*file) {
            fputs(", \"file\": ", out);
            bad |= json_text(out, file);
        }
        fputc('}', out);
    }
    fputs("]}\n", out);
    return bad;
}

static int put_all(FILE *out, struct speedscope *p)
{
    const struct export *e = p->export;
    fputs("{\n\"$schema\": \"https://www.speedscope.app/file-format-schema.json\",\n"
          "\"exporter\": \"memtop\",\n\"activeProfileIndex\": 0,\n\"name\": ", out);
    int bad = json_text(out, e->snapshot->target.command);
    fprintf(out, ",\n\"profiles\": [{\n\"type\": \"sampled\",\n\"name\": \"%s\",\n"
            "\"unit\": \"%s\",\n\"samples\": [", export_value_name(e->value),
            export_value_is_bytes(e->value) ? "bytes" : "none");
    bad |= put_samples(out, p);
    put_weights(out, p);
    if (bad == 0)
        bad = put_frames(out, p);
    fputs("}\n", out);
    return bad;
}

int export_speedscope(FILE *out, const struct export *e)
{
    struct speedscope p = { .export = e };
    p.weights = calloc(e->snapshot->n_sites + 1, sizeof *p.weights);
    int bad = p.weights ? put_all(out, &p) : -1;
    intern_fini(&p.texts);
    intern_fini(&p.frames);
    free(p.weights);
    return bad;
}
