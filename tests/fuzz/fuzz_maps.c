/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says is mapped; the process has chosen the names. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tui/inject/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct maps m;
    FILE *in = n ? fmemopen((void *)data, n, "r") : NULL;
    if (!in)
        return 0;
    if (maps_parse(&m, 0, in)) {
        for (size_t i = 0; i < m.n; i++) {
            const struct mapping *at = maps_at(&m, m.list[i].start);
            if (at && (at->start > m.list[i].start || at->end <= m.list[i].start))
                abort();
        }
        maps_named(&m, "libc");
        maps_free(&m);
    }
    fclose(in);
    return 0;
}

/* Such a file is its own seed. */
int fuzz_make_seed(const char *path)
{
    (void)path;
    return 1;
}
