/*
 * A guest without an operating system: it draws what it is told to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "anim.h"
#include "command.h"
#include "gpu.h"
#include "io.h"
#include "irq.h"
#include "pit.h"
#include "serial.h"
#include "string.h"

#define MULTIBOOT_LOADED        0x2badb002
#define MULTIBOOT_HAS_CMDLINE   (1 << 2)

struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower;
    uint32_t mem_upper;
    uint32_t boot_device;
    const char *cmdline;
};

void guest_main(uint32_t magic, const struct multiboot_info *info);

/* The first word is the kernel's file name. */
static const char *arguments(uint32_t magic, const struct multiboot_info *info)
{
    const char *p;

    if (magic != MULTIBOOT_LOADED || !(info->flags & MULTIBOOT_HAS_CMDLINE)) {
        return "";
    }
    for (p = info->cmdline; *p && *p != ' '; p++) {
        /* skip */
    }
    return p;
}

static void handle_input(void)
{
    while (serial_pending()) {
        command_feed(serial_getc());
    }
}

void guest_main(uint32_t magic, const struct multiboot_info *info)
{
    serial_init();
    irq_init();
    serial_puts("ready gpus ");
    serial_putu(gpu_scan());
    serial_puts("\n");
    command_run_all(arguments(magic, info));
    for (;;) {
        handle_input();
        if (pit_take_tick()) {
            anim_tick();
        }
        irq_disable();
        if (!serial_pending() && !pit_ticked()) {
            irq_enable_and_wait();
        }
        irq_enable();
    }
}
