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
#include "tui/report/batch.h"
#include "tui/report/report.h"
#include "tui/report/safe_text.h"

#define PIECE_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* Text of any origin; null for NULL or without memory. */
static json_t *text(const char *s)
{
    char *clean = s ? safe_text_utf8(s) : NULL;
    json_t *j = clean ? json_string_nocheck(clean) : NULL;
    free(clean);
    return j ? j : json_null();
}

static json_t *number(uint64_t n)
{
    return json_integer(n <= INT64_MAX ? (json_int_t)n : INT64_MAX);
}

static json_t *seconds(uint64_t ns)
{
    return json_real((double)ns / 1e9);
}

static void set_number(json_t *object, const char *key, uint64_t n)
{
    json_object_set_new(object, key, number(n));
}

static void set_signed(json_t *object, const char *key, int64_t n)
{
    json_object_set_new(object, key, json_integer(n));
}

/* Write a piece and let it go. -1: it could not be built or printed. */
static int put(FILE *out, json_t *piece)
{
    int status = piece ? json_dumpf(piece, out, PIECE_FLAGS) : -1;
    json_decref(piece);
    return status;
}

/* One member of the outermost object; `first` has no comma before it. */
static int member(FILE *out, const char *key, json_t *value)
{
    fprintf(out, ",\n\"%s\": ", key);
    return put(out, value);
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
    set_number(j, "live_blocks_error", blocks);
    set_number(j, "live_bytes_error", bytes);
}

static json_t *totals_object(const struct snapshot *s)
{
    const struct totals *t = &s->totals;
    json_t *j = json_object();
    set_number(j, "allocations", t->allocations);
    set_number(j, "frees", t->frees);
    set_number(j, "reallocations", t->reallocations);
    set_number(j, "bytes_allocated", t->bytes_allocated);
    set_number(j, "bytes_freed", t->bytes_freed);
    set_signed(j, "live_blocks", t->live_blocks);
    set_signed(j, "live_bytes", t->live_bytes);
    set_signed(j, "peak_bytes", t->peak_bytes);
    set_signed(j, "peak_blocks", t->peak_blocks);
    if (t->peak_estimated)
        json_object_set_new(j, "peak_estimated", json_true());
    json_object_set_new(j, "peak_s", seconds(t->peak_ns));
    set_number(j, "peak_slack_bytes", s->target.peak_slack);
    set_number(j, "temporary", t->temporary);
    set_number(j, "foreign_frees", t->foreign_frees);
    set_number(j, "inherited_frees", t->inherited_frees);
    set_number(j, "missed_frees", t->missed_frees);
    set_number(j, "lost", t->lost);
    set_number(j, "lost_bytes", t->lost_bytes);
    set_number(j, "lost_frees", t->lost_frees);
    set_number(j, "unattributed", t->unattributed);
    set_number(j, "cut_stacks", t->cut_stacks);
    set_number(j, "nested", t->nested);
    if (t->estimated) {
        set_live_errors(j, t->live_blocks_error, t->live_bytes_error);
        set_number(j, "samples", t->samples);
        set_number(j, "live_samples", t->live_samples);
        set_number(j, "unsampled_frees", t->unsampled_frees);
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
        json_array_append_new(list, text(line));
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
    set_signed(j, "tid", e->tid);
    set_number(j, "site", e->site);
    for (unsigned who = 0; who < SEG_WITNESS_COUNT; who++)
        json_object_set_new(j, names[who], witness_array(s, e->pcs[who], e->depth[who]));
    return j;
}

static json_t *verify_object(const struct snapshot *s)
{
    json_t *j = json_object(), *examples = json_array();
    set_number(j, "checks", s->verify.checks);
    set_number(j, "partial", s->verify.partial);
    set_number(j, "mismatches", s->verify.mismatches);
    for (size_t i = 0; i < s->n_examples; i++)
        json_array_append_new(examples, example_object(s, &s->examples[i]));
    json_object_set_new(j, "examples", examples);
    return j;
}

static json_t *functions_object(const struct snapshot *s)
{
    json_t *j = json_object();
    for (int fn = 0; fn < SEG_FN_COUNT; fn++)
        set_number(j, snapshot_function_name((enum seg_function)fn), s->functions[fn]);
    return j;
}

static json_t *size_object(const struct size_row *row)
{
    json_t *j = json_object();
    set_number(j, "min", row->min);
    json_object_set_new(j, "max", row->max == UINT64_MAX ? json_null() : number(row->max));
    set_number(j, "allocations", row->allocations);
    set_number(j, "frees", row->frees);
    set_number(j, "bytes_allocated", row->bytes_allocated);
    set_number(j, "bytes_freed", row->bytes_freed);
    set_signed(j, "live_blocks", row->live_blocks);
    set_signed(j, "live_bytes", row->live_bytes);
    if (row->estimated)
        set_live_errors(j, row->live_blocks_error, row->live_bytes_error);
    return j;
}

static json_t *sizes_array(const struct snapshot *s)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++)
        if (s->sizes[i].allocations)
            json_array_append_new(list, size_object(&s->sizes[i]));
    return list;
}

