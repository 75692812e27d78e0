/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof: a gzipped perftools.profiles.Profile. Strings, functions and locations
 * are written when they first come up, each kind numbered in that order, which
 * leaves nothing to be kept but their numbers. Sample types come in the order
 * in which Go has them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/export/gzip.h"
#include "tui/model/intern.h"
#include "tui/export/proto.h"
#include "tui/export/walk.h"
#include "tui/report/safe_text.h"

/* Fields of the messages, as profile.proto numbers them. */
enum {
    PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_MAPPING = 3, PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5, PROFILE_STRING = 6, PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10, PROFILE_PERIOD_TYPE = 11, PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13, PROFILE_DEFAULT_TYPE = 14,
    TYPE_NAME = 1, TYPE_UNIT = 2,
    SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2,
    MAPPING_ID = 1, MAPPING_START = 2, MAPPING_LIMIT = 3, MAPPING_FILE = 5,
    MAPPING_BUILD_ID = 6, MAPPING_HAS_FUNCTIONS = 7, MAPPING_HAS_FILES = 8,
    MAPPING_HAS_LINES = 9, MAPPING_HAS_INLINES = 10,
    LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4,
    LINE_FUNCTION = 1, LINE_NUMBER = 2,
    FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILE = 4,
};

static const struct sample_type {
    const char *name, *unit;
    enum export_value value;
    bool always; /* else only when it is the one asked for */
} types[] = {
    { "alloc_objects", "count", EXPORT_ALLOCATIONS, true },
    { "alloc_space", "bytes", EXPORT_BYTES_ALLOCATED, true },
    { "inuse_objects", "count", EXPORT_LIVE_BLOCKS, true },
    { "inuse_space", "bytes", EXPORT_LIVE_BYTES, true },
    { "temporary_objects", "count", EXPORT_TEMPORARY, false },
    { "short_lived_objects", "count", EXPORT_SHORT_LIVED, false },
    { "peak_space", "bytes", EXPORT_PEAK_BYTES, false },
};
#define N_TYPES (sizeof types / sizeof *types)

struct location_key {
    uint64_t pc;
    uint64_t module;
    uint64_t name; /* where there is no pc */
};

struct function_key {
    uint32_t name, file;
};

struct pprof {
    const struct export *export;
    struct gzip *gzip;
    struct intern strings, functions, locations;
    struct proto message, part, sample, field; /* from the outside to the inside */
    uint64_t *stack; /* location ids */
    size_t room;
    size_t first_module; /* the program's, which is mapping 1 */
    bool failed;
};

/* Write a field of the profile, and empty what it held. */
static void put_field(struct pprof *p, unsigned field, struct proto *content)
{
    p->field.used = 0;
    proto_bytes(&p->field, field, content->bytes, content->used);
    p->failed |= content->failed || p->field.failed;
    if (!p->failed)
        gzip_write(p->gzip, p->field.bytes, p->field.used);
    content->used = 0;
}

static void put_number(struct pprof *p, unsigned field, uint64_t n)
{
    p->field.used = 0;
    proto_number(&p->field, field, n);
    p->failed |= p->field.failed;
    if (!p->failed)
        gzip_write(p->gzip, p->field.bytes, p->field.used);
}

/* The number of a string; a new one is written. */
static uint32_t string(struct pprof *p, const char *text)
{
    uint32_t before = p->strings.count;
    char *clean = safe_text_utf8(text);
    if (!clean) {
        p->failed = true;
        return 0;
    }
    uint32_t id = intern_text(&p->strings, clean);
    if (p->strings.count != before) {
        struct proto content = { .bytes = (unsigned char *)clean, .used = strlen(clean) };
        put_field(p, PROFILE_STRING, &content);
    }
    free(clean);
    return id;
}

static void put_type(struct pprof *p, unsigned field, const char *name, const char *unit)
{
    uint32_t name_id = string(p, name), unit_id = string(p, unit);
    proto_number(&p->message, TYPE_NAME, name_id);
    proto_number(&p->message, TYPE_UNIT, unit_id);
    put_field(p, field, &p->message);
}

