/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics of a process, as OpenMetrics 1.0 and as the older text format of
 * Prometheus, which differ in how counters are declared. Call sites stay out:
 * there may be any number of them. A process is told by its labels.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/export/export.h"
#include "tui/report/safe_text.h"

struct metrics {
    FILE *out;
    bool open; /* OpenMetrics */
    char *labels; /* `pid="1",program="x"` */
};

/* A label's value, escaped. */
static int put_label(FILE *out, const char *text)
{
    char *clean = safe_text_utf8(text);
    for (const char *p = clean; p && *p; p++) {
        if (*p == '\\' || *p == '"')
            fputc('\\', out);
        fputc((unsigned char)*p < 0x20 ? '?' : *p, out);
    }
    free(clean);
    return clean ? 0 : -1;
}

static int make_labels(struct metrics *m, const struct target_info *t)
{
    size_t n;
    FILE *out = open_memstream(&m->labels, &n);
    if (!out)
        return -1;
    const char *slash = strrchr(t->executable, '/');
    fprintf(out, "pid=\"%d\",program=\"", t->pid);
    int bad = put_label(out, slash ? slash + 1 : t->executable);
    fputc('"', out);
    return fclose(out) == 0 ? bad : -1;
}

static void declare(const struct metrics *m, const char *name, const char *unit, bool counter,
                    const char *help)
{
    const char *suffix = counter && !m->open ? "_total" : "";
    fprintf(m->out, "# HELP %s%s %s.\n# TYPE %s%s %s\n", name, suffix, help, name, suffix,
            counter ? "counter" : "gauge");
    if (m->open && unit)
        fprintf(m->out, "# UNIT %s %s\n", name, unit);
}

static void gauge(const struct metrics *m, const char *name, const char *unit, int64_t value,
                  const char *help)
{
    declare(m, name, unit, false, help);
    fprintf(m->out, "%s{%s} %" PRId64 "\n", name, m->labels, value);
}

static void counter(const struct metrics *m, const char *name, const char *unit, uint64_t value,
                    const char *help)
{
    declare(m, name, unit, true, help);
    fprintf(m->out, "%s_total{%s} %" PRIu64 "\n", name, m->labels, value);
}

static void put_totals(const struct metrics *m, const struct totals *t)
{
    gauge(m, "memtop_heap_live_bytes", "bytes", t->live_bytes,
          "What the program asked for and has not freed");
    gauge(m, "memtop_heap_live_blocks", NULL, t->live_blocks, "Blocks allocated and not freed");
    gauge(m, "memtop_heap_peak_bytes", "bytes", t->peak_bytes, "The highest live bytes");
    gauge(m, "memtop_heap_peak_blocks", NULL, t->peak_blocks, "The highest live blocks");
    counter(m, "memtop_heap_allocations", NULL, t->allocations, "Allocations");
    counter(m, "memtop_heap_frees", NULL, t->frees, "Frees");
    counter(m, "memtop_heap_reallocations", NULL, t->reallocations, "Reallocations");
    counter(m, "memtop_heap_temporary_allocations", NULL, t->temporary,
            "Allocations whose free was the next event of their thread");
    counter(m, "memtop_heap_allocated_bytes", "bytes", t->bytes_allocated, "Bytes allocated");
    counter(m, "memtop_heap_freed_bytes", "bytes", t->bytes_freed, "Bytes freed");
    counter(m, "memtop_events_lost", NULL, t->lost, "Allocations that could not be recorded");
    if (t->estimated)
        gauge(m, "memtop_heap_live_error_bytes", "bytes", (int64_t)t->live_bytes_error,
              "Standard error of live bytes, which are an estimate");
}

static void put_functions(const struct metrics *m, const struct snapshot *s)
{
    declare(m, "memtop_heap_calls", NULL, true, "Calls of each allocation function");
    for (int fn = 0; fn < SEG_FN_COUNT; fn++)
        fprintf(m->out, "memtop_heap_calls_total{%s,function=\"%s\"} %" PRIu64 "\n", m->labels,
                snapshot_function_name((enum seg_function)fn), s->functions[fn]);
}

static void put_process(const struct metrics *m, const struct export *e)
{
    const struct target_info *t = &e->snapshot->target;
    int64_t alive = 0;
    for (size_t i = 0; i < e->snapshot->n_threads; i++)
        alive += e->snapshot->threads[i].alive;
    gauge(m, "memtop_process_running", NULL, t->state == TARGET_RUNNING,
          "1 while the process runs and is recorded");
    if (t->attach.before != SEG_BEFORE_UNKNOWN)
        gauge(m, "memtop_before_attach_bytes", "bytes", (int64_t)t->attach.before_bytes,
              "Alive before the attach, an estimate that no other figure contains");
    gauge(m, "memtop_heap_threads", NULL, alive, "Threads that have allocated and still run");
    gauge(m, "memtop_agent_segment_bytes", "bytes", (int64_t)t->segment_bytes,
          "Memory that recording takes");
    if (e->resident_bytes)
        gauge(m, "process_resident_memory_bytes", "bytes", (int64_t)e->resident_bytes,
              "Resident memory size");
    declare(m, "process_start_time_seconds", "seconds", false, "Start time since the epoch");
    fprintf(m->out, "process_start_time_seconds{%s} %" PRIu64 ".%03" PRIu64 "\n", m->labels,
            t->start_realtime_ns / 1000000000, t->start_realtime_ns / 1000000 % 1000);
}

static int put_all(FILE *out, const struct export *e, bool open)
{
    struct metrics m = { .out = out, .open = open };
    int bad = make_labels(&m, &e->snapshot->target);
    if (bad == 0) {
        put_totals(&m, &e->snapshot->totals);
        put_functions(&m, e->snapshot);
        put_process(&m, e);
        if (open)
            fputs("# EOF\n", out);
    }
    free(m.labels);
    return bad;
}

int export_openmetrics(FILE *out, const struct export *e)
{
    return put_all(out, e, true);
}

int export_prometheus(FILE *out, const struct export *e)
{
    return put_all(out, e, false);
}
