/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop export: a snapshot in the file formats of other tools.
 */
#include "tui/export/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/naming.h"
#include "tui/command/output.h"
#include "tui/command/source.h"

static void print_formats(void)
{
    const struct export_format *f;
    puts("\nFormats:");
    for (size_t i = 0; (f = export_format_at(i)); i++)
        printf("  %-12s %s\n", f->name, f->help);
    printf("\nValues, for --value (not with every format):\n ");
    for (unsigned i = 0; i < EXPORT_VALUES; i++)
        printf(" %s", export_value_name((enum export_value)i));
    putchar('\n');
}

static int wrong(const char *what, const char *name, const char *why)
{
    fprintf(stderr, "memtop export: %s%s: %s\n", what, name, why);
    return STATUS_USAGE;
}

/* Do format, value and output go together? Sets *f and e->value. */
static int check(const struct options *o, const struct export_format **f, struct export *e)
{
    if (!o->format)
        return wrong("--format", "", "is missing: see memtop export --help");
    *f = export_format(o->format);
    if (!*f)
        return wrong("no such format: ", o->format, "see memtop export --help");
    e->value = (*f)->value;
    if (o->value && !(*f)->chooses_value)
        return wrong("--value", "", "this format has its own values: leave it out");
    if (o->value && !export_value_parse(o->value, &e->value))
        return wrong("no such value: ", o->value, "see memtop export --help");
    if (o->inverted && !(*f)->inverts)
        return wrong("--inverted", "", "this format has no use for it: leave it out");
    if (o->against && !(*f)->compares)
        return wrong("--against", "", "only flamegraph compares: leave it out, or see memtop diff");
    if ((*f)->binary && !o->output && isatty(STDOUT_FILENO))
        return wrong("", o->format, "is not for terminals: give a file with -o");
    return STATUS_DONE;
}

/* More than a format can take, whatever a hostile target says. */
static bool is_too_much(const struct export_format *f, const struct snapshot *s)
{
    uint64_t left = f->most_allocations;
    for (size_t i = 0; f->most_allocations && i < s->n_sites; i++) {
        if (s->sites[i].allocations > left)
            return true;
        left -= s->sites[i].allocations;
    }
    return false;
}

static int write_export(const struct options *o, const struct export_format *f,
                        const struct export *e)
{
    struct output out;
    if (is_too_much(f, e->snapshot))
        return command_fail("--format %s: more than %" PRIu64 " allocations are too many for it: "
                            "choose pprof, dhat or massif", f->name, f->most_allocations);
    if (!export_knows(e, e->value))
        return command_fail("--value %s: is not known here: not compared, not in compact mode, "
                            "nor of agents and files from before memtop counted it",
                            export_value_name(e->value));
    if (output_open(&out, o->output, stdout) != 0)
        return STATUS_FAILED;
    int bad = e->symbols ? f->write(out.stream, e) : -1;
    if (bad)
        command_fail("out of memory while the export was made");
    bad |= output_close(&out);
    return bad ? STATUS_FAILED : STATUS_DONE;
}

struct side {
    struct source source; /* where `opened` */
    bool opened;
    struct pretty_names names;
};

/* Open a process or file, and name what is in it. */
static int open_side(struct side *side, const char *target, const struct options *o,
                     const struct export_format *f, struct pretty *pretty, struct export *e)
{
    struct source *so = &side->source;
    unsigned parts = READER_SITES | (f->history ? READER_SECONDS : 0);
    side->opened = source_open(so, target, o->at, parts) == 0;
    if (!side->opened)
        return STATUS_FAILED;
    if (!so->chosen)
        return command_fail("--at %s: %s is no recording: of it only the end is known", o->at,
                            target);
    e->snapshot = &so->snapshot;
    e->symbols = naming_of(pretty, &side->names, &so->snapshot, so->symbols);
    e->resident_bytes = so->resident_bytes;
    return STATUS_DONE;
}

static void close_side(struct side *side)
{
    pretty_names_fini(&side->names);
    if (side->opened)
        source_close(&side->source);
}

/* Open, name, write. */
static int export(const struct options *o, const struct export_format *f, struct pretty *pretty,
                  struct export e)
{
    struct side side = { .opened = false }, before = { .opened = false };
    struct export against = { .snapshot = NULL };
    int status = open_side(&side, o->args[0], o, f, pretty, &e);
    if (status == STATUS_DONE && o->against) {
        status = open_side(&before, o->against, o, f, pretty, &against);
        e.against = &against;
    }
    if (status == STATUS_DONE)
        status = write_export(o, f, &e);
    close_side(&before);
    close_side(&side);
    return status;
}

static int export_main(const struct options *o)
{
    struct export e = { .inverted = o->inverted };
    const struct export_format *f;
    struct pretty pretty;
    int status = check(o, &f, &e);
    if (status != STATUS_DONE)
        return status;
    status = naming_begin(o, "export", &pretty);
    if (status == STATUS_DONE)
        status = export(o, f, &pretty, e);
    pretty_fini(&pretty);
    return status;
}

const struct command command_export = {
    .name = "export",
    .args = "PID|FILE",
    .summary = "Write what is known of a process in the format of another tool",
    .details = SOURCE_DETAILS,
    .print_more = print_formats,
    .options = OPTION_FORMAT | OPTION_VALUE | OPTION_INVERTED | OPTION_AGAINST | OPTION_EXPORT |
               OPTION_AT | OPTION_NAMING,
    .min_args = 1,
    .max_args = 1,
    .main = export_main,
};
