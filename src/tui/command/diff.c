/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop diff: what grew between two heaps, or in one since a mark; a gate for
 * continuous integration.
 */
#include "tui/report/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/command/command.h"
#include "tui/command/forming.h"
#include "tui/command/naming.h"
#include "tui/command/options_groups.h"
#include "tui/command/output.h"
#include "tui/command/reporting.h"
#include "tui/command/source.h"

struct side {
    struct source source;     /* where `opened` */
    bool opened;
    struct mark_file mark;    /* where `is_mark` */
    bool is_mark;
    struct site_figures *figures; /* of the source's sites */
    struct pretty_names names;
    struct symbols *symbols;      /* of the source, perhaps with new names */
};

static int wrong(const char *what, const char *more)
{
    fprintf(stderr, "memtop diff: %s%s: see memtop diff --help\n", what, more);
    return STATUS_USAGE;
}

/* ---- one side --------------------------------------------------------------------- */

static bool is_mark_file(const char *path)
{
    char start[64] = "";
    FILE *f = options_pid(path) ? NULL : fopen(path, "re");
    size_t n = f ? fread(start, 1, sizeof start - 1, f) : 0;
    if (f)
        fclose(f);
    start[n] = '\0';
    return strstr(start, "\"memtop-mark/") != NULL;
}

static int open_mark(struct side *side, const char *path, const char *at)
{
    char error[MARK_FILE_ERROR];
    if (at && strcmp(at, "end") != 0)
        return command_fail("--at %s: %s is a mark, and holds one moment only", at, path);
    side->is_mark = mark_file_read(path, &side->mark, error);
    return side->is_mark ? STATUS_DONE : command_fail("%s", error);
}

/* Open a process or a file; figures come later. */
static int open_side(struct side *side, const char *target, const char *at,
                     enum forms_moment moment, struct pretty *pretty)
{
    if (is_mark_file(target))
        return open_mark(side, target, at);
    side->opened = source_open(&side->source, target, moment == FORMS_PEAK ? NULL : at,
                               READER_SITES) == 0;
    if (!side->opened)
        return STATUS_FAILED;
    if (!side->source.chosen)
        return command_fail("--at %s: %s is no recording: it holds the peak and the end", at,
                            target);
    const struct snapshot *s = &side->source.snapshot;
    side->figures = calloc(s->n_sites + 1, sizeof *side->figures);
    if (!side->figures)
        return command_fail("out of memory");
    tree_figures(s, moment == FORMS_PEAK, side->figures);
    side->symbols = naming_of(pretty, &side->names, s, side->source.symbols);
    return STATUS_DONE;
}

static void close_side(struct side *side)
{
    pretty_names_fini(&side->names);
    if (side->opened)
        source_close(&side->source);
    if (side->is_mark)
        mark_file_fini(&side->mark);
    free(side->figures);
}

static const char *kind_of(const struct side *side)
{
    return side->is_mark                                    ? "mark"
         : side->source.archive == NULL                     ? "process"
         : archive_is_recording(side->source.archive)       ? "recording"
                                                            : "snapshot";
}

static void describe_mark(struct diff_side *out, const struct mark *m)
{
    snprintf(out->command, sizeof out->command, "%s", m->command);
    out->estimated = m->estimated;
    out->wall_ns = m->wall_ns;
    out->totals = (struct site_figures){ .v = {
        [TREE_LIVE_BYTES] = mark_live_bytes(&m->totals),
        [TREE_LIVE_BLOCKS] = mark_live_blocks(&m->totals),
        [TREE_ALLOCATIONS] = (int64_t)m->totals.allocations,
        [TREE_FREES] = (int64_t)m->totals.frees,
        [TREE_BYTES_ALLOCATED] = (int64_t)m->totals.bytes_allocated,
    } };
}

