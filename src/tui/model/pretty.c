/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names made pretty; see pretty.h.
 */
#include "tui/model/pretty.h"

#include <stdlib.h>
#include <string.h>

#include "tui/model/selection.h"
#include "tui/model/tree_parts.h"

/* Linker names, each once. */
struct pretty_words {
    struct tree_map ids;  /* by hash: index plus 1 */
    char **raw, **shown;  /* shown NULL: as it was */
    size_t n, cap_raw, cap_shown, done; /* those before `done` have been asked for */
};

void pretty_init(struct pretty *p)
{
    *p = (struct pretty){ .demangler = NULL };
    rename_init(&p->rules);
}

void pretty_fini(struct pretty *p)
{
    struct pretty_words *w = p->words;
    rename_fini(&p->rules);
    for (size_t i = 0; w && i < w->n; i++) {
        free(w->raw[i]);
        free(w->shown[i]);
    }
    if (w) {
        free(w->raw);
        free(w->shown);
        tree_map_fini(&w->ids);
    }
    free(w);
    pretty_init(p);
}

/* ---- the demangler ---------------------------------------------------------------- */

static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return tree_mix(h, 1);
}

static const char *raw_of(const struct symbol_frame *f)
{
    return f->raw ? f->raw : f->function;
}

/* Addresses have no linker name, and a name with a newline is nobody's. */
static bool is_word(const char *raw)
{
    return *raw && strncmp(raw, "0x", 2) != 0 && !strchr(raw, '\n');
}

static bool collect(struct pretty_words *w, const char *raw)
{
    uint32_t *id = is_word(raw) ? tree_map_put(&w->ids, hash_text(raw)) : NULL;
    if (!id || *id)
        return id || !is_word(raw);
    if (!tree_reserve((void **)&w->raw, &w->cap_raw, w->n + 1, sizeof *w->raw) ||
        !tree_reserve((void **)&w->shown, &w->cap_shown, w->n + 1, sizeof *w->shown))
        return false;
    w->shown[w->n] = NULL;
    w->raw[w->n] = strdup(raw);
    if (!w->raw[w->n])
        return false;
    *id = (uint32_t)++w->n;
    return true;
}

/* Ask for what is new. What comes back as it went is shown as it was. */
static void demangle(struct pretty *p, char warning[DEMANGLER_ERROR])
{
    struct pretty_words *w = p->words;
    size_t n = w->n - w->done;
    char **lines = n ? demangler_run(p->demangler, (const char *const *)w->raw + w->done, n,
                                     warning) : NULL;
    p->broken = n && !lines;
    for (size_t i = 0; lines && i < n; i++)
        if (*lines[i] && strcmp(lines[i], w->raw[w->done + i]) != 0)
            w->shown[w->done + i] = strdup(lines[i]);
    w->done = w->n;
    free(lines);
}

static bool ask_demangler(struct pretty *p, const struct snapshot *s, struct symbols *sy,
                          char warning[DEMANGLER_ERROR])
{
    if (!p->words)
        p->words = calloc(1, sizeof *p->words);
    bool good = p->words != NULL;
    for (size_t i = 1; i < s->n_nodes && good; i++) {
        const struct symbol *symbol = symbols_lookup(sy, s, (uint32_t)i);
        for (size_t k = 0; symbol && k < symbol->n && good; k++)
            good = collect(p->words, raw_of(&symbol->frames[k]));
    }
    if (good)
        demangle(p, warning);
    return good;
}

/* ---- new names -------------------------------------------------------------------- */

/* How a frame shall read; NULL: as it does. The caller frees. */
static char *new_name(const struct pretty *p, const struct symbol_frame *f)
{
    const char *shown = NULL;
    uint32_t id = p->words && is_word(raw_of(f))
                      ? tree_map_get(&p->words->ids, hash_text(raw_of(f))) : 0;
    if (id && id <= p->words->n)
        shown = p->words->shown[id - 1];
    char *renamed = p->rules.n ? rename_apply(&p->rules, shown ? shown : f->function) : NULL;
    return renamed ? renamed : shown ? strdup(shown) : NULL;
}

/* A copy of a symbol with new names, in one allocation; file and module stay those of
 * the old one. *same: there is nothing new. NULL then, or without memory. */
static struct symbol *make(const struct pretty *p, const struct symbol *old, bool *same)
{
    char **names = calloc(old->n, sizeof *names);
    size_t bytes = sizeof *old + old->n * sizeof old->frames[0];
    size_t fixed = bytes;
    *same = names != NULL;
    for (size_t i = 0; names && i < old->n; i++) {
        names[i] = new_name(p, &old->frames[i]);
        bytes += names[i] ? strlen(names[i]) + 1 : 0;
        *same &= !names[i];
    }
    struct symbol *new = names && !*same ? malloc(bytes) : NULL;
    char *text = (char *)new + fixed;
    if (new)
        memcpy(new, old, fixed);
    for (size_t i = 0; names && i < old->n; i++) {
        if (new && names[i]) {
            new->frames[i].function = strcpy(text, names[i]);
            text += strlen(text) + 1;
        }
        free(names[i]);
    }
    free(names);
    return new;
}

/* The new name of a symbol, made once. */
static bool name_symbol(struct pretty_names *n, const struct pretty *p, struct tree_map *seen,
                        const struct symbol *old, struct symbol **out)
{
    bool same = false;
    uint32_t *id = tree_map_put(seen, tree_mix((uintptr_t)old, 2));
    if (!id)
        return false;
    if (*id) {
        *out = n->made[*id - 1];
        return true;
    }
    if (!tree_reserve((void **)&n->made, &n->cap_made, n->n_made + 1, sizeof *n->made))
        return false;
    n->made[n->n_made] = *out = make(p, old, &same);
    *id = (uint32_t)++n->n_made;
    return *out || same;
}

static bool name_nodes(struct pretty_names *n, const struct pretty *p, const struct snapshot *s,
                       struct symbols *sy)
{
    struct tree_map seen = { .n = 0 };
    bool good = true;
    for (size_t i = 1; i < s->n_nodes && good; i++) {
        const struct symbol *old = symbols_lookup(sy, s, (uint32_t)i);
        struct symbol *new = NULL;
        good = !old || name_symbol(n, p, &seen, old, &new);
        n->names[i] = new ? new : old;
    }
    tree_map_fini(&seen);
    return good;
}

bool pretty_names_init(struct pretty_names *n, struct pretty *p, const struct snapshot *s,
                       struct symbols *sy, char warning[DEMANGLER_ERROR])
{
    *n = (struct pretty_names){ .names = calloc(s->n_nodes + 1, sizeof *n->names) };
    *warning = '\0';
    if (!n->names)
        return false;
    selection_name_all(s, sy);
    if (p->demangler && !p->broken && !ask_demangler(p, s, sy, warning))
        return false;
    if (!name_nodes(n, p, s, sy))
        return false;
    n->symbols = symbols_new_known(n->names, s->n_nodes);
    return n->symbols != NULL;
}

void pretty_names_fini(struct pretty_names *n)
{
    symbols_free(n->symbols);
    for (size_t i = 0; i < n->n_made; i++)
        free(n->made[i]);
    free(n->made);
    free(n->names);
    *n = (struct pretty_names){ .symbols = NULL };
}