static json_t *lifetimes_array(const struct snapshot *s)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++) {
        if (!s->lifetimes[i].frees)
            continue;
        json_t *j = json_object();
        set_number(j, "below_ns", s->lifetimes[i].below_ns);
        set_number(j, "frees", s->lifetimes[i].frees);
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *thread_object(const struct thread_row *row)
{
    json_t *j = json_object();
    set_signed(j, "tid", row->tid);
    json_object_set_new(j, "name", text(row->name));
    json_object_set_new(j, "alive", json_boolean(row->alive));
    set_number(j, "allocations", row->allocations);
    set_number(j, "frees", row->frees);
    set_number(j, "reallocations", row->reallocations);
    set_number(j, "bytes_allocated", row->bytes_allocated);
    set_number(j, "bytes_freed", row->bytes_freed);
    set_number(j, "temporary", row->temporary);
    set_number(j, "foreign_frees", row->foreign_frees);
    json_object_set_new(j, "first_s", seconds(row->first_ns));
    json_object_set_new(j, "last_s", seconds(row->last_ns));
    if (row->estimated)
        json_object_set_new(j, "estimated", json_true());
    return j;
}

static json_t *threads_array(const struct snapshot *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_threads; i++)
        json_array_append_new(list, thread_object(&s->threads[i]));
    return list;
}

static const char *module_path(const struct snapshot *s, const struct node_row *node)
{
    return node->module && node->module < s->n_modules ? s->modules[node->module].path : NULL;
}

static json_t *frame_object(const struct symbol_frame *f, const char *module,
                            const char *address)
{
    json_t *j = json_object();
    json_object_set_new(j, "function", text(f ? f->function : address));
    json_object_set_new(j, "file", text(f ? f->file : NULL));
    json_object_set_new(j, "line", f && f->line ? json_integer(f->line) : json_null());
    json_object_set_new(j, "module", text(module));
    json_object_set_new(j, "address", text(address));
    if (f && f->inlined)
        json_object_set_new(j, "inlined", json_true());
    return j;
}

/* One program counter: its inlined functions, then the function around them. */
static void append_frames(json_t *list, const struct batch *b, uint32_t at)
{
    const struct snapshot *s = b->report->snapshot;
    const struct node_row *node = &s->nodes[at];
    const struct symbol *symbol = batch_symbol(b, at);
    const char *module = module_path(s, node);
    char address[24];
    snprintf(address, sizeof address, "0x%" PRIx64, node->pc);
    if (!module && symbol && symbol->module && symbol->module[0] != '?')
        module = symbol->module;
    for (size_t i = 0; symbol && i < symbol->n; i++)
        json_array_append_new(list, frame_object(&symbol->frames[i], module, address));
    if (!symbol)
        json_array_append_new(list, frame_object(NULL, module, address));
}

static json_t *trend_object(const struct verdict *v)
{
    json_t *j = json_object();
    json_object_set_new(j, "verdict", text(verdict_name(v->label)));
    json_object_set_new(j, "bytes_per_s", json_real(v->slope));
    json_object_set_new(j, "bytes_per_s_low", json_real(v->slope_low));
    json_object_set_new(j, "bytes_per_s_high", json_real(v->slope_high));
    json_object_set_new(j, "r2", json_real(v->fit));
    json_object_set_new(j, "tau", json_real(v->tau));
    set_number(j, "readings", v->readings);
    json_object_set_new(j, "from_s", seconds(v->from_ns));
    json_object_set_new(j, "until_s", seconds(v->until_ns));
    return j;
}

