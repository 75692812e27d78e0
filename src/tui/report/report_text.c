/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for people, in ASCII but for the names it prints. Tables keep to 80
 * columns; stacks and trees use what there is.
 * All foreign strings pass safe_text_line, so that a symbol cannot send escape
 * sequences to the terminal.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/report/forms.h"
#include "tui/report/safe_text.h"
#include "tui/report/text_stack.h"
#include "tui/report/text_tree.h"
#include "tui/view/format.h"

#define BAR_COLUMNS  20

static const char *grouped(char out[32], int64_t value)
{
    return format_grouped(out, 32, value);
}

static const char *bytes(char out[32], int64_t value)
{
    return format_bytes(out, 32, value);
}

/* The same for what may be an estimate. */
static const char *about(char out[32], int64_t value, bool estimated)
{
    return format_estimate(out, 32, grouped(out, value), estimated);
}

static const char *about_bytes(char out[32], int64_t value, bool estimated)
{
    return format_estimate(out, 32, bytes(out, value), estimated);
}

/* ---- header -------------------------------------------------------------- */
static void print_end(FILE *out, const struct report *r)
{
    const struct target_info *t = &r->snapshot->target;
    int code = report_exit_code(r);
    if (r->signal)
        fprintf(out, "killed by %s", strsignal(r->signal));
    else if (code >= 0)
        fprintf(out, "exited with status %d", code);
    else
        fputs(report_state(r), out);
    char time[32];
    fprintf(out, " %s %s", t->state == TARGET_RUNNING ? "for" : "after",
            format_duration(time, sizeof time, t->wall_ns));
}

/* Which tier, and which records, if they are not the usual ones. */
static void print_tier(FILE *out, const struct snapshot *s)
{
    char text[64];
    if (s->target.tier == SEG_TIER_EXACT && !s->totals.estimated && snapshot_has_births(s))
        return;
    fprintf(out, "recorded: %s\n", format_tier(text, sizeof text, s, true));
}

static void print_header(FILE *out, const struct report *r)
{
    const struct target_info *t = &r->snapshot->target;
    char command[2 * REPORT_COLUMNS], allocator[sizeof t->allocator];
    const char *slash = strrchr(t->allocator, '/');
    fprintf(out, "%s\n", safe_text_line(command, sizeof command, t->command));
    fprintf(out, "pid %d, ", t->pid);
    print_end(out, r);
    if (t->allocator[0])
        fprintf(out, ", allocator %s",
                safe_text_line(allocator, sizeof allocator,
                               slash ? slash + 1 : t->allocator));
    fputc('\n', out);
    print_tier(out, r->snapshot);
}

/* ---- totals -------------------------------------------------------------- */
/* Which of the two figures are estimates. */
enum { NONE = 0, COUNT = 1, BYTES = 2, BOTH = COUNT | BYTES };

static void print_count(FILE *out, const char *name, uint64_t count, int64_t size,
                        unsigned estimates)
{
    char a[32], b[32];
    fprintf(out, "  %-15s %18s %12s", name, about(a, (int64_t)count, estimates & COUNT),
            about_bytes(b, size, estimates & BYTES));
}

static void print_share(FILE *out, const char *name, uint64_t count, uint64_t of)
{
    char a[32];
    fprintf(out, "  %-15s %18s", name, grouped(a, (int64_t)count));
    if (of)
        fprintf(out, " %11.1f%%", 100.0 * (double)count / (double)of);
    fputc('\n', out);
}

static void print_peak(FILE *out, const struct report *r)
{
    const struct totals *t = &r->snapshot->totals;
    char a[32];
    print_count(out, "peak", (uint64_t)t->peak_blocks, t->peak_bytes,
                t->peak_estimated ? BOTH : NONE);
    fprintf(out, "  after %s", format_duration(a, sizeof a, t->peak_ns));
    if (r->snapshot->target.peak_slack)
        fprintf(out, ", at most %s higher",
                bytes(a, (int64_t)r->snapshot->target.peak_slack));
    fputc('\n', out);
}

