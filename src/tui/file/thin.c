/* SPDX-License-Identifier: Apache-2.0 */
/* Thinning by powers of two; thin.h. */
#include "tui/file/thin.h"

bool thin_keeps(uint64_t at, uint64_t before, uint64_t end, uint64_t near)
{
    uint64_t age = end > at ? end - at : 0;
    unsigned shift = 0;
    while (shift < 63 && near && age >> shift >= near)
        shift++;
    return before == UINT64_MAX || at >> shift != before >> shift;
}
