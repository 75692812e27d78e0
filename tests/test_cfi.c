/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every row of every entry of some real modules, as src/agent/cfi.c reads it,
 * against what elfutils reads from the same files. Also the packed rules.
 */
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cfi.h"
#include "agent/rows.h"
#include "tap.h"

struct module {
    const char *name; /* part of its path; "" is the program */
    const char *path;
    uintptr_t bias;
    const uint8_t *header; /* .eh_frame_hdr */
};

struct counts {
    unsigned long entries, rows, calling, flat, wrong;
};

static int find_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct module *m = data;
    (void)size;
    bool found = *m->name ? strstr(info->dlpi_name, m->name) != NULL
                          : *info->dlpi_name == '\0';
    if (!found)
        return 0;
    m->path = *m->name ? info->dlpi_name : "/proc/self/exe";
    m->bias = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
            m->header = (const uint8_t *)(m->bias + info->dlpi_phdr[i].p_vaddr);
    return 1;
}

/* ---- what elfutils says, in our words ------------------------------------- */
static struct cfi_rule oracle_cfa(Dwarf_Frame *frame)
{
    Dwarf_Op *ops;
    size_t n;
    struct cfi_rule rule = { .kind = CFI_UNDEFINED };
    if (dwarf_frame_cfa(frame, &ops, &n) != 0)
        return rule;
    if (n == 1 && ops[0].atom == DW_OP_bregx)
        return (struct cfi_rule){ .kind = CFI_REGISTER, .reg = (uint8_t)ops[0].number,
                                  .value = (int32_t)ops[0].number2 };
    if (n == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31)
        return (struct cfi_rule){ .kind = CFI_REGISTER,
                                  .reg = (uint8_t)(ops[0].atom - DW_OP_breg0),
                                  .value = (int32_t)ops[0].number };
    rule.kind = CFI_VAL_EXPR;
    return rule;
}

static struct cfi_rule oracle_register(Dwarf_Frame *frame, int reg)
{
    Dwarf_Op memory[3], *ops;
    size_t n;
    struct cfi_rule rule = { .kind = CFI_UNDEFINED };
    if (dwarf_frame_register(frame, reg, memory, &ops, &n) != 0 || (n == 0 && ops == memory))
        return rule;
    if (n == 0) {
        rule.kind = CFI_SAME;
    } else if (ops[0].atom == DW_OP_call_frame_cfa) {
        /* An expression begins with the CFA, too. */
        bool value = ops[n - 1].atom == DW_OP_stack_value;
        bool plus = n > 1 && ops[1].atom == DW_OP_plus_uconst;
        rule.kind = value ? CFI_VAL_OFFSET : CFI_OFFSET;
        rule.value = plus ? (int32_t)ops[1].number : 0;
        if (n != 1u + plus + value)
            rule.kind = value ? CFI_VAL_EXPR : CFI_EXPR;
    } else if (ops[0].atom == DW_OP_regx ||
               (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)) {
        rule.kind = CFI_REGISTER;
        rule.reg = (uint8_t)ops[0].number;
        if (ops[0].atom != DW_OP_regx)
            rule.reg = (uint8_t)(ops[0].atom - DW_OP_reg0);
    } else {
        rule.kind = ops[n - 1].atom == DW_OP_stack_value ? CFI_VAL_EXPR : CFI_EXPR;
    }
    return rule;
}

/* Expressions are compared by kind here; test_stack runs them. */
static bool same_rule(struct cfi_rule a, struct cfi_rule b)
{
    if (a.kind != b.kind)
        return false;
    return a.kind == CFI_EXPR || a.kind == CFI_VAL_EXPR ||
           (a.reg == b.reg && a.value == b.value);
}

static bool same_row(const struct cfi_row *row, Dwarf_Frame *frame, uintptr_t bias)
{
    static const int registers[] = { CFI_RBX, CFI_RBP, 12, 13, 14, 15, CFI_RIP };
    Dwarf_Addr start, end;
    bool signal = false;
    dwarf_frame_info(frame, &start, &end, &signal);
    /* With a state restored, elfutils also restores the start of its row. */
    if (row->start < start + bias || row->end != end + bias || row->signal != signal ||
        !same_rule(row->cfa, oracle_cfa(frame)))
        return false;
    for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        struct cfi_rule ours = row->regs[registers[i]];
        struct cfi_rule theirs = oracle_register(frame, registers[i]);
        /* elfutils has no default for rbx, which is "the same". */
        if (registers[i] == CFI_RBX && theirs.kind == CFI_UNDEFINED)
            theirs.kind = CFI_SAME;
        if (!same_rule(ours, theirs))
            return false;
    }
    return true;
}

