/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exports, from a snapshot made here whose names are hostile and whose
 * figures lie: what is written must be well-formed all the same. And the parts
 * that the writers share. No process, no symbols.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/tap.h"
#include "tui/export/export.h"
#include "tui/model/intern.h"
#include "tui/export/proto.h"

#define SITES 600

static struct site_row sites[SITES];
static struct node_row nodes[5] = {
    { .pc = 0 },
    { .pc = 0x401000, .parent = 0, .module = 1, .depth = 1 },
    { .pc = 0x402000, .parent = 1, .module = 2, .depth = 2 },
    { .pc = 0x402000, .parent = 1, .module = 2, .depth = 2, .exact = true },
    { .pc = 0x403000, .parent = 3, .module = 0, .depth = 3 },
};
static struct module_row modules[3] = {
    { .start = 0 },
    { .start = 0x401000, .end = 0x402000, .bias = 0x400000, .path = "/usr/bin/victim" },
    { .start = 0x402000, .end = 0x403000, .bias = 0x400000, .build_id_bytes = 2,
      .build_id = { 0x0a, 0xff },
      .path = "/tmp/<!--<script>;\"'\\\n\x1b[31m,\xff %n.so" },
};

static void fill(struct snapshot *s)
{
    *s = (struct snapshot){
        .target = {
            .pid = 42, .state = TARGET_EXITED, .command = "</script><script>alert(1)</script>\xff",
            .executable = "/usr/bin/vic\"tim\\\n", .exit_status = 0, .wall_ns = 1500000000,
        },
        .totals = { .allocations = 7, .live_bytes = -3, .peak_ns = UINT64_MAX },
        .sites = sites, .n_sites = SITES, .nodes = nodes, .n_nodes = 5,
        .modules = modules, .n_modules = 3,
    };
    for (uint32_t i = 0; i < SITES; i++)
        sites[i] = (struct site_row){
            .id = i, .node = i % 5, .allocations = i ? 2 : 0, .bytes_allocated = 10,
            .live_bytes = i == 1 ? -5 : 3, .live_blocks = 1, .peak_bytes = i == 2 ? INT64_MIN : 1,
            .flags = i % 7 == 0 ? SEG_SITE_CUT : i % 7 == 1 ? SEG_SITE_BROKEN : 0,
        };
}

static char *render(const char *format, const struct export *e, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    tap_ok(export_format(format)->write(out, e) == 0, "%s is written", format);
    fclose(out);
    return text;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void test_folded(const struct export *e)
{
    size_t n;
    char *text = render("folded", e, &n), *line, *rest = text;
    uint64_t sum = 0;
    bool good = true;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *space = strrchr(line, ' ');
        sum += strtoull(space + 1, NULL, 10);
        good &= strchr(line, '\x1b') == NULL && strspn(space + 1, "0123456789") > 0;
    }
    tap_ok(good, "folded lines are lines");
    tap_is_u64(sum, (SITES - 2) * 3, "what is negative counts as nothing");
    free(text);
}

static void test_flamegraph(const struct export *e)
{
    size_t n;
    char *text = render("flamegraph", e, &n);
    char *begin = strstr(text, "id=\"data\">"), *end = begin ? strstr(begin, "</script>") : NULL;
    tap_ok(begin && end, "the page has data");
    tap_is_u64(count(text, "<script"), 2, "names add no scripts");
    if (!end)
        return;
    *end = '\0';
    json_t *j = json_loads(strchr(begin, '{'), 0, NULL);
    tap_is_str(json_string_value(json_object_get(j, "command")),
               "</script><script>alert(1)</script>\xef\xbf\xbd", "the data is JSON, names whole");
    tap_ok(json_array_size(json_object_get(j, "nodes")) < 40, "equal stacks are merged");
    json_decref(j);
    free(text);
}

static void test_json(const struct export *e, const char *format, const char *list)
{
    size_t n;
    char *text = render(format, e, &n);
    json_t *j = json_loadb(text, n, 0, NULL);
    tap_ok(j != NULL && json_object_get(j, list), "%s is JSON", format);
    json_decref(j);
    free(text);
}

static void test_lines(const struct export *e)
{
    size_t n;
    char *text = render("csv", e, &n);
    tap_is_u64(count(text, "\r\n"), SITES, "csv: a head and a row for each site that allocated");
    tap_is_u64(count(text, "\"") % 2, 0, "csv: quotes are paired");
    free(text);
    text = render("openmetrics", e, &n);
    tap_ok(strstr(text, "program=\"vic\\\"tim\\\\?\"} -3\n") != NULL, "labels are escaped");
    tap_is_str(text + n - 6, "# EOF\n", "the end is marked");
    free(text);
    text = render("massif", e, &n);
    tap_ok(strstr(text, "\x1b") == NULL && strstr(text, "heap_tree=peak"), "massif has its peak");
    free(text);
}

/* ---- heaptrack: played back as its readers do ------------------------------- */
struct played {
    uint64_t bytes, peak, allocations, temporary;
    bool bad;
};

static char *inflate_text(const char *bytes, size_t n)
{
    static const size_t room = 1 << 20;
    char *text = calloc(1, room + 1);
    z_stream z = { .next_in = (unsigned char *)bytes, .avail_in = (unsigned)n,
                   .next_out = (unsigned char *)text, .avail_out = room };
    inflateInit2(&z, 15 + 16);
    tap_ok(inflate(&z, Z_FINISH) == Z_STREAM_END, "heaptrack: gzip, and not long");
    inflateEnd(&z);
    return text;
}