static void describe_snapshot(struct diff_side *out, const struct side *side, bool peak)
{
    const struct snapshot *s = &side->source.snapshot;
    const struct totals *t = &s->totals;
    int64_t peak_blocks = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        peak_blocks += s->sites[i].peak_blocks;
    snprintf(out->command, sizeof out->command, "%s", s->target.command);
    out->snapshot = s;
    out->estimated = t->estimated;
    out->wall_ns = peak ? t->peak_ns : s->target.wall_ns;
    out->totals = (struct site_figures){ .v = {
        [TREE_LIVE_BYTES] = peak ? t->peak_bytes : t->live_bytes,
        [TREE_LIVE_BLOCKS] = peak ? peak_blocks : t->live_blocks,
        [TREE_ALLOCATIONS] = (int64_t)t->allocations,
        [TREE_FREES] = (int64_t)t->frees,
        [TREE_BYTES_ALLOCATED] = (int64_t)t->bytes_allocated,
        [TREE_TEMPORARY] = (int64_t)t->temporary,
        [TREE_PEAK_BYTES] = t->peak_bytes,
        [TREE_PEAK_BLOCKS] = t->peak_blocks,
    } };
}

static void describe(struct diff_side *out, const struct side *side, const char *target,
                     bool peak)
{
    *out = (struct diff_side){ .target = target, .what = kind_of(side) };
    if (side->is_mark)
        describe_mark(out, &side->mark.head);
    else
        describe_snapshot(out, side, peak);
}

/* ---- since a mark in the target -------------------------------------------------- */

static const struct mark_event *find_mark(const struct snapshot *s, const char *name)
{
    for (size_t i = s->n_marks; i-- > 0;)
        if (strcmp(s->marks[i].name, name) == 0)
            return &s->marks[i];
    return NULL;
}

struct births {
    uint64_t since;
    struct site_figures *figures; /* what was there before goes on here */
    size_t n;
};

static void take_block(void *data, const struct block_row *row)
{
    struct births *b = data;
    if (row->birth < b->since || row->site >= b->n)
        return;
    b->figures[row->site].v[TREE_LIVE_BYTES] -= (int64_t)row->bytes;
    b->figures[row->site].v[TREE_LIVE_BLOCKS] -= (int64_t)row->blocks;
}

/* Live figures only, on both sides. */
static void only_live(struct site_figures *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = TREE_ALLOCATIONS; k < TREE_FIGURES; k++)
            f[i].v[k] = 0;
}

/* What lives of the time before the mark: what lives, less what was born since. The
 * target goes on meanwhile, so that a block may be counted that the snapshot does not
 * have yet. */
static int subtract_births(struct side *now, const struct mark_event *mark,
                           struct site_figures *before)
{
    struct source *so = &now->source;
    struct births births = { .since = mark->stamp, .figures = before,
                             .n = so->snapshot.n_sites };
    struct block_pass *pass = reader_blocks_new(so->reader);
    enum reader_status status = pass ? READER_NOT_READY : READER_NO_MEMORY;
    while (status == READER_NOT_READY)
        status = reader_blocks_step(pass, 1000, take_block, &births);
    reader_blocks_free(pass);
    if (status == READER_OK)
        return STATUS_DONE;
    return command_fail("%s: %s", reader_path(so->reader), reader_message(status));
}