static bool is_wanted(const struct pprof *p, const struct sample_type *type)
{
    return type->always || type->value == p->export->value;
}

static void put_types(struct pprof *p)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (is_wanted(p, &types[i]))
            put_type(p, PROFILE_SAMPLE_TYPE, types[i].name, types[i].unit);
    for (size_t i = 0; i < N_TYPES; i++)
        if (types[i].value == p->export->value)
            put_number(p, PROFILE_DEFAULT_TYPE, string(p, types[i].name));
    put_type(p, PROFILE_PERIOD_TYPE, "space", "bytes");
}

static void put_head(struct pprof *p)
{
    const struct target_info *t = &p->export->snapshot->target;
    string(p, ""); /* number 0, as the format has it */
    put_types(p);
    put_number(p, PROFILE_TIME_NANOS, t->start_realtime_ns + t->wall_ns);
    put_number(p, PROFILE_DURATION_NANOS, t->wall_ns);
    put_number(p, PROFILE_PERIOD, t->tier == SEG_TIER_SAMPLED && t->sample_bytes
                                      ? t->sample_bytes : 1);
    put_number(p, PROFILE_COMMENT, string(p, t->command));
    if (p->export->snapshot->totals.estimated)
        put_number(p, PROFILE_COMMENT, string(p, "figures are estimates from samples"));
}

/* ---- mappings ------------------------------------------------------------ */
/* Mappings have the numbers of modules, from 1, but for the program, which
 * readers expect to come first. */
static uint64_t mapping_id(const struct pprof *p, size_t module)
{
    return module == p->first_module ? 1 : module == 1 ? p->first_module : module;
}

static void put_mapping(struct pprof *p, size_t module)
{
    const struct module_row *m = &p->export->snapshot->modules[module];
    char build_id[2 * sizeof m->build_id + 1] = "";
    for (unsigned i = 0; i < m->build_id_bytes && i < sizeof m->build_id; i++)
        snprintf(build_id + 2 * i, 3, "%02x", m->build_id[i]);
    uint32_t path = string(p, m->path), id = string(p, build_id);
    proto_number(&p->message, MAPPING_ID, mapping_id(p, module));
    proto_number(&p->message, MAPPING_START, m->start);
    proto_number(&p->message, MAPPING_LIMIT, m->end);
    proto_number(&p->message, MAPPING_FILE, path);
    proto_number(&p->message, MAPPING_BUILD_ID, id);
    /* All names are known that will be: nobody needs to look for more. */
    for (unsigned field = MAPPING_HAS_FUNCTIONS; field <= MAPPING_HAS_INLINES; field++)
        proto_number(&p->message, field, 1);
    put_field(p, PROFILE_MAPPING, &p->message);
}

static void put_mappings(struct pprof *p)
{
    const struct snapshot *s = p->export->snapshot;
    p->first_module = 1;
    for (size_t i = s->n_modules; i-- > 1;)
        if (strcmp(s->modules[i].path, s->target.executable) == 0)
            p->first_module = i;
    for (size_t id = 1; id < s->n_modules; id++)
        put_mapping(p, mapping_id(p, id)); /* the swap is its own reverse */
}

/* ---- locations ----------------------------------------------------------- */
/* The id of a function; a new one is written. */
static uint64_t function(struct pprof *p, const struct walk_frame *f)
{
    struct function_key key = {
        .name = string(p, f->function), .file = string(p, f->file ? f->file : ""),
    };
    uint32_t before = p->functions.count;
    uint64_t id = 1 + (uint64_t)intern_put(&p->functions, &key, sizeof key);
    if (p->functions.count != before) {
        proto_number(&p->message, FUNCTION_ID, id);
        proto_number(&p->message, FUNCTION_NAME, key.name);
        proto_number(&p->message, FUNCTION_SYSTEM_NAME, key.name);
        proto_number(&p->message, FUNCTION_FILE, key.file);
        put_field(p, PROFILE_FUNCTION, &p->message);
    }
    return id;
}

