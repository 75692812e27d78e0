/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report as JSON, schema "memtop/1": docs/json.md names every field and
 * its unit. One member a line, one site a line: each piece is built with
 * jansson, written and let go, so that memory does not grow with the sites.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/tier.h"
#include "tui/report/budget.h"
#include "tui/report/forms.h"
#include "tui/report/piece.h"

/* One member of the outermost object, which has others before it. */
static int member(FILE *out, const struct report *r, const char *key, json_t *value)
{
    fprintf(out, r->one_line ? ",\"%s\":" : ",\n\"%s\": ", key);
    return piece_put(out, value);
}

static json_t *exit_object(const struct report *r)
{
    int code = report_exit_code(r);
    json_t *j = json_object();
    json_object_set_new(j, "code", code >= 0 ? json_integer(code) : json_null());
    json_object_set_new(j, "signal", r->signal ? json_integer(r->signal) : json_null());
    return j;
}

/* What makes an object one of estimates. */
static void set_live_errors(json_t *j, uint64_t blocks, uint64_t bytes)
{
    json_object_set_new(j, "estimated", json_true());
    piece_set_number(j, "live_blocks_error", blocks);
    piece_set_number(j, "live_bytes_error", bytes);
}

static json_t *totals_object(const struct snapshot *s)
{
    const struct totals *t = &s->totals;
    json_t *j = json_object();
    piece_set_number(j, "allocations", t->allocations);
    piece_set_number(j, "frees", t->frees);
    piece_set_number(j, "reallocations", t->reallocations);
    piece_set_number(j, "bytes_allocated", t->bytes_allocated);
    piece_set_number(j, "bytes_freed", t->bytes_freed);
    piece_set_signed(j, "live_blocks", t->live_blocks);
    piece_set_signed(j, "live_bytes", t->live_bytes);
    piece_set_signed(j, "peak_bytes", t->peak_bytes);
    piece_set_signed(j, "peak_blocks", t->peak_blocks);
    if (t->peak_estimated)
        json_object_set_new(j, "peak_estimated", json_true());
    json_object_set_new(j, "peak_s", piece_seconds(t->peak_ns));
    piece_set_number(j, "peak_slack_bytes", s->target.peak_slack);
    piece_set_number(j, "temporary", t->temporary);
    piece_set_short(j, t, t->short_lived);
    json_object_set_new(j, "short_below_ns",
                        t->short_ns ? piece_number(t->short_ns) : json_null());
    piece_set_number(j, "foreign_frees", t->foreign_frees);
    piece_set_number(j, "inherited_frees", t->inherited_frees);
    piece_set_number(j, "missed_frees", t->missed_frees);
    piece_set_number(j, "lost", t->lost);
    piece_set_number(j, "lost_bytes", t->lost_bytes);
    piece_set_number(j, "lost_frees", t->lost_frees);
    piece_set_number(j, "unattributed", t->unattributed);
    piece_set_number(j, "cut_stacks", t->cut_stacks);
    piece_set_number(j, "nested", t->nested);
    if (t->estimated) {
        set_live_errors(j, t->live_blocks_error, t->live_bytes_error);
        piece_set_number(j, "samples", t->samples);
        piece_set_number(j, "live_samples", t->live_samples);
        piece_set_number(j, "unsampled_frees", t->unsampled_frees);
    }
    return j;
}

static const struct module_row *module_at(const struct snapshot *s, uint64_t pc)
{
    for (size_t i = s->n_modules; i-- > 1;)
        if (pc >= s->modules[i].start && pc < s->modules[i].end)
            return &s->modules[i];
    return NULL;
}

/* "0x7f.. libc.so.6+0x2a1" for each address. */
static json_t *witness_array(const struct snapshot *s, const uint64_t *pcs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        char line[sizeof s->modules->path + 64];
        const struct module_row *m = module_at(s, pcs[i]);
        const char *slash = m ? strrchr(m->path, '/') : NULL;
        if (m)
            snprintf(line, sizeof line, "0x%" PRIx64 " %s+0x%" PRIx64, pcs[i],
                     slash ? slash + 1 : m->path, pcs[i] - m->bias);
        else
            snprintf(line, sizeof line, "0x%" PRIx64, pcs[i]);
        json_array_append_new(list, piece_text(line));
    }
    return list;
}

static json_t *example_object(const struct snapshot *s, const struct verify_example *e)
{
    static const char *const names[SEG_WITNESS_COUNT] = {
        [SEG_WITNESS_RECORDED] = "recorded",
        [SEG_WITNESS_FRESH] = "fresh",
        [SEG_WITNESS_LIBGCC] = "libgcc",
        [SEG_WITNESS_LIBUNWIND] = "libunwind",
    };
    json_t *j = json_object();
    piece_set_signed(j, "tid", e->tid);
    piece_set_number(j, "site", e->site);
    for (unsigned who = 0; who < SEG_WITNESS_COUNT; who++)
        json_object_set_new(j, names[who], witness_array(s, e->pcs[who], e->depth[who]));
    return j;
}

