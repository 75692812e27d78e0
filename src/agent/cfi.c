/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads .eh_frame: finds the entry (FDE) of a pc with the sorted table of
 * .eh_frame_hdr, and interprets its program up to that pc. Called on the first
 * meeting with a return address and on the slow path.
 *
 * Runs inside malloc and in signal handlers; keeps its use of the stack below
 * 2 KiB, because it may run on a small signal stack.
 */
#include "agent/cfi.h"

#include <dlfcn.h>
#include <string.h>

#define STATES_MAX 4 /* nesting of remember_state; compilers use 1 */

enum {
    DW_EH_PE_absptr = 0x00, DW_EH_PE_uleb128 = 0x01, DW_EH_PE_udata2 = 0x02,
    DW_EH_PE_udata4 = 0x03, DW_EH_PE_udata8 = 0x04, DW_EH_PE_sleb128 = 0x09,
    DW_EH_PE_sdata2 = 0x0a, DW_EH_PE_sdata4 = 0x0b, DW_EH_PE_sdata8 = 0x0c,
    DW_EH_PE_pcrel = 0x10, DW_EH_PE_datarel = 0x30, DW_EH_PE_omit = 0xff,
};

enum {
    DW_CFA_nop = 0x00, DW_CFA_set_loc = 0x01, DW_CFA_advance_loc1 = 0x02,
    DW_CFA_advance_loc2 = 0x03, DW_CFA_advance_loc4 = 0x04,
    DW_CFA_offset_extended = 0x05, DW_CFA_restore_extended = 0x06,
    DW_CFA_undefined = 0x07, DW_CFA_same_value = 0x08, DW_CFA_register = 0x09,
    DW_CFA_remember_state = 0x0a, DW_CFA_restore_state = 0x0b,
    DW_CFA_def_cfa = 0x0c, DW_CFA_def_cfa_register = 0x0d,
    DW_CFA_def_cfa_offset = 0x0e, DW_CFA_def_cfa_expression = 0x0f,
    DW_CFA_expression = 0x10, DW_CFA_offset_extended_sf = 0x11,
    DW_CFA_def_cfa_sf = 0x12, DW_CFA_def_cfa_offset_sf = 0x13,
    DW_CFA_val_offset = 0x14, DW_CFA_val_offset_sf = 0x15,
    DW_CFA_val_expression = 0x16, DW_CFA_GNU_args_size = 0x2e,
    DW_CFA_GNU_negative_offset_extended = 0x2f,
    DW_CFA_advance_loc = 0x40, DW_CFA_offset = 0x80, DW_CFA_restore = 0xc0,
};

/* A place in a section; reads beyond `end` give 0 and set `bad`. */
struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

struct rules {
    struct cfi_rule cfa;
    struct cfi_rule regs[CFI_REGS];
};

struct program {
    struct cursor at;
    uintptr_t pc;        /* the one asked about */
    uintptr_t loc;       /* the row being built holds from here on */
    const uint8_t *base; /* expressions are stored relative to it */
    uint64_t code_align;
    int64_t data_align;
    uint8_t encoding;    /* of addresses */
    bool signal;
    bool augmented;      /* entries carry an augmentation block */
    unsigned depth;
    struct rules now;
    struct rules initial;
    struct rules stack[STATES_MAX];
};

/* ---- numbers ------------------------------------------------------------ */
static uint64_t get_fixed(struct cursor *c, unsigned bytes)
{
    uint64_t value = 0;
    if ((size_t)(c->end - c->p) < bytes) {
        c->bad = true;
        c->p = c->end;
        return 0;
    }
    memcpy(&value, c->p, bytes);
    c->p += bytes;
    return value;
}

static int64_t get_signed(struct cursor *c, unsigned bytes)
{
    unsigned unused = 64 - 8 * bytes;
    return (int64_t)(get_fixed(c, bytes) << unused) >> unused;
}

static uint64_t get_leb(struct cursor *c, bool sign)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)get_fixed(c, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (sign && (byte & 0x40) && shift < 64)
        value |= ~UINT64_C(0) << shift;
    return value;
}

static uint64_t get_uleb(struct cursor *c)
{
    return get_leb(c, false);
}

static int64_t get_sleb(struct cursor *c)
{
    return (int64_t)get_leb(c, true);
}

static uint64_t get_number(struct cursor *c, uint8_t encoding)
{
    switch (encoding & 0x0f) {
    case DW_EH_PE_uleb128: return get_uleb(c);
    case DW_EH_PE_sleb128: return (uint64_t)get_sleb(c);
    case DW_EH_PE_udata2:  return get_fixed(c, 2);
    case DW_EH_PE_udata4:  return get_fixed(c, 4);
    case DW_EH_PE_sdata2:  return (uint64_t)get_signed(c, 2);
    case DW_EH_PE_sdata4:  return (uint64_t)get_signed(c, 4);
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:  return get_fixed(c, 8);
    }
    c->bad = true;
    return 0;
}

