/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for the unwinder: the stack is what the test says it is. */
#include "tests/stack_fake.h"

#include <string.h>

#include "agent/care.h"

uint64_t stack_fake_pcs[SEG_DEPTH_MAX];
size_t stack_fake_depth;
bool stack_fake_explains = true;

uint64_t stack_generation;
uint64_t care_word = CARE_FIRST;

bool stack_explains(uint64_t pc)
{
    (void)pc;
    return stack_fake_explains;
}

void stack_init(void)
{
}

size_t stack_unwind(const struct stack_frame *first, uint64_t *pcs, size_t max,
                    enum stack_end *end)
{
    (void)first;
    size_t n = stack_fake_depth < max ? stack_fake_depth : max;
    memcpy(pcs, stack_fake_pcs, n * sizeof *pcs);
    *end = STACK_COMPLETE;
    return n;
}

void stack_forget(uintptr_t start, uintptr_t end)
{
    (void)start;
    (void)end;
}
