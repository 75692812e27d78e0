/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables of flat rows. See rows.h.
 *
 * Runs inside malloc and in signal handlers. Takes memory from the kernel when
 * a table fills up; if there is none, the walk goes on without remembering.
 */
#include "agent/rows.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/sandbox.h"

#define ROWS_FIRST  (UINT64_C(1) << 12) /* 64 KiB */
#define ROWS_LARGEST (UINT64_C(1) << 18) /* 4 MiB; all tables: 5.4 MiB */
#define ROWS_GROWTH 4
#define PROBES      16

/* A table of one row that never matches, so that rows_find needs no test. */
static struct {
    struct rows_table table;
    struct rows_row row;
} rows_nothing;

_Atomic(struct rows_table *) rows_newest = &rows_nothing.table;

/* ---- tables --------------------------------------------------------------- */
static size_t table_bytes(size_t rows)
{
    return sizeof(struct rows_table) + rows * sizeof(struct rows_row);
}

static size_t table_rows(const struct rows_table *table)
{
    return table->mask / sizeof(struct rows_row) + 1;
}

/* mmap without errno. NULL: no memory. */
static void *map_pages(size_t bytes)
{
    register long r10 __asm__("r10") = MAP_PRIVATE | MAP_ANONYMOUS;
    register long r8 __asm__("r8") = -1;
    register long r9 __asm__("r9") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_mmap), "D"(0), "S"(bytes),
                       "d"(PROT_READ | PROT_WRITE), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

static void unmap_pages(void *p, size_t bytes)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_munmap), "D"(p), "S"(bytes)
                     : "rcx", "r11", "memory");
}

/* Put a table of `rows` in front of `older`, unless another thread was first. */
static void table_try(struct rows_table *older, size_t rows)
{
    struct rows_table *table = map_pages(table_bytes(rows));
    if (!table)
        return;
    table->mask = (rows - 1) * sizeof(struct rows_row);
    table->room = rows / 8 * 3;
    table->older = older == &rows_nothing.table ? NULL : older;
    if (!atomic_compare_exchange_strong_explicit(&rows_newest, &older, table,
                                                 memory_order_release,
                                                 memory_order_relaxed))
        unmap_pages(table, table_bytes(rows));
}

static void table_add(struct rows_table *older, size_t rows)
{
    if (!sandbox_enter())
        return;
    table_try(older, rows);
    sandbox_leave();
}

void rows_init(void)
{
    struct rows_table *now = atomic_load_explicit(&rows_newest, memory_order_acquire);
    if (now == &rows_nothing.table)
        table_add(now, ROWS_FIRST);
}

/* The i-th slot in which pc may be. */
static struct rows_row *table_slot(struct rows_table *table, uintptr_t pc, unsigned i)
{
    uintptr_t at = (rows_hash(pc) + i * sizeof(struct rows_row)) & table->mask;
    return (struct rows_row *)(void *)((char *)table->rows + at);
}

static uint64_t table_find(struct rows_table *table, uintptr_t pc)
{
    for (unsigned i = 0; i < PROBES; i++) {
        struct rows_row *row = table_slot(table, pc, i);
        uintptr_t there = atomic_load_explicit(&row->pc, memory_order_relaxed);
        if (there == pc)
            return atomic_load_explicit(&row->rule, memory_order_acquire);
        if (there == 0)
            return 0;
    }
    return 0;
}

/* Give pc a slot, or find the one it has. False: all are taken by others. */
static bool table_insert(struct rows_table *table, uintptr_t pc, uint64_t rule)
{
    for (unsigned i = 0; i < PROBES; i++) {
        struct rows_row *row = table_slot(table, pc, i);
        uintptr_t there = atomic_load_explicit(&row->pc, memory_order_relaxed);
        if (there == 0 &&
            atomic_compare_exchange_strong_explicit(&row->pc, &there, pc,
                                                    memory_order_relaxed,
                                                    memory_order_relaxed)) {
            atomic_fetch_add_explicit(&table->used, 1, memory_order_relaxed);
            there = pc;
        }
        if (there == pc) {
            /* Pairs with the acquire in rows_find. */
            atomic_store_explicit(&row->rule, rule, memory_order_release);
            return true;
        }
    }
    return false;
}