/* Standard errors of the live figures, on a line of their own. */
static void print_errors(FILE *out, const struct totals *t)
{
    char a[32], b[32];
    fputc('\n', out);
    if (t->estimated)
        fprintf(out, "  %-15s %18s %12s  one sigma, from %" PRIu64 " samples\n", "  give or take",
                grouped(a, (int64_t)t->live_blocks_error),
                bytes(b, (int64_t)t->live_bytes_error), t->live_samples);
}

static void print_short(FILE *out, const struct totals *t)
{
    char a[32], b[32];
    if (t->short_ns)
        fprintf(out, "  %-15s %18s %11.1f%%  freed in under %s\n", "short-lived",
                about(a, (int64_t)t->short_lived, t->estimated),
                t->allocations ? 100.0 * (double)t->short_lived / (double)t->allocations : 0.0,
                format_duration(b, sizeof b, t->short_ns));
}

static void print_totals(FILE *out, const struct report *r)
{
    const struct totals *t = &r->snapshot->totals;
    enum target_state state = r->snapshot->target.state;
    const char *live = state == TARGET_RUNNING    ? "live now"
                       : state == TARGET_DETACHED ? "live at detach"
                                                  : "live at the end";
    fprintf(out, "\n  %-15s %18s %12s\n", "TOTALS", "COUNT", "BYTES");
    print_count(out, "allocations", t->allocations, (int64_t)t->bytes_allocated, NONE);
    fputc('\n', out);
    print_count(out, "frees", t->frees, (int64_t)t->bytes_freed, t->estimated ? BYTES : NONE);
    fputc('\n', out);
    print_count(out, live, (uint64_t)t->live_blocks, t->live_bytes, t->estimated ? BOTH : NONE);
    print_errors(out, t);
    print_peak(out, r);
    print_share(out, "temporary", t->temporary, t->allocations);
    print_short(out, t);
    print_share(out, "reallocations", t->reallocations, 0);
}

/* Where the agent came late: what was there already, which is in no other figure. */
static void print_before(FILE *out, const struct snapshot *s)
{
    const struct attach_info *a = &s->target.attach;
    const char *source = report_before_source(a->before);
    char bytes[32], count[32];
    if (!a->late)
        return;
    fprintf(out, "  %-15s %18s  %s%s\n", "before attach", format_before(bytes, sizeof bytes, a),
            source ? "alive then says " : "alive then: the allocator does not say",
            source ? source : "");
    fprintf(out, "  %-15s %18s  of these blocks so far, in no other figure\n", "foreign frees",
            grouped(count, (int64_t)s->totals.foreign_frees));
    if (a->skipped)
        fprintf(out, "  %-15s %18s  with an allocator of their own, which is not seen\n",
                "skipped modules", grouped(count, (int64_t)a->skipped));
}

