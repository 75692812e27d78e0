/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets checked and told; see budget.h. Called by stat.
 */
#include "tui/report/budget.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/report/forms.h"
#include "tui/report/text_stack.h"
#include "tui/view/format.h"

#define N_WORST (sizeof ((struct budget *)0)->worst / sizeof(uint32_t))

const char *budget_option(enum budget_kind kind)
{
    static const char *const names[BUDGET_KINDS] = {
        [BUDGET_LEAK] = "--fail-on-leak",
        [BUDGET_PEAK] = "--max-peak",
        [BUDGET_ALLOCATIONS] = "--max-allocations",
    };
    return names[kind];
}

/* ---- checking ------------------------------------------------------------------- */

/* Why nothing can be said of single blocks at the end; NULL: it can. */
static const char *leaks_unknown(const struct report *r, const struct budget_limits *limits)
{
    const struct snapshot *s = r->snapshot;
    if (s->totals.estimated || s->target.tier == SEG_TIER_SAMPLED)
        return "stacks were sampled, so that live blocks are estimates: leave out --tier";
    if (s->totals.lost)
        return "allocations were lost for want of memory: give more with --memory";
    if (s->target.tier == SEG_TIER_COUNTERS && (limits->leak_pattern || limits->rules->n))
        return "no stacks were recorded, so that patterns find nothing: leave out --tier";
    if (s->target.state == TARGET_DETACHED)
        return "the recording ended before the program did";
    if (r->signal || s->target.state == TARGET_REPLACED)
        return "the program did not come to its end";
    return NULL;
}

static int check_leaks(const struct report *r, const struct budget_limits *limits,
                       struct budget *b)
{
    struct pattern which;
    b->unchecked = leaks_unknown(r, limits);
    pattern_init(&which, limits->leak_pattern ? limits->leak_pattern : "");
    int bad = leaks_find(&b->leaks, r->snapshot, r->symbols, &which, limits->rules,
                         limits->all_leaks);
    pattern_fini(&which);
    if (bad)
        return -1;
    b->value = (uint64_t)b->leaks.counted.blocks;
    for (; b->n_worst < N_WORST && b->n_worst < b->leaks.n; b->n_worst++)
        b->worst[b->n_worst] = b->leaks.sites[b->n_worst];
    return 0;
}

static uint64_t part_of(const struct site_row *site, enum budget_kind kind)
{
    return kind == BUDGET_PEAK ? site->peak_bytes > 0 ? (uint64_t)site->peak_bytes : 0
                               : site->allocations;
}

/* Sites with the largest parts, by insertion. */
static void find_worst(const struct snapshot *s, struct budget *b)
{
    for (uint32_t i = 0; i < s->n_sites; i++) {
        uint64_t part = part_of(&s->sites[i], b->kind);
        size_t at = b->n_worst;
        while (at > 0 && part > part_of(&s->sites[b->worst[at - 1]], b->kind))
            at--;
        if (!part || at == N_WORST)
            continue;
        b->n_worst += b->n_worst < N_WORST;
        memmove(&b->worst[at + 1], &b->worst[at], (b->n_worst - 1 - at) * sizeof *b->worst);
        b->worst[at] = i;
    }
}

static int check_one(const struct report *r, const struct budget_limits *limits,
                     struct budget *b)
{
    const struct totals *t = &r->snapshot->totals;
    int bad = 0;
    if (b->kind == BUDGET_LEAK) {
        bad = check_leaks(r, limits, b);
    } else if (b->kind == BUDGET_PEAK) {
        b->limit = limits->peak_bytes;
        b->value = t->peak_bytes > 0 ? (uint64_t)t->peak_bytes : 0;
        if (t->lost)
            b->unchecked = "allocations were lost for want of memory: give more with --memory";
    } else {
        b->limit = limits->allocations;
        b->value = t->allocations + t->lost;
    }
    b->failed = b->unchecked || b->value > b->limit;
    if (b->failed && b->kind != BUDGET_LEAK)
        find_worst(r->snapshot, b);
    return bad;
}

int budgets_check(const struct report *r, const struct budget_limits *limits,
                  struct budget out[BUDGET_KINDS], size_t *n)
{
    int bad = 0;
    *n = 0;
    for (int kind = 0; kind < BUDGET_KINDS && !bad; kind++) {
        if (!limits->set[kind])
            continue;
        out[*n] = (struct budget){ .kind = (enum budget_kind)kind };
        bad = check_one(r, limits, &out[*n]);
        *n += !bad;
    }
    if (bad)
        budgets_fini(out, *n);
    return bad;
}

