/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames as lines of text; see text_stack.h.
 */
#include "tui/report/text_stack.h"

#include <inttypes.h>
#include <string.h>

#include "tui/report/safe_text.h"

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* C++ plumbing between the code that wants memory and malloc. */
static bool is_plumbing(const char *function)
{
    return starts_with(function, "operator new") || starts_with(function, "std::allocator") ||
           starts_with(function, "std::__new_allocator") ||
           starts_with(function, "std::_Vector_base") ||
           starts_with(function, "__gnu_cxx::new_allocator");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *text_frame(char *out, size_t size, size_t room, const struct symbol_frame *f,
                 const char *module)
{
    char function[512], file[128], where[360] = "", m[64] = "";
    if (module)
        safe_text_line(m, sizeof m, base_name(module));
    if (f->file)
        safe_text_line(file, sizeof file, base_name(f->file));
    if (f->file && f->line)
        snprintf(where, sizeof where, " (%s:%u%s%s)", file, f->line, *m ? ", " : "", m);
    else if (*m)
        snprintf(where, sizeof where, " (%s)", m);
    size_t place = strlen(where);
    size_t left = place + 20 < room ? room - place : 20;
    safe_text_line(function, sizeof function, f->function);
    bool cut = strlen(function) > left && left < sizeof function;
    if (cut) {
        char shorter[512];
        safe_text_line(shorter, left - 2 + 1, function);
        memcpy(function, shorter, strlen(shorter) + 1);
    }
    snprintf(out, size, "%s%s%s", function, cut ? ".." : "", where);
    return out;
}

/* What is printed of a site's stack so far. */
struct printed {
    unsigned lines, hidden;
    size_t room;
    bool user_code; /* past the allocator's own frames */
};

static void print_limited(FILE *out, struct printed *p, const struct symbol_frame *f,
                          const char *module)
{
    char line[1024];
    p->user_code = p->user_code || !is_plumbing(f->function);
    if (!p->user_code)
        return;
    if (p->lines < TEXT_STACK_FRAMES) {
        fprintf(out, "    %s\n", text_frame(line, sizeof line, p->room, f, module));
        p->lines++;
    } else {
        p->hidden++;
    }
}

/* A frame without a name: there are no symbols at all. */
static void print_unnamed(FILE *out, struct printed *p, const struct snapshot *s,
                          const struct node_row *node)
{
    char address[24];
    snprintf(address, sizeof address, "0x%" PRIx64, node->pc);
    bool known = node->module && node->module < s->n_modules;
    print_limited(out, p, &(struct symbol_frame){ .function = address },
                  known ? s->modules[node->module].path : "?");
}

void text_stack(FILE *out, const struct batch *b)
{
    struct printed p = { .room = text_columns(b->report) - 4 };
    const struct snapshot *s = b->report->snapshot;
    for (size_t i = 0; i < b->depth; i++) {
        const struct symbol *symbol = batch_symbol(b, b->nodes[i]);
        for (size_t k = 0; symbol && k < symbol->n; k++)
            print_limited(out, &p, &symbol->frames[k], symbol->module);
        if (!symbol)
            print_unnamed(out, &p, s, &s->nodes[b->nodes[i]]);
    }
    if (p.hidden)
        fprintf(out, "    .. and %u more\n", p.hidden);
    if (p.lines == 0)
        fputs(b->depth ? "    (only the allocator's own frames)\n" : "    (no stack)\n", out);
}
