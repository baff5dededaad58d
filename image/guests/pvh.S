# cake-pvh: the smallest guest. It prints one line on the first serial port and halts, so what is measured with it is
# the time that we and QEMU need, not the guest's own. QEMU enters it directly (PVH: 32-bit protected mode, flat
# segments, paging off); the note below says where.
        .section .note.pvh, "a", @note
        .long   4, 4, 18                # name size, value size, XEN_ELFNOTE_PHYS32_ENTRY
        .asciz  "Xen"
        .long   entry

        .section .text
        .code32
        .global entry
entry:
        cli
        mov     $line, %esi
        mov     $line_end - line, %ecx
        mov     $0x3f8, %edx            # COM1
        rep     outsb                   # QEMU's port takes a byte whenever it comes
rest:
        hlt                             # interrupts are off: this sleeps until QEMU ends
        jmp     rest
line:
        .ascii  "cake-pvh: up\n"
line_end:
