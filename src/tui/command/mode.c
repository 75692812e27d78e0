/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop mode: prints the tier of a process that runs, or asks for another one
 * and waits a moment to see whether it is taken.
 */
#include <poll.h>
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/model/tier.h"
#include "tui/reader/reader.h"
#include "tui/view/format.h"

#define WAIT_MS 5 /* so long, so many times */
#define WAITS   40

static void print_tier(const struct snapshot *s)
{
    char text[64];
    puts(format_tier(text, sizeof text, s, true));
}

static int fail(const char *target, enum reader_status status)
{
    return command_fail("process %s: %s", target, reader_message(status));
}

/* The process may be idle, and then nobody looks. */
static enum reader_status await(struct reader *r, struct snapshot *s)
{
    enum reader_status status = READER_OK;
    for (int i = 0; i < WAITS && status == READER_OK; i++) {
        status = reader_refresh(r, s, 0);
        if (status != READER_OK || !s->target.tier_pending)
            break;
        poll(NULL, 0, WAIT_MS);
    }
    return status;
}

static int set(const struct options *o, struct reader *r, struct snapshot *s,
               enum seg_tier tier)
{
    enum reader_status status = reader_set_tier(r, tier, o->sample);
    if (status == READER_OK)
        status = await(r, s);
    if (status != READER_OK)
        return fail(o->args[0], status);
    if (s->target.tier_pending)
        printf("%s: takes effect when the process next allocates\n", tier_name(tier));
    else
        print_tier(s);
    return STATUS_DONE;
}

static int show(const struct options *o, struct reader *r, struct snapshot *s)
{
    enum reader_status status = reader_refresh(r, s, 0);
    if (status != READER_OK)
        return fail(o->args[0], status);
    print_tier(s);
    return STATUS_DONE;
}

/* Which tier is asked for: one that is named, or sampled where only a distance
 * is. False after a message. */
static bool choose(const struct options *o, bool *asked, enum seg_tier *tier)
{
    *asked = o->n_args > 1 || o->sample != 0;
    *tier = SEG_TIER_SAMPLED;
    if (o->n_args > 1 && !tier_parse(o->args[1], tier)) {
        fprintf(stderr, "memtop mode: %s: not a tier: counters, exact or sampled\n",
                o->args[1]);
        return false;
    }
    if (o->sample && *tier != SEG_TIER_SAMPLED) {
        fputs("memtop mode: --sample goes with the tier sampled only\n", stderr);
        return false;
    }
    return true;
}

static int mode_main(const struct options *o)
{
    int pid = options_pid(o->args[0]);
    enum seg_tier tier;
    bool asked;
    if (!pid) {
        fprintf(stderr, "memtop mode: %s: not a process id: see memtop list\n", o->args[0]);
        return STATUS_USAGE;
    }
    if (!choose(o, &asked, &tier))
        return STATUS_USAGE;
    struct reader *r;
    enum reader_status status = reader_open_pid(pid, &r);
    if (status != READER_OK)
        return fail(o->args[0], status);
    struct output out;
    struct snapshot s;
    output_open(&out, NULL, stdout);
    snapshot_init(&s);
    int result = asked ? set(o, r, &s, tier) : show(o, r, &s);
    snapshot_fini(&s);
    reader_close(r);
    return output_close(&out) == 0 ? result : STATUS_FAILED;
}

const struct command command_mode = {
    .name = "mode",
    .args = "PID [counters|exact|sampled]",
    .summary = "Print or change how much is recorded of a process",
    .details = "counters  every block, no stacks\n"
               "exact     every block with its stack\n"
               "sampled   stacks of one block in so many bytes, the rest is estimated\n"
               "It takes effect when the process next allocates.\n",
    .options = OPTION_SAMPLE,
    .min_args = 1,
    .max_args = 2,
    .main = mode_main,
};