static void rows_insert(uintptr_t pc, uint64_t rule)
{
    struct rows_table *table = atomic_load_explicit(&rows_newest, memory_order_acquire);
    if (table == &rows_nothing.table)
        return;
    bool fits = table_insert(table, pc, rule);
    if (fits && atomic_load_explicit(&table->used, memory_order_relaxed) <= table->room)
        return;
    size_t rows = table_rows(table) * ROWS_GROWTH;
    if (rows > ROWS_LARGEST)
        return;
    table_add(table, rows);
    table = atomic_load_explicit(&rows_newest, memory_order_acquire);
    if (!fits)
        table_insert(table, pc, rule);
}

/* ---- rules ---------------------------------------------------------------- */
static uint64_t make_rule(enum rows_kind kind, int64_t cfa, int64_t fp)
{
    return (uint64_t)kind << 48 | (uint64_t)(uint16_t)fp << 32 | (uint32_t)cfa;
}

/* GCC's realigned frames: CFA = *(rbp + n), rbp = *rbp. */
static uint64_t pack_realigned(const struct cfi_row *row)
{
    const uint8_t *cfa = row->base + row->cfa.value;
    const struct cfi_rule *fp = &row->regs[CFI_RBP];
    const uint8_t *saved = row->base + fp->value;
    if (row->cfa.length != 3 || cfa[0] != 0x76 || (cfa[1] & 0x80) || cfa[2] != 0x06 ||
        fp->kind != CFI_EXPR || fp->length != 2 || saved[0] != 0x76 || saved[1] != 0)
        return make_rule(ROWS_GENERAL, 0, 0);
    int64_t n = cfa[1] & 0x40 ? cfa[1] - 0x80 : cfa[1];
    return make_rule(ROWS_DRAP, n, 0);
}

uint64_t rows_pack(const struct cfi_row *row)
{
    const uint64_t general = make_rule(ROWS_GENERAL, 0, 0);
    const struct cfi_rule *pc = &row->regs[CFI_RIP], *fp = &row->regs[CFI_RBP];
    if (pc->kind == CFI_UNDEFINED)
        return make_rule(ROWS_END, 0, 0);
    if (row->signal || pc->kind != CFI_OFFSET || pc->value != -8 ||
        row->regs[CFI_RSP].kind != CFI_SAME)
        return general;
    if (row->cfa.kind == CFI_VAL_EXPR)
        return pack_realigned(row);
    int64_t saved = fp->kind == CFI_OFFSET ? fp->value : 0;
    if ((fp->kind != CFI_SAME && fp->kind != CFI_OFFSET) ||
        (fp->kind == CFI_OFFSET && (saved > -16 || saved < INT16_MIN)))
        return general;
    if (row->cfa.reg == CFI_RBP)
        return make_rule(ROWS_FP, row->cfa.value, saved);
    if (row->cfa.reg != CFI_RSP || row->cfa.value < 8 || row->cfa.value + saved < 0)
        return general;
    return make_rule(ROWS_SP, row->cfa.value, saved);
}

/* What is not in a module may be replaced without notice: never kept. */
static uint64_t rule_interpret(uintptr_t pc)
{
    struct cfi_row row;
    enum cfi_status status = cfi_find(pc - 1, &row);
    if (status == CFI_NO_MODULE)
        return make_rule(ROWS_NO_MODULE, 16, -16);
    uint64_t rule = status == CFI_OK ? rows_pack(&row) : make_rule(ROWS_NO_INFO, 16, -16);
    rows_insert(pc, rule);
    return rule;
}

uint64_t rows_find_slow(uintptr_t pc)
{
    struct rows_table *newest = atomic_load_explicit(&rows_newest, memory_order_acquire);
    if (pc == 0)
        return ROWS_NONE;
    for (struct rows_table *table = newest; table; table = table->older) {
        uint64_t rule = table_find(table, pc);
        if (rule && table != newest)
            rows_insert(pc, rule);
        if (rule)
            return rule;
    }
    return rule_interpret(pc);
}

void rows_forget(uintptr_t start, uintptr_t end)
{
    struct rows_table *table = atomic_load_explicit(&rows_newest, memory_order_acquire);
    for (; table; table = table->older) {
        for (size_t i = 0; i < table_rows(table); i++) {
            struct rows_row *row = &table->rows[i];
            uintptr_t pc = atomic_load_explicit(&row->pc, memory_order_relaxed);
            if (pc - 1 - start < end - start)
                atomic_store_explicit(&row->rule, 0, memory_order_relaxed);
        }
    }
}