static int since_mark(struct side *now, const char *name, struct delta *delta,
                      struct diff_side sides[DELTA_SIDES])
{
    struct source *so = &now->source;
    size_t n = so->snapshot.n_sites;
    if (!now->opened || !so->reader)
        return command_fail("--mark: only a process, or its segment, knows the births of its "
                            "blocks: name two moments of a recording instead");
    if (!snapshot_has_births(&so->snapshot))
        return command_fail("--mark: %s: let memtop record it and name two moments of the "
                            "recording, or run the program without --compact",
                            SNAPSHOT_NO_BIRTHS);
    const struct mark_event *mark = find_mark(&so->snapshot, name);
    if (!mark)
        return command_fail("--mark %s: there is no such mark in the process: memtop mark sets "
                            "one", name);
    struct site_figures *before = calloc(n + 1, sizeof *before);
    if (!before)
        return command_fail("out of memory");
    only_live(now->figures, n);
    memcpy(before, now->figures, n * sizeof *before);
    int status = subtract_births(now, mark, before);
    if (status == STATUS_DONE) {
        delta_add(delta, DELTA_A, &so->snapshot, now->symbols, before);
        delta_add(delta, DELTA_B, &so->snapshot, now->symbols, now->figures);
        for (int side = 0; side < DELTA_SIDES; side++)
            memset(&sides[side].totals, 0, sizeof sides[side].totals);
        for (size_t i = 0; i < n; i++)
            for (int k = 0; k <= TREE_LIVE_BLOCKS; k++) {
                sides[DELTA_A].totals.v[k] += before[i].v[k];
                sides[DELTA_B].totals.v[k] += now->figures[i].v[k];
            }
        sides[DELTA_A].what = "of before the mark, in";
        sides[DELTA_A].wall_ns = mark->ns;
    }
    free(before);
    return status;
}

/* ---- the gate -------------------------------------------------------------------- */

/* "10%" or "64K" or "0". */
static bool parse_gate(const char *text, double *percent, uint64_t *bytes)
{
    char *end;
    *percent = strtod(text, &end);
    if (end != text && strcmp(end, "%") == 0)
        return *percent >= 0;
    *percent = -1;
    *bytes = options_size(text);
    return *bytes || options_count(text, bytes);
}

/* Whether the growth is above the gate, which is told. */
static bool is_above(const struct diff *d)
{
    double percent;
    uint64_t limit = 0;
    if (!d->gate || !parse_gate(d->gate, &percent, &limit))
        return false;
    int64_t growth = diff_growth(d).v[TREE_LIVE_BYTES];
    int64_t a = diff_side_totals(d, DELTA_A).v[TREE_LIVE_BYTES];
    return growth > 0 && (percent >= 0 ? (double)growth * 100 > percent * (double)a
                                       : (uint64_t)growth > limit);
}

static void tell_gate(const struct diff *d)
{
    int64_t growth = diff_growth(d).v[TREE_LIVE_BYTES];
    int64_t a = diff_side_totals(d, DELTA_A).v[TREE_LIVE_BYTES];
    if (a > 0)
        command_fail("growth of %" PRId64 " bytes, %.2f%%, is above %s", growth,
                     100.0 * (double)growth / (double)a, d->gate);
    else
        command_fail("growth of %" PRId64 " bytes is above %s", growth, d->gate);
}

/* ---- all of it -------------------------------------------------------------------- */

static int write_diff(const struct options *o, struct diff *d, struct forms *forms)
{
    char error[FORMS_ERROR];
    struct output out;
    const struct delta *delta = d->delta;
    if (forms_prepare_figures(forms, &delta->merged, delta->symbols, delta->growth, error) != 0) {
        forms_fini(forms);
        return command_fail("%s", error);
    }
    int status = STATUS_FAILED;
    if (output_open(&out, o->output, stdout) == 0) {
        d->columns = forming_columns(out.stream);
        d->above = is_above(d);
        int bad = o->json ? diff_json(out.stream, d) : diff_text(out.stream, d);
        if (bad)
            command_fail("out of memory while the diff was made");
        bad |= output_close(&out);
        if (d->above)
            tell_gate(d);
        status = bad || d->above ? STATUS_FAILED : STATUS_DONE;
    }
    forms_fini(forms);
    return status;
}

/* Put both sides into the delta, and describe them. */
static int compare(const struct options *o, struct side sides[DELTA_SIDES], bool peak,
                   struct delta *delta, struct diff *d)
{
    int status = STATUS_DONE;
    for (int i = 0; i < DELTA_SIDES; i++)
        describe(&d->sides[i], &sides[o->mark ? DELTA_B : i], o->args[o->mark ? 0 : i], peak);
    if (o->mark) {
        d->births = true;
        status = since_mark(&sides[DELTA_B], o->mark, delta, d->sides);
    }
    for (int i = 0; !o->mark && i < DELTA_SIDES; i++) {
        struct source *so = &sides[i].source;
        if (sides[i].is_mark)
            delta_add_mark(delta, (enum delta_side)i, &sides[i].mark);
        else
            delta_add(delta, (enum delta_side)i, &so->snapshot, sides[i].symbols, sides[i].figures);
    }
    if (status == STATUS_DONE && !delta_finish(delta))
        status = command_fail("out of memory while the heaps were compared");
    return status;
}

