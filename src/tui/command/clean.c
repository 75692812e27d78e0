/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop clean: removes what dead processes left, kept or not. Living ones are
 * never touched: the reader refuses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/reader/reader.h"
#include "tui/report/safe_text.h"
#include "tui/view/format.h"

/* Returns whether it is gone, and says so. */
static bool clean_one(const struct found *f)
{
    char size[32], command[60];
    format_bytes(size, sizeof size, (int64_t)f->segment_bytes);
    safe_text_line(command, sizeof command, f->command);
    enum reader_status status = reader_remove(f);
    if (status == READER_OK)
        printf("removed %s: pid %d, %s, %s%s\n", f->path, f->pid, command, size,
               f->keep ? ", kept until now" : "");
    else
        command_fail("%s: not removed: %s", f->path, reader_message(status));
    return status == READER_OK;
}

static int clean_all(const struct found *found, size_t n)
{
    size_t removed = 0, failed = 0;
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (found[i].alive)
            continue;
        if (clean_one(&found[i])) {
            removed++;
            total += found[i].segment_bytes;
        } else {
            failed++;
        }
    }
    char size[32];
    format_bytes(size, sizeof size, (int64_t)total);
    if (removed)
        printf("%zu removed, %s\n", removed, size);
    else if (!failed)
        puts("nothing to remove");
    return failed ? STATUS_FAILED : STATUS_DONE;
}

static int clean_main(const struct options *o)
{
    (void)o;
    struct found *found;
    size_t n;
    enum reader_status status = reader_find_all(&found, &n);
    if (status != READER_OK)
        return command_fail("%s", reader_message(status));
    struct output out;
    output_open(&out, NULL, stdout);
    int result = clean_all(found, n);
    free(found);
    return output_close(&out) == 0 ? result : STATUS_FAILED;
}

const struct command command_clean = {
    .name = "clean",
    .args = "",
    .summary = "Remove the data that dead processes left",
    .details = "That includes what was kept on purpose. Processes that live are left alone.\n"
               "Where MEMTOP_DIR names a directory, only that one is cleaned.\n",
    .max_args = 0,
    .main = clean_main,
};
