/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of options; see options_groups.h. Pure.
 */
#include "tui/command/options_groups.h"

#include <string.h>

#include "tui/report/forms.h"

static bool is(const char *name, const char *wanted)
{
    return strcmp(name, wanted) == 0;
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