/* Sizes and threads are in snapshots only. */
static int check_tables(const struct forms *f, const struct diff *d)
{
    bool tables = (f->parts & (FORMS_SIZES | FORMS_THREADS)) != 0;
    bool known = d->sides[DELTA_A].snapshot && d->sides[DELTA_B].snapshot && !d->births;
    return tables && !known ? command_fail("--sizes, --threads: marks know call sites only")
                            : STATUS_DONE;
}

static int check(const struct options *o, struct forms *forms)
{
    double percent;
    uint64_t bytes;
    struct options rest = *o;
    const char *mark;
    bool peak = o->forms.at && strcmp(o->forms.at, "peak") == 0;
    rest.forms.at = peak ? "peak" : NULL; /* other moments are the sources' affair */
    if (!forming_read(&rest, "diff", forms, &mark))
        return STATUS_USAGE;
    if (forms->sort_given && forms->sort == TREE_SHORT_LIVED)
        return wrong("--sort=short_lived: ", "what is short may differ between A and B");
    if (o->n_args != (o->mark ? 1 : 2))
        return wrong(o->mark ? "--mark compares one process with itself" : "it takes two: A and B",
                     "");
    if (o->mark && o->forms.at)
        return wrong("--at and --mark", " do not go together");
    if (o->fail_above && !parse_gate(o->fail_above, &percent, &bytes))
        return wrong("not a size or a percentage: ", o->fail_above);
    return STATUS_DONE;
}

static int diff_main(const struct options *o)
{
    struct forms forms;
    struct side sides[DELTA_SIDES] = { { .opened = false } };
    struct delta delta;
    struct pretty pretty;
    int status = check(o, &forms);
    if (status != STATUS_DONE)
        return status;
    status = naming_begin(o, "diff", &pretty);
    struct diff d = { .delta = &delta, .forms = &forms, .gate = o->fail_above,
                      .top = o->top_given || o->json ? o->top : REPORTING_TEXT_SITES };
    delta_init(&delta);
    delta.rules = &pretty.rules;
    for (int i = 0; i < o->n_args && status == STATUS_DONE; i++)
        status = open_side(&sides[o->mark ? DELTA_B : i], o->args[i], o->forms.at, forms.moment,
                           &pretty);
    if (status == STATUS_DONE)
        status = compare(o, sides, forms.moment == FORMS_PEAK, &delta, &d);
    if (status == STATUS_DONE)
        status = check_tables(&forms, &d);
    if (status == STATUS_DONE)
        status = write_diff(o, &d, &forms);
    delta_fini(&delta);
    close_side(&sides[DELTA_A]);
    close_side(&sides[DELTA_B]);
    pretty_fini(&pretty);
    return status;
}

const struct command command_diff = {
    .name = "diff",
    .args = "A B, or --mark=NAME PID",
    .summary = "Report what grew from A to B, call site by call site",
    .details = "A and B are processes, snapshots, recordings, paths of segments, or marks that\n"
               "the viewer saved. They are compared by the names in their stacks, and may be of\n"
               "different runs and builds. --mark compares a process with what is still alive\n"
               "of the time before a mark. The exit status is 1 when the growth of live bytes\n"
               "is above --fail-above.\n",
    .print_more = forming_print_help,
    .options = OPTION_JSON | OPTION_REPORT | OPTION_TOP | OPTION_FORMS | OPTION_DIFF |
               OPTION_NAMING,
    .min_args = 1,
    .max_args = 2,
    .main = diff_main,
};