static json_t *verify_object(const struct snapshot *s)
{
    json_t *j = json_object(), *examples = json_array();
    piece_set_number(j, "checks", s->verify.checks);
    piece_set_number(j, "partial", s->verify.partial);
    piece_set_number(j, "mismatches", s->verify.mismatches);
    for (size_t i = 0; i < s->n_examples; i++)
        json_array_append_new(examples, example_object(s, &s->examples[i]));
    json_object_set_new(j, "examples", examples);
    return j;
}

static json_t *functions_object(const struct snapshot *s)
{
    json_t *j = json_object();
    for (int fn = 0; fn < SEG_FN_COUNT; fn++)
        piece_set_number(j, snapshot_function_name((enum seg_function)fn), s->functions[fn]);
    return j;
}

static json_t *size_object(const struct size_row *row)
{
    json_t *j = json_object();
    piece_set_number(j, "min", row->min);
    json_object_set_new(j, "max", row->max == UINT64_MAX ? json_null() : piece_number(row->max));
    piece_set_number(j, "allocations", row->allocations);
    piece_set_number(j, "frees", row->frees);
    piece_set_number(j, "bytes_allocated", row->bytes_allocated);
    piece_set_number(j, "bytes_freed", row->bytes_freed);
    piece_set_signed(j, "live_blocks", row->live_blocks);
    piece_set_signed(j, "live_bytes", row->live_bytes);
    if (row->estimated)
        set_live_errors(j, row->live_blocks_error, row->live_bytes_error);
    return j;
}

