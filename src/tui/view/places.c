/* SPDX-License-Identifier: Apache-2.0 */
/* Places of frames; places.h. */
#include "tui/view/places.h"

#include <string.h>

#include "tui/view/labels.h"

static uint32_t leaf_of(const struct snapshot *s, uint32_t site)
{
    uint32_t node = site < s->n_sites ? s->sites[site].node : 0;
    return node < s->n_nodes ? node : 0;
}

static size_t frames_of(const struct symbol *symbol)
{
    return symbol ? symbol->n : 1; /* an address, until it has a name */
}

size_t places_count(struct symbols *sy, const struct snapshot *s, uint32_t site)
{
    size_t n = 0;
    for (uint32_t node = leaf_of(s, site); node; node = s->nodes[node].parent)
        n += frames_of(symbols_lookup(sy, s, node));
    return n;
}

size_t places_own(struct symbols *sy, const struct snapshot *s, uint32_t site)
{
    struct label label;
    size_t n = 0;
    labels_site(sy, s, site, &label);
    for (uint32_t node = leaf_of(s, site); node; node = s->nodes[node].parent) {
        if (!label.node || node == label.node)
            return n + label.frame;
        n += frames_of(symbols_lookup(sy, s, node));
    }
    return PLACES_NONE;
}

size_t places_of(struct symbols *sy, const struct snapshot *s, uint32_t site,
                 const char *function, const char *module)
{
    size_t n = 0;
    for (uint32_t node = leaf_of(s, site); node; node = s->nodes[node].parent) {
        const struct symbol *symbol = symbols_lookup(sy, s, node);
        for (size_t i = 0; symbol && i < symbol->n; i++)
            if (strcmp(symbol->frames[i].function, function) == 0 &&
                strcmp(symbol->module, module) == 0)
                return n + i;
        n += frames_of(symbol);
    }
    return PLACES_NONE;
}

/* That of a node which has a name. */
static const char *module_path(const struct snapshot *s, uint32_t node)
{
    uint16_t module = s->nodes[node].module;
    return module && module < s->n_modules ? s->modules[module].path : NULL;
}

bool places_get(struct symbols *sy, const struct snapshot *s, uint32_t site, size_t frame,
                struct source_place *out)
{
    for (uint32_t node = leaf_of(s, site); node; node = s->nodes[node].parent) {
        const struct symbol *symbol = symbols_lookup(sy, s, node);
        if (frame >= frames_of(symbol)) {
            frame -= frames_of(symbol);
            continue;
        }
        if (!symbol || !symbol->frames[frame].file || !symbol->frames[frame].line)
            return false;
        *out = (struct source_place){
            .file = symbol->frames[frame].file, .line = symbol->frames[frame].line,
            .directory = symbol->directory, .module = module_path(s, node),
        };
        return true;
    }
    return false;
}
