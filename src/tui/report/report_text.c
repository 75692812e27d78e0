/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for people, at 80 columns, in ASCII but for the names it prints.
 * All foreign strings pass safe_text_line, so that a symbol cannot send escape
 * sequences to the terminal.
 */
#include <inttypes.h>
#include <string.h>

#include "tui/report/batch.h"
#include "tui/report/report.h"
#include "tui/report/safe_text.h"
#include "tui/view/format.h"

#define COLUMNS      80
#define BAR_COLUMNS  20
#define STACK_FRAMES 12 /* printed for each site */

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

/* Which tier, if it is not the usual one. */
static void print_tier(FILE *out, const struct snapshot *s)
{
    char text[64];
    if (s->target.tier == SEG_TIER_EXACT && !s->totals.estimated)
        return;
    fprintf(out, "recorded: %s\n", format_tier(text, sizeof text, s, true));
}

static void print_header(FILE *out, const struct report *r)
{
    const struct target_info *t = &r->snapshot->target;
    char command[2 * COLUMNS], allocator[sizeof t->allocator];
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

static void print_totals(FILE *out, const struct report *r)
{
    const struct totals *t = &r->snapshot->totals;
    bool running = r->snapshot->target.state == TARGET_RUNNING;
    fprintf(out, "\n  %-15s %18s %12s\n", "TOTALS", "COUNT", "BYTES");
    print_count(out, "allocations", t->allocations, (int64_t)t->bytes_allocated, NONE);
    fputc('\n', out);
    print_count(out, "frees", t->frees, (int64_t)t->bytes_freed, t->estimated ? BYTES : NONE);
    fputc('\n', out);
    print_count(out, running ? "live now" : "live at the end", (uint64_t)t->live_blocks,
                t->live_bytes, t->estimated ? BOTH : NONE);
    print_errors(out, t);
    print_peak(out, r);
    print_share(out, "temporary", t->temporary, t->allocations);
    print_share(out, "reallocations", t->reallocations, 0);
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
        { "foreign frees", t->foreign_frees, "of blocks from before the agent" },
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
    if (t->flags & SEG_FLAG_NO_STACKS)
        fputs("  note: stacks are not recorded (memtop mode PID exact changes that)\n", out);
    if (t->flags & SEG_FLAG_FORKED)
        fputs("  note: a forked process; what it inherited is not in these figures\n", out);
    if (t->state == TARGET_REPLACED)
        fputs("  note: exec put a program without the agent in its place\n", out);
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

static void print_sizes(FILE *out, const struct snapshot *s)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++)
        if (s->sizes[i].allocations > most)
            most = s->sizes[i].allocations;
    if (!most)
        return;
    fprintf(out, "\n  %-17s %12s %-*s %12s %11s\n", "SIZES", "ALLOCATIONS", BAR_COLUMNS, "",
            "LIVE BLOCKS", "LIVE BYTES");
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++)
        if (s->sizes[i].allocations)
            print_size_row(out, &s->sizes[i], most);
}

