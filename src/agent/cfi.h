/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call frame information (.eh_frame) of x86-64: from a pc to the row that says
 * how its frame is left, and from a row and registers to the caller's ones.
 *
 * cfi.c finds and interprets rows, cfi_apply.c uses them. Both run inside
 * malloc and in signal handlers: no allocation, no locks, no errno. Modules
 * are found with _dl_find_object. The sections are read where they are mapped;
 * whatever they say is checked against the ends of their entries.
 */
#ifndef MEMTOP_AGENT_CFI_H
#define MEMTOP_AGENT_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Register numbers are DWARF's: 0 to 15 general, 16 the return address. */
#define CFI_RBX  3
#define CFI_RBP  6
#define CFI_RSP  7
#define CFI_RIP  16
#define CFI_REGS 17

enum cfi_status {
    CFI_OK,
    CFI_END,       /* the outermost frame: its return address is undefined */
    CFI_NO_MODULE, /* pc is in no loaded module */
    CFI_NO_ENTRY,  /* in a module, but it says nothing about pc */
    CFI_BAD,       /* malformed, unsupported, or it led to unreadable memory */
    CFI_UNKNOWN_REGISTER, /* cfi_apply: needs a register that is not known */
};

enum cfi_kind {
    CFI_SAME = 0,   /* not changed (the CFA: never) */
    CFI_UNDEFINED,
    CFI_OFFSET,     /* saved at CFA + value */
    CFI_VAL_OFFSET, /* equals CFA + value */
    CFI_REGISTER,   /* equals register reg (the CFA: plus value) */
    CFI_EXPR,       /* saved at the address that an expression computes */
    CFI_VAL_EXPR,   /* equals what an expression computes */
};

/* An expression is `length` bytes at row->base + value. */
struct cfi_rule {
    uint8_t kind; /* enum cfi_kind */
    uint8_t reg;
    uint16_t length;
    int32_t value;
};

struct cfi_row {
    uintptr_t start; /* it holds for pcs in [start, end) */
    uintptr_t end;
    const uint8_t *base;
    bool signal; /* the frame that a signal handler returns to */
    struct cfi_rule cfa;
    struct cfi_rule regs[CFI_REGS];
};

/* `known` has bit i set when r[i] is meaningful. */
struct cfi_regs {
    uint32_t known;
    uintptr_t r[CFI_REGS];
};

/* Read 8 bytes of memory that may not be mapped; false if it is not. */
typedef bool cfi_read(void *context, uintptr_t address, uint64_t *value);

/* The row that holds at the instruction which contains pc. For a return
 * address give the address minus one. CFI_OK, or why there is none. */
enum cfi_status cfi_find(uintptr_t pc, struct cfi_row *row);

/* Is there an entry for pc? Cheaper than its row. */
bool cfi_covers(uintptr_t pc);

/* cfi_find with the module's .eh_frame_hdr (mapped) at hand. Never returns
 * CFI_NO_MODULE. */
enum cfi_status cfi_find_in(const uint8_t *eh_frame_hdr, uintptr_t pc,
                            struct cfi_row *row);

/* Replace the registers of a frame by those of its caller. On any result but
 * CFI_OK they are left as they were. */
enum cfi_status cfi_apply(const struct cfi_row *row, struct cfi_regs *regs,
                          cfi_read *read, void *context);

#endif
