/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a full unwind: a row and all registers of a frame give those of
 * its caller. Includes the evaluator of DWARF expressions, which occur in
 * functions that realign their stack, in the PLT and in signal frames.
 *
 * Only the slow path comes here. Runs inside malloc and in signal handlers;
 * reads the program's memory through the caller's function alone.
 */
#include "agent/cfi.h"

#include <string.h>

#define STACK_MAX 16  /* operands; compilers use up to 4 */
#define STEPS_MAX 256 /* operations, so that no loop is endless */

/* What a call preserves; the others are lost when a frame is left. */
#define CALLEE_SAVED (1u << CFI_RBX | 1u << CFI_RBP | 1u << CFI_RSP | \
                      0xfu << 12 | 1u << CFI_RIP)

enum {
    DW_OP_addr = 0x03, DW_OP_deref = 0x06,
    DW_OP_const1u = 0x08, DW_OP_const1s, DW_OP_const2u, DW_OP_const2s,
    DW_OP_const4u, DW_OP_const4s, DW_OP_const8u, DW_OP_const8s,
    DW_OP_constu, DW_OP_consts, DW_OP_dup, DW_OP_drop, DW_OP_over,
    DW_OP_pick, DW_OP_swap, DW_OP_rot,
    DW_OP_abs = 0x19, DW_OP_and, DW_OP_div, DW_OP_minus, DW_OP_mod, DW_OP_mul,
    DW_OP_neg, DW_OP_not, DW_OP_or, DW_OP_plus, DW_OP_plus_uconst, DW_OP_shl,
    DW_OP_shr, DW_OP_shra, DW_OP_xor, DW_OP_bra, DW_OP_eq, DW_OP_ge, DW_OP_gt,
    DW_OP_le, DW_OP_lt, DW_OP_ne, DW_OP_skip,
    DW_OP_lit0 = 0x30, DW_OP_lit31 = 0x4f,
    DW_OP_breg0 = 0x70, DW_OP_breg31 = 0x8f, DW_OP_bregx = 0x92,
    DW_OP_deref_size = 0x94, DW_OP_nop = 0x96,
};

struct machine {
    const uint8_t *begin;
    const uint8_t *p;
    const uint8_t *end;
    const struct cfi_regs *regs;
    cfi_read *read;
    void *context;
    enum cfi_status status;
    unsigned depth;
    uint64_t stack[STACK_MAX];
};

static void fail(struct machine *m, enum cfi_status status)
{
    if (m->status == CFI_OK)
        m->status = status;
}

static void push(struct machine *m, uint64_t value)
{
    if (m->depth < STACK_MAX)
        m->stack[m->depth++] = value;
    else
        fail(m, CFI_BAD);
}

static uint64_t pop(struct machine *m)
{
    if (m->depth > 0)
        return m->stack[--m->depth];
    fail(m, CFI_BAD);
    return 0;
}

/* The operand `below` the top one. */
static uint64_t peek(struct machine *m, uint64_t below)
{
    if (below < m->depth)
        return m->stack[m->depth - 1 - below];
    fail(m, CFI_BAD);
    return 0;
}

static uint64_t operand(struct machine *m, unsigned bytes, bool sign)
{
    uint64_t value = 0;
    if ((size_t)(m->end - m->p) < bytes) {
        fail(m, CFI_BAD);
        return 0;
    }
    memcpy(&value, m->p, bytes);
    m->p += bytes;
    unsigned unused = 64 - 8 * bytes;
    return sign ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

static uint64_t operand_leb(struct machine *m, bool sign)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = operand(m, 1, false);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (sign && (byte & 0x40) && shift < 64)
        value |= ~UINT64_C(0) << shift;
    return value;
}

static uint64_t load(struct machine *m, uint64_t address, uint64_t bytes)
{
    uint64_t value = 0;
    if (bytes < 1 || bytes > 8 || !m->read(m->context, address, &value))
        fail(m, CFI_BAD);
    return bytes < 8 ? value & ((UINT64_C(1) << 8 * bytes) - 1) : value;
}

static uint64_t register_value(struct machine *m, uint64_t reg)
{
    if (reg < CFI_REGS && (m->regs->known >> reg & 1))
        return m->regs->r[reg];
    fail(m, reg < CFI_REGS ? CFI_UNKNOWN_REGISTER : CFI_BAD);
    return 0;
}