/* ---- threads ------------------------------------------------------------- */
static void print_threads(FILE *out, const struct snapshot *s)
{
    if (s->n_threads < 2)
        return;
    fprintf(out, "\n  %-8s %-16s %15s %15s %12s\n", "THREAD", "NAME", "ALLOCATIONS", "FREES",
            "BYTES");
    for (size_t i = 0; i < s->n_threads; i++) {
        const struct thread_row *row = &s->threads[i];
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
}

/* ---- sites --------------------------------------------------------------- */
static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* C++ plumbing between the code that wants memory and malloc. */
static bool is_plumbing(const char *function)
{
    return starts_with(function, "operator new") || starts_with(function, "std::allocator") ||
           starts_with(function, "std::__new_allocator") ||
           starts_with(function, "std::_Vector_base") ||
           starts_with(function, "__gnu_cxx::new_allocator");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A line of a stack: "    function (file.c:12, module)". Long names lose their
 * end, so that the place stays in view. */
static void print_frame(FILE *out, const struct symbol_frame *f, const char *module)
{
    char function[256], file[128], where[200] = "", m[64];
    safe_text_line(m, sizeof m, base_name(module));
    if (f->file)
        snprintf(where, sizeof where, "%s:%u, ",
                 safe_text_line(file, sizeof file, base_name(f->file)), f->line);
    int place = (int)(strlen(where) + strlen(m) + 3);
    size_t room = place < COLUMNS - 24 ? (size_t)(COLUMNS - 4 - place) : 20;
    safe_text_line(function, sizeof function, f->function);
    bool cut = strlen(function) > room && room < sizeof function;
    if (cut) {
        char shorter[256];
        safe_text_line(shorter, room - 2 + 1, function);
        memcpy(function, shorter, strlen(shorter) + 1);
    }
    fprintf(out, "    %s%s (%s%s)\n", function, cut ? ".." : "", where, m);
}

/* What is printed of a site's stack so far. */
struct printed {
    unsigned lines, hidden;
    bool user_code; /* past the allocator's own frames */
};

static void print_limited(FILE *out, struct printed *p, const struct symbol_frame *f,
                          const char *module)
{
    p->user_code = p->user_code || !is_plumbing(f->function);
    if (!p->user_code)
        return;
    if (p->lines < STACK_FRAMES) {
        print_frame(out, f, module);
        p->lines++;
    } else {
        p->hidden++;
    }
}

/* A frame without a name: there are no symbols at all. */
static void print_unnamed(FILE *out, struct printed *p, const struct snapshot *s,
                          const struct node_row *node)
{
    char address[24];
    snprintf(address, sizeof address, "0x%" PRIx64, node->pc);
    bool known = node->module && node->module < s->n_modules;
    print_limited(out, p, &(struct symbol_frame){ .function = address },
                  known ? s->modules[node->module].path : "?");
}

static void print_stack(FILE *out, const struct batch *b)
{
    struct printed p = { .lines = 0 };
    const struct snapshot *s = b->report->snapshot;
    for (size_t i = 0; i < b->depth; i++) {
        const struct symbol *symbol = batch_symbol(b, b->nodes[i]);
        for (size_t k = 0; symbol && k < symbol->n; k++)
            print_limited(out, &p, &symbol->frames[k], symbol->module);
        if (!symbol)
            print_unnamed(out, &p, s, &s->nodes[b->nodes[i]]);
    }
    if (p.hidden)
        fprintf(out, "    .. and %u more\n", p.hidden);
    if (p.lines == 0)
        fputs(b->depth ? "    (only the allocator's own frames)\n" : "    (no stack)\n", out);
}

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

static void print_site(FILE *out, const struct batch *b, const struct site_row *site)
{
    char a[32], c[32], d[32], e[32], f[32];
    bool estimated = site->samples != 0;
    fprintf(out, "\n%12s %12s %14s %12s %12s  #%" PRIu32 "\n",
            about_bytes(a, site->live_bytes, estimated),
            about(c, site->live_blocks, estimated),
            about(d, (int64_t)site->allocations, estimated),
            about_bytes(e, (int64_t)site->bytes_allocated, estimated),
            about_bytes(f, site->peak_bytes, estimated), site->id);
    if (estimated)
        print_site_errors(out, site);
    print_trend(out, b, site);
    print_stack(out, b);
}

static int print_sites(FILE *out, const struct report *r)
{
    struct batch b;
    if (batch_init(&b, r) != 0)
        return -1;
    if (b.count)
        fprintf(out, "\n%12s %12s %14s %12s %12s  SITE\n", "LIVE BYTES", "LIVE BLOCKS",
                "ALLOCATIONS", "BYTES", "AT PEAK");
    for (const struct site_row *site; (site = batch_next(&b));)
        print_site(out, &b, site);
    batch_fini(&b);
    return 0;
}

int report_text(FILE *out, const struct report *r)
{
    print_header(out, r);
    print_totals(out, r);
    print_oddities(out, r->snapshot);
    print_warnings(out, &r->snapshot->target);
    print_functions(out, r->snapshot);
    print_sizes(out, r->snapshot);
    print_threads(out, r->snapshot);
    return print_sites(out, r);
}