/* What a perfect run does not have. */
static void print_oddities(FILE *out, const struct snapshot *s)
{
    const struct totals *t = &s->totals;
    const struct {
        const char *name;
        uint64_t count;
        const char *meaning;
    } rows[] = {
        { "foreign frees", s->target.attach.late ? 0 : t->foreign_frees,
          "of blocks from before the agent" },
        { "inherited frees", t->inherited_frees, "of blocks of the parent process" },
        { "missed frees", t->missed_frees, "noticed when the address came again" },
        { "unsampled frees", t->unsampled_frees, "of blocks without a record, foreign ones too" },
        { "lost", t->lost, "allocations that could not be recorded" },
        { "lost bytes", t->lost_bytes, "in those allocations" },
        { "lost frees", t->lost_frees, "of unknown blocks, most likely lost ones" },
        { "unattributed", t->unattributed, "recorded without a stack" },
        { "cut stacks", t->cut_stacks, "deeper than is kept" },
        { "nested", t->nested, "made by signal handlers inside of malloc" },
        { "verified stacks", s->verify.checks, "compared with other unwinders" },
        { "verified partly", s->verify.partial, "of these: to a frame that nobody can leave" },
        { "wrong stacks", s->verify.mismatches, "of these: no other unwinder agreed" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char a[32];
        if (rows[i].count)
            fprintf(out, "  %-15s %18s  %s\n", rows[i].name,
                    grouped(a, (int64_t)rows[i].count), rows[i].meaning);
    }
}

static void print_warnings(FILE *out, const struct target_info *t)
{
    if (t->flags & SEG_FLAG_FOREIGN_HEAP)
        fputs("  note: the program brings its own malloc, which is not seen\n", out);
    if (t->flags & SEG_FLAG_MEMORY_CAP)
        fputs("  note: the memory for recording ran out (MEMTOP_MEMORY, --memory)\n", out);
    if (t->flags & SEG_FLAG_SANDBOXED)
        fputs("  note: the program set a seccomp filter: from then on records do not grow, and\n"
              "  neither new threads' stacks nor new processes are recorded\n", out);
    if (t->flags & SEG_FLAG_NO_STACKS)
        fputs("  note: stacks are not recorded (memtop mode PID exact changes that)\n", out);
    if (t->flags & SEG_FLAG_COMPACT)
        fputs("  note: " SNAPSHOT_NO_BIRTHS ": ages and threads of live blocks are not known\n",
              out);
    if (t->flags & SEG_FLAG_FORKED)
        fputs("  note: a forked process; what it inherited is not in these figures\n", out);
    if (t->state == TARGET_REPLACED)
        fputs("  note: exec put a program without the agent in its place\n", out);
    if (t->state == TARGET_DETACHED)
        fputs("  note: the recording was ended, and the process went on (memtop attach or inject\n"
              "  begins another)\n", out);
}

static void print_functions(FILE *out, const struct snapshot *s)
{
    fputs("\n  CALLS\n", out);
    for (int fn = 0; fn < SEG_FN_COUNT; fn++) {
        char a[32];
        if (s->functions[fn])
            fprintf(out, "  %-18s %15s\n", snapshot_function_name((enum seg_function)fn),
                    grouped(a, (int64_t)s->functions[fn]));
    }
}

/* ---- sizes --------------------------------------------------------------- */
static void print_bar(FILE *out, uint64_t value, uint64_t most)
{
    unsigned n = most ? (unsigned)((double)value / (double)most * BAR_COLUMNS + 0.5) : 0;
    if (value && n == 0)
        n = 1;
    for (unsigned i = 0; i < BAR_COLUMNS; i++)
        fputc(i < n ? '#' : ' ', out);
}

static void print_size_row(FILE *out, const struct size_row *row, uint64_t most)
{
    char range[32], a[32], b[32], c[32];
    if (row->max == UINT64_MAX)
        snprintf(range, sizeof range, "%" PRIu64 "-", row->min);
    else if (row->min == row->max)
        snprintf(range, sizeof range, "%" PRIu64, row->min);
    else
        snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, row->min, row->max);
    fprintf(out, "  %-17.17s %12s ", range, grouped(a, (int64_t)row->allocations));
    print_bar(out, row->allocations, most);
    fprintf(out, " %12s %11s\n", about(b, row->live_blocks, row->estimated),
            about_bytes(c, row->live_bytes, row->estimated));
}

static int print_sizes(FILE *out, const struct report *r)
{
    const struct snapshot *s = r->snapshot;
    uint64_t most = 0;
    size_t n;
    uint32_t *order = forms_order(r->forms, FORMS_SIZES, s, &n);
    for (size_t i = 0; order && i < n; i++)
        if (s->sizes[order[i]].allocations > most)
            most = s->sizes[order[i]].allocations;
    if (!most) {
        free(order);
        return order ? 0 : -1;
    }
    fprintf(out, "\n  %-17s %12s %-*s %12s %11s\n", "SIZES", "ALLOCATIONS", BAR_COLUMNS, "",
            "LIVE BLOCKS", "LIVE BYTES");
    for (size_t i = 0; i < n; i++)
        print_size_row(out, &s->sizes[order[i]], most);
    free(order);
    return 0;
}