static void jump(struct machine *m, bool taken)
{
    int64_t by = (int64_t)operand(m, 2, true);
    if (!taken)
        return;
    if (by < m->begin - m->p || by > m->end - m->p)
        fail(m, CFI_BAD);
    else
        m->p += by;
}

static uint64_t shift_by(uint64_t value, uint64_t by, uint8_t op)
{
    if (op == DW_OP_shra)
        return (uint64_t)((int64_t)value >> (by < 63 ? by : 63));
    if (by > 63)
        return 0;
    return op == DW_OP_shl ? value << by : value >> by;
}

static bool compare(int64_t a, int64_t b, uint8_t op)
{
    switch (op) {
    case DW_OP_eq: return a == b;
    case DW_OP_ge: return a >= b;
    case DW_OP_gt: return a > b;
    case DW_OP_le: return a <= b;
    case DW_OP_lt: return a < b;
    default:       return a != b;
    }
}

static void divide(struct machine *m, uint64_t a, uint64_t b, uint8_t op)
{
    if (b == 0 || (b == UINT64_MAX && a == UINT64_C(1) << 63))
        fail(m, CFI_BAD);
    else
        push(m, op == DW_OP_mod ? a % b : (uint64_t)((int64_t)a / (int64_t)b));
}

/* Operations on two operands. False: it is none. */
static bool run_binary(struct machine *m, uint8_t op)
{
    if (op < DW_OP_and || op > DW_OP_ne || op == DW_OP_neg || op == DW_OP_not ||
        op == DW_OP_plus_uconst || op == DW_OP_bra)
        return false;
    uint64_t b = pop(m), a = pop(m);
    switch (op) {
    case DW_OP_and:   push(m, a & b); break;
    case DW_OP_or:    push(m, a | b); break;
    case DW_OP_xor:   push(m, a ^ b); break;
    case DW_OP_plus:  push(m, a + b); break;
    case DW_OP_minus: push(m, a - b); break;
    case DW_OP_mul:   push(m, a * b); break;
    case DW_OP_div:
    case DW_OP_mod:   divide(m, a, b, op); break;
    case DW_OP_shl:
    case DW_OP_shr:
    case DW_OP_shra:  push(m, shift_by(a, b, op)); break;
    default:          push(m, compare((int64_t)a, (int64_t)b, op));
    }
    return true;
}

/* Operations that arrange operands. False: it is none. */
static bool run_arrange(struct machine *m, uint8_t op)
{
    uint64_t a, b, c;
    switch (op) {
    case DW_OP_nop:  break;
    case DW_OP_dup:  push(m, peek(m, 0)); break;
    case DW_OP_drop: pop(m); break;
    case DW_OP_over: push(m, peek(m, 1)); break;
    case DW_OP_pick: push(m, peek(m, operand(m, 1, false))); break;
    case DW_OP_swap:
        a = pop(m), b = pop(m);
        push(m, a), push(m, b);
        break;
    case DW_OP_rot:
        a = pop(m), b = pop(m), c = pop(m);
        push(m, a), push(m, c), push(m, b);
        break;
    default:
        return false;
    }
    return true;
}

static bool run_constant(struct machine *m, uint8_t op)
{
    if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
        push(m, op - DW_OP_lit0);
        return true;
    }
    switch (op) {
    case DW_OP_addr:    push(m, operand(m, 8, false)); break;
    case DW_OP_const1u: push(m, operand(m, 1, false)); break;
    case DW_OP_const1s: push(m, operand(m, 1, true)); break;
    case DW_OP_const2u: push(m, operand(m, 2, false)); break;
    case DW_OP_const2s: push(m, operand(m, 2, true)); break;
    case DW_OP_const4u: push(m, operand(m, 4, false)); break;
    case DW_OP_const4s: push(m, operand(m, 4, true)); break;
    case DW_OP_const8u:
    case DW_OP_const8s: push(m, operand(m, 8, false)); break;
    case DW_OP_constu:  push(m, operand_leb(m, false)); break;
    case DW_OP_consts:  push(m, operand_leb(m, true)); break;
    default:            return false;
    }
    return true;
}