/* Is this the end of a function, where what was saved is popped already? There
 * are no calls there. */
static bool has_left(const struct cfi_row *row)
{
    const struct cfi_rule *fp = &row->regs[CFI_RBP];
    return row->cfa.kind == CFI_REGISTER && row->cfa.reg == CFI_RSP &&
           fp->kind == CFI_OFFSET && row->cfa.value + fp->value < 0;
}

/* ---- walking through a module ---------------------------------------------- */
static void report(struct counts *c, uintptr_t address, const char *what)
{
    if (c->wrong++ < 10)
        printf("# at %#lx: %s\n", (unsigned long)address, what);
}

static void check_entry(const struct module *m, Dwarf_CFI *cfi, uintptr_t start,
                        struct counts *c)
{
    struct cfi_row row;
    c->entries++;
    for (uintptr_t pc = start;; pc = row.end) {
        Dwarf_Frame *frame = NULL;
        enum cfi_status status = cfi_find_in(m->header, pc, &row);
        if (status == CFI_OK && pc != start && row.start != pc)
            return; /* it is in the next entry, which overlaps or abuts */
        int refused = dwarf_cfi_addrframe(cfi, pc - m->bias, &frame);
        if ((status == CFI_OK) != (refused == 0))
            report(c, pc - m->bias, "only one of the readers found a row");
        else if (status == CFI_OK && !same_row(&row, frame, m->bias))
            report(c, pc - m->bias, "different rows");
        free(frame);
        if (status != CFI_OK)
            return;
        c->rows++;
        if (has_left(&row))
            continue;
        unsigned kind = rows_kind(rows_pack(&row));
        c->calling++;
        c->flat += kind <= ROWS_LAST_SIMPLE || kind == ROWS_END;
    }
}

static void check_module(const char *name)
{
    struct module m = { .name = name };
    struct counts c = { 0 };
    if (!dl_iterate_phdr(find_module, &m) || !m.header) {
        tap_skip("no such module, or it has no .eh_frame_hdr");
        return;
    }
    int fd = open(m.path, O_RDONLY);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
    const int32_t *table = (const int32_t *)(const void *)(m.header + 12);
    for (int32_t i = 0; cfi && i < table[-1]; i++)
        check_entry(&m, cfi, (uintptr_t)(m.header + table[2 * i]), &c);
    const char *shown = *name ? name : "the test itself";
    tap_ok(c.rows > 0 && c.wrong == 0, "%s: %lu rows of %lu entries are right", shown,
           c.rows, c.entries);
    tap_ok(c.flat >= c.calling - c.calling / 20, "%s: %lu of %lu rows are flat", shown,
           c.flat, c.calling);
    dwarf_cfi_end(cfi);
    elf_end(elf);
    close(fd);
}

static void check_outside(void)
{
    struct cfi_row row;
    static int data;
    tap_ok(cfi_find(0x10, &row) == CFI_NO_MODULE, "address 16 is in no module");
    tap_ok(cfi_find((uintptr_t)&data, &row) == CFI_NO_ENTRY, "data has no rows");
    tap_ok(cfi_find((uintptr_t)check_module, &row) == CFI_OK, "code has");
    tap_ok(cfi_covers((uintptr_t)check_module) && !cfi_covers((uintptr_t)&data) &&
           !cfi_covers(0x10), "cfi_covers says the same");
}

int main(void)
{
    elf_version(EV_CURRENT);
    dlopen("libstdc++.so.6", RTLD_NOW);
    dlopen("libcrypto.so.3", RTLD_NOW);
    check_outside();
    check_module("");
    check_module("libc.so.6");
    check_module("ld-linux-x86-64");
    check_module("libdw");
    check_module("libstdc++");
    check_module("libcrypto");
    return tap_done();
}
