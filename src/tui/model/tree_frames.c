/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a call tree: program counters become places, places become
 * frames by module and function as their names arrive.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/function.h"
#include "tui/model/tree_parts.h"

static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_hidden(const char *function, const char *module, const char *file)
{
    char name[256];
    function_short_name(name, sizeof name, function);
    return function_is_plumbing(module) || function_is_wrapper(name, file) ||
           strcmp(name, "_start") == 0;
}

/* The frame of this name; 0 without memory. */
static uint32_t frame_of(struct tree *t, const char *function, const char *module,
                         const char *file, unsigned line, bool named)
{
    uint64_t key = tree_mix(hash_text(module), hash_text(function));
    uint32_t *id = tree_map_put(&t->frame_ids, key);
    if (!id)
        return 0;
    if (*id) {
        struct frame *old = &t->frames[*id];
        bool better = file && !old->file; /* until now it had a name and no more */
        if (better)
            old->file = strdup(file);
        old->line = better || old->line == line ? line : 0;
        return *id;
    }
    if (!tree_reserve((void **)&t->frames, &t->cap_frames, t->n_frames + 1, sizeof *t->frames))
        return 0;
    t->frames[t->n_frames] = (struct frame){
        .function = strdup(function), .module = strdup(module),
        .file = file ? strdup(file) : NULL, .line = line, .named = named,
        .hidden = is_hidden(function, module, file),
    };
    return *id = (uint32_t)t->n_frames++;
}

uint32_t tree_frames_group(struct tree *t, const char *name)
{
    uint32_t id = frame_of(t, name, " ", NULL, 0, true); /* no function's module */
    if (id && !t->frames[id].group) {
        t->frames[id].group = true;
        t->frames[id].hidden = false;
        t->frames[id].matches = pattern_matches_group(&t->filter, name);
    }
    return id;
}

static bool add_frame(struct place *p, uint32_t frame)
{
    p->frames[p->n++] = frame;
    return frame != 0;
}

static bool name_place(struct tree *t, const struct snapshot *s, struct place *p)
{
    size_t n = p->symbol ? p->symbol->n : 1;
    uint32_t *frames = realloc(p->frames, n * sizeof *frames);
    if (!frames)
        return false;
    p->frames = frames;
    p->n = 0;
    for (size_t i = 0; p->symbol && i < n; i++) {
        const struct symbol_frame *f = &p->symbol->frames[i];
        if (!add_frame(p, frame_of(t, f->function, p->symbol->module, f->file, f->line, true)))
            return false;
    }
    if (p->symbol)
        return true;
    const struct node_row *node = &s->nodes[p->node];
    const struct module_row *m = node->module && node->module < s->n_modules
                               ? &s->modules[node->module] : NULL;
    char name[300];
    if (m)
        snprintf(name, sizeof name, "%.200s+0x%" PRIx64, base_name(m->path),
                 node->pc - m->bias);
    else
        snprintf(name, sizeof name, "0x%" PRIx64, node->pc);
    return add_frame(p, frame_of(t, name, m ? base_name(m->path) : "?", NULL, 0, false));
}

static int place_node(struct tree *t, const struct snapshot *s, uint32_t node)
{
    const struct node_row *r = &s->nodes[node];
    uint32_t *id = tree_map_put(&t->place_ids,
                                tree_mix(r->pc, (uint64_t)r->module << 1 | r->exact));
    if (!id)
        return -1;
    if (!*id) {
        if (!tree_reserve((void **)&t->places, &t->cap_places, t->n_places + 1,
                          sizeof *t->places))
            return -1;
        struct place *p = &t->places[t->n_places];
        *p = (struct place){ .node = node };
        p->symbol = symbols_lookup(t->symbols, s, node);
        *id = (uint32_t)t->n_places++;
        if (!name_place(t, s, p))
            return -1;
    }
    t->node_place[node] = *id;
    return 0;
}

static void intern_specials(struct tree *t)
{
    if (t->n_frames)
        return;
    t->n_frames = t->n_places = 1;
    frame_of(t, "(unattributed)", "", NULL, 0, true);
    frame_of(t, "(in hidden frames only)", "", NULL, 0, true);
}

int tree_frames_rename(struct tree *t, const struct snapshot *s, struct slice *slice)
{
    for (t->at = t->at ? t->at : 1; t->at < t->n_places; t->at++) {
        struct place *p = &t->places[t->at];
        if (slice_over(slice))
            return 1;
        const struct symbol *symbol = symbols_lookup(t->symbols, s, p->node);
        if (symbol == p->symbol)
            continue;
        p->symbol = symbol;
        t->changed = true;
        if (!name_place(t, s, p))
            return -1;
    }
    return 0;
}

int tree_frames_place(struct tree *t, const struct snapshot *s, struct slice *slice)
{
    intern_specials(t);
    for (; t->placed_nodes < s->n_nodes; t->placed_nodes++) {
        if (slice_over(slice))
            return 1;
        if (t->placed_nodes && place_node(t, s, (uint32_t)t->placed_nodes) != 0)
            return -1;
    }
    return 0;
}

static void match_place(const struct tree *t, struct place *p)
{
    p->matches = false;
    for (uint32_t k = 0; k < p->n && !p->matches; k++) {
        const struct frame *f = &t->frames[p->frames[k]];
        const char *file = p->symbol ? p->symbol->frames[k].file : f->file;
        p->matches = pattern_matches(&t->filter, f->function, f->module, file);
    }
}

int tree_frames_match(struct tree *t, struct slice *slice)
{
    for (size_t i = 1; !t->matched_places && i < t->n_frames; i++)
        t->frames[i].matches = t->frames[i].group &&
                               pattern_matches_group(&t->filter, t->frames[i].function);
    for (; t->matched_places < t->n_places; t->matched_places++) {
        if (slice_over(slice))
            return 1;
        if (t->matched_places)
            match_place(t, &t->places[t->matched_places]);
    }
    return 0;
}

void tree_frames_fini(struct tree *t)
{
    for (size_t i = 1; i < t->n_frames; i++) {
        free(t->frames[i].function);
        free(t->frames[i].module);
        free(t->frames[i].file);
    }
    for (size_t i = 1; i < t->n_places; i++)
        free(t->places[i].frames);
    t->n_frames = t->n_places = t->placed_nodes = t->matched_nodes = t->matched_places = 0;
    tree_map_clear(&t->frame_ids);
    tree_map_clear(&t->place_ids);
}
