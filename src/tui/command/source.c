/* SPDX-License-Identifier: Apache-2.0 */
/* From an argument to a snapshot; source.h. Complains on stderr. */
#include "tui/command/source.h"

#include <stdlib.h>
#include <string.h>

#include "tui/command/command.h"
#include "tui/command/reporting.h"
#include "tui/reader/proc.h"

/* ---- a process or a segment --------------------------------------------------- */

static int read_live(struct source *so, unsigned parts)
{
    const struct target_info *t = &so->snapshot.target;
    struct proc_memory memory;
    enum reader_status status = reader_refresh(so->reader, &so->snapshot, parts);
    if (status != READER_OK) {
        command_fail("%s: %s", reader_path(so->reader), reader_message(status));
        return -1;
    }
    if (t->state == TARGET_RUNNING && proc_memory(t->pid, &memory))
        so->resident_bytes = memory.rss_bytes;
    so->symbols = symbols_new(t->state == TARGET_RUNNING ? t->pid : 0);
    return 0;
}

static int open_live(struct source *so, const char *target, unsigned parts)
{
    so->reader = reporting_open(target);
    return so->reader ? read_live(so, parts) : -1;
}

/* ---- a file -------------------------------------------------------------------- */

struct archive *source_archive(const char *path, bool *foreign)
{
    char why[ARCHIVE_ERROR];
    struct archive *a;
    enum archive_status status = archive_open(path, &a, why);
    *foreign = status == ARCHIVE_FOREIGN;
    if (status == ARCHIVE_BAD)
        command_fail("%s: %s", path, why);
    if (a && archive_damage(a))
        command_fail("%s: %s", path, archive_damage(a));
    return a;
}

bool source_parse_time(const char *text, uint64_t *ns)
{
    size_t n = strspn(text, "0123456789.");
    const char *unit = text + n;
    double scale = !*unit || strcmp(unit, "s") == 0 ? 1
                 : strcmp(unit, "m") == 0 ? 60 : strcmp(unit, "h") == 0 ? 3600 : 0;
    char *end;
    double value = strtod(text, &end);
    if (n == 0 || end != unit || scale == 0 || value > 1e9)
        return false;
    *ns = (uint64_t)(value * scale * 1e9);
    return true;
}

/* The last snapshot knows the marks, the last 256 of them. */
static bool find_mark(struct archive *a, const char *name, size_t *index)
{
    struct snapshot s;
    bool found = false;
    snapshot_init(&s);
    archive_load(a, archive_count(a) - 1, &s);
    for (size_t i = 0; i < s.n_marks && !found; i++) {
        found = strcmp(s.marks[i].name, name) == 0;
        for (*index = 0; found && *index + 1 < archive_count(a) &&
                         archive_moment(a, *index)->wall_ns < s.marks[i].ns;)
            ++*index;
    }
    snapshot_fini(&s);
    return found;
}

static bool find_moment(struct archive *a, const char *at, size_t *index)
{
    uint64_t ns;
    size_t n = archive_count(a);
    *index = n - 1;
    if (!at || strcmp(at, "end") == 0)
        return true;
    if (strcmp(at, "peak") == 0) {
        *index = archive_peak(a);
        return true;
    }
    if (*at == '#' && options_pid(at + 1)) {
        *index = (size_t)options_pid(at + 1) - 1;
        return *index < n;
    }
    if (source_parse_time(at, &ns)) {
        *index = archive_at(a, ns);
        return true;
    }
    return find_mark(a, at, index);
}

bool source_choose(struct archive *a, const char *path, const char *at, size_t *index)
{
    if (find_moment(a, at, index))
        return true;
    command_fail("--at %s: %s has %zu snapshots and no such mark: end, peak, a time such as 90s, "
                 "#1 to #%zu, or the name of a mark", at, path, archive_count(a),
                 archive_count(a));
    return false;
}

static int read_file(struct source *so, const char *target, const char *at)
{
    struct archive *a = so->archive;
    if (!archive_is_recording(a))
        at = NULL;
    so->chosen |= at != NULL;
    if (!source_choose(a, target, at, &so->index))
        return -1;
    if (!archive_load(a, so->index, &so->snapshot)) {
        command_fail("%s: damaged: snapshot %zu cannot be read", target, so->index + 1);
        return -1;
    }
    const struct moment *m = archive_moment(a, so->index);
    so->resident_bytes = m->rss > 0 ? (uint64_t)m->rss : 0;
    so->exit_code = m->exit_code;
    so->signal = m->signal;
    so->symbols = archive_symbols(a);
    return 0;
}

int source_open(struct source *so, const char *target, const char *at, unsigned parts)
{
    bool foreign = true;
    *so = (struct source){ .exit_code = -1, .chosen = !at || strcmp(at, "end") == 0 };
    snapshot_init(&so->snapshot);
    if (!options_pid(target))
        so->archive = source_archive(target, &foreign);
    int result = so->archive ? read_file(so, target, at)
                 : foreign   ? open_live(so, target, parts) : -1;
    if (result != 0)
        source_close(so);
    return result;
}

void source_close(struct source *so)
{
    snapshot_fini(&so->snapshot);
    if (!so->archive)
        symbols_free(so->symbols);
    archive_close(so->archive);
    reader_close(so->reader);
}