static json_t *site_object(const struct batch *b, const struct site_row *site)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < b->depth; i++)
        append_frames(frames, b, b->nodes[i]);
    json_t *j = json_object();
    set_number(j, "id", site->id);
    set_number(j, "allocations", site->allocations);
    set_number(j, "frees", site->frees);
    set_number(j, "bytes_allocated", site->bytes_allocated);
    set_number(j, "bytes_freed", site->bytes_freed);
    set_signed(j, "live_blocks", site->live_blocks);
    set_signed(j, "live_bytes", site->live_bytes);
    set_signed(j, "peak_blocks", site->peak_blocks);
    set_signed(j, "peak_bytes", site->peak_bytes);
    set_number(j, "temporary", site->temporary);
    json_object_set_new(j, "first_s", seconds(site->first_ns));
    const struct verdict *v = site_watch_verdict(&b->watch, site->id);
    if (v && v->label != VERDICT_NONE)
        json_object_set_new(j, "trend", trend_object(v));
    if (site->samples) {
        set_live_errors(j, site->live_blocks_error, site->live_bytes_error);
        set_number(j, "allocations_error", site->allocations_error);
        set_number(j, "bytes_allocated_error", site->bytes_allocated_error);
        set_number(j, "samples", site->samples);
    }
    if (site->flags & SEG_SITE_CUT)
        json_object_set_new(j, "cut", json_true());
    if (site->flags & (SEG_SITE_BROKEN | SEG_SITE_FOREIGN))
        json_object_set_new(j, "incomplete", json_true());
    json_object_set_new(j, "frames", frames);
    return j;
}

static int sites_array(FILE *out, const struct report *r)
{
    struct batch b;
    if (batch_init(&b, r) != 0)
        return -1;
    int status = 0;
    const char *separator = "";
    fprintf(out, ",\n\"sites\": [");
    for (const struct site_row *site; status == 0 && (site = batch_next(&b));) {
        fprintf(out, "%s\n", separator);
        status = put(out, site_object(&b, site));
        separator = ",";
    }
    fprintf(out, "]");
    batch_fini(&b);
    return status;
}

static json_t *agent_object(const struct target_info *t)
{
    json_t *j = json_object();
    json_object_set_new(j, "allocator", text(t->allocator));
    set_number(j, "segment_bytes", t->segment_bytes);
    set_number(j, "segment_cap_bytes", t->segment_cap);
    json_object_set_new(j, "foreign_heap",
                        json_boolean(t->flags & SEG_FLAG_FOREIGN_HEAP));
    json_object_set_new(j, "memory_cap_reached",
                        json_boolean(t->flags & SEG_FLAG_MEMORY_CAP));
    json_object_set_new(j, "forked", json_boolean(t->flags & SEG_FLAG_FORKED));
    json_object_set_new(j, "stacks", json_boolean(t->tier != SEG_TIER_COUNTERS));
    json_object_set_new(j, "tier", text(tier_name(t->tier)));
    json_object_set_new(j, "tier_since_s", seconds(t->tier_ns));
    json_object_set_new(j, "sample_bytes", t->tier == SEG_TIER_SAMPLED
                                               ? number(t->sample_bytes) : json_null());
    return j;
}

int report_json(FILE *out, const struct report *r)
{
    const struct snapshot *s = r->snapshot;
    const struct target_info *t = &s->target;
    int bad = 0;
    fprintf(out, "{\n\"schema\": \"memtop/1\"");
    bad |= member(out, "pid", json_integer(t->pid));
    bad |= member(out, "command", text(t->command));
    bad |= member(out, "executable", text(t->executable));
    bad |= member(out, "state", text(report_state(r)));
    bad |= member(out, "exit", exit_object(r));
    bad |= member(out, "start_realtime_s", seconds(t->start_realtime_ns));
    bad |= member(out, "wall_s", seconds(t->wall_ns));
    bad |= member(out, "totals", totals_object(s));
    bad |= member(out, "verify", verify_object(s));
    bad |= member(out, "functions", functions_object(s));
    bad |= member(out, "agent", agent_object(t));
    bad |= member(out, "sizes", sizes_array(s));
    bad |= member(out, "lifetimes", lifetimes_array(s));
    bad |= member(out, "threads", threads_array(s));
    bad |= sites_array(out, r);
    fprintf(out, "\n}\n");
    return bad && !ferror(out) ? -1 : 0;
}
