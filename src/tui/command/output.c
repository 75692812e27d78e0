/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output streams of the commands. Prints complaints on stderr.
 */
#include "tui/command/output.h"

#include <errno.h>
#include <string.h>

#include "tui/command/command.h"

int output_open(struct output *o, const char *path, FILE *standard)
{
    o->name = path ? path : standard == stdout ? "standard output" : "standard error";
    o->stream = path ? fopen(path, "we") : standard;
    if (o->stream)
        return 0;
    command_fail("%s: cannot be written: %s", path, strerror(errno));
    return -1;
}

int output_close(struct output *o)
{
    errno = 0;
    int failed = ferror(o->stream);
    failed |= fflush(o->stream);
    int error = errno;
    if (o->stream != stdout && o->stream != stderr && fclose(o->stream) != 0) {
        failed = 1;
        error = error ? error : errno;
    }
    if (failed && error != EPIPE)
        command_fail("%s: not all could be written: %s", o->name,
                     error ? strerror(error) : "an earlier error");
    return failed ? -1 : 0;
}