/* A location of n frames, the first n - 1 of them inlined. */
static void put_location(struct pprof *p, uint64_t id, const struct walk_frame *frames, size_t n)
{
    proto_number(&p->sample, LOCATION_ID, id);
    if (frames->module_index)
        proto_number(&p->sample, LOCATION_MAPPING, mapping_id(p, frames->module_index));
    proto_number(&p->sample, LOCATION_ADDRESS, frames->pc);
    for (size_t i = 0; i < n; i++) {
        uint64_t in = function(p, &frames[i]);
        proto_number(&p->part, LINE_FUNCTION, in);
        proto_number(&p->part, LINE_NUMBER, frames[i].line);
        proto_bytes(&p->sample, LOCATION_LINE, p->part.bytes, p->part.used);
        p->part.used = 0;
    }
    p->failed |= p->part.failed;
    put_field(p, PROFILE_LOCATION, &p->sample);
}

static uint64_t location(struct pprof *p, const struct walk_frame *frames, size_t n)
{
    struct location_key key = {
        .pc = frames->pc, .module = frames->module_index,
        .name = frames->pc ? 0 : string(p, frames->function),
    };
    uint32_t before = p->locations.count;
    uint64_t id = 1 + (uint64_t)intern_put(&p->locations, &key, sizeof key);
    if (p->locations.count != before)
        put_location(p, id, frames, n);
    return id;
}

/* ---- samples ------------------------------------------------------------- */
/* The location ids of the walk's stack, leaf first. Returns how many. */
static size_t locations(struct pprof *p, const struct walk *w)
{
    size_t n = 0;
    for (size_t i = 0, next; i < w->depth; i = next) {
        next = i + 1;
        while (w->frames[next - 1].inlined && next < w->depth &&
               w->frames[next].pc == w->frames[i].pc)
            next++;
        p->stack[n++] = location(p, &w->frames[i], next - i);
    }
    return n;
}

static void put_sample(struct pprof *p, const struct walk *w, const struct site_row *site)
{
    uint64_t amounts[N_TYPES];
    size_t n_amounts = 0;
    if (p->room < w->depth) {
        uint64_t *grown = realloc(p->stack, w->room * sizeof *grown);
        p->failed |= grown == NULL;
        if (!grown)
            return;
        p->stack = grown;
        p->room = w->room;
    }
    size_t n = locations(p, w);
    for (size_t i = 0; i < N_TYPES; i++)
        if (is_wanted(p, &types[i]))
            amounts[n_amounts++] = export_value_of(site, types[i].value);
    proto_numbers(&p->message, SAMPLE_LOCATION, p->stack, n);
    proto_numbers(&p->message, SAMPLE_VALUE, amounts, n_amounts);
    put_field(p, PROFILE_SAMPLE, &p->message);
}

static int put_samples(struct pprof *p)
{
    struct walk w;
    if (walk_init(&w, p->export) != 0)
        return -1;
    for (const struct site_row *site; !p->failed && (site = walk_next(&w));) {
        put_sample(p, &w, site);
        p->failed |= p->strings.failed || p->functions.failed || p->locations.failed;
    }
    return walk_fini(&w) | (p->failed ? -1 : 0);
}

int export_pprof(FILE *out, const struct export *e)
{
    struct pprof p = { .export = e, .gzip = gzip_new(out) };
    if (!p.gzip)
        return -1;
    put_head(&p);
    put_mappings(&p);
    int bad = put_samples(&p);
    gzip_free(p.gzip);
    intern_fini(&p.strings);
    intern_fini(&p.functions);
    intern_fini(&p.locations);
    proto_fini(&p.message);
    proto_fini(&p.part);
    proto_fini(&p.sample);
    proto_fini(&p.field);
    free(p.stack);
    return bad;
}
