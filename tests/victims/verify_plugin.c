/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two plugins are made of this, which differ in the size of one frame alone
 * (-DFRAME=): loaded at the same address one after the other, each address in
 * them is known from the other one, and what was known is wrong.
 */
void plugin_call(void (*function)(void));

#ifdef __x86_64__
#define TEXT(n)  TEXT_(n)
#define TEXT_(n) #n
__asm__(".text\n"
        ".globl plugin_call\n"
        ".type plugin_call, @function\n"
        "plugin_call:\n.cfi_startproc\n"
        "sub $" TEXT(FRAME) ", %rsp\n.cfi_adjust_cfa_offset " TEXT(FRAME) "\n"
        "call *%rdi\n"
        "add $" TEXT(FRAME) ", %rsp\n.cfi_adjust_cfa_offset -" TEXT(FRAME) "\n"
        "ret\n.cfi_endproc\n"
        ".size plugin_call, . - plugin_call\n");
#else
void plugin_call(void (*function)(void))
{
    volatile char local[FRAME];
    local[0] = 1;
    function();
    local[FRAME - 1] = local[0];
}
#endif
