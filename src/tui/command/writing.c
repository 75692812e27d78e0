/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the viewer writes; see writing.h. */
#include "tui/command/writing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/export/export.h"
#include "tui/report/report.h"
#include "tui/view/app.h"

__attribute__((format(printf, 2, 3)))
static bool fail(char *message, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, APP_MESSAGE, format, args);
    va_end(args);
    return false;
}

/* "json" of "a.json", "pb.gz" of "a.pb.gz". */
static bool ends_in(const char *path, const char *extension)
{
    size_t n = strlen(path), e = strlen(extension);
    return n > e + 1 && path[n - e - 1] == '.' && strcmp(path + n - e, extension) == 0;
}

/* The first format of that extension. */
static const struct export_format *format_of(const char *path)
{
    const struct export_format *f;
    for (size_t i = 0; (f = export_format_at(i)); i++)
        if (f->write && (ends_in(path, f->extension) || ends_in(path, f->name)))
            return f;
    return NULL;
}

/* The others are left out as if they had never allocated. */
static struct site_row *chosen_sites(const struct snapshot *s, const bool *only)
{
    struct site_row *rows = malloc((s->n_sites + 1) * sizeof *rows);
    for (size_t i = 0; rows && i < s->n_sites; i++)
        rows[i] = only[i] ? s->sites[i] : (struct site_row){ .node = s->sites[i].node };
    return rows;
}

static int write_to(FILE *out, const struct export_format *f, const struct snapshot *s,
                    struct symbols *sy)
{
    struct report r = { .snapshot = s, .symbols = sy, .top = REPORT_ALL_SITES, .exit_code = -1 };
    struct export e = { .snapshot = s, .symbols = sy };
    if (f)
        e.value = f->value;
    return !sy ? -1 : f ? f->write(out, &e) : report_json(out, &r);
}

static bool write_file(const char *path, const struct export_format *f,
                       const struct snapshot *s, struct symbols *sy, char *message)
{
    FILE *out = fopen(path, "wxe");
    if (!out)
        return fail(message, "%s: %s", path, strerror(errno));
    bool no_memory = write_to(out, f, s, sy) != 0, bad = fflush(out) != 0 || ferror(out);
    int why = errno;
    if (fclose(out) != 0 && !bad) {
        bad = true;
        why = errno;
    }
    if (no_memory || bad) {
        unlink(path);
        return fail(message, "%s: %s: nothing was written", path,
                    no_memory ? "not enough memory" : strerror(why));
    }
    snprintf(message, APP_MESSAGE, "%s: written, as %s", path, f ? f->name : "JSON");
    return true;
}

bool writing_write(void *data, const char *path, const struct snapshot *snapshot,
                   struct symbols *names, const bool *only, char *message)
{
    (void)data;
    bool json = ends_in(path, "json");
    const struct export_format *f = json ? NULL : format_of(path);
    struct snapshot s = *snapshot;
    if (!json && !f)
        return fail(message, "%s: no format is called so: .txt is what is on the screen, .json, "
                             ".csv, .folded and more: memtop export --help", path);
    if (f && f->history && !s.n_seconds)
        return fail(message, "%s: the history is not at hand here: memtop export has it", path);
    if (only && !(s.sites = chosen_sites(snapshot, only)))
        return fail(message, "%s: not enough memory", path);
    struct symbols *own = names ? NULL
                        : symbols_new(s.target.state == TARGET_RUNNING ? s.target.pid : 0);
    bool written = write_file(path, f, &s, names ? names : own, message);
    symbols_free(own);
    if (only)
        free(s.sites);
    return written;
}
