/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread held by ptrace, x86-64. Whatever is done to it between tracee_stop
 * and tracee_release, it goes on as if it had not been stopped: registers, a
 * system call that was interrupted, the signal mask, pending signals.
 */
#ifndef MEMTOP_TUI_INJECT_TRACEE_H
#define MEMTOP_TUI_INJECT_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#define TRACEE_XSTATE_MAX 16384 /* with AVX-512 and AMX about 11 KiB */

struct tracee {
    int pid, tid;
    bool borrowed;                /* signals are held back: any that comes is a fault */
    bool at_trap;                 /* stopped as tracee_stop does it */
    uint64_t stopped_ns;          /* since when it stands */
    uint64_t waited_ns;           /* how long it had waited for processors until then */
    struct user_regs_struct regs; /* as it is to go on */
    uint64_t mask;                /* its blocked signals */
    size_t xstate_bytes;
    unsigned char xstate[TRACEE_XSTATE_MAX] __attribute__((aligned(64)));
};

enum tracee_event {
    TRACEE_TRAP,    /* stopped by tracee_interrupt */
    TRACEE_SYSCALL, /* at a system call's entry or exit */
    TRACEE_FAULT,   /* it did something it must not; `signal` says what */
    TRACEE_GONE,
    TRACEE_LATE,    /* did not happen in time; it runs on */
};

/* Stop a thread and save all of its state. TRACEE_TRAP; TRACEE_GONE;
 * TRACEE_LATE when it cannot be stopped now, or with errno EPERM when we may
 * not. Only after TRACEE_TRAP it is to be released. */
enum tracee_event tracee_stop(struct tracee *t, int pid, int tid);

/* Put everything back and let it go. It has to be stopped by tracee_interrupt
 * or tracee_stop. Returns for how many nanoseconds it was held, and in *waited_ns
 * how many of these it was ready to run and had no processor. */
uint64_t tracee_release(struct tracee *t, uint64_t *waited_ns);

/* From here on: a stopped thread is lent for calls.
 *
 * Hold back all signals but those that say that it went wrong. */
bool tracee_borrow(struct tracee *t);

/* Execute one system call in it: `gadget` is the address of syscall; ret, and
 * `stack` what its stack pointer is meanwhile, at which the address of what is
 * to come after `ret` lies if we die. False: with errno, and errno ENOSYS means
 * that it did not happen. */
bool tracee_syscall(struct tracee *t, uint64_t gadget, uint64_t stack, long number,
                    const uint64_t arguments[6], uint64_t *result);

/* Let it run from these registers. */
bool tracee_go(struct tracee *t, const struct user_regs_struct *regs);

/* Ask it to stop, and wait until it does. Signals that are none of ours are
 * kept back for later. */
enum tracee_event tracee_interrupt(struct tracee *t, unsigned patience_ms);

/* From a stop at a system call, or of a fault, to one like tracee_stop's. It
 * executes nothing in between. */
enum tracee_event tracee_settle(struct tracee *t);

/* Take its present state for the one that it is to go on with. */
bool tracee_save(struct tracee *t);

/* Has it stopped by itself? TRACEE_LATE: no. */
enum tracee_event tracee_poll(struct tracee *t);

/* Its present registers. */
bool tracee_regs(const struct tracee *t, struct user_regs_struct *out);

/* How it would go on by itself, if the thread were to return from a signal
 * handler: a restarted system call begins anew. */
void tracee_plain_regs(const struct tracee *t, struct user_regs_struct *out);

/* Copy memory of the process. Return how many bytes; write: all or nothing,
 * also to pages that the process may not write to. */
size_t tracee_read(int pid, uint64_t address, void *to, size_t n);
bool tracee_write(int pid, uint64_t address, const void *from, size_t n);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t tracee_now(void);
void tracee_pause(long us);

#endif