void budgets_fini(struct budget *budgets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (budgets[i].kind == BUDGET_LEAK)
            leaks_fini(&budgets[i].leaks);
}

bool budgets_failed(const struct budget *budgets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (budgets[i].failed)
            return true;
    return false;
}

/* ---- telling -------------------------------------------------------------------- */

/* "12 blocks" */
static const char *blocks_text(char out[40], int64_t n)
{
    char number[32];
    snprintf(out, 40, "%s block%s", format_grouped(number, sizeof number, n), format_s(n));
    return out;
}

static void print_worst(FILE *out, const struct report *r, const struct budget *b)
{
    static const char *const kinds[BUDGET_KINDS] = {
        [BUDGET_LEAK] = "alive at the end",
        [BUDGET_PEAK] = "at the peak",
        [BUDGET_ALLOCATIONS] = "allocations",
    };
    struct batch batch = { .report = r, .order = (uint32_t *)b->worst, .count = b->n_worst };
    for (const struct site_row *site; (site = batch_next(&batch));) {
        char bytes[32], number[32], blocks[40];
        int64_t n = b->kind == BUDGET_LEAK ? site->live_blocks
                  : b->kind == BUDGET_PEAK ? site->peak_blocks : (int64_t)site->allocations;
        int64_t size = b->kind == BUDGET_LEAK ? site->live_bytes
                     : b->kind == BUDGET_PEAK ? site->peak_bytes
                                              : (int64_t)site->bytes_allocated;
        format_bytes(bytes, sizeof bytes, size);
        if (b->kind == BUDGET_ALLOCATIONS)
            fprintf(out, "  %s %s, %s:\n", format_grouped(number, sizeof number, n),
                    kinds[b->kind], bytes);
        else
            fprintf(out, "  %s in %s %s:\n", bytes, blocks_text(blocks, n), kinds[b->kind]);
        text_stack(out, &batch);
    }
}

static void print_sum(FILE *out, const char *what, const struct leak_sum *sum)
{
    char a[40], b[32];
    if (sum->blocks)
        fprintf(out, "; %s %s, %s", what, blocks_text(a, sum->blocks),
                format_bytes(b, sizeof b, sum->bytes));
}

static void print_leaks(FILE *out, const struct budget *b)
{
    char blocks[40], bytes[32];
    fprintf(out, "%s, %s, alive at the end", blocks_text(blocks, b->leaks.counted.blocks),
            format_bytes(bytes, sizeof bytes, b->leaks.counted.bytes));
    print_sum(out, "suppressed:", &b->leaks.suppressed);
    print_sum(out, "the runtime's own:", &b->leaks.runtime);
    fputc('\n', out);
}

static void print_excess(FILE *out, const struct report *r, const struct budget *b)
{
    char value[32], limit[32], more[32], short_more[32];
    format_grouped(value, sizeof value, (int64_t)b->value);
    format_grouped(limit, sizeof limit, (int64_t)b->limit);
    format_grouped(more, sizeof more, (int64_t)(b->value - b->limit));
    if (b->kind == BUDGET_ALLOCATIONS) {
        fprintf(out, "%s allocations, %s more than %s\n", value, more, limit);
        return;
    }
    format_bytes(short_more, sizeof short_more, (int64_t)(b->value - b->limit));
    fprintf(out, "the peak is %s bytes, %s (%s) more than %s", value, more, short_more, limit);
    if (r->snapshot->totals.peak_estimated)
        fputs("; it is an estimate", out);
    fputc('\n', out);
}

void budgets_print(FILE *out, const struct report *r)
{
    for (size_t i = 0; i < r->n_budgets; i++) {
        const struct budget *b = &r->budgets[i];
        if (!b->failed)
            continue;
        fprintf(out, "memtop: budget %s failed: ", budget_option(b->kind));
        if (b->unchecked)
            fprintf(out, "cannot be checked: %s\n", b->unchecked);
        else if (b->kind == BUDGET_LEAK)
            print_leaks(out, b);
        else
            print_excess(out, r, b);
        if (!b->unchecked)
            print_worst(out, r, b);
    }
}
