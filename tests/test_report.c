/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reports, from a snapshot made here: the JSON is parsed again and
 * compared, the text is searched. No process, no symbols.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"
#include "tui/report/report.h"
#include "tui/report/safe_text.h"

#define SITES 600 /* more than two batches */

static struct site_row sites[SITES];
static struct node_row nodes[3] = {
    { .pc = 0 },
    { .pc = 0x401000, .parent = 0, .module = 1, .depth = 1 },
    { .pc = 0x402000, .parent = 1, .module = 1, .depth = 2 },
};
static struct module_row modules[2] = { { .start = 0 }, { .path = "/usr/bin/victim" } };
static struct thread_row threads[2] = {
    { .tid = 7, .name = "main", .alive = true, .allocations = 1234567 },
    { .tid = 8, .name = "bad\xff\x1b[31m", .allocations = 3 },
};

static void fill(struct snapshot *s)
{
    *s = (struct snapshot){
        .target = {
            .pid = 42, .state = TARGET_RUNNING, .command = "victim --quick \xc3\xa9",
            .allocator = "/lib/libc.so.6", .exit_status = -1, .wall_ns = 1500000000,
        },
        .totals = {
            .allocations = 1234570, .frees = 1234560, .bytes_allocated = 5000,
            .bytes_freed = 1000, .live_blocks = 10, .live_bytes = 4000,
            .peak_bytes = 4500, .peak_blocks = 12, .peak_ns = 250000000, .temporary = 5,
            .short_ns = 1048576, .short_lived = 617280,
        },
        .threads = threads, .n_threads = 2, .sites = sites, .n_sites = SITES,
        .nodes = nodes, .n_nodes = 3, .modules = modules, .n_modules = 2,
    };
    s->functions[SEG_FN_MALLOC] = 1234570;
    s->sizes[3] = (struct size_row){ .min = 33, .max = 48, .allocations = 9, .live_bytes = 400 };
    s->sizes[63] = (struct size_row){ .min = 1, .max = UINT64_MAX, .allocations = 1 };
    for (uint32_t i = 0; i < SITES; i++)
        sites[i] = (struct site_row){
            .id = i, .node = i % 3, .allocations = i ? 2 : 0, .live_bytes = i % 7, .live_blocks = 1,
        };
}

static char *render(int (*report)(FILE *, const struct report *), const struct report *r)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    tap_ok(report(out, r) == 0, "the report is written");
    fclose(out);
    return text;
}

static json_int_t number(json_t *object, const char *group, const char *key)
{
    json_t *member = group ? json_object_get(object, group) : object;
    return json_integer_value(json_object_get(member, key));
}

static void check_order(json_t *list)
{
    bool falling = true;
    for (size_t i = 1; i < json_array_size(list); i++)
        falling &= number(json_array_get(list, i - 1), NULL, "live_bytes") >=
                   number(json_array_get(list, i), NULL, "live_bytes");
    tap_ok(falling, "sites come by falling live bytes");
}

static void check_frames(json_t *list)
{
    json_t *deep = NULL;
    for (size_t i = 0; i < json_array_size(list) && !deep; i++) {
        json_t *frames = json_object_get(json_array_get(list, i), "frames");
        deep = json_array_size(frames) == 2 ? frames : NULL;
    }
    json_t *leaf = json_array_get(deep, 0);
    tap_is_str(json_string_value(json_object_get(leaf, "address")), "0x402000",
               "the leaf comes first");
    tap_is_str(json_string_value(json_object_get(leaf, "module")), "/usr/bin/victim",
               "its module is a path");
    tap_ok(json_is_null(json_object_get(leaf, "file")), "an unknown file is null");
}

