// SPDX-License-Identifier: BSD-2-Clause
// Calls a kernel with known values in the registers that it has to restore, and stores what is in
// them afterwards. System V ABI for x86-64; AAPCS64. And a system call at a known address, which
// the filter of system calls lets through. The offsets are those of conform_registers in frame.h.

#if defined(__x86_64__)

#define OWN_SP 0
#define SP_BEFORE 8
#define SP_AFTER 16
#define CHANGED 24
#define FLAGS 32
#define MODE 40
#define X87 48
#define WANT 80
#define GOT 176
#define ABOVE 400

    .text
    .globl conform_enter
    .hidden conform_enter
    .type conform_enter, @function
// conform_enter(run, piece, registers)
conform_enter:
    endbr64
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rdx, conform_entered(%rip)
    movq %rsp, OWN_SP(%rdx)
    movq %rdi, %r11
    movq %rsi, %r10
    // The caller's part of the stack: 32 numbers. At the call the stack is aligned to 16 bytes and
    // not to more.
    andq $-64, %rsp
    subq $304, %rsp
    movq %rsp, SP_BEFORE(%rdx)
    movq ABOVE(%rdx), %rax
    movq %rsp, %rdi
    movl $32, %ecx
    cld
    rep stosq
    movq WANT+0(%rdx), %rbx
    movq WANT+8(%rdx), %rbp
    movq WANT+16(%rdx), %r12
    movq WANT+24(%rdx), %r13
    movq WANT+32(%rdx), %r14
    movq WANT+40(%rdx), %r15
    movq %r10, %rdi
    call *%r11
    movq conform_entered(%rip), %rdx
    movq %rbx, GOT+0(%rdx)
    movq %rbp, GOT+8(%rdx)
    movq %r12, GOT+16(%rdx)
    movq %r13, GOT+24(%rdx)
    movq %r14, GOT+32(%rdx)
    movq %r15, GOT+40(%rdx)
    movq %rsp, SP_AFTER(%rdx)
    movq SP_BEFORE(%rdx), %rdi
    movq %rdi, %rsp
    pushfq
    popq %rax
    movq %rax, FLAGS(%rdx)
    cld
    movq ABOVE(%rdx), %rax
    xorl %ecx, %ecx
    xorl %esi, %esi
1:  cmpq %rax, (%rdi,%rcx,8)
    je 2f
    incq %rsi
2:  incq %rcx
    cmpq $32, %rcx
    jne 1b
    movq %rsi, CHANGED(%rdx)
    stmxcsr MODE(%rdx)
    fnstenv X87(%rdx)
    fninit
    movq OWN_SP(%rdx), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size conform_enter, . - conform_enter

    .globl conform_system
    .hidden conform_system
    .globl conform_system_end
    .hidden conform_system_end
    .type conform_system, @function
// conform_system(number, six arguments): what the kernel returns
conform_system:
    endbr64
    movq %rdi, %rax
    movq %rsi, %rdi
    movq %rdx, %rsi
    movq %rcx, %rdx
    movq %r8, %r10
    movq %r9, %r8
    movq 8(%rsp), %r9
    syscall
conform_system_end:
    ret
    .size conform_system, . - conform_system

    .local conform_entered
    .comm conform_entered, 8, 8

#elif defined(__aarch64__)

#define OWN_SP 0
#define SP_BEFORE 8
#define SP_AFTER 16
#define CHANGED 24
#define MODE 40
#define WANT 80
#define GOT 176
#define WANT_VECTORS 272
#define GOT_VECTORS 336
#define ABOVE 400

    .text
    .globl conform_enter
    .hidden conform_enter
    .type conform_enter, %function
conform_enter:
    stp x29, x30, [sp, #-176]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    adrp x9, conform_entered
    add x9, x9, :lo12:conform_entered
    str x2, [x9]
    mov x10, sp
    str x10, [x2, #OWN_SP]
    sub sp, sp, #256
    mov x10, sp
    str x10, [x2, #SP_BEFORE]
    ldr x11, [x2, #ABOVE]
    mov x12, #32
1:  str x11, [x10], #8
    subs x12, x12, #1
    b.ne 1b
    mov x9, x0
    mov x0, x1
    ldp d8, d9, [x2, #WANT_VECTORS]
    ldp d10, d11, [x2, #WANT_VECTORS+16]
    ldp d12, d13, [x2, #WANT_VECTORS+32]
    ldp d14, d15, [x2, #WANT_VECTORS+48]
    ldp x19, x20, [x2, #WANT]
    ldp x21, x22, [x2, #WANT+16]
    ldp x23, x24, [x2, #WANT+32]
    ldp x25, x26, [x2, #WANT+48]
    ldp x27, x28, [x2, #WANT+64]
    ldr x29, [x2, #WANT+80]
    blr x9
    adrp x9, conform_entered
    add x9, x9, :lo12:conform_entered
    ldr x2, [x9]
    stp x19, x20, [x2, #GOT]
    stp x21, x22, [x2, #GOT+16]
    stp x23, x24, [x2, #GOT+32]
    stp x25, x26, [x2, #GOT+48]
    stp x27, x28, [x2, #GOT+64]
    str x29, [x2, #GOT+80]
    stp d8, d9, [x2, #GOT_VECTORS]
    stp d10, d11, [x2, #GOT_VECTORS+16]
    stp d12, d13, [x2, #GOT_VECTORS+32]
    stp d14, d15, [x2, #GOT_VECTORS+48]
    mov x10, sp
    str x10, [x2, #SP_AFTER]
    ldr x10, [x2, #SP_BEFORE]
    mov sp, x10
    ldr x11, [x2, #ABOVE]
    mov x12, #32
    mov x13, #0
2:  ldr x14, [x10], #8
    cmp x14, x11
    cinc x13, x13, ne
    subs x12, x12, #1
    b.ne 2b
    str x13, [x2, #CHANGED]
    mrs x11, fpcr
    str x11, [x2, #MODE]
    ldr x10, [x2, #OWN_SP]
    mov sp, x10
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #176
    ret
    .size conform_enter, . - conform_enter

    .globl conform_system
    .hidden conform_system
    .globl conform_system_end
    .hidden conform_system_end
    .type conform_system, %function
conform_system:
    mov x8, x0
    mov x0, x1
    mov x1, x2
    mov x2, x3
    mov x3, x4
    mov x4, x5
    mov x5, x6
    svc #0
conform_system_end:
    ret
    .size conform_system, . - conform_system

    .local conform_entered
    .comm conform_entered, 8, 8

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
