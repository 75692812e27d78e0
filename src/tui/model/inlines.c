/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions, inlined functions and lines out of DWARF. Used by symbolize
 * alone, in the symbols' worker. It walks concrete entries itself, since
 * dwarf_getscopes reads a whole unit for each question and leads to abstract
 * ones: the functions of a unit are read once, sorted, and kept.
 */
#include "tui/model/inlines.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/demangle.h"
#include "tui/model/printable.h"

#define NESTING_MAX 48
#define PATH_SHOWN_MAX 1023

/* An address range, and the entry in DWARF that it belongs to. */
struct span {
    Dwarf_Addr start, end;
    Dwarf_Off die;
};

struct spans {
    struct span *at; /* by start once sorted */
    size_t n, cap;
};

struct unit {
    Dwarf_Off die;
    struct spans functions;
};

struct inlines {
    Dwarf *dw;
    Dwarf_Aranges *ranges; /* .debug_aranges; may be missing or have gaps */
    bool scanned;          /* units is filled */
    struct spans units;    /* what the units themselves say */
    struct unit *known;    /* units whose functions have been read */
    size_t n_known, cap_known;
};

/* ---- spans ------------------------------------------------------------------ */
static void spans_add(struct spans *s, Dwarf_Addr start, Dwarf_Addr end, Dwarf_Off die)
{
    if (start >= end)
        return;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct span *more = realloc(s->at, cap * sizeof *more);
        if (!more)
            return;
        s->at = more;
        s->cap = cap;
    }
    s->at[s->n++] = (struct span){.start = start, .end = end, .die = die};
}

/* Code that was thrown away at link time is said to be at address 0. */
static void spans_add_die(struct spans *s, Dwarf_Die *die)
{
    Dwarf_Addr base, start, end;
    Dwarf_Off self = dwarf_dieoffset(die);
    for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;)
        if (start != 0)
            spans_add(s, start, end, self);
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end); /* the smallest last */
}

static void spans_sort(struct spans *s)
{
    if (s->n)
        qsort(s->at, s->n, sizeof *s->at, by_start);
}

/* The entry at `address`; nested ones are met before what they are in. */
static bool spans_find(const struct spans *s, Dwarf_Addr address, Dwarf_Off *die)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->at[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low, tries = 0; i-- > 0 && tries < NESTING_MAX; tries++) {
        if (s->at[i].end > address) {
            *die = s->at[i].die;
            return true;
        }
    }
    return false;
}

/* ---- units ------------------------------------------------------------------ */
struct inlines *inlines_new(Dwarf *dw)
{
    struct inlines *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->dw = dw;
    size_t n;
    if (dwarf_getaranges(dw, &in->ranges, &n) != 0)
        in->ranges = NULL;
    return in;
}

void inlines_free(struct inlines *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->n_known; i++)
        free(in->known[i].functions.at);
    free(in->known);
    free(in->units.at);
    free(in);
}

/* What compilers without .debug_aranges (clang) leave to be collected. */
static void scan_units(struct inlines *in)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;
    in->scanned = true;
    while (dwarf_get_units(in->dw, unit, &unit, NULL, &type, &die, NULL) == 0)
        if (type == DW_UT_compile || type == DW_UT_skeleton)
            spans_add_die(&in->units, &die);
    spans_sort(&in->units);
}

static bool find_unit(struct inlines *in, Dwarf_Addr address, Dwarf_Die *unit)
{
    Dwarf_Off off;
    Dwarf_Arange *range = in->ranges ? dwarf_getarange_addr(in->ranges, address) : NULL;
    if (range && dwarf_getarangeinfo(range, NULL, NULL, &off) == 0)
        return dwarf_offdie(in->dw, off, unit) != NULL;
    if (!in->scanned)
        scan_units(in);
    return spans_find(&in->units, address, &off) &&
           dwarf_offdie(in->dw, off, unit) != NULL;
}

/* ---- functions of a unit ---------------------------------------------------- */
static bool holds_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module ||
           tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