static void test_json(const struct snapshot *s)
{
    struct report r = { .snapshot = s, .top = REPORT_ALL_SITES, .exit_code = -1 };
    char *text = render(report_json, &r);
    json_t *j = json_loads(text, 0, NULL);
    tap_ok(j != NULL, "the JSON is valid");
    tap_is_str(json_string_value(json_object_get(j, "schema")), "memtop/1", "schema");
    tap_is_str(json_string_value(json_object_get(j, "command")), "victim --quick \xc3\xa9",
               "UTF-8 stays as it is");
    tap_is_u64((uint64_t)number(j, "totals", "allocations"), 1234570, "allocations");
    tap_is_u64((uint64_t)number(j, "totals", "peak_blocks"), 12, "peak blocks");
    tap_is_u64((uint64_t)number(j, "functions", "malloc"), 1234570, "calls of malloc");
    tap_ok(json_real_value(json_object_get(j, "wall_s")) == 1.5, "wall time in seconds");
    json_t *end = json_object_get(j, "exit");
    tap_ok(json_is_null(json_object_get(end, "code")) &&
           json_is_null(json_object_get(end, "signal")), "while it runs it has no exit");
    json_t *sizes = json_object_get(j, "sizes");
    tap_is_u64(json_array_size(sizes), 2, "empty size classes are left out");
    tap_ok(json_is_null(json_object_get(json_array_get(sizes, 1), "max")),
           "the last class has no end");
    json_t *thread = json_array_get(json_object_get(j, "threads"), 1);
    tap_is_str(json_string_value(json_object_get(thread, "name")), "bad\xef\xbf\xbd\x1b[31m",
               "a byte that is no UTF-8 is replaced");
    json_t *list = json_object_get(j, "sites");
    tap_is_u64(json_array_size(list), SITES - 1, "all sites that ever allocated");
    check_order(list);
    check_frames(list);
    json_decref(j);
    free(text);
}

static void test_json_limits(const struct snapshot *s)
{
    struct report r = { .snapshot = s, .top = 3, .exit_code = -1, .signal = 9 };
    char *text = render(report_json, &r);
    json_t *j = json_loads(text, 0, NULL);
    tap_is_u64(json_array_size(json_object_get(j, "sites")), 3, "--top limits the sites");
    tap_is_u64((uint64_t)number(j, "exit", "signal"), 9, "the signal is told");
    tap_ok(json_is_null(json_object_get(json_object_get(j, "exit"), "code")),
           "a killed process has no code");
    json_decref(j);
    free(text);
    r = (struct report){ .snapshot = s, .top = 0, .exit_code = 4 };
    text = render(report_json, &r);
    j = json_loads(text, 0, NULL);
    tap_is_u64(json_array_size(json_object_get(j, "sites")), 0, "no sites at all");
    tap_is_u64((uint64_t)number(j, "exit", "code"), 4, "the exit status is told");
    tap_is_str(json_string_value(json_object_get(j, "state")), "exited",
               "who waited for it knows better than the segment");
    json_decref(j);
    free(text);
}

/* With the figure, and where it is not known. */
static void test_short(struct snapshot *s)
{
    struct report r = { .snapshot = s, .top = REPORT_ALL_SITES, .exit_code = -1 };
    const struct totals known = s->totals;
    sites[5].short_lived = 2;
    char *text = render(report_text, &r);
    tap_ok(strstr(text, "\n  2 short-lived: 100% of its allocations, freed in under 1.0 ms\n"),
           "a site whose blocks do not live long");
    free(text);
    for (int i = 0; i < 2; i++) {
        text = render(report_json, &r);
        json_t *j = json_loads(text, 0, NULL), *list = json_object_get(j, "sites");
        json_t *all = json_object_get(json_object_get(j, "totals"), "short_lived");
        json_int_t sum = 0;
        bool nulls = json_is_null(all);
        for (size_t k = 0; k < json_array_size(list); k++) {
            sum += number(json_array_get(list, k), NULL, "short_lived");
            nulls &= json_is_null(json_object_get(json_array_get(list, k), "short_lived"));
        }
        if (i == 0)
            tap_ok(json_integer_value(all) == 617280 && sum == 2, "in JSON, too");
        else
            tap_ok(nulls, "null where it is not known, and not 0");
        json_decref(j);
        free(text);
        s->totals.short_ns = 0;
    }
    text = render(report_text, &r);
    tap_ok(strstr(text, "short-lived") == NULL, "and then text has no word of it");
    free(text);
    s->totals = known;
    sites[5].short_lived = 0;
}

/* Columns of the longest line; the characters here are one column each. */
static size_t widest(const char *text)
{
    size_t most = 0, n = 0;
    for (; *text; text++) {
        n = *text == '\n' ? 0 : n + ((*text & 0xc0) != 0x80);
        most = n > most ? n : most;
    }
    return most;
}

