/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of formats and that of values. Called by the command and by the
 * writers. Never prints.
 */
#include "tui/export/export.h"

#include <string.h>

static const struct export_format formats[] = {
    {
        .name = "folded", .extension = "folded", .chooses_value = true, .inverts = true,
        .help = "a line for each stack, for flamegraph.pl, inferno and others",
        .write = export_folded,
    },
    {
        .name = "flamegraph", .extension = "html", .chooses_value = true, .inverts = true,
        .compares = true,
        .help = "a page for a web browser: zoom, search, all values",
        .write = export_flamegraph,
    },
    {
        .name = "pprof", .extension = "pb.gz", .chooses_value = true, .binary = true,
        .help = "a profile for go tool pprof, Parca, Pyroscope",
        .write = export_pprof,
    },
    {
        .name = "speedscope", .extension = "speedscope.json", .chooses_value = true,
        .help = "a profile for speedscope.app",
        .write = export_speedscope,
    },
    {
        .name = "csv", .extension = "csv",
        .help = "a row for each call site, with all its figures",
        .write = export_csv,
    },
    {
        .name = "openmetrics", .extension = "txt",
        .help = "metrics of the process, OpenMetrics 1.0",
        .write = export_openmetrics,
    },
    {
        .name = "prometheus", .extension = "prom",
        .help = "the same in the text format of Prometheus",
        .write = export_prometheus,
    },
    {
        .name = "massif", .extension = "massif.out", .history = true,
        .help = "live bytes over time, trees at the peak and now, for ms_print",
        .write = export_massif,
    },
    {
        .name = "dhat", .extension = "dhat.json",
        .help = "all, at the peak, and now by call site, for dh_view.html",
        .write = export_dhat,
    },
    {
        .name = "heaptrack", .extension = "heaptrack.gz", .binary = true,
        .most_allocations = 1000000000, /* a line for each; 20 MB, minutes to read */
        .help = "events that lead to the same figures, for heaptrack_print, heaptrack_gui",
        .write = export_heaptrack,
    },
};
#define N_FORMATS (sizeof formats / sizeof *formats)

static const struct {
    const char *name;
    bool bytes;
} values[EXPORT_VALUES] = {
    [EXPORT_LIVE_BYTES] = { "live_bytes", true },
    [EXPORT_LIVE_BLOCKS] = { "live_blocks", false },
    [EXPORT_ALLOCATIONS] = { "allocations", false },
    [EXPORT_BYTES_ALLOCATED] = { "bytes_allocated", true },
    [EXPORT_TEMPORARY] = { "temporary", false },
    [EXPORT_SHORT_LIVED] = { "short_lived", false },
    [EXPORT_PEAK_BYTES] = { "peak_bytes", true },
};

const struct export_format *export_format_at(size_t i)
{
    return i < N_FORMATS ? &formats[i] : NULL;
}

const struct export_format *export_format(const char *name)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

const char *export_value_name(enum export_value value)
{
    return values[value].name;
}

bool export_value_parse(const char *name, enum export_value *value)
{
    for (unsigned i = 0; i < EXPORT_VALUES; i++)
        if (strcmp(values[i].name, name) == 0) {
            *value = (enum export_value)i;
            return true;
        }
    return false;
}

bool export_value_is_bytes(enum export_value value)
{
    return values[value].bytes;
}

bool export_knows(const struct export *e, enum export_value value)
{
    return value != EXPORT_SHORT_LIVED || (e->snapshot->totals.short_ns && !e->against);
}

static uint64_t not_negative(int64_t n)
{
    return n > 0 ? (uint64_t)n : 0;
}

uint64_t export_value_of(const struct site_row *site, enum export_value value)
{
    switch (value) {
    case EXPORT_LIVE_BYTES: return not_negative(site->live_bytes);
    case EXPORT_LIVE_BLOCKS: return not_negative(site->live_blocks);
    case EXPORT_ALLOCATIONS: return site->allocations;
    case EXPORT_BYTES_ALLOCATED: return site->bytes_allocated;
    case EXPORT_TEMPORARY: return site->temporary;
    case EXPORT_SHORT_LIVED: return site->short_lived;
    case EXPORT_PEAK_BYTES: return not_negative(site->peak_bytes);
    case EXPORT_VALUES: break;
    }
    return 0;
}
