/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of JSON; see piece.h and docs/json.md.
 */
#include "tui/report/piece.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/report/forms.h"
#include "tui/report/safe_text.h"

#define PIECE_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

json_t *piece_text(const char *s)
{
    char *clean = s ? safe_text_utf8(s) : NULL;
    json_t *j = clean ? json_string_nocheck(clean) : NULL;
    free(clean);
    return j ? j : json_null();
}

json_t *piece_number(uint64_t n)
{
    return json_integer(n <= INT64_MAX ? (json_int_t)n : INT64_MAX);
}

json_t *piece_seconds(uint64_t ns)
{
    return json_real((double)ns / 1e9);
}

void piece_set_number(json_t *object, const char *key, uint64_t n)
{
    json_object_set_new(object, key, piece_number(n));
}

void piece_set_signed(json_t *object, const char *key, int64_t n)
{
    json_object_set_new(object, key, json_integer(n));
}

void piece_set_figures(json_t *object, const int64_t v[TREE_FIGURES])
{
    for (int k = 0; k < TREE_FIGURES; k++)
        if (selection_figure_name(k) && k != TREE_SHORT_LIVED)
            piece_set_signed(object, selection_figure_name(k), v[k]);
}

void piece_set_short(json_t *object, const struct totals *t, uint64_t n)
{
    json_object_set_new(object, "short_lived", t->short_ns ? piece_number(n) : json_null());
}

int piece_put(FILE *out, json_t *piece)
{
    int status = piece ? json_dumpf(piece, out, PIECE_FLAGS) : -1;
    json_decref(piece);
    return status;
}

/* ---- stacks ------------------------------------------------------------------ */
static const char *module_path(const struct snapshot *s, const struct node_row *node)
{
    return node->module && node->module < s->n_modules ? s->modules[node->module].path : NULL;
}

static json_t *frame_object(const struct symbol_frame *f, const char *module,
                            const char *address)
{
    json_t *j = json_object();
    json_object_set_new(j, "function", piece_text(f ? f->function : address));
    json_object_set_new(j, "file", piece_text(f ? f->file : NULL));
    json_object_set_new(j, "line", f && f->line ? json_integer(f->line) : json_null());
    json_object_set_new(j, "module", piece_text(module));
    json_object_set_new(j, "address", piece_text(address));
    if (f && f->inlined)
        json_object_set_new(j, "inlined", json_true());
    return j;
}

/* One program counter: its inlined functions, then the function around them. */
static void append_frames(json_t *list, const struct batch *b, uint32_t at)
{
    const struct snapshot *s = b->report->snapshot;
    const struct node_row *node = &s->nodes[at];
    const struct symbol *symbol = batch_symbol(b, at);
    const char *module = module_path(s, node);
    char address[24];
    snprintf(address, sizeof address, "0x%" PRIx64, node->pc);
    if (!module && symbol && symbol->module && symbol->module[0] != '?')
        module = symbol->module;
    for (size_t i = 0; symbol && i < symbol->n; i++)
        json_array_append_new(list, frame_object(&symbol->frames[i], module, address));
    if (!symbol)
        json_array_append_new(list, frame_object(NULL, module, address));
}

json_t *piece_stack(const struct batch *b)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < b->depth; i++)
        append_frames(frames, b, b->nodes[i]);
    return frames;
}

/* ---- trees ------------------------------------------------------------------- */
const char *piece_tree_mode(enum tree_mode mode)
{
    static const char *const names[TREE_MODES] = {
        [TREE_STANDARD] = "standard", [TREE_INVERTED] = "inverted", [TREE_FLAT] = "flat",
    };
    return names[mode];
}

static json_t *tree_row_object(const struct tree_row *row, const struct totals *totals)
{
    json_t *j = json_object(), *self = json_object();
    piece_set_number(j, "depth", row->depth);
    json_object_set_new(j, "function", piece_text(row->function));
    json_object_set_new(j, "module", piece_text(*row->module ? row->module : NULL));
    json_object_set_new(j, "file", piece_text(row->file));
    json_object_set_new(j, "line", row->line ? json_integer(row->line) : json_null());
    piece_set_number(j, "sites", row->sites);
    piece_set_figures(j, row->v);
    piece_set_figures(self, row->self);
    if (totals) {
        piece_set_short(j, totals, (uint64_t)row->v[TREE_SHORT_LIVED]);
        piece_set_short(self, totals, (uint64_t)row->self[TREE_SHORT_LIVED]);
    }
    json_object_set_new(j, "self", self);
    return j;
}

int piece_tree(FILE *out, const struct tree *t, enum tree_mode mode, size_t top, int sort,
              bool one_line, bool cut, const struct totals *totals)
{
    bool *shown = forms_largest_rows(t, sort, top, &cut);
    if (!shown)
        return -1;
    const char *comma = "", *newline = one_line ? "" : "\n";
    int bad = 0;
    fprintf(out, "{\"mode\": \"%s\", \"cut\": %s, \"rows\": [", piece_tree_mode(mode),
            cut ? "true" : "false");
    for (size_t i = 0; i < tree_count(t) && !bad; i++) {
        if (!shown[i])
            continue;
        fprintf(out, "%s%s", comma, newline);
        bad = piece_put(out, tree_row_object(tree_row(t, i), totals));
        comma = ",";
    }
    fputs("]}", out);
    free(shown);
    return bad;
}
