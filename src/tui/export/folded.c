/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks: "root;child;leaf N", one stack a line, for flamegraph.pl,
 * inferno, speedscope and a dozen others. Sites of one stack in names are
 * lines of their own, which those tools add up.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tui/export/walk.h"
#include "tui/report/safe_text.h"

/* A name: what separates frames and lines is replaced. */
static int put_name(FILE *out, const char *name)
{
    char *clean = safe_text_utf8(name);
    if (!clean)
        return -1;
    for (const char *p = clean; *p; p++)
        fputc(*p == ';' ? ':' : (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, out);
    free(clean);
    return 0;
}

static int put_stack(FILE *out, const struct walk *w)
{
    int bad = 0;
    for (size_t i = 0; i < w->depth; i++) {
        size_t at = w->export->inverted ? i : w->depth - 1 - i;
        if (i)
            fputc(';', out);
        bad |= put_name(out, w->frames[at].function);
    }
    return bad;
}

int export_folded(FILE *out, const struct export *e)
{
    struct walk w;
    int bad = 0;
    if (walk_init(&w, e) != 0)
        return -1;
    for (const struct site_row *site; bad == 0 && (site = walk_next(&w));) {
        uint64_t value = export_value_of(site, e->value);
        if (value == 0)
            continue;
        bad = put_stack(out, &w);
        fprintf(out, " %" PRIu64 "\n", value);
    }
    return walk_fini(&w) | bad;
}