static struct played play(const struct export *e)
{
    struct played p = { .bytes = 0 };
    uint64_t sizes[8 * SITES + 1], n_sizes = 0, last = 0;
    size_t n;
    char *packed = render("heaptrack", e, &n), *text = inflate_text(packed, n), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *second;
        uint64_t number = strtoull(line + 1, &second, 16);
        if (*line == 'a' && n_sizes < 8 * SITES)
            sizes[n_sizes++] = number;
        if (*line != '+' && *line != '-')
            continue;
        p.bad |= number == 0 || number >= n_sizes || (*line == '-' && sizes[number] > p.bytes);
        if (p.bad)
            break;
        p.allocations += *line == '+';
        p.temporary += *line == '-' && number == last;
        last = *line == '+' ? number : 0;
        p.bytes = *line == '+' ? p.bytes + sizes[number] : p.bytes - sizes[number];
        p.peak = p.bytes > p.peak ? p.bytes : p.peak;
    }
    free(text);
    free(packed);
    return p;
}

/* Sites in which blocks of the peak are also others: living, or temporary. */
static void test_heaptrack(const struct export *hostile)
{
    struct site_row rows[] = {
        { .node = 1, .allocations = 3, .bytes_allocated = 30, .temporary = 3, .peak_blocks = 1,
          .peak_bytes = 10 },
        { .node = 2, .allocations = 7, .bytes_allocated = 1000, .temporary = 2, .peak_blocks = 4,
          .peak_bytes = 301, .live_blocks = 3, .live_bytes = 299 },
        { .node = 3, .allocations = 1, .bytes_allocated = 50, .peak_blocks = 1, .peak_bytes = 50,
          .live_blocks = 1, .live_bytes = 50 },
        { .node = 4, .allocations = 5, .bytes_allocated = 5000 },
        { .node = 4, .allocations = 5, .bytes_allocated = 0, .temporary = 1, .peak_blocks = 4,
          .live_blocks = 4 },
    };
    struct snapshot s = *hostile->snapshot;
    struct export e = { .snapshot = &s };
    s.sites = rows;
    s.n_sites = sizeof rows / sizeof *rows;
    struct played p = play(&e);
    tap_ok(!p.bad, "heaptrack: events of blocks that there are");
    tap_is_u64(p.allocations, 21, "heaptrack: each allocation");
    tap_is_u64(p.temporary, 6, "heaptrack: temporary ones, the peak's among them");
    tap_is_u64(p.peak, 361, "heaptrack: the peak");
    tap_is_u64(p.bytes, 349, "heaptrack: live bytes");
    p = play(hostile);
    tap_ok(!p.bad, "heaptrack: no events of blocks that there are not");
    tap_is_u64(p.bytes, (SITES - 2) * 3, "heaptrack: what is negative counts as nothing");
}

/* Nothing at all is a snapshot, too. */
static void test_empty(void)
{
    struct snapshot s = { .n_sites = 0 };
    struct node_row root = { .pc = 0 };
    struct export e = { .snapshot = &s };
    const struct export_format *f;
    s.nodes = &root;
    s.n_nodes = 1;
    for (size_t i = 0; (f = export_format_at(i)); i++) {
        size_t n = 0;
        free(render(f->name, &e, &n));
        tap_ok(strcmp(f->name, "folded") == 0 || n > 0, "%s of nothing", f->name);
    }
}

static void test_intern(void)
{
    struct intern in = { .count = 0 };
    char text[32];
    bool same = true;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "name %u", i);
            same &= intern_text(&in, text) == i;
        }
    tap_ok(same, "each text has one number, in the order of their coming");
    tap_is_u64(in.count, 5000, "no text twice");
    tap_is_str(intern_get(&in, 4321), "name 4321", "and is found by it");
    tap_ok(intern_put(&in, "name 1", 6) == 5000, "a terminator counts");
    intern_fini(&in);
}

static void test_proto(void)
{
    struct proto p = { .used = 0 };
    const uint64_t numbers[] = { 0, 127, 128 };
    static const unsigned char want[] = {
        0x08, 0x96, 0x01, /* 150 */
        0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        0x22, 2, 'h', 'i', 0x22, 0,
        0x2a, 4, 0, 0x7f, 0x80, 1,
        0x80, 0x01, 1, /* field 16 */
    };
    proto_number(&p, 1, 150);
    proto_number(&p, 2, UINT64_MAX);
    proto_number(&p, 3, 0);
    proto_bytes(&p, 4, "hi", 2);
    proto_bytes(&p, 4, NULL, 0);
    proto_numbers(&p, 5, numbers, 3);
    proto_number(&p, 16, 1);
    tap_is_u64(p.used, sizeof want, "a message has its length");
    tap_ok(p.used == sizeof want && memcmp(p.bytes, want, sizeof want) == 0, "and its bytes");
    proto_fini(&p);
}

static void test_values(void)
{
    enum export_value value = EXPORT_VALUES;
    tap_ok(export_value_parse("peak_bytes", &value) && value == EXPORT_PEAK_BYTES, "a value");
    tap_ok(!export_value_parse("peak", &value), "no value");
    tap_ok(!export_format("nothing"), "no format");
}

int main(void)
{
    struct snapshot s;
    struct export e = { .snapshot = &s };
    size_t n;
    fill(&s);
    test_folded(&e);
    test_flamegraph(&e);
    test_json(&e, "speedscope", "shared");
    test_json(&e, "dhat", "pps");
    test_lines(&e);
    test_heaptrack(&e);
    char *profile = render("pprof", &e, &n);
    tap_ok(n > 18 && memcmp(profile, "\x1f\x8b", 2) == 0, "pprof is compressed");
    free(profile);
    test_empty();
    test_intern();
    test_proto();
    test_values();
    return tap_done();
}
