/* SPDX-License-Identifier: Apache-2.0 */
/* Labels: names without what does not fit a line, and which frame is chosen. */
#include "tests/tap.h"

#include "tui/view/labels.h"

/* In place of the real look-up: node n is named by names[n]; NULL: not yet. */
static const char *names[8];
static const char *files[8];

const struct symbol *symbols_lookup(struct symbols *sy, const struct snapshot *s, uint32_t node)
{
    static union {
        struct symbol symbol;
        char room[sizeof(struct symbol) + sizeof(struct symbol_frame)];
    } answers[8];
    (void)sy, (void)s;
    if (!names[node])
        return NULL;
    struct symbol *answer = &answers[node].symbol;
    answer->module = "program";
    answer->n = 1;
    answer->frames[0] = (struct symbol_frame){ .function = names[node], .file = files[node],
                                               .line = files[node] ? 7 : 0 };
    return answer;
}

static void test_names(void)
{
    static const struct { const char *whole, *name; } cases[] = {
        { "main", "main" },
        { "ns::f(int, char const*)", "ns::f" },
        { "ns::C::g() const", "ns::C::g" },
        { "void ns::f<int>(int)", "ns::f<int>" },
        { "std::vector<int, std::allocator<int> > make<int>(unsigned long)", "make<int>" },
        { "operator new(unsigned long)", "operator new" },
        { "operator new[](unsigned long)", "operator new[]" },
        { "C::operator()(int)", "C::operator()" },
        { "bool operator< <int>(A<int> const&)", "operator< <int>" },
        { "(anonymous namespace)::f(int)", "(anonymous namespace)::f" },
        { "f(void (*)(int))", "f" },
        { "main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()" },
        { "<alloc::vec::Vec<T> as core::clone::Clone>::clone",
          "<alloc::vec::Vec<T> as core::clone::Clone>::clone" },
        { "0x55d0c0ffee", "0x55d0c0ffee" },
    };
    char out[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        labels_short_name(out, sizeof out, cases[i].whole);
        tap_is_str(out, cases[i].name, "%s", cases[i].whole);
    }
}

static void test_wrappers(void)
{
    tap_ok(labels_is_wrapper("operator new", NULL), "operator new");
    tap_ok(labels_is_wrapper("std::vector<int>::_M_realloc_insert<int>", NULL), "std::");
    tap_ok(labels_is_wrapper("sqlite3DbMallocRawNN", "sqlite3.c"), "sqlite3DbMallocRawNN");
    tap_ok(labels_is_wrapper("xrealloc", NULL), "xrealloc");
    tap_ok(labels_is_wrapper("new_arena", "Objects/obmalloc.c"), "a file of malloc");
    tap_ok(!labels_is_wrapper("allocate_rows", "rows.c"), "allocate_rows is the program's");
    tap_ok(!labels_is_wrapper("main", "main.c"), "main is the program's");
}

static void test_choice(void)
{
    struct module_row modules[3] = { { .start = 0 }, { .bias = 0x1000, .path = "/usr/bin/app" },
                                     { .bias = 0x9000, .path = "/lib/libc.so.6" } };
    struct node_row nodes[5] = {
        { .pc = 0 },
        { .pc = 0x1010, .parent = 0, .module = 1, .depth = 1 }, /* main */
        { .pc = 0x1020, .parent = 1, .module = 1, .depth = 2 }, /* load */
        { .pc = 0x1030, .parent = 2, .module = 1, .depth = 3 }, /* xmalloc */
        { .pc = 0x9040, .parent = 2, .module = 2, .depth = 3 }, /* strdup */
    };
    struct site_row sites[4] = { { .id = 0 }, { .id = 1, .node = 3 }, { .id = 2, .node = 4 },
                                 { .id = 3, .node = 77 } };
    struct snapshot s = { .sites = sites, .n_sites = 4, .nodes = nodes, .n_nodes = 5,
                          .modules = modules, .n_modules = 3 };
    struct symbols *sy = (struct symbols *)&s; /* only handed on */
    struct label label;
    char callers[64];

    labels_site(sy, &s, 1, &label);
    tap_is_str(label.function, "app+0x30", "an address until a name has arrived");
    tap_ok(label.pending, "which is said");

    names[1] = "main", names[2] = "load(char const*)", names[3] = "xmalloc";
    files[2] = "/src/load.c";
    labels_site(sy, &s, 1, &label);
    tap_is_str(label.function, "load", "the wrapper is passed over");
    tap_is_str(label.place, "load.c:7", "with its file and line");
    labels_callers(sy, &s, &label, callers, sizeof callers);
    tap_is_str(callers, " < main", "and its callers");

    labels_site(sy, &s, 2, &label);
    tap_is_str(label.function, "load", "so is the C library, unnamed as it is");

    names[2] = "my_malloc", names[1] = "malloc_all";
    labels_site(sy, &s, 1, &label);
    tap_is_str(label.function, "xmalloc", "nothing but wrappers: the innermost");

    labels_site(sy, &s, 3, &label);
    tap_is_str(label.function, "(unattributed)", "a node that is not there");
    labels_site(NULL, &s, 1, &label);
    tap_ok(!label.pending, "without symbols nothing is on its way");

    struct label stack[8];
    tap_is_u64(labels_stack(sy, &s, 1, stack, 8), 3, "the whole stack");
    tap_is_str(stack[2].function, "malloc_all", "ends with the outermost");
    tap_is_u64(labels_stack(sy, &s, 1, stack, 2), 2, "as far as there is room");
}

int main(void)
{
    test_names();
    test_wrappers();
    test_choice();
    return tap_done();
}