/* ---- threads ------------------------------------------------------------- */
static void print_thread(FILE *out, const struct thread_row *row)
{
    char name[sizeof row->name], tid[16], a[32], b[32], c[32];
    if (row->tid)
        snprintf(tid, sizeof tid, "%d", row->tid);
    else
        snprintf(tid, sizeof tid, "-");
    fprintf(out, "  %-8s %-16s %15s %15s %12s\n", tid,
            safe_text_line(name, sizeof name, row->name),
            grouped(a, (int64_t)row->allocations), grouped(b, (int64_t)row->frees),
            bytes(c, (int64_t)row->bytes_allocated));
}

/* A single thread is mentioned only to those who ask. */
static int print_threads(FILE *out, const struct report *r)
{
    const struct snapshot *s = r->snapshot;
    bool asked = r->forms && r->forms->parts;
    if (s->n_threads < 2 && !asked)
        return 0;
    size_t n;
    uint32_t *order = forms_order(r->forms, FORMS_THREADS, s, &n);
    if (!order)
        return -1;
    fprintf(out, "\n  %-8s %-16s %15s %15s %12s\n", "THREAD", "NAME", "ALLOCATIONS", "FREES",
            "BYTES");
    for (size_t i = 0; i < n; i++)
        print_thread(out, &s->threads[order[i]]);
    free(order);
    return 0;
}

/* ---- sites --------------------------------------------------------------- */
/* Standard errors of the line above, in its columns. */
static void print_site_errors(FILE *out, const struct site_row *site)
{
    char a[32], c[32], d[32], e[32];
    fprintf(out, "%12s %12s %14s %12s %12s  one sigma\n",
            bytes(a, (int64_t)site->live_bytes_error),
            grouped(c, (int64_t)site->live_blocks_error),
            grouped(d, (int64_t)site->allocations_error),
            bytes(e, (int64_t)site->bytes_allocated_error), "");
}

/* What its live bytes do, unless that is nothing. */
static void print_trend(FILE *out, const struct batch *b, const struct site_row *site)
{
    const struct verdict *v = site_watch_verdict(&b->watch, site->id);
    char text[160];
    if (v && v->label != VERDICT_NONE && v->label != VERDICT_STEADY)
        fprintf(out, "  %s\n", format_verdict(text, sizeof text, v, true));
}

/* Where that is most of what it does, or what was asked for. */
static void print_site_short(FILE *out, const struct batch *b, const struct site_row *site)
{
    const struct forms *f = b->report->forms;
    const struct totals *t = &b->report->snapshot->totals;
    bool asked = f && f->sort == TREE_SHORT_LIVED;
    char a[32], c[32];
    if (t->short_ns && site->short_lived && (asked || site->short_lived > site->allocations / 2))
        fprintf(out, "  %s short-lived: %.0f%% of its allocations, freed in under %s\n",
                about(a, (int64_t)site->short_lived, site->samples != 0),
                100.0 * (double)site->short_lived / (double)site->allocations,
                format_duration(c, sizeof c, t->short_ns));
}

static void print_site(FILE *out, const struct batch *b, const struct site_row *site)
{
    const struct forms *forms = b->report->forms;
    char a[32], c[32], d[32], e[32], f[32];
    bool estimated = site->samples != 0;
    int64_t live_bytes = site->live_bytes, live_blocks = site->live_blocks;
    if (forms) {
        live_bytes = forms->figures[site->id].v[TREE_LIVE_BYTES];
        live_blocks = forms->figures[site->id].v[TREE_LIVE_BLOCKS];
    }
    fprintf(out, "\n%12s %12s %14s %12s %12s  #%" PRIu32 "\n",
            about_bytes(a, live_bytes, estimated), about(c, live_blocks, estimated),
            about(d, (int64_t)site->allocations, estimated),
            about_bytes(e, (int64_t)site->bytes_allocated, estimated),
            about_bytes(f, site->peak_bytes, estimated), site->id);
    if (estimated && !forms_elsewhen(forms))
        print_site_errors(out, site);
    print_trend(out, b, site);
    print_site_short(out, b, site);
    text_stack(out, b);
}

