/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds known values in all general and vector registers, in the red zone below
 * its stack pointer and in errno, and looks whether they are still there, until
 * a line comes on its input. Says "ready" first.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

#if defined(__x86_64__)
/* Sets registers to what depends on n, waits a while, and returns 0 if they are
 * what they were. A leaf without a frame: the red zone is its own. */
uint64_t hold(uint64_t n);
__asm__(".text\n"
        ".globl hold\n"
        ".type hold, @function\n"
        "hold:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset rbx, 0\n"
        "    push %rbp\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset rbp, 0\n"
        "    push %r12\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset r12, 0\n"
        "    push %r13\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset r13, 0\n"
        "    push %r14\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset r14, 0\n"
        "    push %r15\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset r15, 0\n"
        "    lea 1(%rdi), %rbx\n    lea 2(%rdi), %rbp\n    lea 3(%rdi), %r12\n"
        "    lea 4(%rdi), %r13\n    lea 5(%rdi), %r14\n    lea 6(%rdi), %r15\n"
        "    lea 7(%rdi), %rsi\n    lea 8(%rdi), %rdx\n    lea 9(%rdi), %r8\n"
        "    lea 10(%rdi), %r9\n   lea 11(%rdi), %r10\n   lea 12(%rdi), %r11\n"
        "    movq %rdi, %xmm0\n    movq %rsi, %xmm7\n    movq %rdx, %xmm15\n"
        "    mov %rdi, -8(%rsp)\n    mov %rsi, -120(%rsp)\n"
        "    std\n"
        "    mov $20000, %ecx\n"
        "1:  dec %ecx\n"
        "    jnz 1b\n"
        "    xor %eax, %eax\n"
        "    pushf\n    pop %rcx\n    and $0x400, %ecx\n    xor $0x400, %ecx\n    or %rcx, %rax\n"
        "    cld\n"
        "    movq %xmm0, %rcx\n    xor %rdi, %rcx\n    or %rcx, %rax\n"
        "    movq %xmm7, %rcx\n    xor %rsi, %rcx\n    or %rcx, %rax\n"
        "    movq %xmm15, %rcx\n   xor %rdx, %rcx\n    or %rcx, %rax\n"
        "    mov -120(%rsp), %rcx\n xor %rsi, %rcx\n   or %rcx, %rax\n"
        "    lea 1(%rdi), %rcx\n   xor %rbx, %rcx\n    or %rcx, %rax\n"
        "    lea 2(%rdi), %rcx\n   xor %rbp, %rcx\n    or %rcx, %rax\n"
        "    lea 3(%rdi), %rcx\n   xor %r12, %rcx\n    or %rcx, %rax\n"
        "    lea 4(%rdi), %rcx\n   xor %r13, %rcx\n    or %rcx, %rax\n"
        "    lea 5(%rdi), %rcx\n   xor %r14, %rcx\n    or %rcx, %rax\n"
        "    lea 6(%rdi), %rcx\n   xor %r15, %rcx\n    or %rcx, %rax\n"
        "    lea 7(%rdi), %rcx\n   xor %rsi, %rcx\n    or %rcx, %rax\n"
        "    lea 8(%rdi), %rcx\n   xor %rdx, %rcx\n    or %rcx, %rax\n"
        "    lea 9(%rdi), %rcx\n   xor %r8, %rcx\n     or %rcx, %rax\n"
        "    lea 10(%rdi), %rcx\n  xor %r9, %rcx\n     or %rcx, %rax\n"
        "    lea 11(%rdi), %rcx\n  xor %r10, %rcx\n    or %rcx, %rax\n"
        "    lea 12(%rdi), %rcx\n  xor %r11, %rcx\n    or %rcx, %rax\n"
        "    pop %r15\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore r15\n"
        "    pop %r14\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore r14\n"
        "    pop %r13\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore r13\n"
        "    pop %r12\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore r12\n"
        "    pop %rbp\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore rbp\n"
        "    pop %rbx\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore rbx\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size hold, . - hold\n");
#else
static uint64_t hold(uint64_t n)
{
    return n & 0;
}
#endif

int main(void)
{
    uint64_t wrong = 0, errno_lost = 0, rounds = 0;
    char c;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    puts("ready");
    fflush(stdout);
    do {
        errno = 77;
        wrong |= hold(rounds++ * 16);
        errno_lost += errno != 77;
    } while (read(STDIN_FILENO, &c, 1) != 1);
    CHECK(rounds > 0);
    CHECK(wrong == 0);
    CHECK(errno_lost == 0);
    return victim_failures;
}