static json_t *lifetimes_array(const struct snapshot *s)
{
    if (!snapshot_has_births(s))
        return json_null();
    json_t *list = json_array();
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++) {
        if (!s->lifetimes[i].frees)
            continue;
        json_t *j = json_object();
        piece_set_number(j, "below_ns", s->lifetimes[i].below_ns);
        piece_set_number(j, "frees", s->lifetimes[i].frees);
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *thread_object(const struct thread_row *row)
{
    json_t *j = json_object();
    piece_set_signed(j, "tid", row->tid);
    json_object_set_new(j, "name", piece_text(row->name));
    json_object_set_new(j, "alive", json_boolean(row->alive));
    piece_set_number(j, "allocations", row->allocations);
    piece_set_number(j, "frees", row->frees);
    piece_set_number(j, "reallocations", row->reallocations);
    piece_set_number(j, "bytes_allocated", row->bytes_allocated);
    piece_set_number(j, "bytes_freed", row->bytes_freed);
    piece_set_number(j, "temporary", row->temporary);
    piece_set_number(j, "foreign_frees", row->foreign_frees);
    json_object_set_new(j, "first_s", piece_seconds(row->first_ns));
    json_object_set_new(j, "last_s", piece_seconds(row->last_ns));
    if (row->estimated)
        json_object_set_new(j, "estimated", json_true());
    return j;
}

/* The rows of sizes or of threads, in the order that was wished. */
static json_t *rows_array(const struct report *r, enum forms_parts part)
{
    const struct snapshot *s = r->snapshot;
    size_t n;
    uint32_t *order = forms_order(r->forms, part, s, &n);
    json_t *list = order ? json_array() : NULL;
    for (size_t i = 0; order && i < n; i++)
        json_array_append_new(list, part == FORMS_SIZES ? size_object(&s->sizes[order[i]])
                                                        : thread_object(&s->threads[order[i]]));
    free(order);
    return list;
}

static json_t *trend_object(const struct verdict *v)
{
    json_t *j = json_object();
    json_object_set_new(j, "verdict", piece_text(verdict_name(v->label)));
    json_object_set_new(j, "bytes_per_s", json_real(v->slope));
    json_object_set_new(j, "bytes_per_s_low", json_real(v->slope_low));
    json_object_set_new(j, "bytes_per_s_high", json_real(v->slope_high));
    if (v->halves) {
        json_object_set_new(j, "bytes_per_s_first", json_real(v->slope_first));
        json_object_set_new(j, "bytes_per_s_last", json_real(v->slope_last));
    }
    json_object_set_new(j, "r2", json_real(v->fit));
    json_object_set_new(j, "tau", json_real(v->tau));
    piece_set_number(j, "readings", v->readings);
    json_object_set_new(j, "from_s", piece_seconds(v->from_ns));
    json_object_set_new(j, "until_s", piece_seconds(v->until_ns));
    return j;
}

static json_t *site_object(const struct batch *b, const struct site_row *site)
{
    const struct forms *f = b->report->forms;
    const int64_t *v = f ? f->figures[site->id].v : NULL;
    json_t *j = json_object();
    piece_set_number(j, "id", site->id);
    piece_set_number(j, "allocations", site->allocations);
    piece_set_number(j, "frees", site->frees);
    piece_set_number(j, "bytes_allocated", site->bytes_allocated);
    piece_set_number(j, "bytes_freed", site->bytes_freed);
    piece_set_signed(j, "live_blocks", v ? v[TREE_LIVE_BLOCKS] : site->live_blocks);
    piece_set_signed(j, "live_bytes", v ? v[TREE_LIVE_BYTES] : site->live_bytes);
    piece_set_signed(j, "peak_blocks", site->peak_blocks);
    piece_set_signed(j, "peak_bytes", site->peak_bytes);
    piece_set_number(j, "temporary", site->temporary);
    piece_set_short(j, &b->report->snapshot->totals, site->short_lived);
    json_object_set_new(j, "first_s", piece_seconds(site->first_ns));
    const struct verdict *verdict = site_watch_verdict(&b->watch, site->id);
    if (verdict && verdict->label != VERDICT_NONE)
        json_object_set_new(j, "trend", trend_object(verdict));
    if (site->samples) {
        set_live_errors(j, site->live_blocks_error, site->live_bytes_error);
        piece_set_number(j, "allocations_error", site->allocations_error);
        piece_set_number(j, "bytes_allocated_error", site->bytes_allocated_error);
        piece_set_number(j, "samples", site->samples);
    }
    if (site->flags & SEG_SITE_CUT)
        json_object_set_new(j, "cut", json_true());
    if (site->flags & (SEG_SITE_BROKEN | SEG_SITE_FOREIGN))
        json_object_set_new(j, "incomplete", json_true());
    json_object_set_new(j, "frames", piece_stack(b));
    return j;
}

static int sites_array(FILE *out, const struct report *r)
{
    struct batch b;
    if (batch_init(&b, r) != 0)
        return -1;
    int status = 0;
    const char *newline = r->one_line ? "" : "\n", *comma = "";
    fprintf(out, ",%s\"sites\": [", newline);
    for (const struct site_row *site; status == 0 && (site = batch_next(&b));) {
        fprintf(out, "%s%s", comma, newline);
        status = piece_put(out, site_object(&b, site));
        comma = ",";
    }
    fprintf(out, "]");
    batch_fini(&b);
    return status;
}

/* What else than the usual was asked for: the moment and the filter. */
static int put_forms(FILE *out, const struct report *r)
{
    const struct forms *f = r->forms;
    int bad = 0;
    if (forms_elsewhen(f)) {
        json_t *j = json_object();
        json_object_set_new(j, "moment", piece_text(f->moment == FORMS_PEAK ? "peak" : "time"));
        json_object_set_new(j, "s", piece_seconds(f->moment_ns));
        piece_set_signed(j, "live_bytes", f->moment_totals.v[TREE_LIVE_BYTES]);
        piece_set_signed(j, "live_blocks", f->moment_totals.v[TREE_LIVE_BLOCKS]);
        json_object_set_new(j, "partial", json_boolean(f->partial));
        bad |= member(out, r, "at", j);
    }
    if (f && f->filter && *f->filter) {
        json_t *j = json_object();
        json_object_set_new(j, "pattern", piece_text(f->filter));
        piece_set_number(j, "sites", f->selection.n);
        piece_set_figures(j, f->selection.passing.v);
        piece_set_short(j, &r->snapshot->totals,
                        (uint64_t)f->selection.passing.v[TREE_SHORT_LIVED]);
        bad |= member(out, r, "filter", j);
    }
    return bad;
}

static json_t *agent_object(const struct target_info *t)
{
    json_t *j = json_object();
    json_object_set_new(j, "allocator", piece_text(t->allocator));
    piece_set_number(j, "segment_bytes", t->segment_bytes);
    piece_set_number(j, "segment_cap_bytes", t->segment_cap);
    json_object_set_new(j, "foreign_heap",
                        json_boolean(t->flags & SEG_FLAG_FOREIGN_HEAP));
    json_object_set_new(j, "sandboxed", json_boolean(t->flags & SEG_FLAG_SANDBOXED));
    json_object_set_new(j, "memory_cap_reached",
                        json_boolean(t->flags & SEG_FLAG_MEMORY_CAP));
    json_object_set_new(j, "forked", json_boolean(t->flags & SEG_FLAG_FORKED));
    json_object_set_new(j, "stacks", json_boolean(t->tier != SEG_TIER_COUNTERS));
    json_object_set_new(j, "compact", json_boolean(t->flags & SEG_FLAG_COMPACT));
    json_object_set_new(j, "tier", piece_text(tier_name(t->tier)));
    json_object_set_new(j, "tier_since_s", piece_seconds(t->tier_ns));
    json_object_set_new(j, "sample_bytes", t->tier == SEG_TIER_SAMPLED
                                               ? piece_number(t->sample_bytes) : json_null());
    return j;
}

static json_t *attach_object(const struct snapshot *s)
{
    const struct attach_info *a = &s->target.attach;
    const char *source = report_before_source(a->before);
    json_t *j = json_object();
    json_object_set_new(j, "before_bytes_estimate",
                        source ? piece_number(a->before_bytes) : json_null());
    json_object_set_new(j, "before_source", piece_text(source));
    piece_set_number(j, "foreign_frees", s->totals.foreign_frees);
    piece_set_number(j, "modules", a->modules);
    piece_set_number(j, "slots", a->slots);
    piece_set_number(j, "skipped_modules", a->skipped);
    return j;
}

static json_t *leak_object(const struct leak_sum *sum)
{
    json_t *j = json_object();
    piece_set_signed(j, "blocks", sum->blocks);
    piece_set_signed(j, "bytes", sum->bytes);
    return j;
}

static json_t *budget_object(const struct budget *b)
{
    json_t *j = json_object(), *worst = json_array();
    json_object_set_new(j, "budget", piece_text(budget_option(b->kind) + 2));
    json_object_set_new(j, "failed", json_boolean(b->failed));
    json_object_set_new(j, "unchecked", piece_text(b->unchecked));
    piece_set_number(j, "limit", b->limit);
    piece_set_number(j, "value", b->value);
    if (b->kind == BUDGET_LEAK) {
        json_object_set_new(j, "leaked", leak_object(&b->leaks.counted));
        json_object_set_new(j, "suppressed", leak_object(&b->leaks.suppressed));
        json_object_set_new(j, "runtime", leak_object(&b->leaks.runtime));
    }
    for (size_t i = 0; i < b->n_worst; i++)
        json_array_append_new(worst, json_integer(b->worst[i]));
    json_object_set_new(j, "worst_sites", worst);
    return j;
}

static json_t *budgets_array(const struct report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_budgets; i++)
        json_array_append_new(list, budget_object(&r->budgets[i]));
    return list;
}

