/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop keys: the viewer's keys, as the file of keys that changes them.
 */
#include <limits.h>
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/view/keys.h"
#include "tui/view/settings.h"

static int keys_main(const struct options *o)
{
    char path[PATH_MAX], error[480], names[64], action[48];
    const struct key_row *rows;
    struct output out;
    size_t n;
    (void)o;
    if (settings_path(path, sizeof path, "keys") && !keys_load(path, error, sizeof error))
        return command_fail("%s", error);
    output_open(&out, NULL, stdout);
    rows = keys_rows(&n);
    for (size_t i = 0; i < n; i++)
        printf("%s = %s # %s\n", keys_action_name(action, sizeof action, rows[i].action),
               keys_names(names, sizeof names, &rows[i]), rows[i].help);
    return output_close(&out) == 0 ? STATUS_DONE : STATUS_FAILED;
}

const struct command command_keys = {
    .name = "keys",
    .args = "",
    .summary = "Print the viewer's keys, in the form of the file that changes them",
    .details = "That file is memtop/keys in $XDG_CONFIG_HOME or ~/.config: lines of\n"
               "ACTION = KEY KEY KEY, for the actions that are to have others.\n",
    .max_args = 0,
    .main = keys_main,
};
