/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels for call sites and frames.
 */
#include "tui/view/labels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/model/function.h"

/* So many frames are asked for at once, so that a chain of wrappers costs one
 * round of the symbols' worker and not one for each frame. */
#define LOOK_AHEAD 8

int labels_place_room(int width, int name, int place, int least)
{
    int room = width - name - 2;
    room = room > least ? room : least;
    room = room > 0 ? room : 0;
    return place < room ? place : room;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ---- names --------------------------------------------------------------- */
void labels_short_name(char *out, size_t n, const char *function)
{
    function_short_name(out, n, function);
}

bool labels_is_wrapper(const char *name, const char *file)
{
    return function_is_wrapper(name, file);
}

/* ---- frames -------------------------------------------------------------- */
static const struct module_row *module_of(const struct snapshot *s, uint32_t node)
{
    uint16_t module = s->nodes[node].module;
    return module && module < s->n_modules ? &s->modules[module] : NULL;
}

static bool is_plumbing(const struct module_row *m)
{
    return m && function_is_plumbing(base_name(m->path));
}

static void label_address(const struct snapshot *s, uint32_t node, struct label *out)
{
    const struct module_row *m = module_of(s, node);
    uint64_t pc = s->nodes[node].pc;
    if (m)
        snprintf(out->function, sizeof out->function, "%.200s+0x%" PRIx64,
                 base_name(m->path), pc - m->bias);
    else
        snprintf(out->function, sizeof out->function, "0x%" PRIx64, pc);
    out->place[0] = '\0';
}

static void label_frame(const struct symbol *symbol, size_t i, struct label *out)
{
    const struct symbol_frame *f = &symbol->frames[i];
    labels_short_name(out->function, sizeof out->function, f->function);
    out->inlined = f->inlined;
    out->frame = i;
    if (f->file && f->line)
        snprintf(out->place, sizeof out->place, "%.200s:%u", base_name(f->file), f->line);
    else if (f->file)
        snprintf(out->place, sizeof out->place, "%.200s", base_name(f->file));
    else if (starts_with(f->function, symbol->module))
        out->place[0] = '\0'; /* "libfoo.so+0x12" says it already */
    else
        snprintf(out->place, sizeof out->place, "%.200s", symbol->module);
}

static const struct symbol *look_up(struct symbols *sy, const struct snapshot *s,
                                    uint32_t node)
{
    return sy ? symbols_lookup(sy, s, node) : NULL;
}

/* The first frame of a node that is no wrapper; false if all are. */
static bool label_node(const struct symbol *symbol, struct label *out)
{
    for (size_t i = 0; i < symbol->n; i++) {
        label_frame(symbol, i, out);
        if (!labels_is_wrapper(out->function, symbol->frames[i].file))
            return true;
    }
    return false;
}

static void ask_ahead(struct symbols *sy, const struct snapshot *s, uint32_t node)
{
    for (int i = 0; node && i < LOOK_AHEAD; node = s->nodes[node].parent)
        if (!is_plumbing(module_of(s, node))) {
            look_up(sy, s, node);
            i++;
        }
}

static uint32_t leaf_of(const struct snapshot *s, uint32_t site)
{
    uint32_t node = site < s->n_sites ? s->sites[site].node : 0;
    return node < s->n_nodes ? node : 0;
}

void labels_site(struct symbols *sy, const struct snapshot *s, uint32_t site,
                 struct label *out)
{
    uint32_t leaf = leaf_of(s, site);
    *out = (struct label){ .pending = false };
    if (!leaf) {
        snprintf(out->function, sizeof out->function, "(unattributed)");
        return;
    }
    ask_ahead(sy, s, leaf);
    for (uint32_t node = leaf; node; node = s->nodes[node].parent) {
        if (is_plumbing(module_of(s, node)))
            continue;
        const struct symbol *symbol = look_up(sy, s, node);
        out->node = node;
        if (!symbol) {
            label_address(s, node, out);
            out->pending = sy != NULL;
            return;
        }
        if (label_node(symbol, out))
            return;
    }
    out->node = 0;
    /* Nothing but plumbing: its innermost frame, then. */
    const struct symbol *symbol = look_up(sy, s, leaf);
    if (symbol)
        label_frame(symbol, 0, out);
    else
        label_address(s, leaf, out);
    out->pending = sy && !symbol;
}

void labels_callers(struct symbols *sy, const struct snapshot *s, const struct label *of,
                    char *out, size_t n)
{
    size_t used = 0;
    char name[128];
    out[0] = '\0';
    for (uint32_t node = of->node ? s->nodes[of->node].parent : 0; node && used + 8 < n;
         node = s->nodes[node].parent) {
        const struct symbol *symbol = look_up(sy, s, node);
        if (!symbol)
            return;
        /* Inlined functions are left out: this is a hint, not the stack. */
        labels_short_name(name, sizeof name, symbol->frames[symbol->n - 1].function);
        used += (size_t)snprintf(out + used, n - used, " < %s", name);
    }
}

size_t labels_stack(struct symbols *sy, const struct snapshot *s, uint32_t site,
                    struct label *out, size_t max)
{
    size_t n = 0;
    for (uint32_t node = leaf_of(s, site); node && n < max; node = s->nodes[node].parent) {
        const struct symbol *symbol = look_up(sy, s, node);
        if (!symbol) {
            out[n] = (struct label){ .pending = sy != NULL };
            label_address(s, node, &out[n++]);
            continue;
        }
        for (size_t i = 0; i < symbol->n && n < max; i++, n++) {
            out[n] = (struct label){ .pending = false };
            label_frame(symbol, i, &out[n]);
        }
    }
    return n;
}