/* An address. Only absolute and place-relative ones occur in code entries. */
static uintptr_t get_address(struct cursor *c, uint8_t encoding)
{
    uintptr_t place = (uintptr_t)c->p;
    uint64_t value = get_number(c, encoding);
    switch (encoding & 0xf0) {
    case 0:              return value;
    case DW_EH_PE_pcrel: return place + value;
    }
    c->bad = true;
    return 0;
}

/* ---- finding the entry --------------------------------------------------- */
/* Begin at a length field; the cursor then covers that entry alone. */
static struct cursor entry_open(const uint8_t *p)
{
    struct cursor c = { .p = p, .end = p + 12 };
    uint64_t length = get_fixed(&c, 4);
    if (length == 0xffffffff)
        length = get_fixed(&c, 8);
    c.bad |= length == 0 || length > INT32_MAX;
    c.end = c.bad ? c.p : c.p + length;
    return c;
}

struct search_row {
    int32_t location; /* both relative to the table's section */
    int32_t entry;
};

/* The entry whose code starts last at or before pc; NULL: none does. */
static const uint8_t *table_search(const uint8_t *header,
                                   const struct search_row *rows, size_t count,
                                   uintptr_t pc)
{
    int64_t wanted = (int64_t)(pc - (uintptr_t)header);
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (rows[middle].location <= wanted)
            low = middle + 1;
        else
            count = middle;
    }
    return low == 0 ? NULL : header + rows[low - 1].entry;
}