static void run_other(struct machine *m, uint8_t op)
{
    if (op >= DW_OP_breg0 && op <= DW_OP_breg31) {
        uint64_t value = register_value(m, op - DW_OP_breg0);
        push(m, value + operand_leb(m, true));
        return;
    }
    uint64_t a;
    switch (op) {
    case DW_OP_bregx:
        a = register_value(m, operand_leb(m, false));
        push(m, a + operand_leb(m, true));
        break;
    case DW_OP_deref:      push(m, load(m, pop(m), 8)); break;
    case DW_OP_deref_size:
        a = pop(m);
        push(m, load(m, a, operand(m, 1, false)));
        break;
    case DW_OP_abs:
        a = pop(m);
        push(m, (int64_t)a < 0 ? -a : a);
        break;
    case DW_OP_neg:        push(m, -pop(m)); break;
    case DW_OP_not:        push(m, ~pop(m)); break;
    case DW_OP_plus_uconst:
        a = pop(m);
        push(m, a + operand_leb(m, false));
        break;
    case DW_OP_skip:       jump(m, true); break;
    case DW_OP_bra:        jump(m, pop(m) != 0); break;
    default:               fail(m, CFI_BAD);
    }
}

static uint64_t evaluate(struct machine *m, const uint8_t *code, size_t length)
{
    m->begin = m->p = code;
    m->end = code + length;
    for (unsigned steps = 0; m->p < m->end && m->status == CFI_OK; steps++) {
        uint8_t op = *m->p++;
        if (steps == STEPS_MAX)
            fail(m, CFI_BAD);
        else if (!run_binary(m, op) && !run_arrange(m, op) && !run_constant(m, op))
            run_other(m, op);
    }
    return pop(m);
}

/* The value of a register in the caller. */
static uint64_t caller_value(struct machine *m, const uint8_t *base,
                             const struct cfi_rule *rule, uint64_t cfa)
{
    uint64_t address;
    switch (rule->kind) {
    case CFI_OFFSET:
        return load(m, cfa + (uint64_t)(int64_t)rule->value, 8);
    case CFI_VAL_OFFSET:
        return cfa + (uint64_t)(int64_t)rule->value;
    case CFI_REGISTER:
        return register_value(m, rule->reg);
    case CFI_EXPR:
    case CFI_VAL_EXPR:
        m->depth = 0;
        push(m, cfa); /* the CFA is an expression's first operand */
        address = evaluate(m, base + rule->value, rule->length);
        return rule->kind == CFI_EXPR ? load(m, address, 8) : address;
    }
    fail(m, CFI_BAD);
    return 0;
}

static uint64_t frame_address(struct machine *m, const struct cfi_row *row)
{
    if (row->cfa.kind == CFI_REGISTER)
        return register_value(m, row->cfa.reg) +
               (uint64_t)(int64_t)row->cfa.value;
    m->depth = 0;
    return evaluate(m, row->base + row->cfa.value, row->cfa.length);
}

/* One register that could not be recovered is merely unknown, unless it is
 * one that the unwind cannot go on without. */
static void caller_register(struct machine *m, const struct cfi_row *row,
                            unsigned reg, uint64_t cfa, struct cfi_regs *out)
{
    const struct cfi_rule *rule = &row->regs[reg];
    uint32_t bit = 1u << reg;
    if (rule->kind == CFI_SAME)
        return;
    out->known &= ~bit;
    if (rule->kind == CFI_UNDEFINED)
        return;
    uint64_t value = caller_value(m, row->base, rule, cfa);
    if (m->status == CFI_OK) {
        out->r[reg] = value;
        out->known |= bit;
    } else if (reg != CFI_RSP && reg != CFI_RIP) {
        m->status = CFI_OK;
    }
}

enum cfi_status cfi_apply(const struct cfi_row *row, struct cfi_regs *regs,
                          cfi_read *read, void *context)
{
    struct machine m = {
        .regs = regs, .read = read, .context = context, .status = CFI_OK,
    };
    struct cfi_regs out = *regs;
    if (row->regs[CFI_RIP].kind == CFI_UNDEFINED)
        return CFI_END;
    if (row->regs[CFI_RIP].kind == CFI_SAME)
        return CFI_BAD;
    uint64_t cfa = frame_address(&m, row);
    if (m.status != CFI_OK)
        return m.status;
    out.r[CFI_RSP] = cfa;
    if (!row->signal)
        out.known &= CALLEE_SAVED;
    out.known |= 1u << CFI_RSP;
    for (unsigned reg = 0; reg < CFI_REGS; reg++)
        caller_register(&m, row, reg, cfa, &out);
    if (m.status == CFI_OK)
        *regs = out;
    return m.status;
}
