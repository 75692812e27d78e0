/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comma-separated values (RFC 4180): a row for each call site with all its
 * figures, for spreadsheets and data frames. Text is always quoted.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tui/export/walk.h"
#include "tui/report/safe_text.h"

static const char head[] =
    "site,live_bytes,live_blocks,allocations,frees,bytes_allocated,bytes_freed,temporary,"
    "peak_bytes,peak_blocks,first_s,estimated,live_bytes_error,live_blocks_error,"
    "allocations_error,bytes_allocated_error,short_lived,function,module,file,line,stack\r\n";

/* Within quotes. In a stack ';' separates. */
static int put_inner(FILE *out, const char *text, bool in_stack)
{
    char *clean = safe_text_utf8(text);
    if (!clean)
        return -1;
    for (const char *p = clean; *p; p++) {
        if (*p == '"')
            fputc('"', out);
        fputc((unsigned char)*p < 0x20 ? '?' : in_stack && *p == ';' ? ':' : *p, out);
    }
    free(clean);
    return 0;
}

static int put_text(FILE *out, const char *text)
{
    fputs(",\"", out);
    int bad = put_inner(out, text, false);
    fputc('"', out);
    return bad;
}

/* known: how many were short-lived. */
static void put_figures(FILE *out, const struct site_row *s, bool known)
{
    fprintf(out, "%" PRIu32 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
            ",%" PRIu64 ",%" PRId64 ",%" PRId64, s->id, s->live_bytes, s->live_blocks,
            s->allocations, s->frees, s->bytes_allocated, s->bytes_freed, s->temporary,
            s->peak_bytes, s->peak_blocks);
    /* Not as a floating point number, whose point is the locale's. */
    fprintf(out, ",%" PRIu64 ".%09" PRIu64, s->first_ns / 1000000000, s->first_ns % 1000000000);
    fprintf(out, ",%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, s->samples != 0,
            s->live_bytes_error, s->live_blocks_error, s->allocations_error,
            s->bytes_allocated_error);
    if (known)
        fprintf(out, ",%" PRIu64, s->short_lived);
    else
        fputc(',', out);
}

static int put_site(FILE *out, const struct walk *w, const struct site_row *site)
{
    const struct walk_frame *leaf = &w->frames[0];
    put_figures(out, site, w->export->snapshot->totals.short_ns != 0);
    int bad = put_text(out, leaf->function) | put_text(out, leaf->module) |
              put_text(out, leaf->file ? leaf->file : "");
    if (leaf->line)
        fprintf(out, ",%u", leaf->line);
    else
        fputc(',', out);
    fputs(",\"", out);
    for (size_t i = w->depth; i-- > 0;) {
        bad |= put_inner(out, w->frames[i].function, true);
        fputs(i ? ";" : "\"\r\n", out);
    }
    return bad;
}

int export_csv(FILE *out, const struct export *e)
{
    struct walk w;
    int bad = 0;
    if (walk_init(&w, e) != 0)
        return -1;
    fputs(head, out);
    for (const struct site_row *site; bad == 0 && (site = walk_next(&w));)
        bad = put_site(out, &w, site);
    return walk_fini(&w) | bad;
}