/* Only the one format of table that linkers write is understood. */
static const uint8_t *entry_find(const uint8_t *header, uintptr_t pc)
{
    struct cursor c = { .p = header + 4, .end = header + 28 };
    if (header[0] != 1 || header[2] == DW_EH_PE_omit ||
        header[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
        return NULL;
    get_number(&c, header[1]);
    uint64_t count = get_number(&c, header[2]);
    if (c.bad || count > UINT32_MAX)
        return NULL;
    return table_search(header, (const struct search_row *)(const void *)c.p,
                        count, pc);
}

/* ---- the common part (CIE) ------------------------------------------------ */
static void augmentation_read(struct program *p, struct cursor *c,
                              const char *letters)
{
    uint64_t length = get_uleb(c);
    if (length > (size_t)(c->end - c->p)) {
        c->bad = true;
        return;
    }
    const uint8_t *after = c->p + length;
    for (; *letters; letters++) {
        if (*letters == 'R') {
            p->encoding = (uint8_t)get_fixed(c, 1);
        } else if (*letters == 'S') {
            p->signal = true;
        } else if (*letters == 'L') {
            get_fixed(c, 1);
        } else if (*letters == 'P') {
            uint8_t encoding = (uint8_t)get_fixed(c, 1);
            get_number(c, encoding);
        }
    }
    c->p = after;
}

/* Leaves the cursor at the initial instructions. */
static bool common_read(struct program *p, const uint8_t *at, struct cursor *c)
{
    *c = entry_open(at);
    if (get_fixed(c, 4) != 0)
        return false;
    uint8_t version = (uint8_t)get_fixed(c, 1);
    const char *letters = (const char *)c->p;
    while (get_fixed(c, 1))
        ;
    p->code_align = get_uleb(c);
    p->data_align = get_sleb(c);
    uint64_t return_register = version == 1 ? get_fixed(c, 1) : get_uleb(c);
    if (c->bad || (version != 1 && version != 3) || return_register != CFI_RIP)
        return false;
    p->encoding = DW_EH_PE_absptr;
    p->augmented = letters[0] == 'z';
    if (p->augmented)
        augmentation_read(p, c, letters + 1);
    else if (letters[0])
        return false;
    return !c->bad;
}

/* ---- the program ---------------------------------------------------------- */
static void set_rule(struct program *p, uint64_t reg, enum cfi_kind kind,
                     int64_t value)
{
    if (reg >= CFI_REGS)
        return; /* vector registers: nobody asks for them */
    p->at.bad |= value != (int32_t)value;
    p->now.regs[reg] = (struct cfi_rule){
        .kind = (uint8_t)kind, .value = (int32_t)value,
    };
}

static void set_cfa(struct program *p, uint64_t reg, int64_t offset)
{
    p->at.bad |= reg >= CFI_RIP || offset != (int32_t)offset;
    p->now.cfa = (struct cfi_rule){
        .kind = CFI_REGISTER, .reg = (uint8_t)reg, .value = (int32_t)offset,
    };
}

/* A block of DWARF operations; skips it. */
static struct cfi_rule get_expression(struct program *p, enum cfi_kind kind)
{
    uint64_t length = get_uleb(&p->at);
    if (length > UINT16_MAX || length > (size_t)(p->at.end - p->at.p)) {
        p->at.bad = true;
        return (struct cfi_rule){ .kind = CFI_UNDEFINED };
    }
    ptrdiff_t place = p->at.p - p->base;
    p->at.p += length;
    p->at.bad |= place != (int32_t)place;
    return (struct cfi_rule){
        .kind = (uint8_t)kind, .length = (uint16_t)length, .value = (int32_t)place,
    };
}

static void restore_rule(struct program *p, uint64_t reg)
{
    if (reg < CFI_REGS)
        p->now.regs[reg] = p->initial.regs[reg];
}

static void remember_state(struct program *p)
{
    if (p->depth < STATES_MAX)
        p->stack[p->depth++] = p->now;
    else
        p->at.bad = true;
}

static void restore_state(struct program *p)
{
    if (p->depth > 0)
        p->now = p->stack[--p->depth];
    else
        p->at.bad = true;
}

/* The operations that begin with a register's number. */
#define REGISTER_OPS                                                    \
    (1u << DW_CFA_offset_extended | 1u << DW_CFA_restore_extended |     \
     1u << DW_CFA_undefined | 1u << DW_CFA_same_value |                 \
     1u << DW_CFA_register | 1u << DW_CFA_expression |                  \
     1u << DW_CFA_offset_extended_sf | 1u << DW_CFA_val_offset |        \
     1u << DW_CFA_val_offset_sf | 1u << DW_CFA_val_expression)

static bool is_register_op(uint8_t op)
{
    return op == DW_CFA_GNU_negative_offset_extended ||
           (op < 32 && (REGISTER_OPS >> op & 1));
}

static void run_register_op(struct program *p, uint8_t op)
{
    struct cursor *c = &p->at;
    uint64_t reg = get_uleb(c);
    struct cfi_rule *rule = reg < CFI_REGS ? &p->now.regs[reg] : NULL;
    struct cfi_rule ignored;
    rule = rule ? rule : &ignored;

    switch (op) {
    case DW_CFA_offset_extended:
        set_rule(p, reg, CFI_OFFSET, (int64_t)get_uleb(c) * p->data_align);
        break;
    case DW_CFA_offset_extended_sf:
        set_rule(p, reg, CFI_OFFSET, get_sleb(c) * p->data_align);
        break;
    case DW_CFA_GNU_negative_offset_extended:
        set_rule(p, reg, CFI_OFFSET, -((int64_t)get_uleb(c) * p->data_align));
        break;
    case DW_CFA_val_offset:
        set_rule(p, reg, CFI_VAL_OFFSET, (int64_t)get_uleb(c) * p->data_align);
        break;
    case DW_CFA_val_offset_sf:
        set_rule(p, reg, CFI_VAL_OFFSET, get_sleb(c) * p->data_align);
        break;
    case DW_CFA_undefined:        set_rule(p, reg, CFI_UNDEFINED, 0); break;
    case DW_CFA_same_value:       set_rule(p, reg, CFI_SAME, 0); break;
    case DW_CFA_restore_extended: restore_rule(p, reg); break;
    case DW_CFA_expression:       *rule = get_expression(p, CFI_EXPR); break;
    case DW_CFA_val_expression:   *rule = get_expression(p, CFI_VAL_EXPR); break;
    case DW_CFA_register: {
        uint64_t other = get_uleb(c);
        c->bad |= other >= CFI_REGS;
        *rule = (struct cfi_rule){ .kind = CFI_REGISTER, .reg = (uint8_t)other };
        break;
    }
    }
}

/* Operations on the CFA and on the whole state. */
static void run_state_op(struct program *p, uint8_t op)
{
    struct cursor *c = &p->at;
    uint64_t reg;
    switch (op) {
    case DW_CFA_nop:
        break;
    case DW_CFA_remember_state: remember_state(p); break;
    case DW_CFA_restore_state:  restore_state(p); break;
    case DW_CFA_def_cfa:
        reg = get_uleb(c);
        set_cfa(p, reg, (int64_t)get_uleb(c));
        break;
    case DW_CFA_def_cfa_sf:
        reg = get_uleb(c);
        set_cfa(p, reg, get_sleb(c) * p->data_align);
        break;
    case DW_CFA_def_cfa_register:
        set_cfa(p, get_uleb(c), p->now.cfa.value);
        break;
    case DW_CFA_def_cfa_offset:
        set_cfa(p, p->now.cfa.reg, (int64_t)get_uleb(c));
        break;
    case DW_CFA_def_cfa_offset_sf:
        set_cfa(p, p->now.cfa.reg, get_sleb(c) * p->data_align);
        break;
    case DW_CFA_def_cfa_expression:
        p->now.cfa = get_expression(p, CFI_VAL_EXPR);
        break;
    case DW_CFA_GNU_args_size:
        get_uleb(c);
        break;
    default:
        c->bad = true;
    }
}

/* If `op` moves on in the code, the place where the next row starts; else 0. */
static uintptr_t get_advance(struct program *p, uint8_t op)
{
    struct cursor *c = &p->at;
    if ((op & 0xc0) == DW_CFA_advance_loc)
        return p->loc + (op & 0x3f) * p->code_align;
    switch (op) {
    case DW_CFA_advance_loc1: return p->loc + get_fixed(c, 1) * p->code_align;
    case DW_CFA_advance_loc2: return p->loc + get_fixed(c, 2) * p->code_align;
    case DW_CFA_advance_loc4: return p->loc + get_fixed(c, 4) * p->code_align;
    case DW_CFA_set_loc:      return get_address(c, p->encoding);
    }
    return 0;
}

/* Run until the row of pc is complete. Returns where the next one starts. */
static uintptr_t program_run(struct program *p, uintptr_t end)
{
    while (p->at.p < p->at.end && !p->at.bad) {
        uint8_t op = *p->at.p++;
        uintptr_t next = get_advance(p, op);
        if (next > p->pc)
            return next;
        if (next)
            p->loc = next;
        else if ((op & 0xc0) == DW_CFA_offset)
            set_rule(p, op & 0x3f, CFI_OFFSET,
                     (int64_t)get_uleb(&p->at) * p->data_align);
        else if ((op & 0xc0) == DW_CFA_restore)
            restore_rule(p, op & 0x3f);
        else if (is_register_op(op))
            run_register_op(p, op);
        else
            run_state_op(p, op);
    }
    return end;
}

static void row_fill(struct cfi_row *row, const struct program *p, uintptr_t end)
{
    row->start = p->loc;
    row->end = end;
    row->base = p->base;
    row->signal = p->signal;
    row->cfa = p->now.cfa;
    memcpy(row->regs, p->now.regs, sizeof(row->regs));
}

/* Find the entry of pc and read what its program needs: *code is the program,
 * p->at that of the common part, p->loc the start of the code, *end its end. */
static enum cfi_status entry_read(struct program *p, const uint8_t *eh_frame_hdr,
                                  uintptr_t pc, struct cursor *code, uintptr_t *end)
{
    const uint8_t *at = entry_find(eh_frame_hdr, pc);
    if (!at)
        return CFI_NO_ENTRY;
    *code = entry_open(at);
    const uint8_t *id = code->p;
    p->pc = pc;
    p->base = eh_frame_hdr;
    p->depth = 0;
    p->signal = false;
    uint64_t back = get_fixed(code, 4);
    if (code->bad || back == 0 || !common_read(p, id - back, &p->at))
        return CFI_BAD;
    p->loc = get_address(code, p->encoding);
    *end = p->loc + get_number(code, p->encoding & 0x0f);
    uint64_t skip = p->augmented ? get_uleb(code) : 0;
    if (code->bad || skip > (size_t)(code->end - code->p))
        return CFI_BAD;
    code->p += skip;
    return pc < p->loc || pc >= *end ? CFI_NO_ENTRY : CFI_OK;
}

enum cfi_status cfi_find_in(const uint8_t *eh_frame_hdr, uintptr_t pc,
                            struct cfi_row *row)
{
    struct program p;
    struct cursor code;
    uintptr_t end;
    enum cfi_status status = entry_read(&p, eh_frame_hdr, pc, &code, &end);
    if (status != CFI_OK)
        return status;
    memset(&p.now, 0, sizeof(p.now));
    uintptr_t start = p.loc;
    program_run(&p, end);
    if (p.at.bad || p.loc != start)
        return CFI_BAD;
    p.initial = p.now;
    p.at = code;
    end = program_run(&p, end);
    if (p.at.bad || p.now.cfa.kind == CFI_SAME)
        return CFI_BAD;
    row_fill(row, &p, end);
    return CFI_OK;
}

/* The .eh_frame_hdr of the module that pc is in. */
static enum cfi_status header_find(uintptr_t pc, const uint8_t **header)
{
    struct dl_find_object object;
    if (_dl_find_object((void *)pc, &object) != 0)
        return CFI_NO_MODULE;
    *header = object.dlfo_eh_frame;
    return *header ? CFI_OK : CFI_NO_ENTRY;
}

enum cfi_status cfi_find(uintptr_t pc, struct cfi_row *row)
{
    const uint8_t *header;
    enum cfi_status status = header_find(pc, &header);
    return status == CFI_OK ? cfi_find_in(header, pc, row) : status;
}

bool cfi_covers(uintptr_t pc)
{
    const uint8_t *header;
    struct program p;
    struct cursor code;
    uintptr_t end;
    return header_find(pc, &header) == CFI_OK &&
           entry_read(&p, header, pc, &code, &end) == CFI_OK;
}
