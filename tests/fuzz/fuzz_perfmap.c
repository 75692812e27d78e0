/* SPDX-License-Identifier: Apache-2.0 */
/* The maps that JIT compilers write; the input is one, then asked for all its places. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"
#include "tui/model/perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct perfmap *map = perfmap_new();
    size_t length, sum = 0;
    if (map && perfmap_parse(map, (const char *)data, n))
        for (uint64_t address = 0; address < 0x10000; address += 0x40)
            for (unsigned shift = 0; shift < 64; shift += 16) {
                const char *name = perfmap_find(map, address << shift, &length);
                for (size_t i = 0; name && i < length; i++)
                    sum += (unsigned char)name[i];
            }
    perfmap_free(map);
    return sum == SIZE_MAX;
}

/* A map is its own seed. */
int fuzz_make_seed(const char *path)
{
    (void)path;
    return 1;
}
