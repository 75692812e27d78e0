/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks in names, for the writers. Never prints.
 */
#include "tui/export/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int walk_init(struct walk *w, const struct export *e)
{
    *w = (struct walk){
        .export = e,
        .report = { .snapshot = e->snapshot, .symbols = e->symbols, .top = REPORT_ALL_SITES,
                    .exit_code = -1 },
    };
    return batch_init(&w->batch, &w->report);
}

int walk_fini(struct walk *w)
{
    batch_fini(&w->batch);
    free(w->frames);
    w->frames = NULL;
    return w->failed ? -1 : 0;
}

/* One more frame, zeroed; NULL without memory. */
static struct walk_frame *add_frame(struct walk *w)
{
    if (w->depth == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        struct walk_frame *grown = realloc(w->frames, room * sizeof *grown);
        if (!grown) {
            w->failed = true;
            return NULL;
        }
        w->frames = grown;
        w->room = room;
    }
    struct walk_frame *f = &w->frames[w->depth++];
    memset(f, 0, sizeof *f);
    f->module = "";
    return f;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "libfoo.so+0x1f0", which unlike the address is the same in the next run. */
static void describe_place(struct walk_frame *f, const struct module_row *m)
{
    if (m)
        snprintf(f->unnamed, sizeof f->unnamed, "%.55s+0x%" PRIx64, f->module, f->pc - m->bias);
    else
        snprintf(f->unnamed, sizeof f->unnamed, "0x%" PRIx64, f->pc);
}

static const struct module_row *module_of(const struct snapshot *s, const struct node_row *node)
{
    return node->module && node->module < s->n_modules ? &s->modules[node->module] : NULL;
}

/* One of the functions at a node; `named` NULL: nothing is known. */
static void add_function(struct walk *w, const struct node_row *node, const char *module,
                         const struct symbol_frame *named)
{
    const struct module_row *m = module_of(w->export->snapshot, node);
    struct walk_frame *f = add_frame(w);
    if (!f)
        return;
    f->pc = node->pc;
    f->module_index = m ? node->module : 0;
    f->module = base_name(m ? m->path : module);
    if (named && strncmp(named->function, "0x", 2) != 0)
        f->function = named->function;
    else
        describe_place(f, m);
    f->file = named ? named->file : NULL;
    f->line = named ? named->line : 0;
    f->inlined = named && named->inlined;
}

static void add_node(struct walk *w, uint32_t at)
{
    const struct node_row *node = &w->export->snapshot->nodes[at];
    const struct symbol *symbol = batch_symbol(&w->batch, at);
    const char *module = symbol && symbol->module && symbol->module[0] != '?' ? symbol->module : "";
    for (size_t i = 0; symbol && i < symbol->n; i++)
        add_function(w, node, module, &symbol->frames[i]);
    if (!symbol || !symbol->n)
        add_function(w, node, module, NULL);
}

static void add_remark(struct walk *w, const char *remark)
{
    struct walk_frame *f = add_frame(w);
    if (f)
        snprintf(f->unnamed, sizeof f->unnamed, "[%s]", remark);
}

const struct site_row *walk_next(struct walk *w)
{
    const struct site_row *site = batch_next(&w->batch);
    if (!site)
        return NULL;
    w->depth = 0;
    for (size_t i = 0; i < w->batch.depth; i++)
        add_node(w, w->batch.nodes[i]);
    if (w->batch.depth == 0)
        add_remark(w, "no stack");
    else if (site->flags & SEG_SITE_CUT)
        add_remark(w, "deeper than recorded");
    else if (site->flags & (SEG_SITE_BROKEN | SEG_SITE_FOREIGN))
        add_remark(w, "incomplete stack");
    for (size_t i = 0; i < w->depth; i++)
        if (!w->frames[i].function)
            w->frames[i].function = w->frames[i].unnamed;
    return w->failed ? NULL : site;
}
