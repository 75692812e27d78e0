/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A diff as JSON, schema "memtop-diff/1": docs/json.md. One member, one site, one row
 * a line.
 */
#include <stdlib.h>

#include "tui/report/diff.h"
#include "tui/report/piece.h"

static int member(FILE *out, const char *key, json_t *value)
{
    fprintf(out, ",\n\"%s\": ", key);
    return piece_put(out, value);
}

static json_t *figures_object(const int64_t v[TREE_FIGURES])
{
    json_t *j = json_object();
    piece_set_figures(j, v);
    return j;
}

static json_t *side_object(const struct diff *d, enum delta_side side)
{
    const struct diff_side *s = &d->sides[side];
    struct site_figures totals = diff_side_totals(d, side);
    json_t *j = json_object();
    json_object_set_new(j, "target", piece_text(s->target));
    json_object_set_new(j, "kind", piece_text(s->what));
    json_object_set_new(j, "command", piece_text(s->command));
    json_object_set_new(j, "wall_s", piece_seconds(s->wall_ns));
    json_object_set_new(j, "estimated", json_boolean(s->estimated));
    json_object_set_new(j, "totals", figures_object(totals.v));
    return j;
}

static json_t *both(const struct site_figures *a, const struct site_figures *b)
{
    int64_t growth[TREE_FIGURES];
    json_t *j = json_object();
    for (int k = 0; k < TREE_FIGURES; k++)
        growth[k] = (int64_t)((uint64_t)b->v[k] - (uint64_t)a->v[k]);
    json_object_set_new(j, "growth", figures_object(growth));
    json_object_set_new(j, "a", figures_object(a->v));
    json_object_set_new(j, "b", figures_object(b->v));
    return j;
}

/* ---- sites ---------------------------------------------------------------------- */

/* Addresses have no place in a diff. */
static json_t *frames_array(const struct batch *b)
{
    json_t *list = json_array();
    for (size_t i = 0; i < b->depth; i++) {
        const struct symbol *s = batch_symbol(b, b->nodes[i]);
        json_t *j = s ? json_object() : NULL;
        if (!s)
            continue;
        json_object_set_new(j, "function", piece_text(s->frames[0].function));
        json_object_set_new(j, "module", piece_text(s->module));
        json_object_set_new(j, "file", piece_text(s->frames[0].file));
        json_object_set_new(j, "line", s->frames[0].line ? json_integer(s->frames[0].line)
                                                         : json_null());
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *site_object(const struct diff *d, const struct batch *b, uint32_t site)
{
    const struct delta *delta = d->delta;
    json_t *j = both(&delta->figures[DELTA_A][site], &delta->figures[DELTA_B][site]);
    json_object_set_new(j, "growth", figures_object(delta->growth[site].v));
    json_object_set_new(j, "change", piece_text(diff_change_name(delta_change(delta, site))));
    json_object_set_new(j, "frames", frames_array(b));
    return j;
}

static int sites_array(FILE *out, const struct diff *d)
{
    struct report r = { .snapshot = &d->delta->merged, .symbols = d->delta->symbols,
                        .top = d->top, .forms = d->forms };
    struct batch b;
    const char *comma = "";
    int bad = batch_init(&b, &r);
    if (bad)
        return -1;
    fputs(",\n\"sites\": [", out);
    for (const struct site_row *site; !bad && (site = batch_next(&b));) {
        fprintf(out, "%s\n", comma);
        bad = piece_put(out, site_object(d, &b, site->id));
        comma = ",";
    }
    fputs("]", out);
    batch_fini(&b);
    return bad;
}

/* ---- sizes and threads ------------------------------------------------------------ */

static int rows_array(FILE *out, const struct diff *d, enum forms_parts part)
{
    size_t n;
    struct diff_row *rows = diff_rows(d, part, &n);
    json_t *list = rows ? json_array() : NULL;
    for (size_t i = 0; rows && i < n; i++) {
        json_t *j = both(&rows[i].v[DELTA_A], &rows[i].v[DELTA_B]);
        if (part == FORMS_THREADS) {
            json_object_set_new(j, "name", piece_text(rows[i].name));
        } else {
            piece_set_number(j, "min", rows[i].min);
            json_object_set_new(j, "max", rows[i].max == UINT64_MAX ? json_null()
                                                                    : piece_number(rows[i].max));
        }
        json_array_append_new(list, j);
    }
    free(rows);
    return member(out, part == FORMS_THREADS ? "threads" : "sizes", list);
}

int diff_json(FILE *out, const struct diff *d)
{
    const struct forms *f = d->forms;
    struct site_figures growth = diff_growth(d);
    int bad = 0;
    fputs("{\n\"schema\": \"memtop-diff/1\"", out);
    bad |= member(out, "a", side_object(d, DELTA_A));
    bad |= member(out, "b", side_object(d, DELTA_B));
    bad |= member(out, "growth", figures_object(growth.v));
    bad |= member(out, "partial", json_boolean(d->delta->partial || d->births));
    bad |= member(out, "births", json_boolean(d->births));
    if (d->gate) {
        json_t *j = json_object();
        json_object_set_new(j, "fail_above", piece_text(d->gate));
        json_object_set_new(j, "failed", json_boolean(d->above));
        bad |= member(out, "gate", j);
    }
    if (f->filter && *f->filter)
        bad |= member(out, "filter", piece_text(f->filter));
    if (f->parts & FORMS_SIZES)
        bad |= rows_array(out, d, FORMS_SIZES);
    if (f->parts & FORMS_THREADS)
        bad |= rows_array(out, d, FORMS_THREADS);
    if (f->parts & FORMS_TREE) {
        fputs(",\n\"tree\": ", out);
        bad |= piece_tree(out, f->tree, f->mode, f->tree_top, f->sort, false, f->tree_cut,
                          NULL);
    }
    if (!f->parts || (f->parts & FORMS_SITES))
        bad |= sites_array(out, d);
    fputs("\n}\n", out);
    return bad && !ferror(out) ? -1 : 0;
}
