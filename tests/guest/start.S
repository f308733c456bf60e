/*
 * Entry from a multiboot loader (QEMU's -kernel), and interrupt stubs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
        .set MB_MAGIC, 0x1badb002
        .set MB_FLAGS, 0

        .section .multiboot, "a"
        .align 4
        .long MB_MAGIC
        .long MB_FLAGS
        .long -(MB_MAGIC + MB_FLAGS)

        .text
        .globl _start
_start:
        cli
        movl $stack_top, %esp
        xorl %ebp, %ebp
        cld
        /* The loader's descriptors are not promised to stay: use our own. */
        lgdt gdt_pointer
        ljmp $0x08, $1f
1:      movw $0x10, %cx
        movw %cx, %ds
        movw %cx, %es
        movw %cx, %fs
        movw %cx, %gs
        movw %cx, %ss
        pushl %ebx                      /* multiboot information */
        pushl %eax                      /* multiboot magic */
        call guest_main
2:      cli
        hlt
        jmp 2b

        .globl irq_stub_timer
irq_stub_timer:
        pushal
        cld
        call irq_timer
        popal
        iretl

        .globl irq_stub_other
irq_stub_other:
        pushal
        cld
        call irq_other
        popal
        iretl

        .globl irq_stub_exception
irq_stub_exception:
        cld
        call irq_exception
3:      cli
        hlt
        jmp 3b

        .section .rodata
        .align 8
gdt:
        .quad 0
        .quad 0x00cf9a000000ffff        /* 0x08: flat code */
        .quad 0x00cf92000000ffff        /* 0x10: flat data */
gdt_pointer:
        .word gdt_pointer - gdt - 1
        .long gdt

        .bss
        .align 16
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
