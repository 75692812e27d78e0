/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report shows of a snapshot, and how: which tables, of which moment, in
 * which order, which sites. Prepared once, then both reports write it.
 *
 *     struct forms f = { .parts = FORMS_TREE, .sort = TREE_LIVE_BYTES, .. };
 *     if (forms_prepare(&f, snapshot, symbols, error) == 0) report_text(out, r);
 *     forms_fini(&f);
 */
#ifndef MEMTOP_TUI_REPORT_FORMS_H
#define MEMTOP_TUI_REPORT_FORMS_H

#include "tui/model/selection.h"

enum forms_parts {
    FORMS_SITES   = 1 << 0,
    FORMS_TREE    = 1 << 1,
    FORMS_SIZES   = 1 << 2,
    FORMS_THREADS = 1 << 3,
};

enum forms_moment {
    FORMS_END,  /* now, or the end */
    FORMS_PEAK, /* when live bytes were at their highest */
    FORMS_TIME, /* at_ns after set-up, as the history of seconds has it */
};

#define FORMS_ERROR     200
#define FORMS_TREE_ROWS 500000 /* of a tree without --top; more are left out */

struct forms {
    /* wishes */
    unsigned parts;          /* enum forms_parts; 0: the whole report */
    enum tree_mode mode;
    enum forms_moment moment;
    uint64_t at_ns;
    int sort;                /* enum tree_figure, or TREE_BY_SELF for trees */
    bool sort_given;
    const char *filter;      /* as pattern.h has it; NULL: none */
    size_t tree_top;         /* rows of the tree; the sites' number is the report's */
    size_t rows_top;         /* rows of sizes and threads */
    bool is_signed;          /* figures are growth: rows may be larger than those above */
    /* what forms_prepare makes of them */
    struct site_figures *figures; /* by site; live ones are those of the moment */
    struct selection selection;
    struct tree *tree;       /* NULL unless asked for */
    bool tree_cut;           /* it has more rows */
    struct site_figures moment_totals; /* live figures of the moment */
    uint64_t moment_ns;
    bool partial;            /* of the moment only some sites are known */
};

/* Prepare for a snapshot, which stays the caller's as the symbols do. 0, or -1 with
 * a sentence in error; forms_fini is due in both cases. */
int forms_prepare(struct forms *f, const struct snapshot *s, struct symbols *sy,
                  char error[FORMS_ERROR]);
void forms_fini(struct forms *f);

/* The same with figures of the caller's, by site, which are copied: growth. */
int forms_prepare_figures(struct forms *f, const struct snapshot *s, struct symbols *sy,
                          const struct site_figures *figures, char error[FORMS_ERROR]);

/* Whether a form is to be shown. */
static inline bool forms_show(const struct forms *f, enum forms_parts part)
{
    return f && f->parts ? (f->parts & part) != 0 : part != FORMS_TREE;
}

/* Whether live figures of sites are those of another moment than now. */
static inline bool forms_elsewhen(const struct forms *f)
{
    return f && f->moment != FORMS_END;
}

/* Whether rows of a form have a figure to be sorted by. */
bool forms_has_figure(enum forms_parts part, int figure);

/* The rows of FORMS_SIZES that have allocations, or of FORMS_THREADS, as indexes in
 * the order that was wished: *n of them, the caller's to free. NULL without memory.
 * f may be NULL. */
uint32_t *forms_order(const struct forms *f, enum forms_parts part, const struct snapshot *s,
                      size_t *n);

/* Which rows of `t` to show: those with the `top` largest figures, with those above
 * them. [i] is for row i; the caller frees. *cut becomes true if there are others;
 * it may be NULL. NULL without memory. */
bool *forms_largest_rows(const struct tree *t, int sort, size_t top, bool *cut);

/* A row's figure, for orders and columns; TREE_BY_SELF is that of live bytes. */
int64_t forms_row_value(const struct tree_row *row, int figure);

#endif
