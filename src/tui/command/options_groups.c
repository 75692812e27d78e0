/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of options; see options_groups.h. Pure.
 */
#include "tui/command/options_groups.h"

#include <stdlib.h>
#include <string.h>

#include "tui/report/forms.h"
#include "tui/view/app.h"

static bool is(const char *name, const char *wanted)
{
    return strcmp(name, wanted) == 0;
}

/* ---- values --------------------------------------------------------------------- */

uint64_t options_size(const char *text)
{
    static const char units[] = "kmgt";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] ? strchr(units, text[digits] | 0x20) : NULL;
    if (digits == 0 || digits > 15 || (text[digits] && (!unit || text[digits + 1])))
        return 0;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    uint64_t n = strtoull(text, NULL, 10);
    return n << shift >> shift == n ? n << shift : 0;
}

bool options_count(const char *text, uint64_t *n)
{
    size_t digits = strspn(text, "0123456789");
    *n = digits && digits < 16 ? strtoull(text, NULL, 10) : 0;
    return digits && digits < 16 && !text[digits];
}

/* ---- which tables ------------------------------------------------------------- */

static bool take_tree(struct forms_options *f, const char *value)
{
    static const char *const names[TREE_MODES] = {
        [TREE_STANDARD] = "standard", [TREE_INVERTED] = "inverted", [TREE_FLAT] = "flat",
    };
    f->parts |= FORMS_TREE;
    for (int i = 0; i < TREE_MODES; i++)
        if (is(value, names[i])) {
            f->mode = (enum tree_mode)i;
            return true;
        }
    return false;
}

bool options_take_form(struct forms_options *f, const char *name, const char *value)
{
    if (is(name, "tree"))
        return take_tree(f, value);
    if (is(name, "sort")) {
        f->sort = selection_figure_parse(value);
        f->sort_given = true;
        return f->sort >= 0;
    }
    if (is(name, "at"))
        f->at = value;
    else if (is(name, "filter"))
        f->filter = value;
    else
        f->parts |= is(name, "sites") ? FORMS_SITES : is(name, "sizes") ? FORMS_SIZES
                                                                        : FORMS_THREADS;
    return !value || *value;
}

/* ---- budgets -------------------------------------------------------------------- */

bool options_take_budget(struct budget_options *b, const char *name, const char *value)
{
    if (is(name, "all-leaks"))
        return b->all_leaks = true;
    if (is(name, "fail-on-leak")) {
        b->leak = true;
        b->leak_pattern = value;
        return !value || *value;
    }
    if (is(name, "max-peak")) {
        b->max_peak_given = true;
        b->max_peak = options_size(value);
        return b->max_peak != 0;
    }
    if (is(name, "max-allocations"))
        return b->max_allocations_given = options_count(value, &b->max_allocations);
    if (b->n_suppress == OPTIONS_FILES)
        return false;
    b->suppress[b->n_suppress++] = value;
    return *value != '\0';
}

/* ---- names ---------------------------------------------------------------------- */

bool options_take_naming(struct naming_options *w, const char *name, const char *value)
{
    if (is(name, "demangler")) {
        w->demangler = value;
    } else if (w->n_rules == OPTIONS_RULES) {
        return false;
    } else {
        w->from_file[w->n_rules] = is(name, "rename-file");
        w->rules[w->n_rules++] = value;
    }
    return *value != '\0';
}

/* ---- how the viewer begins ------------------------------------------------------ */

bool options_take_start(struct options *o, const char *name, const char *value)
{
    if (is(name, "source")) {
        if (o->n_sources == OPTIONS_FILES)
            return false;
        o->sources[o->n_sources++] = value;
        return *value != '\0';
    }
    *(is(name, "view") ? &o->view : is(name, "sort") ? &o->sort : &o->filter) = value;
    return *value && (!is(name, "view") || app_has_view(value));
}