static void collect(struct spans *functions, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die child;
    if (depth == NESTING_MAX || dwarf_child(parent, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram)
            spans_add_die(functions, &child);
        else if (holds_functions(tag))
            collect(functions, &child, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
}

static const struct spans *functions_of(struct inlines *in, Dwarf_Die *unit)
{
    Dwarf_Off off = dwarf_dieoffset(unit);
    for (size_t i = 0; i < in->n_known; i++)
        if (in->known[i].die == off)
            return &in->known[i].functions;
    if (in->n_known == in->cap_known) {
        size_t cap = in->cap_known ? in->cap_known * 2 : 16;
        struct unit *more = realloc(in->known, cap * sizeof *more);
        if (!more)
            return NULL;
        in->known = more;
        in->cap_known = cap;
    }
    struct unit *u = &in->known[in->n_known++];
    *u = (struct unit){.die = off};
    collect(&u->functions, unit, 0);
    spans_sort(&u->functions);
    return &u->functions;
}

/* ---- the chain at an address ------------------------------------------------ */
struct chain {
    size_t n;
    Dwarf_Die at[FRAMES_MAX]; /* the function, then what was inlined, inwards */
};

/* Find the child of *scope that holds the address, and step into it. */
static bool step_inwards(Dwarf_Die *scope, Dwarf_Addr address)
{
    Dwarf_Die child;
    if (dwarf_child(scope, &child) != 0)
        return false;
    do {
        switch (dwarf_tag(&child)) {
        case DW_TAG_inlined_subroutine:
        case DW_TAG_lexical_block:
        case DW_TAG_try_block:
        case DW_TAG_catch_block:
            if (dwarf_haspc(&child, address) == 1) {
                *scope = child;
                return true;
            }
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

static void follow(struct chain *chain, Dwarf_Die function, Dwarf_Addr address)
{
    chain->at[chain->n++] = function;
    for (unsigned depth = 0; depth < 4 * FRAMES_MAX && chain->n < FRAMES_MAX; depth++) {
        if (!step_inwards(&function, address))
            return;
        if (dwarf_tag(&function) == DW_TAG_inlined_subroutine)
            chain->at[chain->n++] = function;
    }
}

static const char *string_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static unsigned number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0)
        return 0;
    return value <= UINT32_MAX ? (unsigned)value : 0;
}

/* Put "scope::" before the text, where it fits. */
static void put_before(char *text, size_t room, const char *scope)
{
    size_t n = strlen(text), head = strlen(scope);
    if (n + head + 3 > room)
        return;
    memmove(text + head + 2, text, n + 1);
    memcpy(text, scope, head);
    memcpy(text + head, "::", 2);
}

/* The name with its classes and namespaces, of a member function that has no
 * linker name: GCC gives none to what no other file can see. */
static char *qualified(Dwarf_Die *die, const char *name)
{
    char text[512];
    Dwarf_Attribute attribute;
    Dwarf_Die declaration, *scopes = NULL;
    printable_copy(text, sizeof text, name, strlen(name));
    int n = dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_specification, &attribute),
                              &declaration)
                ? dwarf_getscopes_die(&declaration, &scopes)
                : 0;
    for (int i = 1; i < n && holds_functions(dwarf_tag(&scopes[i])); i++) {
        const char *scope = dwarf_diename(&scopes[i]);
        if (scope)
            put_before(text, sizeof text, scope);
        else if (dwarf_tag(&scopes[i]) == DW_TAG_namespace)
            put_before(text, sizeof text, "{anonymous}");
    }
    free(scopes);
    return demangle_shown(text);
}

/* GCC gives no linker name to lambdas and local functions, but the symbol
 * table may: better than "operator()". */
static char *function_name(Dwarf_Die *die, const char *symbol, const char **raw)
{
    const char *name = string_of(die, DW_AT_linkage_name);
    if (!name)
        name = string_of(die, DW_AT_MIPS_linkage_name);
    if (!name && symbol && symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R'))
        name = symbol;
    *raw = name;
    if (name)
        return demangle_shown(name);
    name = string_of(die, DW_AT_name);
    if (!name || (symbol && strspn(symbol, "_") < strspn(name, "_")))
        name = symbol; /* qsort_r, where DWARF says __GI___qsort_r */
    return name ? qualified(die, name) : NULL;
}

/* Source paths as people write them: without "/./". */
static char *shown_path(const char *path)
{
    char *copy = path ? printable_dup(path, strlen(path), PATH_SHOWN_MAX) : NULL;
    for (char *at = copy; at && (at = strstr(at, "/./"));)
        memmove(at, at + 2, strlen(at + 2) + 1);
    return copy;
}

static void line_at(Dwarf_Die *unit, Dwarf_Addr address, char **file, unsigned *line)
{
    Dwarf_Line *found = dwarf_getsrc_die(unit, address);
    int number;
    *file = NULL;
    *line = 0;
    if (!found)
        return;
    *file = shown_path(dwarf_linesrc(found, NULL, NULL));
    if (dwarf_lineno(found, &number) == 0 && number > 0)
        *line = (unsigned)number;
}

/* Where an inlined function was called. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *inlined, char **file, unsigned *line)
{
    Dwarf_Files *files;
    size_t n;
    unsigned index = number_of(inlined, DW_AT_call_file);
    *file = NULL;
    *line = number_of(inlined, DW_AT_call_line);
    if (dwarf_getsrcfiles(unit, &files, &n) == 0 && index < n)
        *file = shown_path(dwarf_filesrc(files, index, NULL, NULL));
}

bool inlines_find(struct inlines *in, Dwarf_Addr address, const char *symbol,
                  struct frames *out)
{
    Dwarf_Die unit, function;
    Dwarf_Off off;
    char *file;
    const char *raw = symbol;
    unsigned line;
    struct chain chain = {.n = 0};
    if (!find_unit(in, address, &unit))
        return false;
    const struct spans *functions = functions_of(in, &unit);
    if (functions && spans_find(functions, address, &off) &&
        dwarf_offdie(in->dw, off, &function))
        follow(&chain, function, address);
    line_at(&unit, address, &file, &line);
    while (chain.n > 1) {
        Dwarf_Die *inlined = &chain.at[--chain.n];
        frames_add(out, function_name(inlined, NULL, &raw), file, line);
        frames_set_raw(out, raw);
        call_site(&unit, inlined, &file, &line);
    }
    out->directory = shown_path(string_of(&unit, DW_AT_comp_dir));
    raw = symbol;
    frames_add(out, chain.n ? function_name(&chain.at[0], symbol, &raw)
                            : symbol ? demangle_shown(symbol) : NULL, file, line);
    frames_set_raw(out, raw);
    return out->n > 0;
}