static int print_sites(FILE *out, const struct report *r)
{
    struct batch b;
    if (batch_init(&b, r) != 0)
        return -1;
    if (b.count)
        fprintf(out, "\n%12s %12s %14s %12s %12s  SITE\n",
                forms_elsewhen(r->forms) ? "ALIVE THEN" : "LIVE BYTES",
                forms_elsewhen(r->forms) ? "BLOCKS" : "LIVE BLOCKS", "ALLOCATIONS", "BYTES",
                "AT PEAK");
    for (const struct site_row *site; (site = batch_next(&b));)
        print_site(out, &b, site);
    batch_fini(&b);
    return 0;
}

/* ---- all --------------------------------------------------------------------- */
static void print_moment(FILE *out, const struct report *r)
{
    const struct forms *f = r->forms;
    char a[32], b[32], c[32];
    if (!forms_elsewhen(f))
        return;
    fprintf(out, "\n  %s %s: %s in %s block%s%s\n",
            f->moment == FORMS_PEAK ? "at the peak, after" : "at",
            format_duration(a, sizeof a, f->moment_ns),
            bytes(b, f->moment_totals.v[TREE_LIVE_BYTES]),
            grouped(c, f->moment_totals.v[TREE_LIVE_BLOCKS]),
            format_s(f->moment_totals.v[TREE_LIVE_BLOCKS]),
            f->partial ? "; of its call sites only the largest are known" : "");
}

static void print_filter(FILE *out, const struct report *r)
{
    const struct forms *f = r->forms;
    char text[REPORT_COLUMNS], a[32], b[32], c[32];
    if (!f || !f->filter || !*f->filter)
        return;
    fprintf(out, "\n  filter %s: %s call site%s, %s of %s\n",
            safe_text_line(text, sizeof text, f->filter), grouped(a, (int64_t)f->selection.n),
            format_s((int64_t)f->selection.n),
            bytes(b, f->selection.passing.v[TREE_LIVE_BYTES]),
            bytes(c, f->selection.all.v[TREE_LIVE_BYTES]));
}

/* In the place of all totals, where some tables were asked for. */
static void print_short_totals(FILE *out, const struct snapshot *s)
{
    const struct totals *t = &s->totals;
    char a[32], b[32], c[32], d[32];
    fprintf(out, "\n  live %s in %s block%s, peak %s, %s allocation%s\n",
            about_bytes(a, t->live_bytes, t->estimated), about(b, t->live_blocks, t->estimated),
            format_s(t->live_blocks), about_bytes(c, t->peak_bytes, t->peak_estimated),
            grouped(d, (int64_t)t->allocations),
            format_s((int64_t)t->allocations));
}

int report_text(FILE *out, const struct report *r)
{
    const struct forms *f = r->forms;
    bool some = f && f->parts;
    int bad = 0;
    print_header(out, r);
    if (some)
        print_short_totals(out, r->snapshot);
    else
        print_totals(out, r);
    print_before(out, r->snapshot);
    print_oddities(out, r->snapshot);
    print_warnings(out, &r->snapshot->target);
    if (!some)
        print_functions(out, r->snapshot);
    print_moment(out, r);
    print_filter(out, r);
    if (forms_show(f, FORMS_SIZES))
        bad |= print_sizes(out, r);
    if (forms_show(f, FORMS_THREADS))
        bad |= print_threads(out, r);
    if (forms_show(f, FORMS_TREE))
        bad |= text_tree(out, r);
    if (forms_show(f, FORMS_SITES))
        bad |= print_sites(out, r);
    return bad;
}