static void test_text(const struct snapshot *s)
{
    struct report r = { .snapshot = s, .top = 10, .exit_code = -1 };
    char *text = render(report_text, &r);
    tap_ok(strstr(text, "pid 42, running for 1.5 s, allocator libc.so.6") != NULL, "header");
    tap_ok(strstr(text, "1,234,570") != NULL, "counts are exact and grouped");
    tap_ok(strstr(text, "live now") != NULL, "a running process is live now");
    tap_ok(strstr(text, "lost") == NULL, "what did not happen is not mentioned");
    tap_ok(strstr(text, "617,280        50.0%  freed in under 1.0 ms\n") != NULL, "short lives");
    tap_ok(strchr(text, 0x1b) == NULL, "no escape sequence gets through");
    tap_ok(strstr(text, "bad??[31m") != NULL, "it is shown as question marks");
    tap_ok(strstr(text, "33-48") != NULL && strstr(text, "####") != NULL, "sizes with bars");
    tap_ok(strstr(text, "    0x402000 (victim)\n    0x401000 (victim)\n") != NULL,
           "stacks, leaf first");
    tap_ok(widest(text) <= 80, "fits 80 columns (%zu)", widest(text));
    free(text);
}

/* Records of ten seconds: one site grows, one is as it was. */
static void test_trend(struct snapshot *s)
{
    static struct second_row seconds[10];
    for (unsigned i = 0; i < 10; i++)
        seconds[i] = (struct second_row){ .second = i, .n_top = 2, .top = {
            { .site = 5, .live_bytes = 10000 + 1000 * i }, { .site = 6, .live_bytes = 6 } } };
    s->seconds = seconds, s->n_seconds = 10;
    s->target.wall_ns = UINT64_C(9500000000);
    sites[5].live_bytes = 19500;
    struct report r = { .snapshot = s, .top = 1, .exit_code = -1 };
    char *text = render(report_text, &r);
    tap_ok(strstr(text, "\n  growing +58.6 KiB/min, R2 1.00, 11 readings in 9.5 s\n") != NULL &&
           widest(text) <= 80, "a site that grows, with its slope");
    free(text);
    r.top = REPORT_ALL_SITES;
    text = render(report_json, &r);
    json_t *j = json_loads(text, 0, NULL), *list = json_object_get(j, "sites");
    json_t *first = json_array_get(list, 0), *trend = json_object_get(first, "trend");
    tap_is_str(json_string_value(json_object_get(trend, "verdict")), "growing", "its verdict");
    double slope = json_real_value(json_object_get(trend, "bytes_per_s"));
    tap_ok(slope > 999 && slope < 1001, "by %.0f bytes a second", slope);
    tap_is_u64((uint64_t)number(trend, NULL, "readings"), 11, "from so many readings");
    unsigned steady = 0, known = 0;
    for (size_t i = 1; i < json_array_size(list); i++) {
        const char *verdict = json_string_value(
            json_object_get(json_object_get(json_array_get(list, i), "trend"), "verdict"));
        known += verdict != NULL;
        steady += verdict && strcmp(verdict, "steady") == 0;
    }
    tap_ok(steady == 1 && known == 1, "one is steady, of the others nothing is known");
    json_decref(j);
    free(text);
    s->n_seconds = 0;
    s->target.wall_ns = 1500000000;
}

static void test_text_end(struct snapshot *s)
{
    s->target.state = TARGET_KILLED;
    s->totals.lost = 77;
    struct report r = { .snapshot = s, .top = 0, .exit_code = -1, .signal = 9 };
    char *text = render(report_text, &r);
    tap_ok(strstr(text, "killed by Killed after") || strstr(text, "killed by "), "the signal");
    tap_ok(strstr(text, "live at the end") != NULL, "the end is over");
    tap_ok(strstr(text, "lost") != NULL && strstr(text, " 77 ") != NULL, "losses are told");
    free(text);
}

static void test_safe_line(void)
{
    char out[8];
    tap_is_str(safe_text_line(out, sizeof out, "a\tb\x7f"), "a?b?", "control characters");
    tap_is_str(safe_text_line(out, sizeof out, "abcdef\xc3\xa9"), "abcdef",
               "a character is never cut in two");
    tap_is_str(safe_text_line(out, sizeof out, "\xc2\x9b" "1m"), "?1m", "C1 controls");
    tap_is_str(safe_text_line(out, sizeof out, "\xed\xa0\x80"), "???", "surrogates");
    char *clean = safe_text_utf8("\xf5\xc0\x80x\xf0\x9f\x98\x80");
    tap_is_str(clean, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\xf0\x9f\x98\x80", "UTF-8");
    free(clean);
}

int main(void)
{
    struct snapshot s;
    fill(&s);
    test_json(&s);
    test_json_limits(&s);
    test_text(&s);
    test_short(&s);
    test_trend(&s);
    test_text_end(&s);
    test_safe_line();
    return tap_done();
}