/* What always is there. */
static int put_target(FILE *out, const struct report *r)
{
    const struct target_info *t = &r->snapshot->target;
    int bad = 0;
    bad |= member(out, r, "pid", json_integer(t->pid));
    bad |= member(out, r, "command", piece_text(t->command));
    bad |= member(out, r, "executable", piece_text(t->executable));
    bad |= member(out, r, "state", piece_text(report_state(r)));
    bad |= member(out, r, "exit", exit_object(r));
    bad |= member(out, r, "start_realtime_s", piece_seconds(t->start_realtime_ns));
    bad |= member(out, r, "wall_s", piece_seconds(t->wall_ns));
    bad |= member(out, r, "totals", totals_object(r->snapshot));
    bad |= member(out, r, "verify", verify_object(r->snapshot));
    bad |= member(out, r, "functions", functions_object(r->snapshot));
    bad |= member(out, r, "agent", agent_object(t));
    if (t->attach.late)
        bad |= member(out, r, "attach", attach_object(r->snapshot));
    return bad;
}

int report_json(FILE *out, const struct report *r)
{
    const struct forms *f = r->forms;
    int bad = 0;
    fprintf(out, r->one_line ? "{\"schema\":\"memtop/1\"" : "{\n\"schema\": \"memtop/1\"");
    bad |= put_target(out, r);
    bad |= put_forms(out, r);
    if (r->n_budgets)
        bad |= member(out, r, "budgets", budgets_array(r));
    if (forms_show(f, FORMS_SIZES))
        bad |= member(out, r, "sizes", rows_array(r, FORMS_SIZES));
    if (!f || !f->parts)
        bad |= member(out, r, "lifetimes", lifetimes_array(r->snapshot));
    if (forms_show(f, FORMS_THREADS))
        bad |= member(out, r, "threads", rows_array(r, FORMS_THREADS));
    if (forms_show(f, FORMS_TREE)) {
        fputs(r->one_line ? ",\"tree\":" : ",\n\"tree\": ", out);
        bad |= piece_tree(out, f->tree, f->mode, f->tree_top, f->sort, r->one_line, f->tree_cut,
                          &r->snapshot->totals);
    }
    if (forms_show(f, FORMS_SITES))
        bad |= sites_array(out, r);
    fputs(r->one_line ? "}\n" : "\n}\n", out);
    return bad && !ferror(out) ? -1 : 0;
}
